-- Engagements by type and outcome
SELECT engagement_type AS type, coalesce(outcome_type, status) AS outcome, count(*) AS engagements,
       count(DISTINCT task_sid) AS tasks, round(100.0 * count(*) / sum(count(*)) OVER (PARTITION BY engagement_type), 1) AS "% of type"
FROM engagements
GROUP BY ALL
ORDER BY type, engagements DESC;
