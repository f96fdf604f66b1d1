-- Written by a test of pipeline/sink/bigquery: what the sink sends to BigQuery. make lint-sql analyses it.

CREATE TABLE IF NOT EXISTS engagements (
  account_sid STRING NOT NULL OPTIONS (description = 'Twilio account (Flex instance).'),
  engagement_id STRING NOT NULL OPTIONS (description = 'Identifies the engagement within its account.'),
  engagement_type STRING NOT NULL OPTIONS (description = '`Agent`, `Queue` or `Invitation`.'),
  status STRING NOT NULL OPTIONS (description = '`In Progress` while open, `Completed` once ended, `Corrupted` when its events contradict a normal course.'),
  outcome_type STRING OPTIONS (description = 'How it ended. Queue: `Accepted`, `Moved`, `Customer Left`, `Canceled`, `Deleted`. Invitation: `Missed`, `Rejected`, `Revoked`. Agent: null.'),
  conversation_id STRING NOT NULL OPTIONS (description = 'Conversation that the task belongs to; several tasks may share one.'),
  task_sid STRING NOT NULL OPTIONS (description = 'Task.'),
  reservation_sid STRING OPTIONS (description = 'Reservation behind an Agent or Invitation row.'),
  agent_id STRING OPTIONS (description = 'Worker SID of the agent; null for queue rows.'),
  contact_id STRING NOT NULL OPTIONS (description = 'Customer contact of the task, normalized, or its keyed hash.'),
  start_time TIMESTAMP NOT NULL OPTIONS (description = 'Start. Agent: acceptance; Queue: entry; Invitation: creation of the reservation.'),
  end_time TIMESTAMP OPTIONS (description = 'End, wrap-up included; null while open.'),
  engagement_time_seconds FLOAT64 OPTIONS (description = 'Time with the customer, seconds.'),
  wrap_up_time_seconds FLOAT64 OPTIONS (description = 'After-call work, seconds; null without wrap-up.'),
  invitation_time_seconds FLOAT64 OPTIONS (description = 'Time that the agent was asked, seconds.'),
  wait_time_seconds FLOAT64 OPTIONS (description = 'Time that the customer waited, seconds.'),
  focus_time_seconds FLOAT64 OPTIONS (description = 'Time in focus as the application reports it, seconds.'),
  hold_time_seconds FLOAT64 OPTIONS (description = 'Time on hold as the application reports it, seconds.'),
  queue_sid STRING OPTIONS (description = 'Queue SID.'),
  queue STRING OPTIONS (description = 'Queue name.'),
  channel STRING OPTIONS (description = 'Channel as the application or TaskRouter names it.'),
  channel_type STRING OPTIONS (description = '`Voice`, `Chat`, `SMS`, `Email`, `Video` or `Task`.'),
  channel_vendor STRING NOT NULL OPTIONS (description = '`Twilio`.'),
  platform STRING NOT NULL OPTIONS (description = '`Flex`.'),
  direction STRING NOT NULL OPTIONS (description = '`Inbound`, `Outbound`, `Internal`, or other text capitalized.'),
  company_contact STRING OPTIONS (description = 'The company\'s own number or address; never one that names the customer.'),
  campaign STRING OPTIONS (description = 'Campaign.'),
  case_id STRING OPTIONS (description = 'Case, which may span conversations.'),
  category STRING OPTIONS (description = 'Category.'),
  language STRING OPTIONS (description = 'Language.'),
  outcome STRING OPTIONS (description = 'Business outcome that the application set.'),
  outcome_category STRING OPTIONS (description = 'Group of the outcome.'),
  priority STRING OPTIONS (description = 'Priority that the application set.'),
  reason STRING OPTIONS (description = 'Reason of contact that the application set.'),
  engaged_department STRING OPTIONS (description = 'Agent\'s department at the time.'),
  engaged_location STRING OPTIONS (description = 'Agent\'s location at the time.'),
  engaged_organization STRING OPTIONS (description = 'Agent\'s organization at the time.'),
  engaged_manager STRING OPTIONS (description = 'Agent\'s manager at the time.'),
  engaged_role STRING OPTIONS (description = 'Agent\'s highest role at the time: `admin`, `supervisor`, `agent`, else the first.'),
  engaged_team STRING OPTIONS (description = 'Agent\'s team at the time.'),
  engagement_attribute_1 STRING OPTIONS (description = 'Free attribute 1.'),
  engagement_attribute_2 STRING OPTIONS (description = 'Free attribute 2.'),
  engagement_attribute_3 STRING OPTIONS (description = 'Free attribute 3.'),
  engagement_fact_1 FLOAT64 OPTIONS (description = 'Free number 1.'),
  engagement_fact_2 FLOAT64 OPTIONS (description = 'Free number 2.'),
  engagement_fact_3 FLOAT64 OPTIONS (description = 'Free number 3.'),
  recording_url STRING OPTIONS (description = 'Recording of an agent\'s voice engagement, or the message that a caller left.'),
  end_reason STRING OPTIONS (description = 'Reason text of the closing event.'),
  workspace_sid STRING OPTIONS (description = 'TaskRouter workspace.'),
  workflow_sid STRING OPTIONS (description = 'Workflow SID.'),
  workflow_name STRING OPTIONS (description = 'Workflow name.'),
  inferred BOOL NOT NULL OPTIONS (description = 'True when a missing event was inferred from others.'),
  is_virtual BOOL NOT NULL OPTIONS (description = 'True for a task that an application made only to report; such rows count neither as waits nor as offers nor as handling.'),
  updated_at TIMESTAMP OPTIONS (description = 'Time of the newest event behind the row.'),
  row_version INT64 OPTIONS (description = 'How much the row knows: of two changes of one key the greater version stays.'),
  PRIMARY KEY (account_sid, engagement_id) NOT ENFORCED
)
PARTITION BY DATE(start_time)
CLUSTER BY account_sid, engagement_id
OPTIONS (description = 'One row for each participation in a task: a stay in a queue (`Queue`), the work of an agent (`Agent`), or an offer to an agent that was not taken (`Invitation`).', labels = [('managed_by', 'flexbeam')]);

CREATE TABLE IF NOT EXISTS agents (
  account_sid STRING NOT NULL OPTIONS (description = 'Twilio account.'),
  agent_id STRING NOT NULL OPTIONS (description = 'Worker SID.'),
  agent_name STRING OPTIONS (description = 'Full name, else first and last name, else the worker\'s friendly name.'),
  email STRING OPTIONS (description = 'E-mail address.'),
  department STRING OPTIONS (description = 'Current department.'),
  location STRING OPTIONS (description = 'Current location.'),
  manager STRING OPTIONS (description = 'Current manager.'),
  team STRING OPTIONS (description = 'Current team.'),
  organization STRING OPTIONS (description = 'Current organization.'),
  role STRING OPTIONS (description = 'Highest of admin, supervisor, agent; else the first role.'),
  roles STRING OPTIONS (description = 'All roles, joined with a comma and a blank.'),
  cost_per_hour FLOAT64 OPTIONS (description = 'Cost of an hour.'),
  cost_per_engagement FLOAT64 OPTIONS (description = 'Cost of an engagement.'),
  state STRING NOT NULL OPTIONS (description = '`Active`, or `Inactive` once the worker was deleted.'),
  agent_type STRING NOT NULL OPTIONS (description = '`User`.'),
  updated_at TIMESTAMP OPTIONS (description = 'Time of the newest event behind the row.'),
  row_version INT64 OPTIONS (description = 'How much the row knows: of two changes of one key the greater version stays.'),
  PRIMARY KEY (account_sid, agent_id) NOT ENFORCED
)
CLUSTER BY account_sid, agent_id
OPTIONS (description = 'One row for each agent (TaskRouter worker), as its newest attributes say.', labels = [('managed_by', 'flexbeam')]);

CREATE TABLE IF NOT EXISTS agent_status (
  account_sid STRING NOT NULL OPTIONS (description = 'Twilio account.'),
  agent_id STRING NOT NULL OPTIONS (description = 'Worker SID.'),
  interval_start TIMESTAMP NOT NULL OPTIONS (description = 'Start of the quarter hour, UTC.'),
  activity STRING NOT NULL OPTIONS (description = 'Name of the activity.'),
  activity_sid STRING OPTIONS (description = 'SID of the activity.'),
  availability STRING NOT NULL OPTIONS (description = '`Available` or `Unavailable` for new tasks.'),
  seconds FLOAT64 NOT NULL OPTIONS (description = 'Seconds in the activity, at most 900 over all activities of a quarter hour.'),
  updated_at TIMESTAMP OPTIONS (description = 'Time of the newest event behind the row.'),
  row_version INT64 OPTIONS (description = 'How much the row knows: of two changes of one key the greater version stays.'),
  PRIMARY KEY (account_sid, agent_id, interval_start, activity) NOT ENFORCED
)
PARTITION BY DATE(interval_start)
CLUSTER BY account_sid, agent_id, interval_start, activity
OPTIONS (description = 'Seconds that an agent spent in an activity within a quarter hour (UTC). Offline time is not kept.', labels = [('managed_by', 'flexbeam')]);

CREATE TABLE IF NOT EXISTS customers (
  contact_id STRING NOT NULL OPTIONS (description = 'Normalized contact, or its keyed hash.'),
  contact_kind STRING NOT NULL OPTIONS (description = '`external_id`, `phone`, `email`, `address` or `task`.'),
  state STRING OPTIONS (description = 'State or province.'),
  country STRING OPTIONS (description = 'Country.'),
  category STRING OPTIONS (description = 'Category of the customer.'),
  organization STRING OPTIONS (description = 'Organization of the customer.'),
  region STRING OPTIONS (description = 'Region.'),
  segment STRING OPTIONS (description = 'Market segment.'),
  isolated BOOL NOT NULL OPTIONS (description = 'True for a task without any contact.'),
  updated_at TIMESTAMP OPTIONS (description = 'Time of the newest event behind the row.'),
  row_version INT64 OPTIONS (description = 'How much the row knows: of two changes of one key the greater version stays.'),
  PRIMARY KEY (contact_id) NOT ENFORCED
)
CLUSTER BY contact_id
OPTIONS (description = 'One row for each contact of a customer, over all accounts; a task without any contact has an isolated row of its own.', labels = [('managed_by', 'flexbeam')]);

