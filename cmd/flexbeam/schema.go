package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"flexbeam/schemas/model"
)

const schemaExample = `  flexbeam schema
  flexbeam schema ddl --dialect bigquery > tables.sql
  flexbeam schema json --table engagements
  flexbeam schema docs > model.md`

func newSchema(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "schema",
		Short:   "Show the tables: overview, DDL, JSON schema, documentation",
		Long:    "Show the tables that flexbeam fills: an overview, or one of the forms below. All of it is generated from the model.",
		Example: schemaExample,
		Args:    knownCommand,
		RunE: func(*cobra.Command, []string) error {
			var b strings.Builder
			for _, t := range model.Tables {
				fmt.Fprintf(&b, "%s (%d columns, key %s)\n  %s\n", t.Name, len(t.Columns), strings.Join(t.KeyNames(), ", "), t.Description)
			}
			b.WriteString("\nflexbeam schema docs tells each column; flexbeam schema ddl and json are for programs.\n")
			_, err := fmt.Fprint(a.stdout, b.String())
			return err
		},
	}
	cmd.AddCommand(newSchemaDDL(a), newSchemaJSON(a), newSchemaDocs(a), newSchemaApply(a))
	return cmd
}

func newSchemaDDL(a *app) *cobra.Command {
	dialect := newChoice("duckdb", "duckdb", "bigquery")
	cmd := &cobra.Command{
		Use:     "ddl",
		Short:   "Print the SQL that creates the tables",
		Long:    "Print the SQL that creates the tables, with descriptions, and the views.",
		Example: "  flexbeam schema ddl --dialect bigquery",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			ddl, err := model.DDL(dialect.value)
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(a.stdout, ddl)
			return err
		},
	}
	dialect.add(cmd, false, "dialect", "whose SQL")
	return cmd
}

func newSchemaJSON(a *app) *cobra.Command {
	name := ""
	cmd := &cobra.Command{
		Use:     "json",
		Short:   "Print a JSON Schema of the rows",
		Long:    "Print a JSON Schema (2020-12) of the rows as the sink jsonl writes them, one definition for each table.",
		Example: "  flexbeam schema json\n  flexbeam schema json --table agents",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			var tables []*model.Table
			if name != "" {
				t := model.Lookup(name)
				if t == nil {
					return usagef("--table %q: there is no such table: choose one of %s", name, strings.Join(tableNames(), ", "))
				}
				tables = append(tables, t)
			}
			_, err := a.stdout.Write(model.JSONSchema(tables...))
			return err
		},
	}
	cmd.Flags().StringVar(&name, "table", "", "`NAME` of the only table to describe")
	must(cmd.RegisterFlagCompletionFunc("table", cobra.FixedCompletions(tableNames(), cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

func newSchemaDocs(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "docs",
		Short:   "Print the documentation of every column",
		Long:    "Print every table and column with its type, meaning, sources in order and rule, in Markdown.",
		Example: "  flexbeam schema docs > docs/model.md",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := a.stdout.Write(model.Docs())
			return err
		},
	}
}

func viewNames() []string {
	var names []string
	for _, v := range model.Views {
		names = append(names, v.Name)
	}
	return names
}

func tableNames() []string {
	var names []string
	for _, t := range model.Tables {
		names = append(names, t.Name)
	}
	return names
}
