package main

import (
	"context"
	"database/sql"
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Show versions",
		Long:    "Show the versions of flexbeam and of what it is built with.",
		Example: "  flexbeam version",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			info, ok := debug.ReadBuildInfo()
			if !ok {
				return fmt.Errorf("version: this binary holds no build information: build it with go build")
			}
			_, err := fmt.Fprintf(a.stdout, "flexbeam %s\ngo       %s\nbeam     %s\nduckdb   %s\n", moduleVersion(), info.GoVersion,
				dependency(info, "github.com/apache/beam/sdks/v2"), duckdbVersion(cmd.Context()))
			return err
		},
	}
}

// moduleVersion returns the version of this module, with the commit where there is no version.
func moduleVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	if v != "" && v != "(devel)" {
		return v
	}
	v = "devel"
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && len(s.Value) >= 12:
			v += "-" + s.Value[:12]
		case s.Key == "vcs.modified" && s.Value == "true":
			v += "+dirty"
		}
	}
	return v
}

// dependency returns the version of a module that this binary is built with.
func dependency(info *debug.BuildInfo, path string) string {
	for _, m := range info.Deps {
		if m.Path == path {
			if m.Replace != nil {
				m = m.Replace
			}
			return m.Version
		}
	}
	return "unknown"
}

// duckdbVersion returns the version of the DuckDB library that this binary is linked with.
func duckdbVersion(ctx context.Context) string {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return "unknown"
	}
	defer db.Close()
	var v string
	if err := db.QueryRowContext(ctx, "SELECT version()").Scan(&v); err != nil {
		return "unknown"
	}
	return v
}
