package main

import (
	"github.com/spf13/cobra"

	"flexbeam/internal/console"
)

func newProgressChoice() choice {
	var names []string
	for _, k := range console.Kinds {
		names = append(names, string(k))
	}
	return newChoice(string(console.Auto), names...)
}

// progressKind returns how progress is shown beside the logs: where these are JSON, lines of text would spoil them.
func (a *app) progressKind(kind console.Kind) console.Kind {
	if kind == console.Auto && a.logFormat.value == "json" {
		return console.None
	}
	return kind
}

// completeNothing makes the shell offer no file names for flags that take none.
func completeNothing(cmd *cobra.Command, flags ...string) {
	for _, f := range flags {
		must(cmd.RegisterFlagCompletionFunc(f, cobra.NoFileCompletions))
	}
}
