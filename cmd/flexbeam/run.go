package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"flexbeam/internal/config"
	"flexbeam/internal/console"
	"flexbeam/internal/telemetry"
	"flexbeam/pipeline"
	"flexbeam/schemas/event"
	"flexbeam/transforms/keyed"
)

const runLong = `Run a job: read TaskRouter events from a source and keep the tables of a sink up to date.

A job may run again over the same sink, on the same events or more: rows settle by key and version, so repeating changes nothing.
Give a job all events of the tasks that it reads: of two jobs, the one that knows more of a task decides its rows.

Sources  file:PATTERN    JSON values, on lines or spread over them; plain, gzip or zstd; * and ? match file names, commas separate patterns.
                         file:PATTERN?lateness=6h lets --mode stream settle rows while it reads, that far behind the newest event.
         s3://BUCKET/PATTERN, gs://BUCKET/PATTERN
                         the same of objects in Amazon S3, or a server like it, and Google Cloud Storage; a slash at the end stands for all
                         below, ** for any folders. Of S3 region and endpoint are options. Credentials are those of the environment; see
                         docs/inputs.md
         kinesis:STREAM  Amazon Kinesis streams, by name or ARN, commas between; read until SIGINT, SIGTERM or SIGHUP, which drain the job.
                         Options behind ?, with & between: start=trim-horizon (the oldest record there is), latest (from about a second
                         before the job began) or at:TIME; region, endpoint, consumer (enhanced fan-out), role_arn and external_id.
                         Those of the last stream hold for all that do not set them.
         taskrouter:WORKSPACE
                         TaskRouter's log of events, over Twilio's REST API, by the workspace's SID. Options behind ?, with & between:
                         from and to (RFC 3339, yesterday, today, or 36h for so long ago; by default the last 24 hours), account, key,
                         secret=REFERENCE, region, endpoint, window, parallel, snapshots=no (no agents whom no event names),
                         keep=DIR (what was read is kept there, so that a job that was ended goes on), old=yes (beyond 30 days, of which
                         the log shows no attributes). Credentials come from TWILIO_ACCOUNT_SID, TWILIO_API_KEY and TWILIO_API_SECRET, or
                         from the configuration, of which * stands for all workspaces. See docs/twilio.md
Sinks    duckdb:FILE     a DuckDB file with all tables; duckdb:FILE?memory_limit=2GB&writers=1 bounds it
         jsonl:DIR       one file of JSON lines for each table
         bigquery:PROJECT.DATASET
                         BigQuery tables, live or by load jobs, with Application Default Credentials; see docs/bigquery.md
Runners  auto            the fastest that can do the job: direct for files in batch mode, prism for all else
         direct          Beam's direct runner, in this process: batch only, quickest
         prism           Beam's portable runner, in this process: batch and stream
         flink           a Flink cluster, at --flink-endpoint and --flink-rest, which keeps the state of a stream; see docs/flink.md.
                         In the environment loopback, which is there to try things, transforms run in this process and every source
                         and sink will do; in the others files, duckdb: and jsonl: are refused, as they are on this machine's disks; objects are not.
         dataflow        Google's Dataflow, with the --dataflow- flags, which keeps the state of a stream while it runs; see
                         docs/dataflow.md. The same sources and sinks are refused. --dry-run prints the job, and needs no project.

With --from and --to a job with an end writes only the tasks whose newest event lies in that time, and the quarter hours of agents that were
decided then. TaskRouter's log is read for these tasks, each of them whole; files are read from 15 days before. Tasks whose begin (task.created)
was not read are counted and left out. So a job with --from yesterday --to today may run every day over tables that a live job keeps.

A stream is read on where its --state directory ends, also after kill -9: it holds the events of open tasks and of those that ended
within a day, the last day of each agent, and the position of each shard. Without one, a new process begins at start.
A directory belongs to the streams that were read with it; --add-stream adds those that it does not know.
On Flink the cluster keeps all that: a signal stops the job by a savepoint, and --flink-savepoint goes on from there.
On Dataflow the service keeps all that: a signal leaves the job running, and --dataflow-update replaces it with its state.

Where event types seem not to be subscribed to, or events were lost, the summary says which to look for, and of a stream a warning
once an hour.

A customer left a queue if the reason of the cancellation is, by its letters and digits, in any case, one of --customer-left-reason; by default:
hangup, customer_hangup, caller hung up, customer hung up, customer left, customer ended chat.

With --config, or FLEXBEAM_CONFIG, a file names accounts of Twilio, sinks and all options: flexbeam config --help. A flag counts before its environment
variable, such as FLEXBEAM_FLUSH_EVERY, and that before the file. A REFERENCE says where a secret is: env:NAME, file:PATH,
awssecretsmanager://NAME?region=REGION or gcpsecretmanager://projects/PROJECT/secrets/NAME.

With credentials of Twilio in TWILIO_ACCOUNT_SID, TWILIO_API_KEY and TWILIO_API_SECRET, or in the configuration, the transcripts of conversations are
fetched, and become turns: with --turns missing, the default then, those of which the sink does not have the turns; all; or none. Options behind ?, with
& between: account, key, secret=REFERENCE, region, endpoint, parallel (calls at once), service (SID of the chat service),
legacy=yes (look for channels of Programmable Chat, too) and every (how often a stream looks at conversations that are open; 5m by default).
Texts go into turn_contents; with --turns-text apart that table goes into the sink --turns-text-sink, and with none every text is null. See
docs/twilio.md.

A record that cannot be used becomes a row of dead_letters, which says why and what to do, and the job goes on. With --max-dead-letters 0, 100 or
0.5% a job fails with exit status 1 if there are more, once all else is written. A stream is judged so when it is drained, by what its process read.

Contacts stay readable in the tables unless there is a key: from --contact-key or --contact-key-file, else from the environment variable
` + keyed.KeyVariable + ` or the file that ` + keyed.KeyFileVariable + ` names, else from the configuration. Keys that differ, of a flag and
the environment, are refused.
With a key they are HMAC-SHA256 in hex, equal for equal contacts; so is every other text of an engagement that equals a contact of its task. Texts that
only contain one stay, and dead letters have no payload.

A sink whose rows were made without a key is refused, unless --rekey hashes what they hold:
contact_id, each text that equals it or reads as an address, and each conversation_id that is no SID; payloads of dead letters go. Copy the file
first: nothing brings back what was hashed but a replay, which also reaches the rest. Once done, leave out --rekey.`

