package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"flexbeam/internal/config"
	"flexbeam/internal/secret"
	"flexbeam/pipeline"
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

Nothing is read but the file. With --resolve the secrets are read that it names, and the source is looked at as a job would; no secret is shown.`

func newConfigCheck(a *app) *cobra.Command {
	f, resolve := newRunFlags(), false
	cmd := &cobra.Command{
		Use: "check --config FILE", Short: "Say what is wrong with a configuration, or what a job would do", Long: checkLong,
		Example: "  flexbeam config check --config flexbeam.yaml\n  flexbeam config check --config flexbeam.yaml --resolve",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			file, err := f.config.load()
			var faults config.Faults
			if errors.As(err, &faults) {
				for _, fault := range faults {
					fmt.Fprintln(a.stdout, fault)
				}
				return fmt.Errorf("the configuration has %s", faultCount(len(faults)))
			}
			if err == nil && file.Name() == "" {
				err = usagef("--config is missing: write such as --config flexbeam.yaml")
			}
			if err == nil {
				err = a.configure(cmd, file)
			}
			if err == nil {
				err = f.complete(cmd, file)
			}
			if err != nil {
				return err
			}
			return a.check(cmd.Context(), f, file, resolve)
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&resolve, "resolve", false, "read the secrets that are named, and look at the source")
	return cmd
}

func faultCount(n int) string {
	if n == 1 {
		return "one fault"
	}
	return fmt.Sprintf("%d faults", n)
}

// check says what a job would do, and resolves what the configuration names if it is asked to.
func (a *app) check(ctx context.Context, f *runFlags, file *config.File, resolve bool) error {
	o := f.options
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, account := range o.Accounts {
		known, _ := file.Account(account.SID)
		fmt.Fprintf(w, "account\t%s\t%s, key %s, secret %s\n", name(known, account.SID), cmp.Or(account.Region, "us1"), account.Key, account.Secret)
		for _, workspace := range account.Workspaces {
			fmt.Fprintf(w, "\t\tworkspace %s\n", workspace)
		}
		for _, s := range known.Streams {
			fmt.Fprintf(w, "\t\tstream %s\n", s.Stream)
		}
	}
	row := func(what, text string) {
		if text != "" {
			fmt.Fprintf(w, "%s\t%s\n", what, text)
		}
	}
	row("reads", o.Source)
	row("writes", o.Sink)
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
			fmt.Fprintln(a.stdout, err)
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
		return fmt.Errorf("the configuration has %s", faultCount(faults))
	}
	return nil
}
