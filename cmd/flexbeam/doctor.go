package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"flexbeam/internal/console"
	"flexbeam/internal/doctor"
	"flexbeam/internal/finding"
	"flexbeam/internal/twilio"
	"flexbeam/pipeline/source"
	"flexbeam/pipeline/source/kinesis"
	"flexbeam/pipeline/source/taskrouter"
	"flexbeam/pipeline/transcripts"
	"flexbeam/transforms/customer"
)

const doctorLong = `Look for what keeps flexbeam from working: configuration, credentials, the workspace, subscription and sink of Event Streams, Kinesis,
BigQuery, the DuckDB file, the state directory, the clock and disks. It changes nothing.

Give it what the job gets: --source, --sink, --state and --turns. Without a source it looks at the streams that flexbeam setup had Event
Streams write to. Twilio's credentials come from TWILIO_ACCOUNT_SID, TWILIO_API_KEY and TWILIO_API_SECRET.

Each finding has a name that stays, a severity (error, warning or note), what is wrong, where, and how it is mended: docs/doctor.md lists
them. Services are asked at the same time, each for --timeout at most.

Exit status: 0 nothing is to be mended, 1 there are errors or warnings, 2 the command line is wrong.`

const doctorExample = `  flexbeam doctor
  flexbeam doctor --source 'kinesis:flex-events?region=us-east-1' --sink duckdb:calls.duckdb --state calls.state
  flexbeam doctor --sink bigquery:my-project.flex --json`

// doctorFlags are the flags of doctor.
type doctorFlags struct {
	source, sink, state, turns, keyFile string
	account, key, secret                string
	region, endpoint, kinesis           string
	workspace                           string
	timeout                             time.Duration
	json                                bool
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
			in, err := f.input()
			if err != nil {
				return err
			}
			return a.doctor(cmd.Context(), in, f)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.source, "source", "", "`URI` of the job's source")
	flags.StringVar(&f.sink, "sink", "", "`URI` of the job's sink")
	flags.StringVar(&f.state, "state", "", "`DIR` of the job's state")
	flags.StringVar(&f.turns, "turns", "", "what the job fetches of transcripts: `missing|all|none`, options behind ?")
	flags.StringVar(&f.keyFile, "contact-key-file", "", "`FILE` that holds the key with which the job hashes contacts")
	flags.StringVar(&f.workspace, "workspace", "", "`SID` of the workspace that there must be")
	flags.StringVar(&f.account, "account", "", "`SID` of the Twilio account; else TWILIO_ACCOUNT_SID")
	flags.StringVar(&f.key, "key", "", "`SID` of its API key; else TWILIO_API_KEY")
	flags.StringVar(&f.secret, "secret", "env:TWILIO_API_SECRET", "`REFERENCE` to the secret of the key: env:NAME or file:PATH")
	flags.StringVar(&f.region, "region", "us1", "`REGION` of the account: us1 or ie1")
	flags.StringVar(&f.endpoint, "endpoint", "", "`URL` in place of Twilio")
	flags.StringVar(&f.kinesis, "kinesis-endpoint", "", "`URL` in place of Kinesis, without a source")
	flags.DurationVar(&f.timeout, "timeout", 10*time.Second, "how long each check of a service may take")
	flags.BoolVar(&f.json, "json", false, "print the report as one JSON object")
	completeNothing(cmd, "source", "sink", "turns", "workspace", "account", "key", "secret", "region", "endpoint", "kinesis-endpoint", "timeout")
	return cmd
}

