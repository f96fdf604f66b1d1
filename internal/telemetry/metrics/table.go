package metrics

import (
	"sync/atomic"
	"time"

	"flexbeam/internal/telemetry"
	"flexbeam/schemas/evidence"
	"flexbeam/schemas/model"
)

// Table lists the metrics in the order of the documentation. Beside them the Go runtime and the
// process show theirs, go_… and process_….
var Table = []Metric{
	{Name: "flexbeam_build_info", Kind: Gauge, Labels: []string{"version", "go_version", "beam_version"},
		Help:   "Always 1; the labels say what is running.",
		values: func(j job, emit emitter) { emit(1, j.build.Version, j.build.Go, j.build.Beam) }},

	{Name: "flexbeam_records_total", Kind: Counter,
		Help:   "Records read, dead letters and dropped ones included.",
		values: one(func(c *telemetry.Counters) *atomic.Int64 { return &c.Records })},
	{Name: "flexbeam_read_bytes_total", Kind: Counter,
		Help:   "Bytes of input read.",
		values: one(func(c *telemetry.Counters) *atomic.Int64 { return &c.Bytes })},
	{Name: "flexbeam_events_total", Kind: Counter,
		Help:   "Records that gave an event, copies included.",
		values: one(func(c *telemetry.Counters) *atomic.Int64 { return &c.Events })},
	{Name: "flexbeam_distinct_events_total", Kind: Counter,
		Help:   "Distinct events that were folded into rows.",
		values: one(func(c *telemetry.Counters) *atomic.Int64 { return &c.Distinct })},
	{Name: "flexbeam_duplicates_total", Kind: Counter,
		Help:   "Copies of events that were met while folding, and used once only.",
		values: one(func(c *telemetry.Counters) *atomic.Int64 { return &c.Repeats })},
	{Name: "flexbeam_dropped_total", Kind: Counter,
		Help:   "Test events and events outside TaskRouter, which are left out.",
		values: one(func(c *telemetry.Counters) *atomic.Int64 { return &c.Dropped })},
	{Name: "flexbeam_bad_attributes_total", Kind: Counter,
		Help:   "Events whose attributes were no JSON object and count as none.",
		values: one(func(c *telemetry.Counters) *atomic.Int64 { return &c.BadAttrs })},
	{Name: "flexbeam_dead_letters_total", Kind: Counter, Labels: []string{"class"},
		Help: "Records that could not be used, by error class: rows of the table dead_letters.",
		values: func(j job, emit emitter) {
			for class, n := range j.Letters() {
				emit(float64(n), class)
			}
		}},

	{Name: "flexbeam_missing", Kind: Gauge, Labels: []string{"sign"},
		Help: "Tasks, offers, engagements and agents that show that events are missing, since the state began: not subscribed to, or lost.",
		values: func(j job, emit emitter) {
			c := j.Missing.Counts()
			for _, s := range evidence.Signs {
				emit(float64(c[s.Missing]), s.Name)
			}
		}},
	{Name: "flexbeam_missing_of", Kind: Gauge, Labels: []string{"sign"},
		Help: "How many tasks, offers, engagements and agents there were that flexbeam_missing is a part of.",
		values: func(j job, emit emitter) {
			c := j.Missing.Counts()
			for _, s := range evidence.Signs {
				emit(float64(c[s.Of]), s.Name)
			}
		}},

	{Name: "flexbeam_rows_total", Kind: Counter, Labels: []string{"table", "change"},
		Help: "Changes of rows given to the sink, by table and by upsert or delete.",
		values: func(j job, emit emitter) {
			for _, t := range model.Tables {
				emit(float64(j.Changes[t.ID].Load()), t.Name, "upsert")
				emit(float64(j.Deleted[t.ID].Load()), t.Name, "delete")
			}
		}},
	{Name: "flexbeam_left_alone_total", Kind: Counter, Labels: []string{"what"},
		Help: "Tasks, and quarter hours of agents, that were left as they are in the sink since another job knows more of them: how many met that in this process.",
		values: func(j job, emit emitter) {
			emit(float64(j.TasksLeft.Load()), "task")
			emit(float64(j.QuartersLeft.Load()), "quarter_hour")
		}},
	{Name: "flexbeam_sink_queries_total", Kind: Counter,
		Help: "Queries that the sink has answered for this process: looking up rows, and MERGE. DuckDB and JSON lines charge for none and show 0.",
		values: func(j job, emit emitter) {
			n, _ := j.Queries()
			emit(float64(n))
		}},
	{Name: "flexbeam_sink_billed_bytes_total", Kind: Counter,
		Help: "Bytes that the sink's service bills for these queries.",
		values: func(j job, emit emitter) {
			_, billed := j.Queries()
			emit(float64(billed))
		}},
	{Name: "flexbeam_transcripts_total", Kind: Counter, Labels: []string{"outcome"},
		Help: "Transcripts of conversations: fetched, gone (Twilio did not have them when it was first asked), and spared (the sink has their turns).",
		values: func(j job, emit emitter) {
			emit(float64(j.Transcripts.Fetched.Load()), "fetched")
			emit(float64(j.Transcripts.Gone.Load()), "gone")
			emit(float64(j.Transcripts.Spared.Load()), "spared")
		}},
	{Name: "flexbeam_twilio_requests_total", Kind: Counter, Labels: []string{"product", "outcome"},
		Help: "Requests to Twilio, further attempts of a call included: ok, not_found, refused, throttled (429), unavailable (5xx, no answer) or broken (an answer that cannot be used).",
		values: func(j job, emit emitter) {
			j.Twilio.Requests(func(r telemetry.TwilioRequests, n int64) { emit(float64(n), r.Product, r.Outcome) })
		}},
	{Name: "flexbeam_twilio_retries_total", Kind: Counter, Labels: []string{"product"},
		Help: "Part of these requests that were further attempts of a call.",
		values: func(j job, emit emitter) {
			for product, n := range j.Twilio.Retries() {
				emit(float64(n), product)
			}
		}},
	{Name: "flexbeam_twilio_wait_seconds", Kind: Histogram,
		Help:   "How long requests to Twilio waited for a place among those that are made at once, and for what is left of TaskRouter's limits.",
		spread: (*telemetry.Counters).TwilioWaits},
	{Name: "flexbeam_twilio_limit", Kind: Gauge, Labels: []string{"account", "use"},
		Help: "How many calls to Twilio may be made at once now, for TaskRouter's log and for transcripts: fewer after a 429, more while answers stay quick.",
		values: func(j job, emit emitter) {
			for l, n := range j.Twilio.Limits() {
				emit(float64(n), l.Account, l.Use)
			}
		}},
	{Name: "flexbeam_latency_seconds", Kind: Histogram,
		Help:   "Time from the arrival of a record in the stream to its visible row, the end of the flush that showed it: of each fold of a task, for the first record that had waited for it.",
		spread: (*telemetry.Counters).Latency},

	{Name: "flexbeam_shards", Kind: Gauge, Labels: []string{"stream", "state"},
		Help: "Shards that this process has read from, by stream: open, or closed and read to the end. One that its stream lists no longer goes within about an hour.",
		values: func(j job, emit emitter) {
			type count struct{ open, closed int }
			streams := map[string]*count{}
			for _, s := range j.Shards() {
				n := streams[s.Stream]
				if n == nil {
					n = new(count)
					streams[s.Stream] = n
				}
				if s.Open() {
					n.open++
				} else {
					n.closed++
				}
			}
			for stream, n := range streams {
				emit(float64(n.open), stream, "open")
				emit(float64(n.closed), stream, "closed")
			}
		}},
	{Name: "flexbeam_shard_behind_seconds", Kind: Gauge, Labels: []string{"stream", "shard"},
		Help: "How far the last poll of an open shard was behind its newest record.",
		values: perShard(func(s *telemetry.Shard) (float64, bool) {
			d, ok := s.Behind()
			return d.Seconds(), ok
		})},
	{Name: "flexbeam_shard_watermark_timestamp_seconds", Kind: Gauge, Labels: []string{"stream", "shard"},
		Help:   "Up to which time of arrival an open shard is read, as Unix time.",
		values: perShard(func(s *telemetry.Shard) (float64, bool) { return unix(s.Watermark()) })},
	{Name: "flexbeam_shard_last_poll_timestamp_seconds", Kind: Gauge, Labels: []string{"stream", "shard"},
		Help:   "When a poll of an open shard last succeeded, as Unix time.",
		values: perShard(func(s *telemetry.Shard) (float64, bool) { return unix(s.LastPoll()) })},
	{Name: "flexbeam_watermark_timestamp_seconds", Kind: Gauge,
		Help:   "Up to which time of arrival the job has read, the least of its open shards, as Unix time.",
		values: maybe(func(c *telemetry.Counters) (float64, bool) { return unix(c.Watermark()) })},
	{Name: "flexbeam_watermark_age_seconds", Kind: Gauge,
		Help: "How far the job's watermark is behind the clock.",
		values: maybe(func(c *telemetry.Counters) (float64, bool) {
			age, ok := c.WatermarkAge()
			return age.Seconds(), ok
		})},
	{Name: "flexbeam_source_throttled_total", Kind: Counter,
		Help:   "Calls that the stream's service refused for their rate; they are repeated later.",
		values: one(func(c *telemetry.Counters) *atomic.Int64 { return &c.Throttled })},
	{Name: "flexbeam_source_expired_iterators_total", Kind: Counter,
		Help:   "Shard iterators that expired and were renewed from the last sequence number.",
		values: one(func(c *telemetry.Counters) *atomic.Int64 { return &c.Expired })},
	{Name: "flexbeam_source_resubscriptions_total", Kind: Counter,
		Help:   "Subscriptions of enhanced fan-out that were begun again.",
		values: one(func(c *telemetry.Counters) *atomic.Int64 { return &c.Resubscribed })},

	{Name: "flexbeam_open_tasks", Kind: Gauge,
		Help:   "Tasks that have begun and not ended.",
		values: one(func(c *telemetry.Counters) *atomic.Int64 { return &c.OpenTasks })},
	{Name: "flexbeam_state_keys", Kind: Gauge, Labels: []string{"kind"},
		Help:   "Tasks, agents and contacts held in state; a task stays for a while after its end.",
		values: held(func(h *telemetry.Held) *atomic.Int64 { return &h.Keys })},
	{Name: "flexbeam_state_bytes", Kind: Gauge, Labels: []string{"kind"},
		Help:   "Size of the state of tasks, agents and contacts.",
		values: held(func(h *telemetry.Held) *atomic.Int64 { return &h.Bytes })},
	{Name: "flexbeam_state_disk_bytes", Kind: Gauge, Labels: []string{"kind"},
		Help:   "Part of that size which is spilled to disk and not in memory: of tasks that have ended, and of contacts.",
		values: held(func(h *telemetry.Held) *atomic.Int64 { return &h.Disk })},
	{Name: "flexbeam_state_log_bytes", Kind: Gauge,
		Help:   "Size of the files in the state directory: the log, and what it names of ended tasks.",
		values: one(func(c *telemetry.Counters) *atomic.Int64 { return &c.StateLog.Bytes })},
	{Name: "flexbeam_state_log_live_bytes", Kind: Gauge,
		Help:   "Part of that size which a restart would still need.",
		values: one(func(c *telemetry.Counters) *atomic.Int64 { return &c.StateLog.Live })},
	{Name: "flexbeam_state_log_compactions_total", Kind: Counter,
		Help:   "How often the state log was written anew without what is no longer needed.",
		values: one(func(c *telemetry.Counters) *atomic.Int64 { return &c.StateLog.Compactions })},
	{Name: "flexbeam_state_log_last_sync_timestamp_seconds", Kind: Gauge,
		Help:   "When the state log was last brought to disk, as Unix time.",
		values: maybe(func(c *telemetry.Counters) (float64, bool) { return unix(c.StateLog.LastSync()) })},

	{Name: "flexbeam_flush_duration_seconds", Kind: Histogram,
		Help:   "How long flushes of the sink took, failed ones included; the count is that of flushes.",
		spread: (*telemetry.Counters).Flushes},
	{Name: "flexbeam_flush_failures_total", Kind: Counter,
		Help:   "Flushes of the sink that failed.",
		values: func(j job, emit emitter) { emit(float64(j.FlushFailures())) }},
	{Name: "flexbeam_last_flush_timestamp_seconds", Kind: Gauge,
		Help:   "When a flush of the sink last succeeded, as Unix time.",
		values: maybe(func(c *telemetry.Counters) (float64, bool) { return unix(c.LastFlush()) })},
}

