package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// ofRunner tells whether a flag is one of a runner: their names begin with its name.
func ofRunner(l *pflag.Flag, runner string) bool { return strings.HasPrefix(l.Name, runner+"-") }

// completeNone makes the shell offer no file names for the flags of a runner, but for one that has a list.
func completeNone(cmd *cobra.Command, runner, list string) {
	cmd.Flags().VisitAll(func(l *pflag.Flag) {
		if ofRunner(l, runner) && l.Name != list {
			completeNothing(cmd, l.Name)
		}
	})
}

// onlyOf refuses flags of a runner, and others that are for it alone, for a job that another one runs.
func onlyOf(cmd *cobra.Command, runner, job string, others ...string) (err error) {
	cmd.Flags().Visit(func(l *pflag.Flag) {
		if job != runner && (ofRunner(l, runner) || slices.Contains(others, l.Name)) && err == nil {
			err = usagef("--%s is an option of --runner %s, and the runner is %s: leave it out, or choose --runner %s", l.Name, runner, job, runner)
		}
	})
	return err
}