CREATE TABLE IF NOT EXISTS turns (
  account_sid STRING NOT NULL OPTIONS (description = 'Twilio account.'),
  turn_id STRING NOT NULL OPTIONS (description = 'Message SID (IM); of a recording the reservation\'s SID.'),
  conversation_id STRING NOT NULL OPTIONS (description = 'Conversation, as in engagements.'),
  conversation_sid STRING OPTIONS (description = 'Twilio conversation (CH); null for a recording.'),
  task_sid STRING NOT NULL OPTIONS (description = 'Task.'),
  engagement_id STRING OPTIONS (description = 'Engagement that the message belongs to.'),
  agent_id STRING OPTIONS (description = 'Worker SID of an agent\'s message.'),
  turn_time TIMESTAMP NOT NULL OPTIONS (description = 'Time of the message.'),
  author_type STRING OPTIONS (description = '`Agent`, `Customer` or `Bot`; null for a recording.'),
  turn_type STRING NOT NULL OPTIONS (description = '`Message`, `Image`, `File` or `Recording`.'),
  turn_index INT64 OPTIONS (description = 'Index of the message in its conversation.'),
  length INT64 OPTIONS (description = 'Characters of the text.'),
  updated_at TIMESTAMP OPTIONS (description = 'Time of the newest event behind the row.'),
  row_version INT64 OPTIONS (description = 'How much the row knows: of two changes of one key the greater version stays.'),
  PRIMARY KEY (account_sid, turn_id) NOT ENFORCED
)
PARTITION BY DATE(turn_time)
CLUSTER BY account_sid, turn_id
OPTIONS (description = 'One row for each message of a non-voice conversation, and for each recording of an agent\'s call; texts are in turn_contents.', labels = [('managed_by', 'flexbeam')]);

CREATE TABLE IF NOT EXISTS turn_contents (
  account_sid STRING NOT NULL OPTIONS (description = 'Twilio account.'),
  turn_id STRING NOT NULL OPTIONS (description = 'Message SID (IM).'),
  text STRING OPTIONS (description = 'Text of the message.'),
  updated_at TIMESTAMP OPTIONS (description = 'Time of the newest event behind the row.'),
  row_version INT64 OPTIONS (description = 'How much the row knows: of two changes of one key the greater version stays.'),
  PRIMARY KEY (account_sid, turn_id) NOT ENFORCED
)
CLUSTER BY account_sid, turn_id
OPTIONS (description = 'Text of a turn, apart from its metadata so that access to it can be restricted.', labels = [('managed_by', 'flexbeam')]);

CREATE TABLE IF NOT EXISTS dead_letters (
  source STRING NOT NULL OPTIONS (description = 'Which source read the record: `file`, or `kinesis:` and the stream.'),
  position STRING NOT NULL OPTIONS (description = '`file:line` or `shard:sequence number`; `+1`, `+2` … behind it for values behind the first on a line or in a record, `:index` behind that in an array.'),
  error_class STRING NOT NULL OPTIONS (description = 'Kind of the fault, one of a fixed list.'),
  error STRING NOT NULL OPTIONS (description = 'What is wrong, in words, and what to do.'),
  payload BYTES OPTIONS (description = 'The record as it was read; of the rest of a line that cannot be read on the first 1 MiB.'),
  received_at TIMESTAMP OPTIONS (description = 'When the source received it; null for files.'),
  updated_at TIMESTAMP OPTIONS (description = 'Time of the newest event behind the row.'),
  row_version INT64 OPTIONS (description = 'How much the row knows: of two changes of one key the greater version stays.'),
  PRIMARY KEY (source, position) NOT ENFORCED
)
CLUSTER BY source, position
OPTIONS (description = 'One row for each record that could not be used, with its bytes and the reason.', labels = [('managed_by', 'flexbeam')]);

CREATE OR REPLACE VIEW conversations (
  account_sid OPTIONS (description = 'Twilio account (Flex instance).'),
  conversation_id OPTIONS (description = 'Conversation; several tasks may share one.'),
  contact_id OPTIONS (description = 'Customer contact of the last engagement.'),
  start_time OPTIONS (description = 'Start of the first engagement.'),
  end_time OPTIONS (description = 'End of the engagement that ended last; null while one is open.'),
  status OPTIONS (description = '`In Progress` while an engagement is, else `Corrupted` when one is, else `Completed`.'),
  tasks OPTIONS (description = 'Number of tasks.'),
  agent_engagements OPTIONS (description = 'Number of engagements of agents, but for virtual tasks.'),
  queue_engagements OPTIONS (description = 'Number of stays in queues, but for outbound, internal and virtual tasks.'),
  invitations OPTIONS (description = 'Number of offers that were not taken, but for outbound, internal and virtual tasks.'),
  agents OPTIONS (description = 'Number of different agents who were engaged, but for virtual tasks.'),
  first_queue OPTIONS (description = 'Queue of the first engagement that has one.'),
  last_queue OPTIONS (description = 'Queue of the last engagement that has one.'),
  channel_type OPTIONS (description = 'Channel type of the last engagement that has one.'),
  direction OPTIONS (description = 'Direction of the first engagement.'),
  wait_time_seconds OPTIONS (description = 'Time in queues, seconds, over the stays that queue_engagements counts.'),
  engagement_time_seconds OPTIONS (description = 'Time of agents with the customer, seconds, over all agents.'),
  wrap_up_time_seconds OPTIONS (description = 'After-call work, seconds, over all agents.'),
  abandoned OPTIONS (description = 'True when the customer left a queue, of no outbound, internal or virtual task, and no agent was ever engaged.'),
  updated_at OPTIONS (description = 'Time of the newest event behind the conversation.'),
  customer_messages OPTIONS (description = 'Number of messages of customers, of those in turns.'),
  agent_messages OPTIONS (description = 'Number of messages of agents.'),
  bot_messages OPTIONS (description = 'Number of messages of bots and of the system.'),
  first_response_time_seconds OPTIONS (description = 'Time from the first message of a customer to the first of an agent behind it, seconds; null while there is none.')
)
OPTIONS (description = 'One row for each conversation: the engagements that share an account and a conversation_id.', labels = [('managed_by', 'flexbeam')]) AS
SELECT
  account_sid AS account_sid,
  conversation_id AS conversation_id,
  ARRAY_AGG(e.contact_id IGNORE NULLS ORDER BY start_time DESC, engagement_id DESC LIMIT 1)[SAFE_OFFSET(0)] AS contact_id,
  MIN(start_time) AS start_time,
  CASE WHEN COUNT(end_time) = COUNT(*) THEN MAX(end_time) END AS end_time,
  CASE WHEN COUNT(CASE WHEN status = 'In Progress' THEN 1 END) > 0 THEN 'In Progress' WHEN COUNT(CASE WHEN status = 'Corrupted' THEN 1 END) > 0 THEN 'Corrupted' ELSE 'Completed' END AS status,
  COUNT(DISTINCT task_sid) AS tasks,
  COUNT(CASE WHEN engagement_type = 'Agent' AND is_virtual IS NOT TRUE THEN 1 END) AS agent_engagements,
  COUNT(CASE WHEN engagement_type = 'Queue' AND is_virtual IS NOT TRUE AND direction NOT IN ('Outbound', 'Internal') THEN 1 END) AS queue_engagements,
  COUNT(CASE WHEN engagement_type = 'Invitation' AND is_virtual IS NOT TRUE AND direction NOT IN ('Outbound', 'Internal') THEN 1 END) AS invitations,
  COUNT(DISTINCT CASE WHEN engagement_type = 'Agent' AND is_virtual IS NOT TRUE THEN agent_id END) AS agents,
  ARRAY_AGG(e.queue IGNORE NULLS ORDER BY start_time, engagement_id LIMIT 1)[SAFE_OFFSET(0)] AS first_queue,
  ARRAY_AGG(e.queue IGNORE NULLS ORDER BY start_time DESC, engagement_id DESC LIMIT 1)[SAFE_OFFSET(0)] AS last_queue,
  ARRAY_AGG(e.channel_type IGNORE NULLS ORDER BY start_time DESC, engagement_id DESC LIMIT 1)[SAFE_OFFSET(0)] AS channel_type,
  ARRAY_AGG(e.direction IGNORE NULLS ORDER BY start_time, engagement_id LIMIT 1)[SAFE_OFFSET(0)] AS direction,
  ROUND(SUM(ROUND((CASE WHEN engagement_type = 'Queue' AND is_virtual IS NOT TRUE AND direction NOT IN ('Outbound', 'Internal') THEN wait_time_seconds END) * 1000000)) / 1000) / 1000 AS wait_time_seconds,
  ROUND(SUM(ROUND((CASE WHEN engagement_type = 'Agent' AND is_virtual IS NOT TRUE THEN engagement_time_seconds END) * 1000000)) / 1000) / 1000 AS engagement_time_seconds,
  ROUND(SUM(ROUND((CASE WHEN engagement_type = 'Agent' AND is_virtual IS NOT TRUE THEN wrap_up_time_seconds END) * 1000000)) / 1000) / 1000 AS wrap_up_time_seconds,
  COUNT(CASE WHEN engagement_type = 'Queue' AND is_virtual IS NOT TRUE AND direction NOT IN ('Outbound', 'Internal') AND outcome_type = 'Customer Left' THEN 1 END) > 0 AND COUNT(CASE WHEN engagement_type = 'Agent' AND is_virtual IS NOT TRUE THEN 1 END) = 0 AS abandoned,
  MAX(updated_at) AS updated_at,
  COALESCE(MAX(t.by_customer), 0) AS customer_messages,
  COALESCE(MAX(t.by_agent), 0) AS agent_messages,
  COALESCE(MAX(t.by_bot), 0) AS bot_messages,
  MAX(t.answered) AS first_response_time_seconds
