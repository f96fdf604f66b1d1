package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"flexbeam/internal/console"
	"flexbeam/internal/secret"
)

// The exit statuses.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
	exitLacks  = 3 // of heal --dry-run: something is to be mended
)

// An app is what the subcommands share.
type app struct {
	stdout io.Writer
	screen *console.Screen // standard error
	log    *slog.Logger

	logLevel  choice
	logFormat choice
	started   bool // a subcommand runs: its command line was right
}

func newApp(stdout, stderr io.Writer) *app {
	return &app{
		stdout:    stdout,
		screen:    console.NewScreen(stderr),
		log:       slog.New(slog.DiscardHandler),
		logLevel:  newChoice("warn", "debug", "info", "warn", "error"),
		logFormat: newChoice("text", "text", "json"),
	}
}

// start is called when a command line was read and before its subcommand runs. A flag that is given
// without a value, as by a variable of a script that is not set, is refused: what it stands for would be
// left out in silence.
func (a *app) start(cmd *cobra.Command, _ []string) (err error) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if f.Value.Type() == "string" && f.Value.String() == "" && err == nil {
			err = usagef("--%s is empty: give it a value, or leave it out", f.Name)
		}
	})
	a.started = err == nil
	a.log = newLogger(a.screen, a.logLevel.value, a.logFormat.value)
	return err
}

// report prints an error as one line and returns the exit status.
func (a *app) report(cmd *cobra.Command, err error) int {
	if err == nil {
		return exitOK
	}
	text := secret.Redact(rootCause(err))
	if isPanic(err, text) {
		text += " (a fault in flexbeam: report it where you got flexbeam from, with what --log-level debug shows)"
	}
	name := "flexbeam"
	if cmd != nil {
		name = cmd.CommandPath()
	}
	code := exitFailed
	if errors.Is(err, errLacks) {
		code = exitLacks
	}
	if !a.started || isUsage(err) {
		code = exitUsage
		if hint := name + " --help"; !strings.Contains(text, hint) {
			text += " (see " + hint + ")"
		}
	}
	if a.logFormat.value == "json" {
		a.notices().Error("command failed", "command", name, "error", text, "exit_status", code)
	} else {
		fmt.Fprintf(a.screen, "%s: %s\n", name, text)
	}
	if a.started {
		a.log.Debug("the whole error", "error", err)
	}
	return code
}
