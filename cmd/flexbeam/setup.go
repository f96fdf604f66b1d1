package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"flexbeam/internal/config"
	"flexbeam/internal/eventstreams"
	"flexbeam/internal/twilio"
	"flexbeam/pipeline/io/kinesisio"
	"flexbeam/pipeline/source"
)

const setupLong = `Set up Twilio's Event Streams: a sink that writes to a Kinesis stream, and a subscription of every event type of
TaskRouter at its newest schema version, without rate limits.

The stream is there already. Without --role the command prints the two policies of a role for Twilio to take on, with a new external
id, and the command to go on with, and calls nobody. With --role it looks at what the account has and shows a plan; --yes carries it out. Run again, it finds
nothing to do, or adds the event types that Twilio has got since.

A new sink has to prove itself: Twilio sends a test event, and the command waits until it is in the stream, which it reads with
the AWS credentials of the environment. Another stream or role makes a new sink; the old one goes once the test event has come.

--remove removes the subscription and the sink that the command has made. Those of others are never touched.

With --config the command goes through all accounts of the configuration, or the one that --account names, each with its stream and the role
that stands there.`

const setupExample = `  flexbeam setup --stream arn:aws:kinesis:eu-west-1:123456789012:stream/flex-events
  flexbeam setup --stream arn:aws:kinesis:eu-west-1:123456789012:stream/flex-events --role arn:aws:iam::123456789012:role/twilio --external-id ID --yes
  flexbeam setup --config flexbeam.yaml --account emea --yes
  flexbeam setup --remove --yes`

// setupFlags are the flags of setup.
type setupFlags struct {
	config      configFlag
	target      eventstreams.Target
	twilio      twilioFlags
	yes, remove bool
	wait        time.Duration
}