FROM engagements AS e
LEFT JOIN (
  SELECT account_sid, conversation_id, COUNT(CASE WHEN author_type = 'Customer' THEN 1 END) AS by_customer, COUNT(CASE WHEN author_type = 'Agent' THEN 1 END) AS by_agent,
    COUNT(CASE WHEN author_type = 'Bot' THEN 1 END) AS by_bot, MIN(CASE WHEN author_type = 'Agent' AND turn_time >= asked THEN UNIX_MILLIS(turn_time) / 1000 END) - MIN(UNIX_MILLIS(asked) / 1000) AS answered
  FROM (SELECT account_sid, conversation_id, author_type, turn_time,
    MIN(CASE WHEN author_type = 'Customer' THEN turn_time END) OVER (PARTITION BY account_sid, conversation_id) AS asked FROM turns) AS m
  GROUP BY account_sid, conversation_id
) AS t USING (account_sid, conversation_id)
GROUP BY account_sid, conversation_id;

CREATE OR REPLACE VIEW service_level (
  account_sid OPTIONS (description = 'Twilio account (Flex instance).'),
  queue_sid OPTIONS (description = 'Queue SID.'),
  queue OPTIONS (description = 'Queue name at the time.'),
  interval_start OPTIONS (description = 'Start of the quarter hour, UTC, in which the stays began.'),
  offered OPTIONS (description = 'Stays in the queue that began.'),
  accepted OPTIONS (description = 'Stays that ended with an agent.'),
  accepted_in_time OPTIONS (description = 'Of these, those that waited 20 seconds or less.'),
  abandoned OPTIONS (description = 'Stays that the customer ended.'),
  abandoned_late OPTIONS (description = 'Of these, those that lasted more than 5 seconds.'),
  waiting OPTIONS (description = 'Stays that are not over.'),
  service_level OPTIONS (description = 'accepted_in_time among accepted and abandoned_late, from 0 to 1; null without any.'),
  average_wait_time_seconds OPTIONS (description = 'Average wait of the stays that are over, seconds.'),
  longest_wait_time_seconds OPTIONS (description = 'Longest wait, seconds.')
)
OPTIONS (description = 'One row for each queue and quarter hour in which stays in it began, but for outbound, internal and virtual tasks: how many were taken, and how soon.', labels = [('managed_by', 'flexbeam')]) AS
SELECT
  account_sid AS account_sid,
  queue_sid AS queue_sid,
  queue AS queue,
  TIMESTAMP_SECONDS(900 * CAST(FLOOR(UNIX_SECONDS(start_time) / 900) AS INT64)) AS interval_start,
  COUNT(*) AS offered,
  COUNT(CASE WHEN outcome_type = 'Accepted' THEN 1 END) AS accepted,
  COUNT(CASE WHEN outcome_type = 'Accepted' AND wait_time_seconds <= 20 THEN 1 END) AS accepted_in_time,
  COUNT(CASE WHEN outcome_type = 'Customer Left' THEN 1 END) AS abandoned,
  COUNT(CASE WHEN outcome_type = 'Customer Left' AND wait_time_seconds > 5 THEN 1 END) AS abandoned_late,
  COUNT(CASE WHEN end_time IS NULL THEN 1 END) AS waiting,
  COUNT(CASE WHEN outcome_type = 'Accepted' AND wait_time_seconds <= 20 THEN 1 END) / NULLIF(COUNT(CASE WHEN outcome_type = 'Accepted' THEN 1 END) + COUNT(CASE WHEN outcome_type = 'Customer Left' AND wait_time_seconds > 5 THEN 1 END), 0) AS service_level,
  ROUND(SUM(ROUND((wait_time_seconds) * 1000000)) / NULLIF(COUNT(wait_time_seconds), 0) / 1000) / 1000 AS average_wait_time_seconds,
  MAX(wait_time_seconds) AS longest_wait_time_seconds
FROM engagements AS e
WHERE engagement_type = 'Queue' AND is_virtual IS NOT TRUE AND direction NOT IN ('Outbound', 'Internal')
GROUP BY account_sid, queue_sid, queue, interval_start;

CREATE OR REPLACE VIEW abandonment (
  account_sid OPTIONS (description = 'Twilio account (Flex instance).'),
  day OPTIONS (description = 'Day, UTC, on which the stays began.'),
  queue_sid OPTIONS (description = 'Queue SID.'),
  queue OPTIONS (description = 'Queue name at the time.'),
  channel_type OPTIONS (description = 'Channel type.'),
  direction OPTIONS (description = 'Direction of the conversation.'),
  offered OPTIONS (description = 'Stays in the queue that are over.'),
  abandoned OPTIONS (description = 'Stays that the customer ended.'),
  abandoned_late OPTIONS (description = 'Of these, those that lasted more than 5 seconds.'),
  abandonment_rate OPTIONS (description = 'abandoned among offered, from 0 to 1.'),
  average_patience_seconds OPTIONS (description = 'How long those who left had waited, on average, seconds.')
)
OPTIONS (description = 'One row for each day, queue, channel type and direction: how many customers left before an agent took them, and after how long. Outbound, internal and virtual tasks are left out.', labels = [('managed_by', 'flexbeam')]) AS
SELECT
  account_sid AS account_sid,
  DATE(start_time) AS day,
  queue_sid AS queue_sid,
  queue AS queue,
  channel_type AS channel_type,
  direction AS direction,
  COUNT(*) AS offered,
  COUNT(CASE WHEN outcome_type = 'Customer Left' THEN 1 END) AS abandoned,
  COUNT(CASE WHEN outcome_type = 'Customer Left' AND wait_time_seconds > 5 THEN 1 END) AS abandoned_late,
  COUNT(CASE WHEN outcome_type = 'Customer Left' THEN 1 END) / COUNT(*) AS abandonment_rate,
  ROUND(SUM(ROUND((CASE WHEN outcome_type = 'Customer Left' THEN wait_time_seconds END) * 1000000)) / NULLIF(COUNT(CASE WHEN outcome_type = 'Customer Left' THEN wait_time_seconds END), 0) / 1000) / 1000 AS average_patience_seconds
FROM engagements AS e
WHERE engagement_type = 'Queue' AND is_virtual IS NOT TRUE AND direction NOT IN ('Outbound', 'Internal') AND end_time IS NOT NULL
GROUP BY account_sid, day, queue_sid, queue, channel_type, direction;

CREATE OR REPLACE VIEW agent_occupancy (
  account_sid OPTIONS (description = 'Twilio account (Flex instance).'),
  agent_id OPTIONS (description = 'Worker SID.'),
  agent_name OPTIONS (description = 'Name of the agent, as it is now.'),
  team OPTIONS (description = 'Team of the agent, as it is now.'),
  day OPTIONS (description = 'Day, UTC; an engagement counts on the day on which it began.'),
  available_seconds OPTIONS (description = 'Time in activities in which the agent was available, seconds.'),
  unavailable_seconds OPTIONS (description = 'Time in other activities, without those that agent_status leaves out, seconds.'),
  engagements OPTIONS (description = 'Engagements that began.'),
  busy_seconds OPTIONS (description = 'Engagement and wrap-up time of these engagements, seconds; it adds up when they overlap.'),
  occupancy OPTIONS (description = 'busy_seconds as a share of available_seconds, at most 1; null without available time.')
)
OPTIONS (description = 'One row for each agent and day: time in each kind of activity, time with customers, and the share of the available time that it is. Virtual tasks are left out.', labels = [('managed_by', 'flexbeam')]) AS
SELECT
  account_sid AS account_sid,
  agent_id AS agent_id,
  MAX(a.agent_name) AS agent_name,
  MAX(a.team) AS team,
  p.day AS day,
  ROUND(SUM(ROUND((available) * 1000000)) / 1000) / 1000 AS available_seconds,
  ROUND(SUM(ROUND((unavailable) * 1000000)) / 1000) / 1000 AS unavailable_seconds,
  COUNT(CASE WHEN engagement = 1 THEN 1 END) AS engagements,
  ROUND(SUM(ROUND((busy) * 1000000)) / 1000) / 1000 AS busy_seconds,
  CASE WHEN SUM(available) > 0 THEN LEAST(1, ROUND(SUM(ROUND((busy) * 1000000)) / 1000) / 1000 / NULLIF(ROUND(SUM(ROUND((available) * 1000000)) / 1000) / 1000, 0)) END AS occupancy
FROM (
  SELECT account_sid, agent_id, DATE(interval_start) AS day, CASE WHEN availability = 'Available' THEN seconds ELSE 0 END AS available,
    CASE WHEN availability = 'Available' THEN 0 ELSE seconds END AS unavailable, 0 AS engagement, 0 AS busy
  FROM agent_status
  UNION ALL
  SELECT account_sid, agent_id, DATE(start_time) AS day, 0 AS available, 0 AS unavailable, 1 AS engagement, COALESCE(engagement_time_seconds, 0) + COALESCE(wrap_up_time_seconds, 0) AS busy
  FROM engagements WHERE engagement_type = 'Agent' AND is_virtual IS NOT TRUE AND agent_id IS NOT NULL
) AS p
LEFT JOIN agents AS a USING (account_sid, agent_id)
GROUP BY account_sid, agent_id, day;

CREATE OR REPLACE VIEW handling_time (
  account_sid OPTIONS (description = 'Twilio account (Flex instance).'),
  day OPTIONS (description = 'Day, UTC, on which the engagements began.'),
  queue_sid OPTIONS (description = 'Queue SID.'),
  queue OPTIONS (description = 'Queue name at the time.'),
  channel_type OPTIONS (description = 'Channel type.'),
  direction OPTIONS (description = 'Direction of the conversation.'),
  engagements OPTIONS (description = 'Engagements of agents that are over.'),
  average_engagement_time_seconds OPTIONS (description = 'Average time with the customer, seconds.'),
  average_wrap_up_time_seconds OPTIONS (description = 'Average after-call work of those that had any, seconds.'),
  average_hold_time_seconds OPTIONS (description = 'Average time on hold of those that tell it, seconds.'),
  average_handling_time_seconds OPTIONS (description = 'Average of both together, seconds.'),
  longest_handling_time_seconds OPTIONS (description = 'Longest of both together, seconds.')
)
OPTIONS (description = 'One row for each day, queue, channel type and direction: how long agents were engaged with customers and in after-call work. Virtual tasks are left out.', labels = [('managed_by', 'flexbeam')]) AS
SELECT
  account_sid AS account_sid,
  DATE(start_time) AS day,
  queue_sid AS queue_sid,
  queue AS queue,
  channel_type AS channel_type,
  direction AS direction,
  COUNT(*) AS engagements,
  ROUND(SUM(ROUND((engagement_time_seconds) * 1000000)) / NULLIF(COUNT(engagement_time_seconds), 0) / 1000) / 1000 AS average_engagement_time_seconds,
  ROUND(SUM(ROUND((wrap_up_time_seconds) * 1000000)) / NULLIF(COUNT(wrap_up_time_seconds), 0) / 1000) / 1000 AS average_wrap_up_time_seconds,
  ROUND(SUM(ROUND((hold_time_seconds) * 1000000)) / NULLIF(COUNT(hold_time_seconds), 0) / 1000) / 1000 AS average_hold_time_seconds,
  ROUND(SUM(ROUND((COALESCE(engagement_time_seconds, 0) + COALESCE(wrap_up_time_seconds, 0)) * 1000000)) / NULLIF(COUNT(COALESCE(engagement_time_seconds, 0) + COALESCE(wrap_up_time_seconds, 0)), 0) / 1000) / 1000 AS average_handling_time_seconds,
  ROUND(MAX(ROUND((COALESCE(engagement_time_seconds, 0) + COALESCE(wrap_up_time_seconds, 0)) * 1000000)) / 1000) / 1000 AS longest_handling_time_seconds
