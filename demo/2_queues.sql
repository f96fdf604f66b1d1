-- Wait and handling time by queue, in seconds; outbound, internal and virtual tasks left out
SELECT q.queue, count(*) AS entered, count(*) FILTER (WHERE outcome_type = 'Customer Left') AS abandoned,
       round(quantile_cont(wait_time_seconds, 0.5), 1) AS "median wait", round(quantile_cont(wait_time_seconds, 0.9), 1) AS "90% wait at most",
       any_value(h.handled) AS handled, any_value(h.handling) AS "mean handling"
FROM engagements q
LEFT JOIN (
    SELECT queue, count(*) AS handled, round(avg(engagement_time_seconds + coalesce(wrap_up_time_seconds, 0)), 1) AS handling
    FROM engagements
    WHERE engagement_type = 'Agent' AND status = 'Completed' AND is_virtual IS NOT TRUE
    GROUP BY queue
) h USING (queue)
WHERE q.engagement_type = 'Queue' AND q.direction NOT IN ('Outbound', 'Internal') AND q.is_virtual IS NOT TRUE
GROUP BY q.queue
ORDER BY entered DESC;
