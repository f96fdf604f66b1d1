package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/smithy-go"
	"github.com/spf13/cobra"

	"flexbeam/internal/console"
	"flexbeam/internal/testkit/kinesisfake"
)

const localKinesisLong = `Run a server on this machine that answers as Amazon Kinesis does, to try the streaming job without an AWS account.

It creates its streams, says where it is, and runs until it gets SIGINT, SIGTERM or SIGHUP. Any Kinesis client can
use it, and create, split and merge streams too. Clients must send credentials, as always, but nobody looks at them.

It keeps every record in memory until the retention period is over, forgets all when it ends, and is open to whoever
reaches its address: a server to develop and to demonstrate with, none for production.`

const localKinesisExample = `  flexbeam local kinesis
  flexbeam local kinesis --stream demo --shards 4 --throttle
  flexbeam local kinesis --addr 127.0.0.1:0 --stream calls --stream chats --retention 168`

// localKinesisFlags are the flags of local kinesis.
type localKinesisFlags struct {
	addr      string
	streams   []string
	shards    int
	throttle  bool
	retention int // hours
}

// The retention periods of Kinesis in hours, and more shards than one machine is good for.
const (
	shortestRetention = 24
	longestRetention  = 8760
	mostShards        = 1000
)

func newLocalKinesis(a *app) *cobra.Command {
	var f localKinesisFlags
	cmd := &cobra.Command{
		Use:     "kinesis",
		Short:   "Run a Kinesis-compatible server in memory",
		Long:    localKinesisLong,
		Example: localKinesisExample,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case f.shards < 1 || f.shards > mostShards:
				return usagef("--shards %d: write a number from 1 to %d", f.shards, mostShards)
			case f.retention < shortestRetention || f.retention > longestRetention:
				return usagef("--retention %d: write hours from %d to %d", f.retention, shortestRetention, longestRetention)
			}
			return a.localKinesis(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.addr, "addr", "127.0.0.1:4567", "`ADDRESS` to listen at; port 0 is any free one")
	flags.StringArrayVar(&f.streams, "stream", []string{"demo"}, "`NAME` of a stream to create; repeatable, replaces the default")
	flags.IntVar(&f.shards, "shards", 2, "shards of each stream")
	flags.BoolVar(&f.throttle, "throttle", false, "keep the limits of a Kinesis shard: 1 MiB and 1000 records written, 2 MiB and 5 calls read, a second")
	flags.IntVar(&f.retention, "retention", shortestRetention, "`HOURS` that records are kept")
	completeNothing(cmd, "addr", "stream", "shards", "retention")
	return cmd
}

// localKinesis serves until ctx ends.
func (a *app) localKinesis(ctx context.Context, f localKinesisFlags) error {
	server := kinesisfake.New(kinesisfake.Options{Addr: f.addr, Limits: f.throttle})
	if err := server.Start(); err != nil {
		return listenError(f.addr, err)
	}
	defer server.Close()
	for _, name := range f.streams {
		if err := createStream(ctx, server.Client(), name, f); err != nil {
			return usagef("--stream %s: %w", name, err)
		}
	}
	begin := time.Now()
	fmt.Fprintf(a.stdout, "Kinesis at %s: streams %s with %d shards each, in memory only; Ctrl-C ends it\n", server.URL, strings.Join(f.streams, ", "), f.shards)
	uri := quoteArg("kinesis:" + f.streams[0] + "?endpoint=" + server.URL)
	fmt.Fprintf(a.stdout, "  flexbeam simulate --to %s --speed max\n  flexbeam run --source %s --sink duckdb:calls.duckdb\n", uri, uri)
	fmt.Fprintf(a.stdout, "its ARN is %s: flexbeam setup takes it, with --kinesis-endpoint %s\n", server.ARN(f.streams[0]), server.URL)
	<-ctx.Done()
	fmt.Fprintf(a.screen, "ended after %s: %s calls of PutRecords, %s of GetRecords\n", console.Duration(time.Since(begin)),
		console.Number(int64(server.Calls("PutRecords", "", ""))), console.Number(int64(server.Calls("GetRecords", "", ""))))
	return nil
}

// createStream creates a stream as any client would.
func createStream(ctx context.Context, c *kinesis.Client, name string, f localKinesisFlags) error {
	shards, hours := int32(f.shards), int32(f.retention)
	_, err := c.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: &name, ShardCount: &shards})
	if err == nil && hours > shortestRetention {
		_, err = c.IncreaseStreamRetentionPeriod(ctx, &kinesis.IncreaseStreamRetentionPeriodInput{StreamName: &name, RetentionPeriodHours: &hours})
	}
	var refusal smithy.APIError
	if errors.As(err, &refusal) {
		return errors.New(refusal.ErrorMessage())
	}
	return err
}
