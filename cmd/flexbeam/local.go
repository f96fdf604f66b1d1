package main

import (
	"errors"
	"fmt"
	"net"

	"github.com/spf13/cobra"
)

const localLong = `Run a service on this machine, to try flexbeam without an account in a cloud and without a cluster.

What stands in for a cloud service is in memory and gone when the command ends. Whoever reaches the address may read
and write: these services are there to develop and to demonstrate with, none is for production.`

const localExample = `  flexbeam local kinesis --stream demo
  flexbeam local bigquery --dataset flex
  flexbeam local twilio --events log.ndjson
  flexbeam local flink`

func newLocal(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "local",
		Short:   "Run a stand-in for a cloud service, or a Flink cluster, to try things",
		Long:    localLong,
		Example: localExample,
		Args:    knownCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newLocalKinesis(a), newLocalBigQuery(a), newLocalTwilio(a), newLocalFlink(a))
	return cmd
}

// listenError is why a server does not listen at an address, and what to do.
func listenError(addr string, err error) error {
	if op := new(net.OpError); errors.As(err, &op) {
		err = op.Err
	}
	return fmt.Errorf("--addr %s: cannot listen there: %w: choose another address, such as 127.0.0.1:0 for a free port", addr, err)
}

// hidden returns a command under another name that help does not show: scripts may know it by its
// former one.
func hidden(cmd *cobra.Command, name string) *cobra.Command {
	cmd.Use, cmd.Hidden = name, true
	return cmd
}
