package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/klauspost/compress/gzip"
	"github.com/spf13/cobra"

	"flexbeam/internal/console"
	"flexbeam/internal/testkit/twiliolocal"
	"flexbeam/simulate/chat"
)

const localTwilioLong = `Run a Twilio on this machine, to try flexbeam without an account there. It knows what flexbeam calls: TaskRouter's
log of events, workers, activities and queues, Conversations, and the resources of Event Streams.

The log holds the events of --events, a file that flexbeam simulate --form rest writes, plain or gzip. The workers, activities and
queues that they name are there, too, and what was said in their chats is invented. --chats names events of chats alone, in any form that
flexbeam reads. Its time is shortly behind the newest event, so that nothing is older than the log keeps.

With --kinesis-endpoint the test events of flexbeam setup go to the streams of that server, such as that of flexbeam local kinesis,
by their names.

With --parallel it refuses calls beyond so many at once, and with --fail it fails some, as Twilio may.

Everything is in memory and gone when the command ends. There is one account with one API key, which the command prints: whoever
reaches the address may read.`

const localTwilioExample = `  flexbeam simulate --tasks 2000 --form rest --out log.ndjson
  flexbeam local twilio --events log.ndjson
  flexbeam local twilio --events log.ndjson --latency 100ms --parallel 20 --fail 0.05`

// localTwilioFlags are the flags of local twilio.
type localTwilioFlags struct {
	options twiliolocal.Options
	events  string
	chats   string
	kinesis string
	fail    float64
}

func newLocalTwilio(a *app) *cobra.Command {
	f := localTwilioFlags{options: twiliolocal.Options{Secret: twiliolocal.DefaultSecret}}
	cmd := &cobra.Command{
		Use:     "twilio",
		Short:   "Run a Twilio on this machine, to try things",
		Long:    localTwilioLong,
		Example: localTwilioExample,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case f.options.Parallel < 0:
				return usagef("--parallel %d: write a number of calls, or 0 for any number", f.options.Parallel)
			case !(f.fail >= 0 && f.fail < 1):
				return usagef("--fail %v: write a share from 0 to below 1", f.fail)
			}
			return a.localTwilio(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.options.Addr, "addr", "127.0.0.1:4010", "`ADDRESS` to listen at; port 0 is any free one")
	flags.StringVar(&f.events, "events", "", "`FILE` with events of the log, in the form rest")
	flags.StringVar(&f.chats, "chats", "", "`FILE` with events whose chats have transcripts, in any form")
	flags.StringVar(&f.kinesis, "kinesis-endpoint", "", "`URL` of the Kinesis that test events of sinks go to, such as http://127.0.0.1:4567")
	flags.DurationVar(&f.options.Latency, "latency", 0, "how long an answer takes")
	flags.IntVar(&f.options.Parallel, "parallel", 0, "calls at once; more are refused; 0 is any number")
	flags.Float64Var(&f.fail, "fail", 0, "`SHARE` of the calls that fail, from 0 to below 1")
	completeNothing(cmd, "addr", "kinesis-endpoint", "latency", "parallel", "fail")
	return cmd
}

