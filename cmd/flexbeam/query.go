package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8/cwriter"

	"flexbeam/schemas/model"
)

const queryExample = `  flexbeam query --db calls.duckdb "FROM abandonment ORDER BY day, queue"
  flexbeam query --db calls.duckdb --format csv "FROM agent_status" > agent_status.csv
  flexbeam query --db calls.duckdb "SUMMARIZE engagements"
  echo "FROM conversations LIMIT 3; FROM dead_letters LIMIT 3" | flexbeam query --db calls.duckdb --format json
  flexbeam query --db calls.duckdb -f report.sql --format markdown`

func queryLong() string {
	return `Ask a DuckDB file in SQL and print the answer. The file is opened for reading only: a statement that writes is refused, and so is
one that reads or writes other files.

While a job writes the file it is locked. Then a copy is read, which has all that was flushed before, and a line on standard error says
of when it is. The copy is made where TMPDIR says, needs as much room as the file, and is gone afterwards.

The SQL is the argument, a file (-f) or standard input; several statements are separated by semicolons and answered in order.
Tables: ` + strings.Join(tableNames(), ", ") + `.
Views: ` + strings.Join(viewNames(), ", ") + `.
Times are printed in UTC. In csv and json, bytes are printed in base64; null is empty in csv.
On a terminal a table is made as narrow as the window: long texts are cut, then the last columns are left out, and a line below
the table says so. --wide shows all; so do files and pipes.`
}

func newQuery(a *app) *cobra.Command {
	var file, script string
	var wide bool
	format := newChoice("table", "table", "csv", "json", "markdown")
	cmd := &cobra.Command{
		Use:     "query --db FILE [SQL]",
		Short:   "Ask a DuckDB file in SQL",
		Long:    queryLong(),
		Example: queryExample,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("the SQL is more than one argument: put it in quotes")
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if file == "" {
				return usagef("--db is missing: write such as --db calls.duckdb")
			}
			sql, err := readSQL(cmd, args, script)
			if err != nil {
				return err
			}
			statements := splitSQL(sql)
			if len(statements) == 0 {
				return usagef("there is no SQL: write such as flexbeam query --db %s \"FROM engagements LIMIT 3\"", quoteArg(file))
			}
			return a.query(cmd.Context(), file, statements, newPrinter(a.stdout, format.value, wide))
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&file, "db", "", "DuckDB `FILE` to ask (required)")
	flags.StringVarP(&script, "file", "f", "", "`FILE` that holds the SQL; - is standard input")
	format.add(cmd, false, "format", "how the answer is printed")
	flags.BoolVar(&wide, "wide", false, "on a terminal, too, show all of a table")
	must(cmd.MarkFlagFilename("db", "duckdb", "db"))
	must(cmd.MarkFlagFilename("file", "sql"))
	return cmd
}

// readSQL returns the SQL from the argument, a file or standard input.
func readSQL(cmd *cobra.Command, args []string, script string) (string, error) {
	if len(args) == 1 {
		if script != "" {
			return "", usagef("there is SQL as an argument and a file: leave one out")
		}
		return args[0], nil
	}
	if script != "" && script != "-" {
		b, err := os.ReadFile(script)
		if err != nil {
			return "", fmt.Errorf("-f: cannot read %s: %w", script, cause(err))
		}
		return string(b), nil
	}
	in := cmd.InOrStdin()
	if f, ok := in.(*os.File); ok && cwriter.IsTerminal(int(f.Fd())) {
		return "", usagef("there is no SQL: give it as an argument, with -f FILE, or over standard input")
	}
	b, err := io.ReadAll(in)
	if err != nil {
		return "", fmt.Errorf("cannot read the SQL from standard input: %w", cause(err))
	}
	return string(b), nil
}

// query answers statements one after the other.
func (a *app) query(ctx context.Context, file string, statements []string, out *printer) error {
	s, err := openReadOnly(ctx, file)
	if ctx.Err() != nil {
		if err == nil {
			s.Close()
		}
		return context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	defer s.Close()
	if s.copied != nil {
		a.warnOfCopy(ctx, file, s.copied)
	}
	for i, q := range statements {
		err := s.ask(ctx, q, out)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			if len(statements) > 1 {
				return fmt.Errorf("statement %d: %w", i+1, err)
			}
			return err
		}
	}
	return nil
}

// warnOfCopy says that the answers are from a copy, and of when, unless warnings are not wanted.
func (a *app) warnOfCopy(ctx context.Context, file string, c *copied) {
	at := c.at.UTC().Format(model.TimeLayout)
	switch {
	case a.logFormat.value == "json":
		a.log.Warn("the file is being written by another process: the answers are from a copy", "file", file, "pid", c.pid, "copied_at", at)
	case a.log.Enabled(ctx, slog.LevelWarn):
		fmt.Fprintf(a.screen, "flexbeam query: %s is being written by %s: the answers are from a copy of %s\n", file, errLocked{c.pid}.by(), at)
	}
}