FROM engagements AS e
WHERE engagement_type = 'Agent' AND is_virtual IS NOT TRUE AND end_time IS NOT NULL
GROUP BY account_sid, day, queue_sid, queue, channel_type, direction;

CREATE TABLE IF NOT EXISTS flexbeam_deletes (
  table_name STRING,
  key STRING,
  row_version INT64,
  row_time TIMESTAMP
);

CREATE TABLE IF NOT EXISTS flexbeam_staging_engagements (
  flexbeam_key STRING,
  flexbeam_deleted BOOL,
  flexbeam_forgets BOOL,
  flexbeam_arrival INT64,
  account_sid STRING,
  engagement_id STRING,
  engagement_type STRING,
  status STRING,
  outcome_type STRING,
  conversation_id STRING,
  task_sid STRING,
  reservation_sid STRING,
  agent_id STRING,
  contact_id STRING,
  start_time TIMESTAMP,
  end_time TIMESTAMP,
  engagement_time_seconds FLOAT64,
  wrap_up_time_seconds FLOAT64,
  invitation_time_seconds FLOAT64,
  wait_time_seconds FLOAT64,
  focus_time_seconds FLOAT64,
  hold_time_seconds FLOAT64,
  queue_sid STRING,
  queue STRING,
  channel STRING,
  channel_type STRING,
  channel_vendor STRING,
  platform STRING,
  direction STRING,
  company_contact STRING,
  campaign STRING,
  case_id STRING,
  category STRING,
  language STRING,
  outcome STRING,
  outcome_category STRING,
  priority STRING,
  reason STRING,
  engaged_department STRING,
  engaged_location STRING,
  engaged_organization STRING,
  engaged_manager STRING,
  engaged_role STRING,
  engaged_team STRING,
  engagement_attribute_1 STRING,
  engagement_attribute_2 STRING,
  engagement_attribute_3 STRING,
  engagement_fact_1 FLOAT64,
  engagement_fact_2 FLOAT64,
  engagement_fact_3 FLOAT64,
  recording_url STRING,
  end_reason STRING,
  workspace_sid STRING,
  workflow_sid STRING,
  workflow_name STRING,
  inferred BOOL,
  is_virtual BOOL,
  updated_at TIMESTAMP,
  row_version INT64
);

CREATE TABLE IF NOT EXISTS flexbeam_rewrite_engagements (
  account_sid STRING,
  engagement_id STRING,
  engagement_type STRING,
  status STRING,
  outcome_type STRING,
  conversation_id STRING,
  task_sid STRING,
  reservation_sid STRING,
  agent_id STRING,
  contact_id STRING,
  start_time TIMESTAMP,
  end_time TIMESTAMP,
  engagement_time_seconds FLOAT64,
  wrap_up_time_seconds FLOAT64,
  invitation_time_seconds FLOAT64,
  wait_time_seconds FLOAT64,
  focus_time_seconds FLOAT64,
  hold_time_seconds FLOAT64,
  queue_sid STRING,
  queue STRING,
  channel STRING,
  channel_type STRING,
  channel_vendor STRING,
  platform STRING,
  direction STRING,
  company_contact STRING,
  campaign STRING,
  case_id STRING,
  category STRING,
  language STRING,
  outcome STRING,
  outcome_category STRING,
  priority STRING,
  reason STRING,
  engaged_department STRING,
  engaged_location STRING,
  engaged_organization STRING,
  engaged_manager STRING,
  engaged_role STRING,
  engaged_team STRING,
  engagement_attribute_1 STRING,
  engagement_attribute_2 STRING,
  engagement_attribute_3 STRING,
  engagement_fact_1 FLOAT64,
  engagement_fact_2 FLOAT64,
  engagement_fact_3 FLOAT64,
  recording_url STRING,
  end_reason STRING,
  workspace_sid STRING,
  workflow_sid STRING,
  workflow_name STRING,
  inferred BOOL,
  is_virtual BOOL,
  updated_at TIMESTAMP,
  row_version INT64
);

MERGE flexbeam_deletes AS t
USING (
  SELECT flexbeam_key AS row_key, row_version, start_time AS row_time FROM (
  SELECT * FROM flexbeam_staging_engagements
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY flexbeam_key ORDER BY COALESCE(row_version, 0) DESC, flexbeam_arrival DESC) = 1
  ) WHERE flexbeam_deleted AND NOT flexbeam_forgets
) AS s
ON t.table_name = 'engagements' AND t.key = s.row_key
WHEN MATCHED AND COALESCE(s.row_version, 0) > t.row_version THEN
  UPDATE SET row_version = COALESCE(s.row_version, 0), row_time = s.row_time
WHEN NOT MATCHED THEN
  INSERT (table_name, key, row_version, row_time) VALUES ('engagements', s.row_key, COALESCE(s.row_version, 0), s.row_time);

MERGE engagements AS t
USING (
  SELECT n.* FROM (
  SELECT * FROM flexbeam_staging_engagements
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY flexbeam_key ORDER BY COALESCE(row_version, 0) DESC, flexbeam_arrival DESC) = 1
  ) AS n
  LEFT JOIN flexbeam_deletes AS d ON d.table_name = 'engagements' AND d.key = n.flexbeam_key
  WHERE d.row_version IS NULL OR COALESCE(n.row_version, 0) >= d.row_version
) AS s
ON t.account_sid = s.account_sid AND t.engagement_id = s.engagement_id
WHEN MATCHED AND s.flexbeam_deleted AND COALESCE(s.row_version, 0) >= COALESCE(t.row_version, 0) THEN
  DELETE
WHEN MATCHED AND NOT s.flexbeam_deleted AND COALESCE(s.row_version, 0) >= COALESCE(t.row_version, 0) THEN
  UPDATE SET engagement_type = s.engagement_type, status = s.status, outcome_type = s.outcome_type, conversation_id = s.conversation_id, task_sid = s.task_sid, reservation_sid = s.reservation_sid, agent_id = s.agent_id, contact_id = s.contact_id, start_time = s.start_time, end_time = s.end_time, engagement_time_seconds = s.engagement_time_seconds, wrap_up_time_seconds = s.wrap_up_time_seconds, invitation_time_seconds = s.invitation_time_seconds, wait_time_seconds = s.wait_time_seconds, focus_time_seconds = s.focus_time_seconds, hold_time_seconds = s.hold_time_seconds, queue_sid = s.queue_sid, queue = s.queue, channel = s.channel, channel_type = s.channel_type, channel_vendor = s.channel_vendor, platform = s.platform, direction = s.direction, company_contact = s.company_contact, campaign = s.campaign, case_id = s.case_id, category = s.category, language = s.language, outcome = s.outcome, outcome_category = s.outcome_category, priority = s.priority, reason = s.reason, engaged_department = s.engaged_department, engaged_location = s.engaged_location, engaged_organization = s.engaged_organization, engaged_manager = s.engaged_manager, engaged_role = s.engaged_role, engaged_team = s.engaged_team, engagement_attribute_1 = s.engagement_attribute_1, engagement_attribute_2 = s.engagement_attribute_2, engagement_attribute_3 = s.engagement_attribute_3, engagement_fact_1 = s.engagement_fact_1, engagement_fact_2 = s.engagement_fact_2, engagement_fact_3 = s.engagement_fact_3, recording_url = s.recording_url, end_reason = s.end_reason, workspace_sid = s.workspace_sid, workflow_sid = s.workflow_sid, workflow_name = s.workflow_name, inferred = s.inferred, is_virtual = s.is_virtual, updated_at = s.updated_at, row_version = s.row_version
WHEN NOT MATCHED AND NOT s.flexbeam_deleted THEN
  INSERT (account_sid, engagement_id, engagement_type, status, outcome_type, conversation_id, task_sid, reservation_sid, agent_id, contact_id, start_time, end_time, engagement_time_seconds, wrap_up_time_seconds, invitation_time_seconds, wait_time_seconds, focus_time_seconds, hold_time_seconds, queue_sid, queue, channel, channel_type, channel_vendor, platform, direction, company_contact, campaign, case_id, category, language, outcome, outcome_category, priority, reason, engaged_department, engaged_location, engaged_organization, engaged_manager, engaged_role, engaged_team, engagement_attribute_1, engagement_attribute_2, engagement_attribute_3, engagement_fact_1, engagement_fact_2, engagement_fact_3, recording_url, end_reason, workspace_sid, workflow_sid, workflow_name, inferred, is_virtual, updated_at, row_version) VALUES (s.account_sid, s.engagement_id, s.engagement_type, s.status, s.outcome_type, s.conversation_id, s.task_sid, s.reservation_sid, s.agent_id, s.contact_id, s.start_time, s.end_time, s.engagement_time_seconds, s.wrap_up_time_seconds, s.invitation_time_seconds, s.wait_time_seconds, s.focus_time_seconds, s.hold_time_seconds, s.queue_sid, s.queue, s.channel, s.channel_type, s.channel_vendor, s.platform, s.direction, s.company_contact, s.campaign, s.case_id, s.category, s.language, s.outcome, s.outcome_category, s.priority, s.reason, s.engaged_department, s.engaged_location, s.engaged_organization, s.engaged_manager, s.engaged_role, s.engaged_team, s.engagement_attribute_1, s.engagement_attribute_2, s.engagement_attribute_3, s.engagement_fact_1, s.engagement_fact_2, s.engagement_fact_3, s.recording_url, s.end_reason, s.workspace_sid, s.workflow_sid, s.workflow_name, s.inferred, s.is_virtual, s.updated_at, s.row_version);

