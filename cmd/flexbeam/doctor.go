package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"flexbeam/internal/config"
	"flexbeam/internal/console"
	"flexbeam/internal/doctor"
	"flexbeam/internal/finding"
	"flexbeam/internal/secret"
	"flexbeam/internal/twilio"
	"flexbeam/pipeline/io/kinesisio"
	"flexbeam/pipeline/source"
	"flexbeam/pipeline/source/kinesis"
	"flexbeam/pipeline/source/taskrouter"
	"flexbeam/pipeline/transcripts"
	"flexbeam/transforms/customer"
)

const doctorLong = `Look for what keeps flexbeam from working: configuration, credentials, the workspace, subscription and sink of Event Streams, Kinesis,
BigQuery, the DuckDB file, the state directory, the clock and disks. It changes nothing.

Give it what the job gets: --config, or --source, --sink, --state and --turns. Of a configuration it looks at all accounts, streams and
sinks. Without a source it looks at the streams that flexbeam setup had Event
Streams write to. Twilio's credentials come from TWILIO_ACCOUNT_SID, TWILIO_API_KEY and TWILIO_API_SECRET.

Each finding has a name that stays, a severity (error, warning or note), what is wrong, where, and how it is mended: docs/doctor.md lists
them. Services are asked at the same time, each for --timeout at most.

Exit status: 0 nothing is to be mended, 1 there are errors or warnings, 2 the command line is wrong.`

const doctorExample = `  flexbeam doctor
  flexbeam doctor --source 'kinesis:flex-events?region=us-east-1' --sink duckdb:calls.duckdb --state calls.state
  flexbeam doctor --config flexbeam.yaml
  flexbeam doctor --sink bigquery:my-project.flex --json`

// doctorFlags are the flags of doctor.
type doctorFlags struct {
	config                     configFlag
	contacts                   keyFlags
	source, sink, state, turns string
	twilio                     twilioFlags
	workspace                  string
	timeout                    time.Duration
	json                       bool

	one bool // the source or the sink is named on the command line: then others of the configuration are not looked at
}