// localTwilio serves until ctx ends.
func (a *app) localTwilio(ctx context.Context, f localTwilioFlags) error {
	log, err := readLog(f.events)
	if err != nil {
		return fmt.Errorf("--events: %w: write one with flexbeam simulate --form rest", err)
	}
	said, err := readLog(f.chats)
	if err != nil {
		return fmt.Errorf("--chats: %w", err)
	}
	chats := chat.Read([]byte(log.text + said.text))
	if log.account == "" && len(chats) > 0 {
		f.options.Account = chats[0].Account
	}
	f.options.Deliver = a.deliver(f.kinesis)
	began := time.Now()
	if log.account != "" {
		f.options.Account = log.account
		f.options.Now = func() time.Time { return log.newest.Add(5*time.Minute + time.Since(began)) }
	}
	s := twiliolocal.New(f.options)
	if _, err := s.LoadEvents(strings.NewReader(log.text)); err != nil {
		return fmt.Errorf("--events %s: %w", f.events, err)
	}
	told := 0
	for _, c := range chats {
		if c.Account == s.Account() {
			c.AddTo(s)
			told++
		}
	}
	if f.fail > 0 {
		each := f.fail / 4
		for i, fault := range []twiliolocal.Fault{{Status: 503, HTML: true}, {Status: 500}, {Cut: true}, {Reset: true}} {
			fault.Probability, fault.Seed = each, uint64(i)
			s.Inject(fault)
		}
	}
	if err := s.Start(); err != nil {
		return listenError(f.options.Addr, err)
	}
	defer s.Close()
	fmt.Fprintf(a.stdout, "Twilio at %s, in memory only; Ctrl-C ends it\n  export TWILIO_ACCOUNT_SID=%s TWILIO_API_KEY=%s TWILIO_API_SECRET=%s\n", s.URL, s.Account(), s.Key(), s.Secret())
	if told > 0 {
		fmt.Fprintf(a.stdout, "transcripts of %s conversations:\n  flexbeam run --source file:… --sink duckdb:calls.duckdb --turns %s\n", console.Number(int64(told)), quoteArg("missing?endpoint="+s.URL))
	}
	for _, workspace := range s.Workspaces() {
		fmt.Fprintf(a.stdout, "%s events of workspace %s:\n  flexbeam run --source %s --sink duckdb:calls.duckdb\n", console.Number(int64(s.Events(workspace))), workspace,
			quoteArg(fmt.Sprintf("taskrouter:%s?endpoint=%s&from=%s&to=%s&old=yes", workspace, s.URL, second(log.oldest), second(log.newest.Add(time.Second)))))
		if age := time.Since(log.oldest); age > 24*time.Hour && age < 30*24*time.Hour {
			fmt.Fprintf(a.stdout, "  flexbeam heal --source %s --sink duckdb:calls.duckdb --dry-run\n", quoteArg("taskrouter:"+workspace+"?endpoint="+s.URL))
		} else {
			fmt.Fprintln(a.stdout, "  flexbeam heal is for the last 30 days: draw the events with --start 96h to try it")
		}
	}
	<-ctx.Done()
	fmt.Fprintf(a.screen, "ended after %s: %s calls\n", console.Duration(time.Since(began)), console.Number(int64(s.Calls(""))))
	return s.Close()
}

// deliver returns what puts test events into the streams of a Kinesis. Twilio tells nobody where that
// fails; here it is told.
func (a *app) deliver(endpoint string) func(arn string, record []byte) {
	if endpoint == "" {
		return func(arn string, _ []byte) {
			fmt.Fprintf(a.screen, "a test event for %s goes nowhere: start flexbeam local twilio with --kinesis-endpoint\n", arn)
		}
	}
	client := kinesis.New(kinesis.Options{
		Region: "us-east-1", BaseEndpoint: &endpoint, Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
	})
	return func(arn string, record []byte) {
		_, name, _ := strings.Cut(arn, ":stream/")
		ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
		defer stop()
		if _, err := client.PutRecord(ctx, &kinesis.PutRecordInput{StreamName: &name, PartitionKey: &name, Data: record}); err != nil {
			fmt.Fprintf(a.screen, "a test event could not be put into the stream %s at %s: %v\n", name, endpoint, err)
		}
	}
}

// second is a time in whole seconds as an option of a URI takes it.
func second(t time.Time) string { return t.UTC().Truncate(time.Second).Format(time.RFC3339) }

// An eventLog is a file of events: its text, the account of the first one, and of when they are.
type eventLog struct {
	text           string
	account        string
	oldest, newest time.Time
}

// readLog reads a file of events, plain or gzip; without a name, none.
func readLog(name string) (log eventLog, err error) {
	if name == "" {
		return log, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return log, err
	}
	defer file.Close()
	var r io.Reader = bufio.NewReader(file)
	if magic, _ := r.(*bufio.Reader).Peek(2); string(magic) == "\x1f\x8b" {
		if r, err = gzip.NewReader(r); err != nil {
			return log, fmt.Errorf("%s: %w", name, err)
		}
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return log, fmt.Errorf("%s: %w", name, err)
	}
	log.text = string(b)
	for line := range strings.SplitSeq(log.text, "\n") {
		var e struct {
			Account string `json:"account_sid"`
			Ms      int64  `json:"event_date_ms"`
		}
		if json.Unmarshal([]byte(line), &e) != nil || e.Ms == 0 {
			continue // the server says what is wrong with it
		}
		at := time.UnixMilli(e.Ms)
		if log.account == "" {
			log.account, log.oldest, log.newest = e.Account, at, at
		}
		if at.Before(log.oldest) {
			log.oldest = at
		}
		if at.After(log.newest) {
			log.newest = at
		}
	}
	return log, nil
}
