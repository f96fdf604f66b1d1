package main

import (
	"strings"

	"github.com/spf13/cobra"

	"flexbeam/pipeline/sink/bigquery"
)

const schemaApplyLong = `Create what is missing of the dataset, tables and views in BigQuery, and add to tables what they lack: columns, descriptions, a primary key.
Nothing is ever dropped; a table that does not fit is an error that names the column and both types.

A job does the same when it starts, unless its URI ends in ?schema=none: then this command can run with greater rights than the job has.`

func newSchemaApply(a *app) *cobra.Command {
	uri := ""
	cmd := &cobra.Command{
		Use:     "apply --sink URI",
		Short:   "Create or extend the tables in BigQuery",
		Long:    schemaApplyLong,
		Example: "  flexbeam schema apply --sink 'bigquery:my-project.flex?location=EU'",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			rest, ok := strings.CutPrefix(uri, "bigquery:")
			if !ok {
				return usagef("--sink %q: write such as --sink bigquery:PROJECT.DATASET; other sinks make their tables by themselves", uri)
			}
			if err := bigquery.Apply(cmd.Context(), rest); err != nil {
				return err
			}
			a.log.Info("tables are up to date", "sink", uri)
			return nil
		},
	}
	cmd.Flags().StringVar(&uri, "sink", "", "`URI` of the dataset: bigquery:PROJECT.DATASET (required)")
	completeNothing(cmd, "sink")
	return cmd
}