const runExample = `  flexbeam run --source file:day.ndjson.gz --sink duckdb:calls.duckdb
  flexbeam run --source 'file:archive/2026-03-*.ndjson.zst' --sink jsonl:out
  flexbeam run --source file:day.ndjson --sink duckdb:calls.duckdb --mode stream --flush-every 2s
  flexbeam run --source 'kinesis:flex-events?region=us-east-1' --sink duckdb:calls.duckdb --state calls.state --metrics-addr 127.0.0.1:9464
  flexbeam run --source 'taskrouter:WS0123456789abcdef0123456789abcdef?from=yesterday&to=today' --sink duckdb:calls.duckdb
  flexbeam run --config flexbeam.yaml
  flexbeam run --mode batch --from yesterday --to today --source taskrouter:WS0123456789abcdef0123456789abcdef --sink bigquery:my-project.flex
  flexbeam run --source file:day.ndjson --sink duckdb:calls.duckdb --as-of 2026-03-03T00:00:00Z --contact-key-file key.txt`

// runFlags are the flags of run as they were written: complete makes options of them.
type runFlags struct {
	rowFlags
	options  pipeline.Options
	config   configFlag
	runner   choice
	mode     choice
	asOf     string
	progress choice
	metrics  string
	letters  string
	times    rangeFlags
	flink    *flinkFlags
	dataflow *dataflowFlags
}

func newRunFlags() *runFlags {
	return &runFlags{
		runner:   newChoice(pipeline.Auto, pipeline.RunnerNames()...),
		mode:     newChoice(pipeline.Auto, pipeline.Auto, pipeline.Batch, pipeline.Stream),
		rowFlags: newRowFlags(),
		progress: newProgressChoice(),
		flink:    newFlinkFlags(),
		dataflow: newDataflowFlags(),
	}
}