SELECT * FROM flexbeam_staging_engagements
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY flexbeam_key, TIMESTAMP_TRUNC(start_time, DAY) ORDER BY COALESCE(row_version, 0) DESC, flexbeam_arrival DESC) = 1
  ORDER BY flexbeam_arrival;

SELECT flexbeam_key, COALESCE(row_version, 0) AS row_version, start_time AS row_time FROM (
  SELECT * FROM flexbeam_staging_engagements
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY flexbeam_key ORDER BY COALESCE(row_version, 0) DESC, flexbeam_arrival DESC) = 1
) WHERE flexbeam_deleted AND NOT flexbeam_forgets;

SELECT account_sid, engagement_id, row_version FROM engagements WHERE account_sid IN UNNEST(['AC1']) AND engagement_id IN UNNEST(['WT1']) AND start_time >= TIMESTAMP '2026-03-02 08:00:00+00' AND start_time <= TIMESTAMP '2026-03-02 09:00:00+00';

SELECT key, row_version FROM flexbeam_deletes WHERE table_name = 'engagements' AND (row_time IS NULL OR row_time >= TIMESTAMP '2026-03-02 08:00:00+00' AND row_time <= TIMESTAMP '2026-03-02 09:00:00+00');

SELECT key, row_version FROM flexbeam_deletes WHERE table_name = 'engagements' AND row_time >= TIMESTAMP '2026-03-02 08:00:00+00' AND row_time <= TIMESTAMP '2026-03-02 09:00:00+00';

SELECT account_sid, engagement_id, engagement_type, status, outcome_type, conversation_id, task_sid, reservation_sid, agent_id, contact_id, start_time, end_time, engagement_time_seconds, wrap_up_time_seconds, invitation_time_seconds, wait_time_seconds, focus_time_seconds, hold_time_seconds, queue_sid, queue, channel, channel_type, channel_vendor, platform, direction, company_contact, campaign, case_id, category, language, outcome, outcome_category, priority, reason, engaged_department, engaged_location, engaged_organization, engaged_manager, engaged_role, engaged_team, engagement_attribute_1, engagement_attribute_2, engagement_attribute_3, engagement_fact_1, engagement_fact_2, engagement_fact_3, recording_url, end_reason, workspace_sid, workflow_sid, workflow_name, inferred, is_virtual, updated_at, row_version FROM engagements WHERE account_sid IN UNNEST(['AC1']);

SELECT account_sid, engagement_id, engagement_type, status, outcome_type, conversation_id, task_sid, reservation_sid, agent_id, contact_id, start_time, end_time, engagement_time_seconds, wrap_up_time_seconds, invitation_time_seconds, wait_time_seconds, focus_time_seconds, hold_time_seconds, queue_sid, queue, channel, channel_type, channel_vendor, platform, direction, company_contact, campaign, case_id, category, language, outcome, outcome_category, priority, reason, engaged_department, engaged_location, engaged_organization, engaged_manager, engaged_role, engaged_team, engagement_attribute_1, engagement_attribute_2, engagement_attribute_3, engagement_fact_1, engagement_fact_2, engagement_fact_3, recording_url, end_reason, workspace_sid, workflow_sid, workflow_name, inferred, is_virtual, updated_at, row_version FROM engagements;

SELECT account_sid, engagement_id, row_version FROM engagements WHERE engagement_id IN UNNEST(['AC1']);

INSERT INTO flexbeam_rewrite_engagements (account_sid, engagement_id, engagement_type, status, outcome_type, conversation_id, task_sid, reservation_sid, agent_id, contact_id, start_time, end_time, engagement_time_seconds, wrap_up_time_seconds, invitation_time_seconds, wait_time_seconds, focus_time_seconds, hold_time_seconds, queue_sid, queue, channel, channel_type, channel_vendor, platform, direction, company_contact, campaign, case_id, category, language, outcome, outcome_category, priority, reason, engaged_department, engaged_location, engaged_organization, engaged_manager, engaged_role, engaged_team, engagement_attribute_1, engagement_attribute_2, engagement_attribute_3, engagement_fact_1, engagement_fact_2, engagement_fact_3, recording_url, end_reason, workspace_sid, workflow_sid, workflow_name, inferred, is_virtual, updated_at, row_version) SELECT account_sid, engagement_id, engagement_type, status, outcome_type, conversation_id, task_sid, reservation_sid, agent_id, contact_id, start_time, end_time, engagement_time_seconds, wrap_up_time_seconds, invitation_time_seconds, wait_time_seconds, focus_time_seconds, hold_time_seconds, queue_sid, queue, channel, channel_type, channel_vendor, platform, direction, company_contact, campaign, case_id, category, language, outcome, outcome_category, priority, reason, engaged_department, engaged_location, engaged_organization, engaged_manager, engaged_role, engaged_team, engagement_attribute_1, engagement_attribute_2, engagement_attribute_3, engagement_fact_1, engagement_fact_2, engagement_fact_3, recording_url, end_reason, workspace_sid, workflow_sid, workflow_name, inferred, is_virtual, updated_at, row_version FROM engagements;

SELECT account_sid, task_sid FROM engagements WHERE start_time >= TIMESTAMP '2026-03-02 08:00:00+00' AND start_time <= TIMESTAMP '2026-03-02 09:00:00+00' GROUP BY account_sid, task_sid;

SELECT account_sid, engagement_id, task_sid, start_time, recording_url, reservation_sid, row_version FROM engagements WHERE task_sid IN UNNEST(['WT1']) AND account_sid IN UNNEST(['AC1']) AND start_time >= TIMESTAMP '2026-03-02 08:00:00+00' AND start_time <= TIMESTAMP '2026-03-02 09:00:00+00';

SELECT account_sid, engagement_id, row_version FROM engagements WHERE start_time >= TIMESTAMP '2026-03-02 08:00:00+00' AND start_time <= TIMESTAMP '2026-03-02 09:00:00+00';

CREATE TABLE IF NOT EXISTS flexbeam_staging_agents (
  flexbeam_key STRING,
  flexbeam_deleted BOOL,
  flexbeam_forgets BOOL,
  flexbeam_arrival INT64,
  account_sid STRING,
  agent_id STRING,
  agent_name STRING,
  email STRING,
  department STRING,
  location STRING,
  manager STRING,
  team STRING,
  organization STRING,
  role STRING,
  roles STRING,
  cost_per_hour FLOAT64,
  cost_per_engagement FLOAT64,
  state STRING,
  agent_type STRING,
  updated_at TIMESTAMP,
  row_version INT64
);

CREATE TABLE IF NOT EXISTS flexbeam_rewrite_agents (
  account_sid STRING,
  agent_id STRING,
  agent_name STRING,
  email STRING,
  department STRING,
  location STRING,
  manager STRING,
  team STRING,
  organization STRING,
  role STRING,
  roles STRING,
  cost_per_hour FLOAT64,
  cost_per_engagement FLOAT64,
  state STRING,
  agent_type STRING,
  updated_at TIMESTAMP,
  row_version INT64
);

MERGE flexbeam_deletes AS t
USING (
  SELECT flexbeam_key AS row_key, row_version, CURRENT_TIMESTAMP() AS row_time FROM (
  SELECT * FROM flexbeam_staging_agents
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY flexbeam_key ORDER BY COALESCE(row_version, 0) DESC, flexbeam_arrival DESC) = 1
  ) WHERE flexbeam_deleted AND NOT flexbeam_forgets
) AS s
ON t.table_name = 'agents' AND t.key = s.row_key
WHEN MATCHED AND COALESCE(s.row_version, 0) > t.row_version THEN
  UPDATE SET row_version = COALESCE(s.row_version, 0), row_time = s.row_time
WHEN NOT MATCHED THEN
  INSERT (table_name, key, row_version, row_time) VALUES ('agents', s.row_key, COALESCE(s.row_version, 0), s.row_time);

MERGE agents AS t
USING (
  SELECT n.* FROM (
  SELECT * FROM flexbeam_staging_agents
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY flexbeam_key ORDER BY COALESCE(row_version, 0) DESC, flexbeam_arrival DESC) = 1
  ) AS n
  LEFT JOIN flexbeam_deletes AS d ON d.table_name = 'agents' AND d.key = n.flexbeam_key
  WHERE d.row_version IS NULL OR COALESCE(n.row_version, 0) >= d.row_version
) AS s
ON t.account_sid = s.account_sid AND t.agent_id = s.agent_id
WHEN MATCHED AND s.flexbeam_deleted AND COALESCE(s.row_version, 0) >= COALESCE(t.row_version, 0) THEN
  DELETE
WHEN MATCHED AND NOT s.flexbeam_deleted AND COALESCE(s.row_version, 0) >= COALESCE(t.row_version, 0) THEN
  UPDATE SET agent_name = s.agent_name, email = s.email, department = s.department, location = s.location, manager = s.manager, team = s.team, organization = s.organization, role = s.role, roles = s.roles, cost_per_hour = s.cost_per_hour, cost_per_engagement = s.cost_per_engagement, state = s.state, agent_type = s.agent_type, updated_at = s.updated_at, row_version = s.row_version
WHEN NOT MATCHED AND NOT s.flexbeam_deleted THEN
  INSERT (account_sid, agent_id, agent_name, email, department, location, manager, team, organization, role, roles, cost_per_hour, cost_per_engagement, state, agent_type, updated_at, row_version) VALUES (s.account_sid, s.agent_id, s.agent_name, s.email, s.department, s.location, s.manager, s.team, s.organization, s.role, s.roles, s.cost_per_hour, s.cost_per_engagement, s.state, s.agent_type, s.updated_at, s.row_version);

SELECT * FROM flexbeam_staging_agents
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY flexbeam_key ORDER BY COALESCE(row_version, 0) DESC, flexbeam_arrival DESC) = 1
  ORDER BY flexbeam_arrival;