// one reads a value that is always there.
func one(of func(*telemetry.Counters) *atomic.Int64) func(job, emitter) {
	return func(j job, emit emitter) { emit(float64(of(j.Counters).Load())) }
}

// maybe reads a value that is not there from the start.
func maybe(of func(*telemetry.Counters) (float64, bool)) func(job, emitter) {
	return func(j job, emit emitter) {
		if v, ok := of(j.Counters); ok {
			emit(v)
		}
	}
}

// perShard reads a value of every open shard: what is closed would stay for ever.
func perShard(of func(*telemetry.Shard) (float64, bool)) func(job, emitter) {
	return func(j job, emit emitter) {
		for _, s := range j.Shards() {
			if v, ok := of(s); ok && s.Open() {
				emit(v, s.Stream, s.ID)
			}
		}
	}
}

// held reads a value of every kind of key.
func held(of func(*telemetry.Held) *atomic.Int64) func(job, emitter) {
	return func(j job, emit emitter) {
		emit(float64(of(&j.Tasks).Load()), "task")
		emit(float64(of(&j.Agents).Load()), "agent")
		emit(float64(of(&j.Contacts).Load()), "contact")
	}
}

// unix returns a time as Unix seconds; ok is false for the zero time.
func unix(t time.Time) (float64, bool) { return float64(t.UnixMilli()) / 1000, !t.IsZero() }
