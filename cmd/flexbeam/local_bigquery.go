package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/spf13/cobra"

	"flexbeam/internal/testkit/bigquerylocal"
)

const localBigQueryLong = `Run a BigQuery on this machine, to try flexbeam without an account at Google. It knows what flexbeam needs: tables
and views, the Storage Write and Read APIs with change data capture, load jobs, and queries in a part of BigQuery's
SQL; the rest it refuses and says so. Where Google's pages differ it holds the strictest: a table that was streamed
to takes no UPDATE, DELETE or MERGE, and a change that is streamed sees the rows of its partition only.

Everything is in memory and gone when the command ends. There are no credentials: whoever reaches the addresses may read and write.`

const localBigQueryExample = `  flexbeam local bigquery &
  flexbeam run --source file:day.ndjson --sink 'bigquery:local-project.flex?endpoint=http://127.0.0.1:9050&grpc_endpoint=127.0.0.1:9060'`

func newLocalBigQuery(a *app) *cobra.Command {
	var o bigquerylocal.Options
	project, dataset := "local-project", "flex"
	cmd := &cobra.Command{
		Use:     "bigquery",
		Short:   "Run a BigQuery on this machine, to try things",
		Long:    localBigQueryLong,
		Example: localBigQueryExample,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.localBigQuery(cmd.Context(), o, project, dataset)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&o.RESTAddr, "rest-addr", "127.0.0.1:9050", "`HOST:PORT` of the REST API; port 0 takes a free one")
	flags.StringVar(&o.GRPCAddr, "grpc-addr", "127.0.0.1:9060", "`HOST:PORT` of the Storage Write API; port 0 takes a free one")
	flags.StringVar(&project, "project", project, "`PROJECT` of the dataset")
	flags.StringVar(&dataset, "dataset", dataset, "`DATASET` that is there from the start")
	flags.BoolVar(&o.LaxDML, "lax-dml", false, "take UPDATE, DELETE and MERGE on tables that no connection streams to any more")
	completeNothing(cmd, "rest-addr", "grpc-addr", "project", "dataset")
	return cmd
}

// localBigQuery serves until the command is interrupted, which is how it is meant to end.
func (a *app) localBigQuery(ctx context.Context, o bigquerylocal.Options, project, dataset string) error {
	s, err := bigquerylocal.Start(o)
	if listens := (*net.OpError)(nil); errors.As(err, &listens) {
		return fmt.Errorf("%w: choose other addresses with --rest-addr and --grpc-addr", err)
	}
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.CreateDataset(project, dataset); err != nil {
		return usagef("--dataset: %w", err)
	}
	endpoint := strings.TrimSuffix(s.RESTEndpoint, "/bigquery/v2/")
	fmt.Fprintf(a.stdout, "BigQuery on this machine: REST at %s, Storage Write at %s, everything in memory. End it with Ctrl-C.\n\nSink:\n  %s\n", endpoint, s.GRPCEndpoint,
		quoteArg(fmt.Sprintf("bigquery:%s.%s?endpoint=%s&grpc_endpoint=%s", project, dataset, endpoint, s.GRPCEndpoint)))
	<-ctx.Done()
	return s.Close()
}
