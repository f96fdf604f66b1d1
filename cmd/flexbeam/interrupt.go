package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// errInterrupted is behind the cause with which a signal ends the context of interruptible.
var errInterrupted = errors.New("interrupted")

// sameSignal is how long after the first signal a second one counts as the same. GNU timeout, for
// example, sends its signal to the process and again to its group.
const sameSignal = 500 * time.Millisecond

// interruptible returns a context that ends with the first SIGINT, SIGTERM or SIGHUP. The second
// signal ends the process. SIGHUP comes when a terminal closes; it is left alone in a process that was
// started with it ignored, as nohup does.
func interruptible(parent context.Context, stderr io.Writer) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	go func() {
		s, ok := <-signals
		if !ok {
			return
		}
		first := time.Now()
		if s == syscall.SIGHUP {
			signal.Ignore(syscall.SIGPIPE) // what read our output may be gone with the terminal: it must not end us
		}
		cancel(fmt.Errorf("%w by %s", errInterrupted, signalName(s)))
		for s, ok = <-signals; ok && time.Since(first) < sameSignal; {
			s, ok = <-signals
		}
		if ok {
			fmt.Fprintf(stderr, "flexbeam: killed by a second %s\n", signalName(s))
			os.Exit(exitFailed)
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(signals)
		cancel(nil)
	}
}

func signalName(s os.Signal) string {
	switch s {
	case syscall.SIGTERM:
		return "SIGTERM"
	case syscall.SIGHUP:
		return "SIGHUP"
	}
	return "SIGINT"
}
