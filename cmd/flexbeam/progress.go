package main

import (
	"sync"

	"github.com/spf13/cobra"

	"flexbeam/internal/console"
	"flexbeam/internal/telemetry"
)

func newProgressChoice() choice {
	var names []string
	for _, k := range console.Kinds {
		names = append(names, string(k))
	}
	return newChoice(string(console.Auto), names...)
}

// progressKind returns how progress is shown. Where logs are JSON there is no bar and no line of text,
// since they would stand between the log lines.
func (a *app) progressKind(kind console.Kind) console.Kind {
	if a.logFormat.value == "json" {
		return console.None
	}
	return kind
}

// showProgress shows how far a job is until stop is called, which may be called more than once. Where
// logs are JSON, progress is a log line: always for a stream, for other jobs if a kind is asked for.
func (a *app) showProgress(kind console.Kind, c *telemetry.Counters) (stop func()) {
	if a.logFormat.value == "json" && kind != console.None && (kind != console.Auto || c.Unbounded.Load()) {
		return sync.OnceFunc(logProgress(a.notices(), c))
	}
	return console.Start(a.screen, a.progressKind(kind), func() console.Work { return jobWork(c) }).Stop
}

// completeNothing makes the shell offer no file names for flags that take none.
func completeNothing(cmd *cobra.Command, flags ...string) {
	for _, f := range flags {
		must(cmd.RegisterFlagCompletionFunc(f, cobra.NoFileCompletions))
	}
}