SELECT flexbeam_key, COALESCE(row_version, 0) AS row_version, CURRENT_TIMESTAMP() AS row_time FROM (
  SELECT * FROM flexbeam_staging_agents
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY flexbeam_key ORDER BY COALESCE(row_version, 0) DESC, flexbeam_arrival DESC) = 1
) WHERE flexbeam_deleted AND NOT flexbeam_forgets;

SELECT account_sid, agent_id, row_version FROM agents WHERE account_sid IN UNNEST(['AC1']) AND agent_id IN UNNEST(['WT1']);

SELECT key, row_version FROM flexbeam_deletes WHERE table_name = 'agents' AND (row_time IS NULL OR row_time >= TIMESTAMP '2026-03-02 08:00:00+00' AND row_time <= TIMESTAMP '2026-03-02 09:00:00+00');

SELECT key, row_version FROM flexbeam_deletes WHERE table_name = 'agents' AND row_time >= TIMESTAMP '2026-03-02 08:00:00+00' AND row_time <= TIMESTAMP '2026-03-02 09:00:00+00';

SELECT account_sid, agent_id, agent_name, email, department, location, manager, team, organization, role, roles, cost_per_hour, cost_per_engagement, state, agent_type, updated_at, row_version FROM agents WHERE account_sid IN UNNEST(['AC1']);

SELECT account_sid, agent_id, agent_name, email, department, location, manager, team, organization, role, roles, cost_per_hour, cost_per_engagement, state, agent_type, updated_at, row_version FROM agents;

SELECT account_sid, agent_id, row_version FROM agents WHERE agent_id IN UNNEST(['AC1']);

INSERT INTO flexbeam_rewrite_agents (account_sid, agent_id, agent_name, email, department, location, manager, team, organization, role, roles, cost_per_hour, cost_per_engagement, state, agent_type, updated_at, row_version) SELECT account_sid, agent_id, agent_name, email, department, location, manager, team, organization, role, roles, cost_per_hour, cost_per_engagement, state, agent_type, updated_at, row_version FROM agents;

CREATE TABLE IF NOT EXISTS flexbeam_staging_agent_status (
  flexbeam_key STRING,
  flexbeam_deleted BOOL,
  flexbeam_forgets BOOL,
  flexbeam_arrival INT64,
  account_sid STRING,
  agent_id STRING,
  interval_start TIMESTAMP,
  activity STRING,
  activity_sid STRING,
  availability STRING,
  seconds FLOAT64,
  updated_at TIMESTAMP,
  row_version INT64
);

CREATE TABLE IF NOT EXISTS flexbeam_rewrite_agent_status (
  account_sid STRING,
  agent_id STRING,
  interval_start TIMESTAMP,
  activity STRING,
  activity_sid STRING,
  availability STRING,
  seconds FLOAT64,
  updated_at TIMESTAMP,
  row_version INT64
);

MERGE flexbeam_deletes AS t
USING (
  SELECT flexbeam_key AS row_key, row_version, interval_start AS row_time FROM (
  SELECT * FROM flexbeam_staging_agent_status
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY flexbeam_key ORDER BY COALESCE(row_version, 0) DESC, flexbeam_arrival DESC) = 1
  ) WHERE flexbeam_deleted AND NOT flexbeam_forgets
) AS s
ON t.table_name = 'agent_status' AND t.key = s.row_key
WHEN MATCHED AND COALESCE(s.row_version, 0) > t.row_version THEN
  UPDATE SET row_version = COALESCE(s.row_version, 0), row_time = s.row_time
WHEN NOT MATCHED THEN
  INSERT (table_name, key, row_version, row_time) VALUES ('agent_status', s.row_key, COALESCE(s.row_version, 0), s.row_time);

MERGE agent_status AS t
USING (
  SELECT n.* FROM (
  SELECT * FROM flexbeam_staging_agent_status
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY flexbeam_key ORDER BY COALESCE(row_version, 0) DESC, flexbeam_arrival DESC) = 1
  ) AS n
  LEFT JOIN flexbeam_deletes AS d ON d.table_name = 'agent_status' AND d.key = n.flexbeam_key
  WHERE d.row_version IS NULL OR COALESCE(n.row_version, 0) >= d.row_version
) AS s
ON t.account_sid = s.account_sid AND t.agent_id = s.agent_id AND t.interval_start = s.interval_start AND t.activity = s.activity
WHEN MATCHED AND s.flexbeam_deleted AND COALESCE(s.row_version, 0) >= COALESCE(t.row_version, 0) THEN
  DELETE
WHEN MATCHED AND NOT s.flexbeam_deleted AND COALESCE(s.row_version, 0) >= COALESCE(t.row_version, 0) THEN
  UPDATE SET activity_sid = s.activity_sid, availability = s.availability, seconds = s.seconds, updated_at = s.updated_at, row_version = s.row_version
WHEN NOT MATCHED AND NOT s.flexbeam_deleted THEN
  INSERT (account_sid, agent_id, interval_start, activity, activity_sid, availability, seconds, updated_at, row_version) VALUES (s.account_sid, s.agent_id, s.interval_start, s.activity, s.activity_sid, s.availability, s.seconds, s.updated_at, s.row_version);

SELECT * FROM flexbeam_staging_agent_status
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY flexbeam_key ORDER BY COALESCE(row_version, 0) DESC, flexbeam_arrival DESC) = 1
  ORDER BY flexbeam_arrival;

SELECT flexbeam_key, COALESCE(row_version, 0) AS row_version, interval_start AS row_time FROM (
  SELECT * FROM flexbeam_staging_agent_status
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY flexbeam_key ORDER BY COALESCE(row_version, 0) DESC, flexbeam_arrival DESC) = 1
) WHERE flexbeam_deleted AND NOT flexbeam_forgets;

SELECT account_sid, agent_id, interval_start, activity, row_version FROM agent_status WHERE account_sid IN UNNEST(['AC1']) AND agent_id IN UNNEST(['WT1']) AND activity IN UNNEST(['WT1']) AND interval_start >= TIMESTAMP '2026-03-02 08:00:00+00' AND interval_start <= TIMESTAMP '2026-03-02 09:00:00+00';

SELECT key, row_version FROM flexbeam_deletes WHERE table_name = 'agent_status' AND (row_time IS NULL OR row_time >= TIMESTAMP '2026-03-02 08:00:00+00' AND row_time <= TIMESTAMP '2026-03-02 09:00:00+00');

SELECT key, row_version FROM flexbeam_deletes WHERE table_name = 'agent_status' AND row_time >= TIMESTAMP '2026-03-02 08:00:00+00' AND row_time <= TIMESTAMP '2026-03-02 09:00:00+00';

SELECT account_sid, agent_id, interval_start, activity, activity_sid, availability, seconds, updated_at, row_version FROM agent_status WHERE account_sid IN UNNEST(['AC1']);

SELECT account_sid, agent_id, interval_start, activity, activity_sid, availability, seconds, updated_at, row_version FROM agent_status;

SELECT account_sid, agent_id, interval_start, activity, row_version FROM agent_status WHERE activity IN UNNEST(['AC1']);

INSERT INTO flexbeam_rewrite_agent_status (account_sid, agent_id, interval_start, activity, activity_sid, availability, seconds, updated_at, row_version) SELECT account_sid, agent_id, interval_start, activity, activity_sid, availability, seconds, updated_at, row_version FROM agent_status;

SELECT account_sid, agent_id, MAX(interval_start) AS interval_start FROM agent_status WHERE interval_start >= TIMESTAMP '2026-03-02 08:00:00+00' AND interval_start <= TIMESTAMP '2026-03-02 09:00:00+00' GROUP BY account_sid, agent_id;

SELECT account_sid, agent_id, interval_start, activity, row_version FROM agent_status WHERE agent_id IN UNNEST(['WT1']) AND account_sid IN UNNEST(['AC1']) AND interval_start >= TIMESTAMP '2026-03-02 08:00:00+00' AND interval_start <= TIMESTAMP '2026-03-02 09:00:00+00';

SELECT account_sid, agent_id, interval_start, activity, row_version FROM agent_status WHERE interval_start >= TIMESTAMP '2026-03-02 08:00:00+00' AND interval_start <= TIMESTAMP '2026-03-02 09:00:00+00';

CREATE TABLE IF NOT EXISTS flexbeam_staging_customers (
  flexbeam_key STRING,
  flexbeam_deleted BOOL,
  flexbeam_forgets BOOL,
  flexbeam_arrival INT64,
  contact_id STRING,
  contact_kind STRING,
  state STRING,
  country STRING,
  category STRING,
  organization STRING,
  region STRING,
  segment STRING,
  isolated BOOL,
  updated_at TIMESTAMP,
  row_version INT64
);

CREATE TABLE IF NOT EXISTS flexbeam_rewrite_customers (
  contact_id STRING,
  contact_kind STRING,
  state STRING,
  country STRING,
  category STRING,
  organization STRING,
  region STRING,
  segment STRING,
  isolated BOOL,
  updated_at TIMESTAMP,
  row_version INT64
);

MERGE flexbeam_deletes AS t
USING (
  SELECT flexbeam_key AS row_key, row_version, CURRENT_TIMESTAMP() AS row_time FROM (
  SELECT * FROM flexbeam_staging_customers
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY flexbeam_key ORDER BY COALESCE(row_version, 0) DESC, flexbeam_arrival DESC) = 1
  ) WHERE flexbeam_deleted AND NOT flexbeam_forgets
) AS s
ON t.table_name = 'customers' AND t.key = s.row_key
WHEN MATCHED AND COALESCE(s.row_version, 0) > t.row_version THEN
  UPDATE SET row_version = COALESCE(s.row_version, 0), row_time = s.row_time
WHEN NOT MATCHED THEN
  INSERT (table_name, key, row_version, row_time) VALUES ('customers', s.row_key, COALESCE(s.row_version, 0), s.row_time);

