package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"flexbeam/internal/config"
	"flexbeam/internal/secret"
	"flexbeam/pipeline"
	"flexbeam/pipeline/sink"
	"flexbeam/pipeline/source"
	"flexbeam/pipeline/source/kinesis"
)

const configLong = `Look after the configuration, flexbeam.yaml: accounts of Twilio, sinks, and the options of flexbeam run, in one file.

flexbeam run, setup, doctor, heal, erase and config check read it where --config, or the environment variable FLEXBEAM_CONFIG, names it. A flag
counts before an environment variable, and that before the file. Options of run that can stand in it have variables of their names:
FLEXBEAM_FLUSH_EVERY is --flush-every.

It holds no secrets, only references to them: env:NAME, file:PATH, awssecretsmanager://NAME?region=REGION or
gcpsecretmanager://projects/PROJECT/secrets/NAME, of JSON with #MEMBER behind it. See docs/configuration.md.`

func newConfig(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "config", Short: "Check and explain the configuration file", Long: configLong,
		Example: "  flexbeam config example > flexbeam.yaml\n  flexbeam config check --config flexbeam.yaml",
		Args:    knownCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newConfigCheck(a),
		printing(a, "config example", "Print a configuration with comments", []byte(config.Example)),
		printing(a, "config schema", "Print the JSON Schema of the file, for editors", config.Schema()),
		printing(a, "config docs", "Print the reference of the file in Markdown", config.Docs()))
	return cmd
}

// printing makes a subcommand that prints a text.
func printing(a *app, path, short string, text []byte) *cobra.Command {
	name := path[strings.LastIndex(path, " ")+1:]
	return &cobra.Command{
		Use: name, Short: short, Long: short + ".", Example: "  flexbeam " + path, Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := a.stdout.Write(text)
			return err
		},
	}
}

const checkLong = `Check a configuration: say what is wrong, by file, line and column, or what a job would read and write.

Nothing is read but the file. With --resolve the secrets are read that it names, and the source is looked at as a job would; no secret is shown.

Exit status: 0 the file is right, 1 it is not, or cannot be read, 2 the command line is wrong.`

func newConfigCheck(a *app) *cobra.Command {
	f, resolve := newRunFlags(), false
	cmd := &cobra.Command{
		Use: "check --config FILE", Short: "Say what is wrong with a configuration, or what a job would do", Long: checkLong,
		Example: "  flexbeam config check --config flexbeam.yaml\n  flexbeam config check --config flexbeam.yaml --resolve",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			file, err := f.config.load()
			if err == nil && file.Name() == "" {
				return usagef("--config is missing: write such as --config flexbeam.yaml")
			}
			var faults config.Faults
			if err == nil || errors.As(err, &faults) {
				faults, err = a.faults(cmd, f, file, faults)
			}
			for _, fault := range faults {
				fmt.Fprintln(a.stdout, secret.Redact(fault.String()))
			}
			switch {
			case err != nil:
				return err
			case len(faults) > 0:
				return faultyFile(len(faults))
			}
			return a.check(cmd.Context(), f, file, resolve)
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&resolve, "resolve", false, "read the secrets that are named, and look at the source")
	return cmd
}

// faultyFile returns the error of a configuration of which every fault was told.
func faultyFile(n int) error {
	if n == 1 {
		return errors.New("the configuration has one fault: it is told above")
	}
	return fmt.Errorf("the configuration has %d faults: they are told above", n)
}

// faults returns all that is wrong with a file, of each key the first thing: what its reading has found,
// and what a job would find when it begins. The error is about the command line or the environment.
func (a *app) faults(cmd *cobra.Command, f *runFlags, file *config.File, read config.Faults) (all config.Faults, err error) {
	if err := fromEnvironment(cmd.Flags()); err != nil {
		return nil, err
	}
	add := func(faults config.Faults) {
		for _, one := range faults {
			if !slices.ContainsFunc(all, func(o config.Fault) bool { return o.Key == one.Key && o.Position == one.Position }) {
				all = append(all, one)
			}
		}
	}
	add(read)
	add(fromFile(cmd.Flags(), file))
	for _, problem := range f.problems(cmd, file) {
		var of config.Faults
		if errors.As(problem, &of) {
			add(of)
		} else if err == nil && len(read) == 0 { // else it may follow from a fault
			err = problem
		}
	}
	add(faultsOfPlaces(file))
	all.Sort()
	return all, err
}

// faultsOfPlaces returns what is wrong with the sinks, the source and the streams that a file names. What
// stands in the place of a URI is not shown: it may be a secret.
func faultsOfPlaces(file *config.File) (all config.Faults) {
	add := func(key string, err error) {
		if err != nil {
			all = append(all, file.Fault(key, err)...)
		}
	}
	names := slices.Sorted(maps.Keys(file.Sinks))
	for _, name := range names {
		add("sinks."+name, checkSink(file.Sinks[name]))
	}
	for _, named := range [][2]string{{"run.sink", file.Run.Sink}, {"turns.text_sink", file.Turns.TextSink}} {
		switch key, name := named[0], named[1]; {
		case name == "" || slices.Contains(names, name): // its URI is looked at above
		case !strings.Contains(name, ":") && len(names) > 0:
			add(key, fmt.Errorf("is neither a URI nor the name of a sink: sinks has %s", strings.Join(names, ", ")))
		default:
			add(key, checkSink(name))
		}
	}
	if file.Run.Source != "" {
		add("run.source", checkSource(file.Run.Source))
	}
	for i, account := range file.Accounts {
		for j, s := range account.Streams {
			key := fmt.Sprintf("accounts[%d].streams[%d]", i, j)
			add(key, checkSource(streamsOf(&config.File{Accounts: []config.Account{{Streams: []config.Stream{s}}}})))
		}
	}
	return all
}

