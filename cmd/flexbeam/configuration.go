package main

import (
	"cmp"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"flexbeam/internal/config"
	"flexbeam/pipeline"
	"flexbeam/pipeline/source"
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
		return nil, usagef("%w", err)
	}
	return f, err
}

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

// variableOf returns the environment variable that stands for a flag of run.
func variableOf(flag string) string {
	return "FLEXBEAM_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// configure gives flags that are not on the command line the values that the environment, else the
// configuration, has for them.
func (a *app) configure(cmd *cobra.Command, f *config.File) error {
	flags := cmd.Flags()
	for _, name := range config.Flags() {
		text := os.Getenv(variableOf(name))
		if l := flags.Lookup(name); l != nil && !l.Changed && text != "" {
			values := []string{text}
			if _, list := l.Value.(pflag.SliceValue); list {
				values = strings.Split(text, ",")
			}
			if err := setFlag(l, values); err != nil {
				return usagef("%s: %w", variableOf(name), err)
			}
		}
	}
	for _, s := range f.Settings() {
		if l := flags.Lookup(s.Flag); l != nil && !l.Changed {
			if err := setFlag(l, s.Values); err != nil {
				return usagef("%w", f.Fault(s.Key, err))
			}
		}
	}
	a.log = newLogger(a.screen, a.logLevel.value, a.logFormat.value)
	return nil
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
