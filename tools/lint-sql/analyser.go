package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-googlesql"
)

// An analyser knows the tables that were created so far.
type analyser struct {
	catalog *googlesql.SimpleCatalog
	options *googlesql.AnalyzerOptions
	types   *googlesql.TypeFactory
}

func newAnalyser() (*analyser, error) {
	if err := googlesql.Init(); err != nil {
		return nil, err
	}
	catalog, err := googlesql.NewSimpleCatalog("catalog", nil)
	if err != nil {
		return nil, err
	}
	language, err := googlesql.NewLanguageOptions()
	if err != nil {
		return nil, err
	}
	if err := language.EnableMaximumLanguageFeaturesForDevelopment(); err != nil {
		return nil, err
	}
	if err := language.SetSupportsAllStatementKinds(); err != nil {
		return nil, err
	}
	if err := catalog.AddBuiltinFunctionsAndTypes(&googlesql.BuiltinFunctionOptions{LanguageOptions: language}); err != nil {
		return nil, err
	}
	options, err := googlesql.NewAnalyzerOptions2()
	if err != nil {
		return nil, err
	}
	if err := options.SetLanguage(language); err != nil {
		return nil, err
	}
	types, err := googlesql.NewTypeFactory()
	if err != nil {
		return nil, err
	}
	return &analyser{catalog, options, types}, nil
}

// analyse analyses a statement, and makes the table that it creates known.
func (a *analyser) analyse(sql string) error {
	if _, err := googlesql.AnalyzeStatement(sql, a.options, a.catalog, a.types); err != nil {
		return err
	}
	if m := createTable.FindStringSubmatch(sql); m != nil {
		return a.add(m[1], m[2])
	}
	return nil
}

// createTable finds the columns of a statement that the analyser has accepted, one a line.
var (
	createTable = regexp.MustCompile("(?s)^CREATE TABLE (?:IF NOT EXISTS )?`?([\\w.-]+)`? \\(\n(.*?)\n\\)")
	columnLine  = regexp.MustCompile(`^\s+(\w+) (STRING|TIMESTAMP|FLOAT64|INT64|BOOL|BYTES|DATE)\b`)
)

func (a *analyser) add(name, columns string) error {
	table, err := googlesql.NewSimpleTable(name, 0)
	if err != nil {
		return err
	}
	for _, line := range strings.Split(columns, "\n") {
		m := columnLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		kind, err := a.kind(m[2])
		if err != nil {
			return err
		}
		column, err := googlesql.NewSimpleColumn(name, m[1], kind, false, true)
		if err != nil {
			return err
		}
		if err := table.AddColumn2(column, false); err != nil {
			return err
		}
	}
	return a.catalog.AddTable(table)
}

func (a *analyser) kind(name string) (googlesql.Googlesql_TypeNode, error) {
	switch name {
	case "STRING":
		return a.types.GetString()
	case "TIMESTAMP":
		return a.types.GetTimestamp()
	case "FLOAT64":
		return a.types.GetDouble()
	case "INT64":
		return a.types.GetInt64()
	case "BOOL":
		return a.types.GetBool()
	case "BYTES":
		return a.types.GetBytes()
	case "DATE":
		return a.types.GetDate()
	}
	return nil, fmt.Errorf("unknown type %s", name)
}