func newRun(a *app) *cobra.Command {
	f := newRunFlags()
	cmd := &cobra.Command{
		Use:     "run --source URI --sink URI",
		Short:   "Turn events into tables",
		Long:    runLong,
		Example: runExample,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			file, err := a.configuration(cmd, f.config)
			if err == nil {
				err = f.complete(cmd, file)
			}
			if err == nil && f.options.Runner == pipeline.Dataflow {
				err = f.dataflow.key(cmd.Context(), &f.options, f.key, file)
			} else if err == nil {
				f.options.ContactKey, err = f.key.key(cmd.Context(), file)
			}
			if err != nil {
				return err
			}
			if time.Until(f.options.AsOf) > time.Hour { // not the odd clock
				a.log.Warn("--as-of is in the future: agents count as being in their activity up to it, and these rows stay until later events tell of that time",
					"as_of", f.options.AsOf.Format(time.RFC3339))
			}
			if f.dataflow.dryRun {
				return a.dryRun(cmd.Context(), f.options)
			}
			return located(cmd.Flags(), file, a.run(cmd.Context(), f.options, console.Kind(f.progress.value), f.metrics))
		},
	}
	f.add(cmd)
	return cmd
}

// add makes them flags of cmd.
func (f *runFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.SortFlags = false
	f.config.add(cmd)
	flags.StringVar(&f.options.Source, "source", "", "`URI` of the events: file:PATTERN, s3://… or gs://BUCKET/PATTERN, kinesis:STREAM or taskrouter:WORKSPACE (required)")
	flags.StringVar(&f.options.Sink, "sink", "",
		"`URI` of the tables: duckdb:FILE, jsonl:DIR or bigquery:PROJECT.DATASET (required)")
	f.runner.add(cmd, false, "runner",
		"what runs the Beam graph; auto is direct for files in batch mode, prism for all else")
	f.mode.add(cmd, false, "mode",
		"auto is batch for files, stream for streams; stream replays files as if their events came live")
	flags.StringVar(&f.asOf, "as-of", "",
		"`TIME` up to which running activities count: ISO 8601, epoch, or now; without it they do not count")
	f.times.add(cmd)
	f.rowFlags.add(cmd, &f.options)
	f.key.add(cmd)
	flags.StringVar(&f.options.Turns, "turns", "",
		"transcripts to fetch from Twilio: `missing|all|none`, options behind ?; missing where there are credentials")
	f.text.add(cmd, false, "turns-text", "what becomes of texts of turns: into turn_contents, that table into another sink, or nothing")
	flags.StringVar(&f.options.TextSink, "turns-text-sink", "", "`URI` of the sink of turn_contents, with --turns-text apart")
	flags.BoolVar(&f.options.NoDeadLetterPayload, "no-dead-letter-payload", false,
		"write dead letters without their record; a contact key implies it")
	flags.StringVar(&f.letters, "max-dead-letters", "",
		"fail, once all is written, if there are more than `N|P%` dead letters: a number, or a share of the records")
	flags.BoolVar(&f.options.Reshape, "reshape", false,
		"go on over a sink whose rows were made with other options that shape them; replay everything then")
	flags.BoolVar(&f.options.Rekey, "rekey", false,
		"over a sink whose rows were made without a contact key: first put this job's into them; see above")
	flags.DurationVar(&f.options.FlushEvery, "flush-every", 0,
		"in stream mode, how often rows become visible (default 5s for files, 1s for a stream)")
	flags.StringVar(&f.options.State, "state", "",
		"`DIR` that holds what a stream's next process needs to go on; made if it is not there")
	flags.BoolVar(&f.options.AddStream, "add-stream", false,
		"read streams that the state directory does not know yet; else one of other streams is refused")
	flags.BoolVar(&f.options.AtOnce, "at-once", false,
		"of a stream: fold events when they are read, not when the watermark has passed them")
	f.progress.add(cmd, false, "progress", "how progress is shown; auto is bar on a terminal, plain elsewhere")
	flags.StringVar(&f.metrics, "metrics-addr", "",
		"`HOST:PORT` that serves /metrics for Prometheus, /healthz, /readyz; "+
			":PORT is the loopback interface, port 0 a free one")
	f.flink.add(cmd)
	f.dataflow.add(cmd)
	completeNothing(cmd, "source", "sink", "as-of", "turns", "turns-text-sink", "max-dead-letters", "flush-every", "metrics-addr")
}