MERGE customers AS t
USING (
  SELECT n.* FROM (
  SELECT * FROM flexbeam_staging_customers
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY flexbeam_key ORDER BY COALESCE(row_version, 0) DESC, flexbeam_arrival DESC) = 1
  ) AS n
  LEFT JOIN flexbeam_deletes AS d ON d.table_name = 'customers' AND d.key = n.flexbeam_key
  WHERE d.row_version IS NULL OR COALESCE(n.row_version, 0) >= d.row_version
) AS s
ON t.contact_id = s.contact_id
WHEN MATCHED AND s.flexbeam_deleted AND COALESCE(s.row_version, 0) >= COALESCE(t.row_version, 0) THEN
  DELETE
WHEN MATCHED AND NOT s.flexbeam_deleted AND COALESCE(s.row_version, 0) >= COALESCE(t.row_version, 0) THEN
  UPDATE SET contact_kind = s.contact_kind, state = s.state, country = s.country, category = s.category, organization = s.organization, region = s.region, segment = s.segment, isolated = s.isolated, updated_at = s.updated_at, row_version = s.row_version
WHEN NOT MATCHED AND NOT s.flexbeam_deleted THEN
  INSERT (contact_id, contact_kind, state, country, category, organization, region, segment, isolated, updated_at, row_version) VALUES (s.contact_id, s.contact_kind, s.state, s.country, s.category, s.organization, s.region, s.segment, s.isolated, s.updated_at, s.row_version);

SELECT * FROM flexbeam_staging_customers
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY flexbeam_key ORDER BY COALESCE(row_version, 0) DESC, flexbeam_arrival DESC) = 1
  ORDER BY flexbeam_arrival;

SELECT flexbeam_key, COALESCE(row_version, 0) AS row_version, CURRENT_TIMESTAMP() AS row_time FROM (
  SELECT * FROM flexbeam_staging_customers
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY flexbeam_key ORDER BY COALESCE(row_version, 0) DESC, flexbeam_arrival DESC) = 1
) WHERE flexbeam_deleted AND NOT flexbeam_forgets;

SELECT contact_id, row_version FROM customers WHERE contact_id IN UNNEST(['AC1']);

SELECT key, row_version FROM flexbeam_deletes WHERE table_name = 'customers' AND (row_time IS NULL OR row_time >= TIMESTAMP '2026-03-02 08:00:00+00' AND row_time <= TIMESTAMP '2026-03-02 09:00:00+00');

SELECT key, row_version FROM flexbeam_deletes WHERE table_name = 'customers' AND row_time >= TIMESTAMP '2026-03-02 08:00:00+00' AND row_time <= TIMESTAMP '2026-03-02 09:00:00+00';

SELECT contact_id, contact_kind, state, country, category, organization, region, segment, isolated, updated_at, row_version FROM customers WHERE contact_id IN UNNEST(['AC1']);

SELECT contact_id, contact_kind, state, country, category, organization, region, segment, isolated, updated_at, row_version FROM customers;

SELECT contact_id, row_version FROM customers WHERE contact_id IN UNNEST(['AC1']);

INSERT INTO flexbeam_rewrite_customers (contact_id, contact_kind, state, country, category, organization, region, segment, isolated, updated_at, row_version) SELECT contact_id, contact_kind, state, country, category, organization, region, segment, isolated, updated_at, row_version FROM customers;

SELECT contact_id FROM customers WHERE isolated AND (updated_at IS NULL OR updated_at >= TIMESTAMP '2026-03-02 08:00:00+00' AND updated_at <= TIMESTAMP '2026-03-02 09:00:00+00') GROUP BY contact_id;

SELECT contact_id, row_version FROM customers WHERE contact_id IN UNNEST(['WT1']) AND isolated;

CREATE TABLE IF NOT EXISTS flexbeam_staging_turns (
  flexbeam_key STRING,
  flexbeam_deleted BOOL,
  flexbeam_forgets BOOL,
  flexbeam_arrival INT64,
  account_sid STRING,
  turn_id STRING,
  conversation_id STRING,
  conversation_sid STRING,
  task_sid STRING,
  engagement_id STRING,
  agent_id STRING,
  turn_time TIMESTAMP,
  author_type STRING,
  turn_type STRING,
  turn_index INT64,
  length INT64,
  updated_at TIMESTAMP,
  row_version INT64
);

CREATE TABLE IF NOT EXISTS flexbeam_rewrite_turns (
  account_sid STRING,
  turn_id STRING,
  conversation_id STRING,
  conversation_sid STRING,
  task_sid STRING,
  engagement_id STRING,
  agent_id STRING,
  turn_time TIMESTAMP,
  author_type STRING,
  turn_type STRING,
  turn_index INT64,
  length INT64,
  updated_at TIMESTAMP,
  row_version INT64
);

MERGE flexbeam_deletes AS t
USING (
  SELECT flexbeam_key AS row_key, row_version, turn_time AS row_time FROM (
  SELECT * FROM flexbeam_staging_turns
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY flexbeam_key ORDER BY COALESCE(row_version, 0) DESC, flexbeam_arrival DESC) = 1
  ) WHERE flexbeam_deleted AND NOT flexbeam_forgets
) AS s
ON t.table_name = 'turns' AND t.key = s.row_key
WHEN MATCHED AND COALESCE(s.row_version, 0) > t.row_version THEN
  UPDATE SET row_version = COALESCE(s.row_version, 0), row_time = s.row_time
WHEN NOT MATCHED THEN
  INSERT (table_name, key, row_version, row_time) VALUES ('turns', s.row_key, COALESCE(s.row_version, 0), s.row_time);

MERGE turns AS t
USING (
  SELECT n.* FROM (
  SELECT * FROM flexbeam_staging_turns
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY flexbeam_key ORDER BY COALESCE(row_version, 0) DESC, flexbeam_arrival DESC) = 1
  ) AS n
  LEFT JOIN flexbeam_deletes AS d ON d.table_name = 'turns' AND d.key = n.flexbeam_key
  WHERE d.row_version IS NULL OR COALESCE(n.row_version, 0) >= d.row_version
) AS s
ON t.account_sid = s.account_sid AND t.turn_id = s.turn_id
WHEN MATCHED AND s.flexbeam_deleted AND COALESCE(s.row_version, 0) >= COALESCE(t.row_version, 0) THEN
  DELETE
WHEN MATCHED AND NOT s.flexbeam_deleted AND COALESCE(s.row_version, 0) >= COALESCE(t.row_version, 0) THEN
  UPDATE SET conversation_id = s.conversation_id, conversation_sid = s.conversation_sid, task_sid = s.task_sid, engagement_id = s.engagement_id, agent_id = s.agent_id, turn_time = s.turn_time, author_type = s.author_type, turn_type = s.turn_type, turn_index = s.turn_index, length = s.length, updated_at = s.updated_at, row_version = s.row_version
WHEN NOT MATCHED AND NOT s.flexbeam_deleted THEN
  INSERT (account_sid, turn_id, conversation_id, conversation_sid, task_sid, engagement_id, agent_id, turn_time, author_type, turn_type, turn_index, length, updated_at, row_version) VALUES (s.account_sid, s.turn_id, s.conversation_id, s.conversation_sid, s.task_sid, s.engagement_id, s.agent_id, s.turn_time, s.author_type, s.turn_type, s.turn_index, s.length, s.updated_at, s.row_version);

SELECT * FROM flexbeam_staging_turns
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY flexbeam_key, TIMESTAMP_TRUNC(turn_time, DAY) ORDER BY COALESCE(row_version, 0) DESC, flexbeam_arrival DESC) = 1
  ORDER BY flexbeam_arrival;

SELECT flexbeam_key, COALESCE(row_version, 0) AS row_version, turn_time AS row_time FROM (
  SELECT * FROM flexbeam_staging_turns
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY flexbeam_key ORDER BY COALESCE(row_version, 0) DESC, flexbeam_arrival DESC) = 1
) WHERE flexbeam_deleted AND NOT flexbeam_forgets;

SELECT account_sid, turn_id, row_version FROM turns WHERE account_sid IN UNNEST(['AC1']) AND turn_id IN UNNEST(['WT1']) AND turn_time >= TIMESTAMP '2026-03-02 08:00:00+00' AND turn_time <= TIMESTAMP '2026-03-02 09:00:00+00';

SELECT key, row_version FROM flexbeam_deletes WHERE table_name = 'turns' AND (row_time IS NULL OR row_time >= TIMESTAMP '2026-03-02 08:00:00+00' AND row_time <= TIMESTAMP '2026-03-02 09:00:00+00');

SELECT key, row_version FROM flexbeam_deletes WHERE table_name = 'turns' AND row_time >= TIMESTAMP '2026-03-02 08:00:00+00' AND row_time <= TIMESTAMP '2026-03-02 09:00:00+00';

SELECT account_sid, turn_id, conversation_id, conversation_sid, task_sid, engagement_id, agent_id, turn_time, author_type, turn_type, turn_index, length, updated_at, row_version FROM turns WHERE account_sid IN UNNEST(['AC1']);

SELECT account_sid, turn_id, conversation_id, conversation_sid, task_sid, engagement_id, agent_id, turn_time, author_type, turn_type, turn_index, length, updated_at, row_version FROM turns;

SELECT account_sid, turn_id, row_version FROM turns WHERE turn_id IN UNNEST(['AC1']);

INSERT INTO flexbeam_rewrite_turns (account_sid, turn_id, conversation_id, conversation_sid, task_sid, engagement_id, agent_id, turn_time, author_type, turn_type, turn_index, length, updated_at, row_version) SELECT account_sid, turn_id, conversation_id, conversation_sid, task_sid, engagement_id, agent_id, turn_time, author_type, turn_type, turn_index, length, updated_at, row_version FROM turns;

SELECT account_sid, conversation_sid FROM turns WHERE turn_time >= TIMESTAMP '2026-03-02 08:00:00+00' AND turn_time <= TIMESTAMP '2026-03-02 09:00:00+00' GROUP BY account_sid, conversation_sid;

SELECT account_sid, turn_id, conversation_sid, turn_time, row_version FROM turns WHERE conversation_sid IN UNNEST(['WT1']) AND account_sid IN UNNEST(['AC1']) AND turn_time >= TIMESTAMP '2026-03-02 08:00:00+00' AND turn_time <= TIMESTAMP '2026-03-02 09:00:00+00';

SELECT account_sid, turn_id, row_version FROM turns WHERE turn_time >= TIMESTAMP '2026-03-02 08:00:00+00' AND turn_time <= TIMESTAMP '2026-03-02 09:00:00+00';