func newSetup(a *app) *cobra.Command {
	var f setupFlags
	cmd := &cobra.Command{
		Use:     "setup --stream ARN",
		Short:   "Set up Twilio's Event Streams for a Kinesis stream",
		Long:    setupLong,
		Example: setupExample,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			file, err := a.configuration(cmd, f.config)
			if err != nil {
				return err
			}
			if f.wait <= 0 {
				return usagef("--wait %v: write a time above 0, such as 5m", f.wait)
			}
			all, err := f.each(file)
			if err != nil {
				return err
			}
			for _, one := range all {
				if err := a.setupOne(cmd.Context(), one); err != nil {
					return err
				}
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	f.config.add(cmd)
	flags.StringVar(&f.target.Stream, "stream", "", "`ARN` of the Kinesis stream")
	flags.StringVar(&f.target.Role, "role", "", "`ARN` of the role that Twilio takes on")
	flags.StringVar(&f.target.ExternalID, "external-id", "", "`ID` in the trust policy of the role")
	flags.BoolVar(&f.yes, "yes", false, "carry out the plan")
	flags.BoolVar(&f.remove, "remove", false, "remove what the command has made")
	f.twilio.add(cmd, ", or its name in the configuration", "")
	flags.DurationVar(&f.wait, "wait", eventstreams.UsualWait, "how long the test event may take")
	completeNothing(cmd, "stream", "role", "external-id", "wait")
	return cmd
}

// each returns the flags for each account that is to be set up.
func (f setupFlags) each(file *config.File) ([]setupFlags, error) {
	if len(file.Accounts) == 0 {
		return []setupFlags{f}, nil
	}
	accounts := slices.DeleteFunc(accountsOf(file), func(a source.Account) bool {
		_, there := file.Account(a.SID)
		return !there
	})
	if f.twilio.SID != "" {
		sid := f.twilio.SID
		if a, ok := file.Account(sid); ok {
			sid = a.SID
		}
		one, ok := source.Find(accounts, sid)
		if !ok {
			var names []string
			for _, a := range file.Accounts {
				names = append(names, cmp.Or(a.Name, a.SID))
			}
			return nil, usagef("--account: %s has no such account: there are %s", file.Name(), strings.Join(names, ", ")) // it may be a secret in the wrong place
		}
		accounts = []source.Account{one}
	}
	var all []setupFlags
	for _, a := range accounts {
		of := f
		of.twilio.SID = a.SID // in place of its name
		of.twilio.Account = of.twilio.Or(a)
		inFile, _ := file.Account(a.SID)
		if err := of.stream(inFile); err != nil {
			return nil, err
		}
		all = append(all, of)
	}
	return all, nil
}

// stream completes the stream with what the configuration says of it.
func (f *setupFlags) stream(a config.Account) error {
	if f.remove {
		return nil
	}
	var found []config.Stream
	for _, s := range a.Streams {
		if f.target.Stream == "" || f.target.Stream == s.Stream {
			found = append(found, s)
		}
	}
	switch {
	case len(found) == 1:
		s := found[0]
		f.target.Stream, f.twilio.kinesis = s.Stream, cmp.Or(f.twilio.kinesis, s.Endpoint)
		f.target.Role, f.target.ExternalID = cmp.Or(f.target.Role, s.TwilioRole), cmp.Or(f.target.ExternalID, s.TwilioExternalID)
	case f.target.Stream == "" && len(found) == 0:
		return usagef("the account %s has no stream in the configuration: add one under streams, or say --stream", cmp.Or(a.Name, f.twilio.SID))
	case f.target.Stream == "":
		return usagef("the account %s has %d streams in the configuration: say with --stream which one Twilio writes to", cmp.Or(a.Name, f.twilio.SID), len(found))
	}
	return nil
}

// setupOne sets an account up, or shows what a role for it needs.
func (a *app) setupOne(ctx context.Context, f setupFlags) error {
	if f.remove {
		return a.setup(ctx, f)
	}
	if f.target.Stream == "" {
		return usagef("--stream is missing: write the ARN of the Kinesis stream")
	}
	if err := f.target.Check(); err != nil {
		return usagef("%w", err)
	}
	if f.target.Role == "" {
		a.showPolicies(f.target)
		return nil
	}
	if f.target.ExternalID == "" {
		return usagef("--external-id is missing: write the one in the role's trust policy")
	}
	return a.setup(ctx, f)
}

// showPolicies prints what the role needs.
func (a *app) showPolicies(t eventstreams.Target) {
	t.ExternalID = cmp.Or(t.ExternalID, eventstreams.NewExternalID())
	fmt.Fprintf(a.stdout, "Create a role at AWS with this trust policy:\n\n%s\n\nand these permissions:\n\n%s\n\nThen:\n\n  flexbeam setup --stream %s --role ARN --external-id %s\n",
		t.TrustPolicy(), t.Permissions(), quoteArg(t.Stream), t.ExternalID)
}

// setup looks, shows the plan, and carries it out if it may.
func (a *app) setup(ctx context.Context, f setupFlags) error {
	account := f.twilio.Or(source.EnvironmentAccount())
	var hidden twilio.Secret
	if account.Secret != "" {
		var err error
		if hidden, err = twilio.ReadSecret(account.Secret); err != nil {
			return fmt.Errorf("--secret: %w", err)
		}
	}
	if lacks := account.Lacks(); len(lacks) > 0 {
		return fmt.Errorf("%s is not set: export it, or name the account in a configuration, with --config", strings.Join(lacks, " is not set, "))
	}
	c, err := twilio.New(twilio.Config{Account: account.SID, Key: account.Key, Secret: hidden, Region: account.Region, Endpoint: account.Endpoint})
	if err != nil {
		return usagef("%w", err)
	}
	defer c.Close()
	state, err := eventstreams.Look(ctx, c)
	if err != nil {
		return err
	}
	plan := state.Plan(f.target)
	if f.remove {
		plan = state.Removal()
	}
	if plan.Empty() {
		fmt.Fprintf(a.stdout, "nothing is to be done in the account %s\n", c.Account())
		return nil
	}
	fmt.Fprintf(a.stdout, "in the account %s:\n", c.Account())
	for _, line := range plan.Lines() {
		fmt.Fprintf(a.stdout, "  %s\n", line)
	}
	if !f.yes {
		fmt.Fprintln(a.stdout, "nothing was done: --yes does it")
		return nil
	}
	say := func(format string, args ...any) { fmt.Fprintf(a.stdout, format+"\n", args...) }
	var test eventstreams.Tester
	if plan.Tests() {
		if test, err = f.tester(ctx, say); err != nil {
			return fmt.Errorf("the test event could not be seen, so nothing was made: %w", err)
		}
	}
	return plan.Apply(ctx, c, test, say)
}

// tester returns what waits for a test event in the stream, which can be read.
func (f setupFlags) tester(ctx context.Context, say func(string, ...any)) (eventstreams.Tester, error) {
	stream := kinesisio.Stream{ARN: f.target.Stream, Endpoint: f.twilio.kinesis}
	if err := stream.Check(); err != nil {
		return nil, err
	}
	client, err := stream.Client(ctx)
	if err != nil {
		return nil, err
	}
	if err := eventstreams.CanRead(ctx, client, f.target.Stream); err != nil {
		return nil, kinesisio.Explain(stream, "ListShards", err)
	}
	return func(ctx context.Context, account string, send func() error) error {
		return eventstreams.Wait{Within: f.wait, Tell: say}.For(ctx, client, f.target.Stream, account, send)
	}, nil
}