// complete checks the flags and fills the options from them and from the configuration, all but the
// contact key. Its errors are usage errors.
func (f *runFlags) complete(cmd *cobra.Command, file *config.File) error {
	all := f.problems(cmd, file)
	switch o := f.options; {
	case len(all) > 0:
		return all[0]
	case o.Source == "":
		return usagef("--source is missing: write such as --source 'file:events/*.ndjson.gz'")
	case o.Sink == "":
		return usagef("--sink is missing: write such as --sink duckdb:calls.duckdb")
	}
	return nil
}

// problems is complete, and returns all that is wrong, but for what is missing. What the configuration
// says is told with its place.
func (f *runFlags) problems(cmd *cobra.Command, file *config.File) (all []error) {
	o := &f.options
	f.rowFlags.complete(cmd, o, file)
	o.Source = cmp.Or(o.Source, streamsOf(file))
	o.Runner, o.Mode = f.runner.value, f.mode.value
	said := cmd.Flags().Changed
	check := func(err error) {
		if err != nil {
			all = append(all, located(cmd.Flags(), file, err))
		}
	}
	var err error
	if o.FlushEvery <= 0 && said("flush-every") {
		check(usagef("--flush-every %v: write a time above 0, such as 5s", o.FlushEvery))
	}
	check(checkAddr(f.metrics))
	o.Flink, err = f.flink.complete(cmd, o.Runner)
	check(err)
	o.Dataflow, err = f.dataflow.complete(cmd, o.Runner)
	check(err)
	if said("as-of") {
		o.AsOf, err = parseTime("as-of", f.asOf)
		check(err)
	}
	check(f.times.complete(cmd, o, time.Now()))
	if said("max-dead-letters") {
		if o.MaxDeadLetters, err = pipeline.ParseLimit(f.letters); err != nil {
			check(usagef("--max-dead-letters: %w", err))
		}
	}
	return all
}

// named returns the names that are not blank: a blank one alone hides nothing.
func named(names []string) []string {
	all := []string{}
	for _, name := range names {
		if name = strings.TrimSpace(name); name != "" {
			all = append(all, name)
		}
	}
	return all
}

// parseTime parses the value of a flag that is a time.
func parseTime(flag, text string) (time.Time, error) {
	if strings.EqualFold(strings.TrimSpace(text), "now") {
		return time.Now(), nil
	}
	at, ok := event.ParseTime(text)
	if !ok || at <= 0 {
		return time.Time{}, usagef("--%s %q is no time: write such as 2026-03-03T00:00:00Z, an epoch in seconds or milliseconds, or now", flag, text)
	}
	return time.UnixMilli(int64(at)).UTC(), nil
}

// run runs a job and prints its summary.
func (a *app) run(ctx context.Context, o pipeline.Options, kind console.Kind, metricsAddr string) error {
	o.Log = a.log
	job, err := pipeline.New(o)
	if err != nil {
		return err
	}
	o.Runner, o.Mode = job.Runner(), job.Mode()
	a.log.Info("job starts", "source", o.Source, "sink", o.Sink, "runner", o.Runner, "mode", o.Mode,
		"bytes", job.Counters().BytesTotal.Load())
	a.tellOfTranscripts(job)
	stopMetrics, err := a.serveMetrics(metricsAddr, job.Counters())
	if err != nil {
		return err
	}
	defer stopMetrics()
	stopProgress := a.showProgress(kind, job.Counters())
	defer stopProgress()
	sum, err := job.Run(ctx)
	stopProgress()
	if err != nil && !errors.Is(err, pipeline.ErrDeadLetters) {
		a.log.Info("job failed", "elapsed_seconds", sum.Elapsed.Seconds(), "events", sum.Events)
		if errors.Is(err, errInterrupted) {
			return fmt.Errorf("%w after %s with %.0f %% done: %s keeps the rows that were settled; "+
				"to go on, run the same command again, what is there already counts once",
				context.Cause(ctx), console.Duration(sum.Elapsed), 100*max(0, jobWork(job.Counters()).Share), place(o.Sink))
		}
		return err
	}
	if err == nil && o.Runner == pipeline.Dataflow && (o.Dataflow.Detach || o.Dataflow.Template != "") {
		a.handed(o, job.Savepoint())
		return nil
	}
	a.summarize(o, sum)
	if job.Live() && a.logFormat.value != "json" {
		fmt.Fprintln(a.screen, drained(o, job.Savepoint()))
	}
	switch {
	case err != nil || job.Live() || sum.Remote:
	case sum.Useless():
		a.warnUseless(sum)
	case sum.Records == 0:
		a.warnEmpty(o.Source)
	case !o.From.IsZero() && sum.Chosen == 0:
		a.warnOutside(o)
	}
	return err
}