func newDoctor(a *app) *cobra.Command {
	var f doctorFlags
	cmd := &cobra.Command{
		Use:     "doctor",
		Short:   "Look for what keeps flexbeam from working",
		Long:    doctorLong,
		Example: doctorExample,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.timeout <= 0 {
				return usagef("--timeout %v: write a time above 0, such as 10s", f.timeout)
			}
			var in doctor.Input
			file := f.load(&in)
			f.one = f.source+f.sink != ""
			if err := a.configure(cmd, file); err != nil {
				return err
			}
			if err := f.input(cmd.Context(), &in, file); err != nil {
				return err
			}
			return a.doctor(cmd.Context(), in, f)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	f.config.add(cmd)
	flags.StringVar(&f.source, "source", "", "`URI` of the job's source")
	flags.StringVar(&f.sink, "sink", "", "`URI` of the job's sink")
	flags.StringVar(&f.state, "state", "", "`DIR` of the job's state")
	flags.StringVar(&f.turns, "turns", "", "what the job fetches of transcripts: `missing|all|none`, options behind ?")
	f.contacts.add(cmd)
	flags.StringVar(&f.workspace, "workspace", "", "`SID` of the workspace that there must be")
	f.twilio.add(cmd, "", ", without a source")
	flags.DurationVar(&f.timeout, "timeout", 10*time.Second, "how long each check of a service may take")
	flags.BoolVar(&f.json, "json", false, "print the report as one JSON object")
	completeNothing(cmd, "source", "sink", "turns", "workspace", "timeout")
	return cmd
}

// load reads the configuration. What is wrong with it is a finding, and the rest is looked at without it.
func (f doctorFlags) load(in *doctor.Input) *config.File {
	file, err := f.config.load()
	if err == nil {
		return file
	}
	where := cmp.Or(f.config.path, os.Getenv(configVariable))
	var faults config.Faults
	if errors.As(err, &faults) {
		for _, fault := range faults {
			in.Found = append(in.Found, finding.New("config-file", where, fault.String(), "docs/configuration.md has all keys; flexbeam config example prints a file"))
		}
	} else {
		in.Found = append(in.Found, finding.New("config-file", where, rootCause(err), "flexbeam config example > flexbeam.yaml makes one"))
	}
	file, err = config.Parse("", nil)
	must(err)
	return file
}

// input adds what is to be looked at: what a job of these flags and this configuration would use.
func (f doctorFlags) input(ctx context.Context, in *doctor.Input, file *config.File) error {
	accounts := accountsOf(file)
	if f.twilio.SID != "" || f.twilio.Key != "" || len(accounts) == 0 {
		accounts = []source.Account{f.twilio.Or(source.EnvironmentAccount())}
	}
	f.source, f.turns = cmp.Or(f.source, streamsOf(file)), cmp.Or(f.turns, turnsOf(file))
	src := f.sourceOf(in, accounts)
	if f.state != "" {
		in.States = append(in.States, doctor.State{Dir: f.state, Sink: sinkOf(file, f.sink), Streams: in.Streams})
	}
	f.accountsOf(in, src, accounts)
	f.streamsOf(in, file)
	key, err := f.contacts.key(ctx, file)
	if err != nil {
		return err
	}
	in.Secrets = append(in.Secrets, key, os.Getenv("AWS_SECRET_ACCESS_KEY"), os.Getenv("AWS_SESSION_TOKEN"))
	for _, uri := range f.sinks(file) {
		s := doctor.Sink{URI: uri}
		if key != "" {
			fingerprint := customer.Key(key).Fingerprint()
			s.ContactKey = &fingerprint
		}
		in.Sinks = append(in.Sinks, s)
	}
	if len(in.Accounts)+len(in.Found)+len(in.Sinks) == 0 && f.source == "" && f.state == "" {
		return usagef("there is nothing to look at: give --config, or --source and --sink as for run, or set TWILIO_ACCOUNT_SID, TWILIO_API_KEY and TWILIO_API_SECRET")
	}
	return nil
}

// sinks returns the URIs of the sinks: that of the flag, else all of the configuration.
func (f doctorFlags) sinks(file *config.File) []string {
	if f.sink != "" && f.one {
		return []string{sinkOf(file, f.sink)}
	}
	all := slices.Collect(maps.Values(file.Sinks))
	if f.sink != "" {
		all = append(all, sinkOf(file, f.sink))
	}
	if text := file.Turns.TextSink; text != "" {
		all = append(all, file.Sink(text))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// streamsOf adds the streams of the accounts of a configuration, unless a source is named, and says which
// account writes to which.
func (f doctorFlags) streamsOf(in *doctor.Input, file *config.File) {
	for _, of := range file.Accounts {
		rest, ok := strings.CutPrefix(streamsOf(&config.File{Accounts: []config.Account{of}}), "kinesis:")
		if !ok {
			continue
		}
		streams, err := kinesis.ParseStreams(rest)
		if err != nil {
			in.Found = append(in.Found, finding.New("config-file", file.Name(), "the streams of the account "+of.SID+": "+rootCause(err), "docs/configuration.md has all keys"))
			continue
		}
		if !f.one {
			all := in.Streams
			for _, s := range streams {
				if len(among([]kinesisio.Stream{s}, all)) == 0 {
					all = append(all, s)
				}
			}
			if all, err = kinesisio.Identify(all); err == nil {
				in.Streams = all
			}
		}
		for i := range in.Accounts {
			if in.Accounts[i].SID == of.SID {
				in.Accounts[i].Where, in.Accounts[i].Streams, in.Accounts[i].Events = of.Name, streams, true
			}
		}
	}
	for i := range in.Accounts {
		in.Accounts[i].Streams = among(in.Streams, in.Accounts[i].Streams)
	}
}

// among returns those of all streams that are among some.
func among(all, some []kinesisio.Stream) (both []kinesisio.Stream) {
	for _, s := range all {
		if slices.ContainsFunc(some, func(o kinesisio.Stream) bool {
			return o.Name == s.Name && o.ARN == s.ARN && o.Region == s.Region && o.Endpoint == s.Endpoint
		}) {
			both = append(both, s)
		}
	}
	return both
}

// sourceOf opens the source, which reads nothing, and adds its streams; nil: there is none that opens.
func (f doctorFlags) sourceOf(in *doctor.Input, accounts []source.Account) source.Source {
	if f.source == "" {
		in.OfSinks, in.KinesisEndpoint = true, f.twilio.kinesis
		return nil
	}
	wrong := func(err error) {
		in.Found = append(in.Found, finding.New("config-source", "--source "+f.source, rootCause(err), "see flexbeam run --help, Sources"))
	}
	if rest, ok := strings.CutPrefix(f.source, "kinesis:"); ok && rest != "" {
		streams, err := kinesis.ParseStreams(rest)
		if err != nil {
			wrong(err)
		}
		in.Streams = streams
		return nil
	}
	src, err := source.Open(f.source, accounts...)
	if err != nil && !(f.readsLog() && errors.Is(err, source.ErrNoInput)) { // that the check of the account tells
		wrong(err)
	}
	return src
}

// readsLog tells whether the source is TaskRouter's log.
func (f doctorFlags) readsLog() bool { return strings.HasPrefix(f.source, "taskrouter:") }

// accountsOf adds the accounts that the job calls.
func (f doctorFlags) accountsOf(in *doctor.Input, src source.Source, known []source.Account) {
	turns, err := transcripts.Parse(f.turns, src, known)
	called := known
	if log, ok := src.(source.AccountSource); ok {
		called = log.Accounts()
		for i, a := range called {
			of, _ := source.Find(known, a.SID)
			called[i] = a.Or(of)
		}
	}
	for _, a := range turns.Accounts {
		if i := slices.IndexFunc(called, func(o source.Account) bool { return o.SID == a.SID }); i >= 0 {
			called[i] = a.Or(called[i])
		} else {
			called = append(called, a)
		}
	}
	needed := f.readsLog() || f.workspace != "" || f.turns != "" && (turns.Which == transcripts.Missing || turns.Which == transcripts.All)
	for _, a := range called {
		if !needed && a.SID+a.Key+a.Secret == "" {
			continue // nothing is said of an account, and none is needed
		}
		in.Accounts = append(in.Accounts, f.accountOf(in, a, src, turns.Which != transcripts.None))
	}
	told := errors.Is(err, transcripts.ErrNoCredentials) || errors.Is(err, twilio.ErrConfig) || errors.Is(err, twilio.ErrRegion) // by the check of the account
	if err != nil && !told {
		in.Found = append(in.Found, finding.New("config-turns", "--turns "+f.turns, rootCause(err), "write such as --turns missing, or --turns none"))
	}
}

// accountOf returns an account that is looked at.
func (f doctorFlags) accountOf(in *doctor.Input, of source.Account, src source.Source, turns bool) doctor.Account {
	reference := secret.Reference(cmp.Or(of.Secret, "env:"+source.SecretVariable))
	a := doctor.Account{
		SID: of.SID, Key: of.Key, Region: of.Region, Endpoint: cmp.Or(of.Endpoint, f.twilio.Endpoint), Workspaces: of.Workspaces, Service: of.ChatService,
		Turns: turns, Events: f.source == "" || len(in.Streams) > 0,
		Secret: func(ctx context.Context) (twilio.Secret, error) { return secret.Read(ctx, reference) },
	}
	if log, ok := src.(*taskrouter.Source); ok && len(log.Plans) == 1 {
		a.Workspaces = []string{log.Plans[0].Workspace}
	}
	if f.workspace != "" {
		a.Workspaces = []string{f.workspace}
	}
	if path, ok := strings.CutPrefix(string(reference), "file:"); ok {
		in.Found = append(in.Found, doctor.SecretFile(path)...)
	}
	return a
}

// doctor looks, prints the report, and returns an error if something is to be mended.
func (a *app) doctor(ctx context.Context, in doctor.Input, f doctorFlags) error {
	began := time.Now()
	report := doctor.Examine(ctx, in, doctor.Options{Timeout: f.timeout})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if f.json {
		enc := json.NewEncoder(a.stdout)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(report); err != nil {
			return err
		}
	} else {
		a.showReport(report, time.Since(began))
	}
	switch n := report.Faults(); n {
	case 0:
		return nil
	case 1:
		return errors.New("1 fault was found")
	default:
		return fmt.Errorf("%d faults were found", n)
	}
}

// showReport prints a report for people.
func (a *app) showReport(r doctor.Report, elapsed time.Duration) {
	for _, c := range r.Checks {
		switch {
		case c.Faults > 0:
			fmt.Fprintf(a.stdout, "--  %s\n", c.Name)
		case c.NotChecked != "":
			fmt.Fprintf(a.stdout, "??  %s: not checked: %s\n", c.Name, c.NotChecked)
		default:
			fmt.Fprintf(a.stdout, "ok  %s\n", c.Name)
		}
	}
	for _, f := range r.Findings {
		fmt.Fprintf(a.stdout, "\n%-7s  %s  %s\n  %s\n  fix: %s\n", f.Severity, f.Name, f.Where, f.What, f.Fix)
	}
	if len(r.Findings) == 0 {
		fmt.Fprintf(a.stdout, "\nnothing was found in %s\n", console.Duration(elapsed))
	}
}
