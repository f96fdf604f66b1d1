-- One conversation with its turns: the one with the most messages, and where each message belongs
WITH longest AS (
    SELECT account_sid, conversation_id FROM conversations
    ORDER BY customer_messages + agent_messages DESC, conversation_id LIMIT 1
)
SELECT strftime(t.turn_time, '%H:%M:%S') AS "at", t.author_type AS author, a.agent_name AS agent, e.engagement_type AS engagement, c.text
FROM longest
JOIN turns AS t USING (account_sid, conversation_id)
JOIN turn_contents AS c USING (account_sid, turn_id)
LEFT JOIN engagements AS e USING (account_sid, engagement_id)
LEFT JOIN agents AS a ON a.account_sid = t.account_sid AND a.agent_id = t.agent_id
ORDER BY t.turn_time, t.turn_index;
