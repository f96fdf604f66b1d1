-- The day of the agent with the most engagements: minutes by hour (UTC) and activity, and what was handled
WITH busiest AS (
    SELECT account_sid, agent_id FROM engagements WHERE engagement_type = 'Agent' AND is_virtual IS NOT TRUE
    GROUP BY ALL ORDER BY count(*) DESC, agent_id LIMIT 1
), hours AS (
    SELECT date_trunc('hour', interval_start) AS hour, activity, sum(seconds) / 60 AS minutes
    FROM agent_status JOIN busiest USING (account_sid, agent_id)
    GROUP BY ALL
), handled AS (
    SELECT date_trunc('hour', start_time) AS hour, count(*) AS engagements, sum(engagement_time_seconds) / 60 AS talk
    FROM engagements JOIN busiest USING (account_sid, agent_id)
    WHERE engagement_type = 'Agent' AND is_virtual IS NOT TRUE
    GROUP BY ALL
)
SELECT strftime(hour, '%H:00') AS hour, a.agent_name AS agent,
       string_agg(activity || ' ' || round(minutes)::INTEGER || ' min', ', ' ORDER BY minutes DESC) AS activities,
       coalesce(any_value(engagements), 0) AS engagements, round(coalesce(any_value(talk), 0), 1) AS "minutes with customers"
FROM hours JOIN busiest ON true JOIN agents a USING (account_sid, agent_id) LEFT JOIN handled USING (hour)
GROUP BY hour, a.agent_name
ORDER BY hour;