var (
	errNoSink   = errors.New("names no sink: write such as duckdb:FILE, jsonl:DIR or bigquery:PROJECT.DATASET")
	errNoSource = errors.New("names no source: write such as file:PATTERN, s3://BUCKET/PATTERN, kinesis:STREAM or taskrouter:WORKSPACE")
)

// checkSink returns what is wrong with the URI of a sink, as far as the URI alone tells.
func checkSink(uri string) error {
	err := sink.Check(uri)
	if errors.Is(err, sink.ErrUnknown) || err != nil && !strings.Contains(uri, ":") {
		return errNoSink
	}
	return err
}

// checkSource returns what is wrong with the URI of a source, as far as the URI alone tells.
func checkSource(uri string) error {
	scheme, rest, _ := strings.Cut(uri, ":")
	switch {
	case source.Check(uri) != nil:
		return errNoSource
	case scheme == "kinesis" && rest != "":
		_, err := kinesis.ParseStreams(rest)
		return err
	}
	return nil
}

// check says what a job would do, and resolves what the configuration names if it is asked to.
func (a *app) check(ctx context.Context, f *runFlags, file *config.File, resolve bool) error {
	o := f.options
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, account := range o.Accounts {
		known, _ := file.Account(account.SID)
		fmt.Fprintf(w, "account\t%s\t%s, key %s, secret %s\n", name(known, secret.SID(account.SID)), cmp.Or(account.Region, "us1"), secret.SID(account.Key), account.Secret)
		for _, workspace := range account.Workspaces {
			fmt.Fprintf(w, "\t\tworkspace %s\n", workspace)
		}
		for _, s := range known.Streams {
			fmt.Fprintf(w, "\t\tstream %s\n", s.Stream)
		}
	}
	row := func(what, text string) {
		if text != "" {
			fmt.Fprintf(w, "%s\t%s\n", what, secret.Redact(text))
		}
	}
	row("reads", cmp.Or(o.Source, "nothing yet: give --source, or run.source"))
	row("writes", cmp.Or(o.Sink, "nowhere yet: give --sink, or run.sink"))
	row("texts", textsOf(o))
	row("transcripts", cmp.Or(o.Turns, "missing, where there are credentials"))
	row("contact key", keyOf(f, file))
	row("hidden activities", strings.Join(o.Hidden, ", "))
	row("customer left", strings.Join(o.LeftReasons, ", "))
	for _, c := range o.Columns {
		row("column", c.Column+": "+strings.Join(append(append(c.Before, "the built-in paths"), c.Behind...), ", "))
	}
	row("runner", o.Runner+", mode "+o.Mode)
	row("state", o.State)
	if err := w.Flush(); err != nil {
		return err
	}
	if !resolve {
		return nil
	}
	return a.resolve(ctx, f, file)
}

// name returns how people call an account.
func name(a config.Account, sid string) string {
	if a.Name == "" {
		return sid
	}
	return a.Name + " (" + sid + ")"
}

// textsOf says what becomes of the texts of turns.
func textsOf(o pipeline.Options) string {
	switch o.Text {
	case pipeline.TextApart:
		return "apart, in " + o.TextSink
	case pipeline.TextNone:
		return "left out"
	}
	return "in turn_contents"
}

// keyOf says where the contact key is, if the command line or the configuration tells.
func keyOf(f *runFlags, file *config.File) string {
	switch {
	case f.key.file != "":
		return "file:" + f.key.file
	case f.key.reference != "":
		return f.key.reference
	}
	return string(file.Model.ContactKey)
}

// resolve reads what the configuration names, and checks the job as a whole. It tells of every fault.
func (a *app) resolve(ctx context.Context, f *runFlags, file *config.File) error {
	faults := 0
	told := func(what string, err error) {
		if err != nil {
			faults++
			fmt.Fprintln(a.stdout, secret.Redact(err.Error()))
			return
		}
		fmt.Fprintf(a.stdout, "%s: found\n", what)
	}
	for _, r := range file.References() {
		_, err := secret.Read(ctx, r.Secret)
		if err != nil {
			err = file.Fault(r.Key, err)
		}
		told(r.Key, err)
	}
	if faults == 0 {
		var err error
		if f.options.ContactKey, err = f.key.key(ctx, file); err == nil {
			err = f.options.Check()
		}
		if err != nil {
			err = errors.New(rootCause(err))
		}
		told("the source", err)
	}
	if faults > 0 {
		return faultyFile(faults)
	}
	return nil
}
