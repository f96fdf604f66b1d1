package main

import (
	"cmp"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"flexbeam/internal/config"
	"flexbeam/pipeline"
	"flexbeam/pipeline/source"
	"flexbeam/transforms/agentstatus"
)

// configVariable names the configuration where --config does not.
const configVariable = "FLEXBEAM_CONFIG"

// A configFlag is the flag of commands that read a configuration.
type configFlag struct{ path string }

func (c *configFlag) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.path, "config", "", "`FILE` with accounts, sinks and options, flexbeam.yaml; else the one that "+configVariable+" names")
}

// load reads the configuration; an empty one if none is named.
func (c configFlag) load() (*config.File, error) {
	path := cmp.Or(c.path, os.Getenv(configVariable))
	if path == "" {
		return config.Parse("", nil)
	}
	f, err := config.Load(path)
	if faults := (config.Faults)(nil); errors.As(err, &faults) {
		err = usagef("%w", err)
	}
	return f, err
}

// variables returns the flags that environment variables stand for.
func variables() []string { return append(config.Flags(), "turns") }

// configuration reads the configuration, and gives flags that are not on the command line the values
// that the environment, else the configuration, has for them.
func (a *app) configuration(cmd *cobra.Command, c configFlag) (*config.File, error) {
	file, err := c.load()
	if err == nil {
		err = a.configure(cmd, file)
	}
	return file, err
}

// rowFlags are flags of commands that make rows: where the contact key is, what becomes of the texts of
// turns, and which activities are left out.
type rowFlags struct {
	key    keyFlags
	text   choice
	hidden []string
}

func newRowFlags() rowFlags {
	return rowFlags{text: newChoice(pipeline.TextKept, pipeline.TextKept, pipeline.TextApart, pipeline.TextNone)}
}

// add adds the flags whose words are the same everywhere.
func (f *rowFlags) add(cmd *cobra.Command, o *pipeline.Options) {
	cmd.Flags().StringArrayVar(&f.hidden, "hide-activity", agentstatus.DefaultHidden,
		"`NAME` of an activity that agent_status leaves out, any case; repeatable, replaces the default")
	cmd.Flags().StringArrayVar(&o.LeftReasons, "customer-left-reason", nil,
		"`REASON` of a cancellation that means that the customer left; repeatable, replaces the default")
	completeNothing(cmd, "hide-activity", "customer-left-reason")
}

// complete fills in what these flags and the configuration say.
func (f *rowFlags) complete(cmd *cobra.Command, o *pipeline.Options, file *config.File) {
	o.Accounts, o.Columns = accountsOf(file), file.Columns()
	o.Sink, o.Text = sinkOf(file, o.Sink), f.text.value
	if o.TextSink != "" {
		o.TextSink = file.Sink(o.TextSink)
	}
	if !cmd.Flags().Changed("turns") {
		o.Turns = turnsOf(file)
	}
	if cmd.Flags().Changed("hide-activity") {
		o.Hidden = named(f.hidden)
	}
}

// configure gives flags that are not on the command line the values that the environment, else the
// configuration, has for them.
func (a *app) configure(cmd *cobra.Command, f *config.File) error {
	if err := fromEnvironment(cmd.Flags()); err != nil {
		return err
	}
	if faults := fromFile(cmd.Flags(), f); len(faults) > 0 {
		return usagef("%w", faults)
	}
	a.log = newLogger(a.screen, a.logLevel.value, a.logFormat.value)
	a.warnUnread(cmd.Flags())
	return nil
}

// fromEnvironment sets flags by their environment variables.
func fromEnvironment(flags *pflag.FlagSet) error {
	for _, name := range variables() {
		text := os.Getenv(config.Variable(name))
		if l := flags.Lookup(name); l != nil && !l.Changed && text != "" {
			values := []string{text}
			if _, list := l.Value.(pflag.SliceValue); list {
				values = strings.Split(text, ",")
			}
			if err := setFlag(l, values); err != nil {
				return usagef("%s: %w", config.Variable(name), err)
			}
		}
	}
	return nil
}

// keyOfFlag is the annotation of a flag that has its value from a configuration, which tells the key.
const keyOfFlag = "key"

// fromFile sets flags by a configuration, and returns what of it they do not take.
func fromFile(flags *pflag.FlagSet, f *config.File) (faults config.Faults) {
	for _, s := range f.Settings() {
		if l := flags.Lookup(s.Flag); l != nil && !l.Changed {
			must(flags.SetAnnotation(s.Flag, keyOfFlag, []string{s.Key}))
			if err := setFlag(l, s.Values); err != nil {
				faults = append(faults, f.Fault(s.Key, err)...)
			}
		}
	}
	return faults
}

