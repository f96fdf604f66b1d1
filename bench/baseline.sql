CREATE TEMP TABLE events AS
WITH records AS (
    SELECT "type", data.payload AS p
    FROM read_json('{{input}}', format = 'newline_delimited', maximum_object_size = 16777216, columns = {
        "type": 'VARCHAR',
        data: 'STRUCT(payload STRUCT(sid VARCHAR, account_sid VARCHAR, "timestamp" TIMESTAMPTZ, task_sid VARCHAR, reservation_sid VARCHAR,
            worker_sid VARCHAR, task_queue_sid VARCHAR, task_queue_name VARCHAR, reason VARCHAR, task_canceled_reason VARCHAR,
            transfer_failed_reason VARCHAR, transfer_type VARCHAR, transfer_to VARCHAR))'})
), ranked AS (
    SELECT p.account_sid AS account_sid, p.task_sid AS task_sid, p.sid AS id, substr("type", 23) AS kind, p."timestamp" AS ts,
           p.reservation_sid AS reservation_sid, p.worker_sid AS worker_sid, p.task_queue_sid AS queue_sid, p.task_queue_name AS queue,
           lower(trim(coalesce(p.task_canceled_reason, p.transfer_failed_reason, p.reason))) AS reason,
           lower(p.transfer_type) AS transfer_type, p.transfer_to AS transfer_to
    FROM records
    WHERE starts_with("type", 'com.twilio.taskrouter.') AND p.task_sid IS NOT NULL
)
SELECT account_sid, task_sid, id, any_value(kind) AS kind, any_value(ts) AS ts, any_value(reservation_sid) AS reservation_sid,
       any_value(worker_sid) AS worker_sid, any_value(queue_sid) AS queue_sid, any_value(queue) AS queue, any_value(reason) AS reason,
       any_value(transfer_type) AS transfer_type, any_value(transfer_to) AS transfer_to,
       CASE any_value(kind)
           WHEN 'task-queue.entered' THEN 5 WHEN 'task.transfer-initiated' THEN 6 WHEN 'reservation.created' THEN 7
           WHEN 'reservation.accepted' THEN 8 WHEN 'task.transfer-failed' THEN 9 WHEN 'task.transfer-canceled' THEN 9
           WHEN 'reservation.wrapup' THEN 10 WHEN 'reservation.completed' THEN 12 WHEN 'task.completed' THEN 13
           WHEN 'task.canceled' THEN 13 WHEN 'task.deleted' THEN 15 WHEN 'task.system-deleted' THEN 15 ELSE 8 END AS rank
FROM ranked
GROUP BY account_sid, task_sid, id;

CREATE TABLE engagements (account_sid VARCHAR, engagement_id VARCHAR, engagement_type VARCHAR, outcome_type VARCHAR, task_sid VARCHAR,
    agent_id VARCHAR, queue_sid VARCHAR, queue VARCHAR, start_time TIMESTAMPTZ, end_time TIMESTAMPTZ, engagement_time_seconds DOUBLE,
    wrap_up_time_seconds DOUBLE, invitation_time_seconds DOUBLE, wait_time_seconds DOUBLE, PRIMARY KEY (account_sid, engagement_id));

-- Reservations with what became of them. What takes one from its agent is the first such event behind its acceptance.
CREATE TEMP TABLE reservations AS
WITH ends AS (
    SELECT account_sid, task_sid, max(ts) AS task_ended
    FROM events
    WHERE kind IN ('task.completed', 'task.canceled', 'task.deleted', 'task.system-deleted')
    GROUP BY account_sid, task_sid
), seen AS (
    SELECT account_sid, task_sid, reservation_sid, any_value(worker_sid) AS agent_id, any_value(queue_sid) AS queue_sid, any_value(queue) AS queue,
           min(ts) AS first_at,
           min(ts) FILTER (WHERE kind = 'reservation.created') AS created, min(ts) FILTER (WHERE kind = 'reservation.accepted') AS accepted,
           list(ts) FILTER (WHERE kind = 'reservation.wrapup') AS wrapups, min(ts) FILTER (WHERE kind = 'reservation.completed') AS completed,
           list({'ts': ts, 'id': id, 'kind': kind}) FILTER (WHERE kind IN ('reservation.timeout', 'reservation.canceled', 'reservation.failed',
               'reservation.rejected', 'reservation.rescinded')) AS endings
    FROM events
    WHERE starts_with(kind, 'reservation.')
    GROUP BY account_sid, task_sid, reservation_sid
), taken AS (
    SELECT *, list_min(list_filter(endings, lambda e: e.ts > coalesce(accepted, list_min(wrapups)) AND e.ts <= coalesce(completed, e.ts))) AS taking,
           list_min(endings) AS ending
    FROM seen
)
SELECT * EXCLUDE (wrapups, endings), list_max(list_filter(wrapups, lambda w: w <= coalesce(taking.ts, w))) AS wrapup,
       coalesce(taking.ts, completed, task_ended) AS end_time, accepted IS NOT NULL OR wrapups IS NOT NULL OR completed IS NOT NULL AS served
