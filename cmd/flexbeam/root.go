package main

import (
	"strings"

	"github.com/spf13/cobra"
)

const rootLong = `flexbeam turns the TaskRouter events of Twilio Flex into tables of engagements, agents, agent status and customers.

Results go to standard output; progress, summaries, logs and errors to standard error.
Exit status: 0 the work was done, 1 it failed, 2 the command line is wrong, 3 heal --dry-run has found something.`

const rootExample = `  # A day of an invented contact centre, its tables, and a first answer
  flexbeam simulate --tasks 2000 --out day.ndjson.gz
  flexbeam run --source file:day.ndjson.gz --sink duckdb:calls.duckdb
  flexbeam query --db calls.duckdb "FROM conversations LIMIT 5"`

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:               "flexbeam",
		Short:             "Twilio Flex events in, tables out",
		Long:              rootLong,
		Example:           rootExample,
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRunE: a.start,
		DisableAutoGenTag: true,
		Args:              knownCommand,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		Version:           moduleVersion(),
	}
	root.SetOut(a.stdout)
	root.SetErr(a.screen)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usagef("%w", err) })
	root.SetHelpCommand(newHelp())
	root.SetVersionTemplate("flexbeam {{.Version}}\n")
	a.logLevel.add(root, true, "log-level", "least level of the logs; debug also shows those of Beam")
	a.logFormat.add(root, true, "log-format", "how logs are written")
	root.AddCommand(newRun(a), newSimulate(a), newQuery(a), newHeal(a), newErase(a), newSchema(a), newSetup(a), newDoctor(a), newConfig(a), newLocal(a), newJob(a), newTemplate(a), newVersion(a),
		hidden(newLocalKinesis(a), "kinesis-local"), hidden(newLocalBigQuery(a), "bigquery-local"))
	refineCompletion(root)
	return root
}

// refineCompletion makes cobra's completion command refuse a shell that it does not know.
func refineCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	c, _, err := root.Find([]string{"completion"})
	must(err)
	c.Example = "  flexbeam completion bash > /etc/bash_completion.d/flexbeam\n  source <(flexbeam completion zsh)"
	c.Args = knownCommand
	c.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
}

// knownCommand refuses the name of a subcommand that does not exist.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	cmd.SuggestionsMinimumDistance = 2
	if s := cmd.SuggestionsFor(args[0]); len(s) > 0 {
		return usagef("there is no command %q: did you mean %s?", args[0], strings.Join(s, " or "))
	}
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return usagef("there is no command %q: choose one of %s", args[0], strings.Join(names, ", "))
}

// noArgs refuses arguments that are no flags.
func noArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%q is neither a flag nor a flag's value", args[0])
	}
	return nil
}

func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:   "help [command]",
		Short: "Help about a command",
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			var names []cobra.Completion
			if len(args) == 0 {
				for _, c := range cmd.Root().Commands() {
					if c.IsAvailableCommand() {
						names = append(names, cobra.CompletionWithDesc(c.Name(), c.Short))
					}
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return usagef("there is no command %q", strings.Join(args, " "))
			}
			about.InitDefaultHelpFlag()
			about.InitDefaultVersionFlag()
			return about.Help()
		},
	}
}