// input returns what is to be looked at.
func (f doctorFlags) input() (in doctor.Input, err error) {
	add := func(name, where string, err error, fix string) {
		in.Found = append(in.Found, finding.New(name, where, strings.TrimPrefix(rootCause(err), "--source: "), fix))
	}
	var src source.Source
	scheme, rest, _ := strings.Cut(f.source, ":")
	switch {
	case f.source == "":
		in.OfSinks, in.KinesisEndpoint = true, f.kinesis
	case scheme == "kinesis" && rest != "":
		if in.Streams, err = kinesis.ParseStreams(rest); err != nil {
			add("config-source", "--source "+f.source, err, "write such as --source 'kinesis:flex-events?region=us-east-1'")
		}
	default:
		src, err = source.Open(f.source)
		if err != nil && !(scheme == "taskrouter" && errors.Is(err, source.ErrNoInput)) { // else the check of the account tells
			add("config-source", "--source "+f.source, err, "see flexbeam run --help, Sources")
		}
	}
	if err := f.turnsOf(&in, src); err != nil {
		add("config-turns", "--turns "+f.turns, err, "write such as --turns missing, or --turns none")
	}
	key, err := contactKey(f.keyFile)
	if err != nil {
		return in, err
	}
	if f.sink != "" {
		s := doctor.Sink{URI: f.sink}
		if key != "" {
			fingerprint := customer.Key(key).Fingerprint()
			s.ContactKey = &fingerprint
			in.Secrets = append(in.Secrets, key)
		}
		in.Sinks = append(in.Sinks, s)
	}
	if f.state != "" {
		in.States = append(in.States, doctor.State{Dir: f.state, Sink: f.sink, Streams: in.Streams})
	}
	for _, name := range []string{"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} {
		in.Secrets = append(in.Secrets, os.Getenv(name))
	}
	if len(in.Accounts) == 0 && f.source == "" && f.sink == "" && f.state == "" {
		return in, usagef("there is nothing to look at: give --source and --sink as for run, or set TWILIO_ACCOUNT_SID, TWILIO_API_KEY and TWILIO_API_SECRET")
	}
	return in, nil
}

// ofCredentials tells whether a source does not open for want of what the checks of the account tell of.
func ofCredentials(err error) bool {
	return errors.Is(err, twilio.ErrConfig) || errors.Is(err, twilio.ErrRegion)
}

// turnsOf adds the account that flags, the source or the environment name, unless none of them does.
func (f doctorFlags) turnsOf(in *doctor.Input, src source.Source) error {
	a := doctor.Account{
		SID: cmp.Or(f.account, os.Getenv("TWILIO_ACCOUNT_SID")), Key: cmp.Or(f.key, os.Getenv("TWILIO_API_KEY")),
		Region: f.region, Endpoint: f.endpoint, Turns: true, Events: f.source == "" || len(in.Streams) > 0,
	}
	secret := f.secret
	if log, ok := src.(*taskrouter.Source); ok {
		of := log.Account()
		a.SID, a.Key, secret, a.Region, a.Endpoint = of.SID, of.Key, of.Secret, cmp.Or(of.Region, a.Region), cmp.Or(of.Endpoint, a.Endpoint)
		a.Workspaces = []string{log.Plan.Workspace}
	}
	if f.workspace != "" {
		a.Workspaces = []string{f.workspace}
	}
	config, err := transcripts.Parse(f.turns, src)
	switch {
	case f.turns == "" || err != nil && (ofCredentials(err) || a.SID == "" || a.Key == ""):
		err = nil // the check of the account tells
	case err == nil && config.Fetches():
		a.SID, a.Key, secret = cmp.Or(config.Account, a.SID), cmp.Or(config.Key, a.Key), cmp.Or(config.Secret, secret)
		a.Region, a.Endpoint, a.Service = cmp.Or(config.Region, a.Region), cmp.Or(config.Endpoint, a.Endpoint), config.Service
	case err == nil:
		a.Turns = false
	}
	a.Secret = func(context.Context) (twilio.Secret, error) { return twilio.ReadSecret(secret) }
	if path, ok := strings.CutPrefix(secret, "file:"); ok {
		in.Found = append(in.Found, doctor.SecretFile(path)...)
	}
	needed := strings.HasPrefix(f.source, "taskrouter:") || f.workspace != "" || f.turns != "" && a.Turns
	if needed || a.SID+a.Key+os.Getenv("TWILIO_API_SECRET") != "" {
		in.Accounts = append(in.Accounts, a)
	}
	return err
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
		mark := "ok"
		if c.Faults > 0 {
			mark = "--"
		}
		fmt.Fprintf(a.stdout, "%s  %s\n", mark, c.Name)
	}
	for _, f := range r.Findings {
		fmt.Fprintf(a.stdout, "\n%-7s  %s  %s\n  %s\n  fix: %s\n", f.Severity, f.Name, f.Where, f.What, f.Fix)
	}
	if len(r.Findings) == 0 {
		fmt.Fprintf(a.stdout, "\nnothing was found in %s\n", console.Duration(elapsed))
	}
}