CREATE TABLE IF NOT EXISTS flexbeam_staging_turn_contents (
  flexbeam_key STRING,
  flexbeam_deleted BOOL,
  flexbeam_forgets BOOL,
  flexbeam_arrival INT64,
  account_sid STRING,
  turn_id STRING,
  text STRING,
  updated_at TIMESTAMP,
  row_version INT64
);

CREATE TABLE IF NOT EXISTS flexbeam_rewrite_turn_contents (
  account_sid STRING,
  turn_id STRING,
  text STRING,
  updated_at TIMESTAMP,
  row_version INT64
);

MERGE flexbeam_deletes AS t
USING (
  SELECT flexbeam_key AS row_key, row_version, CURRENT_TIMESTAMP() AS row_time FROM (
  SELECT * FROM flexbeam_staging_turn_contents
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY flexbeam_key ORDER BY COALESCE(row_version, 0) DESC, flexbeam_arrival DESC) = 1
  ) WHERE flexbeam_deleted AND NOT flexbeam_forgets
) AS s
ON t.table_name = 'turn_contents' AND t.key = s.row_key
WHEN MATCHED AND COALESCE(s.row_version, 0) > t.row_version THEN
  UPDATE SET row_version = COALESCE(s.row_version, 0), row_time = s.row_time
WHEN NOT MATCHED THEN
  INSERT (table_name, key, row_version, row_time) VALUES ('turn_contents', s.row_key, COALESCE(s.row_version, 0), s.row_time);

MERGE turn_contents AS t
USING (
  SELECT n.* FROM (
  SELECT * FROM flexbeam_staging_turn_contents
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY flexbeam_key ORDER BY COALESCE(row_version, 0) DESC, flexbeam_arrival DESC) = 1
  ) AS n
  LEFT JOIN flexbeam_deletes AS d ON d.table_name = 'turn_contents' AND d.key = n.flexbeam_key
  WHERE d.row_version IS NULL OR COALESCE(n.row_version, 0) >= d.row_version
) AS s
ON t.account_sid = s.account_sid AND t.turn_id = s.turn_id
WHEN MATCHED AND s.flexbeam_deleted AND COALESCE(s.row_version, 0) >= COALESCE(t.row_version, 0) THEN
  DELETE
WHEN MATCHED AND NOT s.flexbeam_deleted AND COALESCE(s.row_version, 0) >= COALESCE(t.row_version, 0) THEN
  UPDATE SET text = s.text, updated_at = s.updated_at, row_version = s.row_version
WHEN NOT MATCHED AND NOT s.flexbeam_deleted THEN
  INSERT (account_sid, turn_id, text, updated_at, row_version) VALUES (s.account_sid, s.turn_id, s.text, s.updated_at, s.row_version);

SELECT * FROM flexbeam_staging_turn_contents
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY flexbeam_key ORDER BY COALESCE(row_version, 0) DESC, flexbeam_arrival DESC) = 1
  ORDER BY flexbeam_arrival;

SELECT flexbeam_key, COALESCE(row_version, 0) AS row_version, CURRENT_TIMESTAMP() AS row_time FROM (
  SELECT * FROM flexbeam_staging_turn_contents
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY flexbeam_key ORDER BY COALESCE(row_version, 0) DESC, flexbeam_arrival DESC) = 1
) WHERE flexbeam_deleted AND NOT flexbeam_forgets;

SELECT account_sid, turn_id, row_version FROM turn_contents WHERE account_sid IN UNNEST(['AC1']) AND turn_id IN UNNEST(['WT1']);

SELECT key, row_version FROM flexbeam_deletes WHERE table_name = 'turn_contents' AND (row_time IS NULL OR row_time >= TIMESTAMP '2026-03-02 08:00:00+00' AND row_time <= TIMESTAMP '2026-03-02 09:00:00+00');

SELECT key, row_version FROM flexbeam_deletes WHERE table_name = 'turn_contents' AND row_time >= TIMESTAMP '2026-03-02 08:00:00+00' AND row_time <= TIMESTAMP '2026-03-02 09:00:00+00';

SELECT account_sid, turn_id, text, updated_at, row_version FROM turn_contents WHERE account_sid IN UNNEST(['AC1']);

SELECT account_sid, turn_id, text, updated_at, row_version FROM turn_contents;

SELECT account_sid, turn_id, row_version FROM turn_contents WHERE turn_id IN UNNEST(['AC1']);

INSERT INTO flexbeam_rewrite_turn_contents (account_sid, turn_id, text, updated_at, row_version) SELECT account_sid, turn_id, text, updated_at, row_version FROM turn_contents;

CREATE TABLE IF NOT EXISTS flexbeam_staging_dead_letters (
  flexbeam_key STRING,
  flexbeam_deleted BOOL,
  flexbeam_forgets BOOL,
  flexbeam_arrival INT64,
  source STRING,
  position STRING,
  error_class STRING,
  error STRING,
  payload BYTES,
  received_at TIMESTAMP,
  updated_at TIMESTAMP,
  row_version INT64
);

CREATE TABLE IF NOT EXISTS flexbeam_rewrite_dead_letters (
  source STRING,
  position STRING,
  error_class STRING,
  error STRING,
  payload BYTES,
  received_at TIMESTAMP,
  updated_at TIMESTAMP,
  row_version INT64
);

MERGE flexbeam_deletes AS t
USING (
  SELECT flexbeam_key AS row_key, row_version, CURRENT_TIMESTAMP() AS row_time FROM (
  SELECT * FROM flexbeam_staging_dead_letters
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY flexbeam_key ORDER BY COALESCE(row_version, 0) DESC, flexbeam_arrival DESC) = 1
  ) WHERE flexbeam_deleted AND NOT flexbeam_forgets
) AS s
ON t.table_name = 'dead_letters' AND t.key = s.row_key
WHEN MATCHED AND COALESCE(s.row_version, 0) > t.row_version THEN
  UPDATE SET row_version = COALESCE(s.row_version, 0), row_time = s.row_time
WHEN NOT MATCHED THEN
  INSERT (table_name, key, row_version, row_time) VALUES ('dead_letters', s.row_key, COALESCE(s.row_version, 0), s.row_time);

MERGE dead_letters AS t
USING (
  SELECT n.* FROM (
  SELECT * FROM flexbeam_staging_dead_letters
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY flexbeam_key ORDER BY COALESCE(row_version, 0) DESC, flexbeam_arrival DESC) = 1
  ) AS n
  LEFT JOIN flexbeam_deletes AS d ON d.table_name = 'dead_letters' AND d.key = n.flexbeam_key
  WHERE d.row_version IS NULL OR COALESCE(n.row_version, 0) >= d.row_version
) AS s
ON t.source = s.source AND t.position = s.position
WHEN MATCHED AND s.flexbeam_deleted AND COALESCE(s.row_version, 0) >= COALESCE(t.row_version, 0) THEN
  DELETE
WHEN MATCHED AND NOT s.flexbeam_deleted AND COALESCE(s.row_version, 0) >= COALESCE(t.row_version, 0) THEN
  UPDATE SET error_class = s.error_class, error = s.error, payload = s.payload, received_at = s.received_at, updated_at = s.updated_at, row_version = s.row_version
WHEN NOT MATCHED AND NOT s.flexbeam_deleted THEN
  INSERT (source, position, error_class, error, payload, received_at, updated_at, row_version) VALUES (s.source, s.position, s.error_class, s.error, s.payload, s.received_at, s.updated_at, s.row_version);

SELECT * FROM flexbeam_staging_dead_letters
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY flexbeam_key ORDER BY COALESCE(row_version, 0) DESC, flexbeam_arrival DESC) = 1
  ORDER BY flexbeam_arrival;

SELECT flexbeam_key, COALESCE(row_version, 0) AS row_version, CURRENT_TIMESTAMP() AS row_time FROM (
  SELECT * FROM flexbeam_staging_dead_letters
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY flexbeam_key ORDER BY COALESCE(row_version, 0) DESC, flexbeam_arrival DESC) = 1
) WHERE flexbeam_deleted AND NOT flexbeam_forgets;

SELECT source, position, row_version FROM dead_letters WHERE source IN UNNEST(['AC1']) AND position IN UNNEST(['WT1']);

SELECT key, row_version FROM flexbeam_deletes WHERE table_name = 'dead_letters' AND (row_time IS NULL OR row_time >= TIMESTAMP '2026-03-02 08:00:00+00' AND row_time <= TIMESTAMP '2026-03-02 09:00:00+00');

SELECT key, row_version FROM flexbeam_deletes WHERE table_name = 'dead_letters' AND row_time >= TIMESTAMP '2026-03-02 08:00:00+00' AND row_time <= TIMESTAMP '2026-03-02 09:00:00+00';

SELECT source, position, error_class, error, payload, received_at, updated_at, row_version FROM dead_letters WHERE source IN UNNEST(['AC1']);

SELECT source, position, error_class, error, payload, received_at, updated_at, row_version FROM dead_letters;

SELECT source, position, row_version FROM dead_letters WHERE position IN UNNEST(['AC1']);

INSERT INTO flexbeam_rewrite_dead_letters (source, position, error_class, error, payload, received_at, updated_at, row_version) SELECT source, position, error_class, error, payload, received_at, updated_at, row_version FROM dead_letters;

SELECT table_name FROM flexbeam_deletes GROUP BY table_name;

SELECT 'engagements' AS table_name, COUNT(*) AS row_count FROM engagements
UNION ALL
SELECT 'agents' AS table_name, COUNT(*) AS row_count FROM agents
UNION ALL
SELECT 'agent_status' AS table_name, COUNT(*) AS row_count FROM agent_status
UNION ALL
SELECT 'customers' AS table_name, COUNT(*) AS row_count FROM customers
UNION ALL
SELECT 'turns' AS table_name, COUNT(*) AS row_count FROM turns
UNION ALL
SELECT 'turn_contents' AS table_name, COUNT(*) AS row_count FROM turn_contents
UNION ALL
SELECT 'dead_letters' AS table_name, COUNT(*) AS row_count FROM dead_letters;

SELECT key, row_version FROM flexbeam_deletes WHERE table_name = 'flexbeam_written';
