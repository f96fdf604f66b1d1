-- Engagements by type and outcome; outbound and internal tasks count neither as stays in queues nor as offers
WITH counted AS (
    SELECT engagement_type AS type, coalesce(outcome_type, status) AS outcome, count(*) AS engagements, count(DISTINCT task_sid) AS tasks
    FROM engagements
    WHERE is_virtual IS NOT TRUE AND (engagement_type = 'Agent' OR direction NOT IN ('Outbound', 'Internal'))
    GROUP BY ALL
)
SELECT *, round(100.0 * engagements / sum(engagements) OVER (PARTITION BY type), 1) AS "% of type"
FROM counted
ORDER BY type, engagements DESC;