FROM taken LEFT JOIN ends USING (account_sid, task_sid);

-- What takes a task from its agent is a step of the queue if the task is offered again and no other agent has it.
CREATE TEMP TABLE takings AS
SELECT account_sid, task_sid, taking.id AS id
FROM reservations r
WHERE taking IS NOT NULL
  AND EXISTS (FROM events e WHERE e.account_sid = r.account_sid AND e.task_sid = r.task_sid AND e.ts > r.taking.ts
              AND (e.kind = 'task-queue.entered' OR e.kind IN ('reservation.created', 'reservation.accepted') AND e.reservation_sid <> r.reservation_sid))
  AND NOT EXISTS (FROM reservations o WHERE o.account_sid = r.account_sid AND o.task_sid = r.task_sid AND o.reservation_sid <> r.reservation_sid
                  AND o.accepted <= r.taking.ts AND coalesce(o.end_time > r.taking.ts, true));

-- Queue rows: an entry opens (E), a transfer to a queue and a taking-away open when nothing is open and no entry follows (T), the others close (C).
INSERT INTO engagements BY NAME
WITH steps AS (
    SELECT e.*, CASE WHEN kind = 'task-queue.entered' THEN 'E' WHEN kind = 'task.transfer-initiated' OR t.id IS NOT NULL THEN 'T' ELSE 'C' END AS step
    FROM events e LEFT JOIN takings t USING (account_sid, task_sid, id)
    WHERE kind IN ('task-queue.entered', 'reservation.accepted', 'task.canceled', 'task.deleted', 'task.system-deleted', 'task.completed',
                   'task.transfer-failed', 'task.transfer-canceled')
       OR kind = 'task.transfer-initiated' AND coalesce(transfer_type = 'queue', starts_with(transfer_to, 'WQ')) OR t.id IS NOT NULL
), walked AS (
    SELECT *, lag(step) OVER w AS before, lead(step) OVER w AS behind, lead(ts) OVER w AS closed_at, lead(kind) OVER w AS closed_by,
           lead(reason) OVER w AS closed_for
    FROM steps
    WINDOW w AS (PARTITION BY account_sid, task_sid ORDER BY ts, rank, id)
)
SELECT account_sid, task_sid || ':' || id AS engagement_id, 'Queue' AS engagement_type,
       CASE WHEN behind = 'E' THEN 'Moved' WHEN closed_by = 'reservation.accepted' THEN 'Accepted'
            WHEN closed_by IN ('task.canceled', 'task.transfer-failed') AND regexp_replace(closed_for, '[^a-z0-9]', '', 'g') IN ('hangup', 'customerhangup', 'callerhungup', 'customerhungup', 'customerleft', 'customerendedchat') THEN 'Customer Left'
            WHEN closed_by IN ('task.deleted', 'task.system-deleted') THEN 'Deleted' WHEN behind = 'C' THEN 'Canceled' END AS outcome_type,
       task_sid, queue_sid, queue, ts AS start_time, closed_at AS end_time, epoch(closed_at - ts) AS wait_time_seconds
FROM walked
WHERE step = 'E' OR step = 'T' AND coalesce(before, 'C') = 'C' AND coalesce(behind, 'C') = 'C';

-- Agent and invitation rows: one for each reservation, by what became of it.
INSERT INTO engagements BY NAME
WITH entries AS (
    SELECT account_sid, task_sid, ts AS entered
    FROM events LEFT JOIN takings t USING (account_sid, task_sid, id)
    WHERE kind IN ('task-queue.entered', 'task.transfer-initiated') OR t.id IS NOT NULL
), waited AS (
    SELECT r.account_sid, r.reservation_sid, max(entered) AS entered
    FROM reservations r JOIN entries e ON e.account_sid = r.account_sid AND e.task_sid = r.task_sid AND e.entered <= r.accepted
    GROUP BY r.account_sid, r.reservation_sid
)
SELECT r.account_sid, r.reservation_sid AS engagement_id, 'Agent' AS engagement_type, task_sid, agent_id, queue_sid, queue,
       accepted AS start_time, end_time, epoch(coalesce(wrapup, end_time) - accepted) AS engagement_time_seconds,
       epoch(end_time - wrapup) AS wrap_up_time_seconds, epoch(accepted - created) AS invitation_time_seconds,
       epoch(accepted - entered) AS wait_time_seconds, NULL AS outcome_type
FROM reservations r LEFT JOIN waited w USING (account_sid, reservation_sid)
WHERE served
UNION ALL BY NAME
SELECT account_sid, reservation_sid AS engagement_id, 'Invitation' AS engagement_type, task_sid, agent_id, queue_sid, queue,
       created AS start_time, coalesce(ending.ts, task_ended) AS end_time, epoch(coalesce(ending.ts, task_ended) - created) AS invitation_time_seconds,
       CASE WHEN ending.kind = 'reservation.rejected' THEN 'Rejected' WHEN ending.kind = 'reservation.rescinded' THEN 'Revoked' ELSE 'Missed' END AS outcome_type
FROM reservations
WHERE NOT served AND (ending IS NOT NULL OR task_ended >= first_at);