// tellOfTranscripts says that transcripts are fetched though nothing on the command line asks for them, or
// that none are since a part of the credentials is missing.
func (a *app) tellOfTranscripts(job *pipeline.Job) {
	if lacking := job.LackingCredentials(); len(lacking) > 0 {
		a.log.Warn("no transcripts are fetched: a part of Twilio's credentials is not set; say --turns none if none are wanted", "not_set", strings.Join(lacking, " "))
	}
	if accounts := job.UnaskedTranscripts(); len(accounts) > 0 {
		a.tell(slog.LevelInfo, "transcripts of conversations are fetched for "+strings.Join(accounts, ", ")+", since there are credentials; --turns none leaves them out",
			"transcripts are fetched", "accounts", accounts)
	}
}

// dryRun prints what a job would be on Dataflow.
func (a *app) dryRun(ctx context.Context, o pipeline.Options) error {
	o.Log = a.log
	job, err := pipeline.New(o)
	if err != nil {
		return err
	}
	if err := job.DescribeDataflow(ctx, a.stdout); err != nil {
		return err
	}
	fmt.Fprintln(a.screen, "dry run: the graph fits Dataflow, and nothing was run; what the service itself would refuse is not known")
	return nil
}

// handed says that a job was handed to Dataflow, of which nothing more is known.
func (a *app) handed(o pipeline.Options, id string) {
	a.tell(slog.LevelInfo, drained(o, id), "job created", "id", id, "project", o.Dataflow.Project, "region", o.Dataflow.Region, "template", o.Dataflow.Template)
}

// drained says how to go on with a stream that this process has let go of.
func drained(o pipeline.Options, savepoint string) string {
	switch {
	case o.Runner == pipeline.Dataflow && o.Dataflow.Template != "":
		return "the template is written to " + o.Dataflow.Template
	case o.Runner == pipeline.Dataflow && savepoint != "":
		return fmt.Sprintf("the job %s runs on; flexbeam job status, drain or cancel %[1]s %s", savepoint, onDataflow(o.Dataflow))
	case o.Runner == pipeline.Dataflow:
		return "the job has ended: the next one begins where start= says"
	case savepoint != "":
		return "the job is stopped; the same command goes on with --flink-savepoint " + savepoint
	case o.Runner == pipeline.Flink:
		return "the job has ended, and made no savepoint: the next run begins where start= says"
	case o.State == "":
		return "what was read is written; without --state the next run begins where start= says"
	}
	return "what was read is written; the same command goes on from " + o.State
}

// readShare is about the share of a batch job's time in which it reads. In the rest it folds.
const readShare = 0.6

// jobWork computes from a job's counters how far the job is.
func jobWork(c *telemetry.Counters) console.Work {
	if c.Unbounded.Load() {
		return streamWork(c)
	}
	w := console.Work{Phase: "reading", Bytes: c.Bytes.Load(), BytesTotal: c.BytesTotal.Load(), Events: c.Events.Load(), Share: -1}
	if w.BytesTotal <= 0 {
		return w
	}
	w.Share = readShare * min(1, float64(w.Bytes)/float64(w.BytesTotal))
	if w.Bytes >= w.BytesTotal {
		w.Phase = "folding"
		distinct := c.Distinct.Load()
		if w.Events > 0 {
			w.Share = readShare + (1-readShare)*min(1, float64(distinct)/float64(w.Events))
		}
		w.Events, w.Bytes, w.BytesTotal = distinct, 0, 0
	}
	return w
}