// warnUnread tells of environment variables that look as if they stood for a flag.
func (a *app) warnUnread(flags *pflag.FlagSet) {
	read := append(variables(), "config", "contact-key", "contact-key-file")
	flags.VisitAll(func(l *pflag.Flag) {
		if name := config.Variable(l.Name); os.Getenv(name) != "" && !slices.Contains(read, l.Name) {
			a.log.Warn("an environment variable is set that nothing reads: say the flag", "variable", name, "flag", "--"+l.Name)
		}
	})
}

var aboutFlag = regexp.MustCompile(`^--([a-z-]+)`)

// located returns an error about a flag whose value is of the configuration as a fault of that.
func located(flags *pflag.FlagSet, f *config.File, err error) error {
	if err == nil {
		return nil
	}
	text := rootCause(err)
	m := aboutFlag.FindStringSubmatch(text)
	if m == nil {
		return err
	}
	if l := flags.Lookup(m[1]); l == nil || l.Annotations[keyOfFlag] == nil {
		return err
	} else if key := l.Annotations[keyOfFlag][0]; isUsage(err) {
		return usagef("%w", f.Fault(key, errors.New(text)))
	} else {
		return f.Fault(key, errors.New(text))
	}
}

// setFlag sets a flag as its command line would.
func setFlag(l *pflag.Flag, values []string) error {
	l.Changed = true
	if list, ok := l.Value.(pflag.SliceValue); ok {
		return list.Replace(values)
	}
	return l.Value.Set(values[0])
}

// accountsOf returns the accounts of a configuration. Credentials of the environment count before
// those that it has for the same account, and beside those of others; nil if it has none.
func accountsOf(f *config.File) []source.Account {
	var all []source.Account
	environment := source.EnvironmentAccount()
	for _, a := range f.Accounts {
		known := source.Account{
			SID: a.SID, Key: a.Key, Secret: string(a.Secret), Region: a.Region, Endpoint: a.Endpoint, Parallel: a.Parallel,
			ChatService: a.ChatService, Workspaces: a.Workspaces,
		}
		if known.SID == environment.SID && environment.Complete() {
			known = environment.Or(known)
		}
		all = append(all, known)
	}
	if _, known := source.Find(all, environment.SID); len(all) > 0 && !known && environment.Complete() {
		all = append(all, environment)
	}
	return all
}

// turnsOf returns what --turns would say in the place of a configuration; empty if that says nothing.
func turnsOf(f *config.File) string {
	if f.Turns.Every == 0 {
		return f.Turns.Fetch
	}
	return cmp.Or(f.Turns.Fetch, "missing") + "?every=" + time.Duration(f.Turns.Every).String()
}

// streamsOf returns the URI of the streams of all accounts of a configuration, each once; empty if
// there are none.
func streamsOf(f *config.File) string {
	var all []config.Stream
	seen := map[[2]string]bool{}
	for _, a := range f.Accounts {
		for _, s := range a.Streams {
			if id := [2]string{s.Stream, s.Region}; !seen[id] {
				seen[id] = true
				all = append(all, s)
			}
		}
	}
	if len(all) == 0 {
		return ""
	}
	last := streamOptions(all[len(all)-1])
	texts := make([]string, len(all))
	for i, s := range all {
		var said []string
		for j, o := range streamOptions(s) {
			// Options of the last stream hold for those that do not set them, so the others do.
			if o[1] != "" || last[j][1] != "" && i < len(all)-1 {
				said = append(said, o[0]+"="+escapeOption.Replace(o[1]))
			}
		}
		if texts[i] = s.Stream; len(said) > 0 {
			texts[i] += "?" + strings.Join(said, "&")
		}
	}
	return "kinesis:" + strings.Join(texts, ",")
}

var escapeOption = strings.NewReplacer("%", "%25", "&", "%26", ",", "%2C")

// streamOptions returns the options of a stream by their names in a URI.
func streamOptions(s config.Stream) [][2]string {
	return [][2]string{
		{"start", s.Start}, {"region", s.Region}, {"endpoint", s.Endpoint}, {"consumer", s.Consumer}, {"role_arn", s.RoleARN}, {"external_id", s.ExternalID},
	}
}

// sinkOf returns the URI of a sink by what a flag says: a name of the configuration, a URI, or nothing
// where there is only one.
func sinkOf(f *config.File, said string) string {
	if said == "" && len(f.Sinks) == 1 {
		for _, uri := range f.Sinks {
			return uri
		}
	}
	return f.Sink(said)
}
