package taskrouter

import (
	"slices"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"flexbeam/pipeline/source"
	"flexbeam/schemas/event"
)

// several is the source of more than one workspace, of one account or of several.
type several []Plan

var (
	_ source.AgentSource   = several(nil)
	_ source.AccountSource = several(nil)
)

// Accounts implements source.AccountSource: each account once.
func (s several) Accounts() (all []source.Account) {
	for _, p := range s {
		if _, known := source.Find(all, p.Account); !known {
			all = append(all, p.account())
		}
	}
	return all
}

// Size implements source.Source. The first number is not known.
func (s several) Size() (bytes, records int64) {
	for _, p := range s {
		records += (p.To - p.From) * perHour / 3600
	}
	return 0, records
}

// Read implements source.Source. Agents whom no event names are not told of.
func (s several) Read(scope beam.Scope, o source.ReadOptions) beam.PCollection {
	records, _ := s.ReadAgents(scope, o)
	return records
}

// ReadAgents implements source.AgentSource.
func (s several) ReadAgents(scope beam.Scope, o source.ReadOptions) (records, agents beam.PCollection) {
	scope = scope.Scope("taskrouter.Read")
	plans := beam.CreateList(scope, slices.Clone([]Plan(s)))
	return beam.ParDo2(scope, &readFn{Job: o.Job}, plans)
}

// Text implements source.Source: the text of a record is not read again.
func (s several) Text(event.Place) ([]byte, error) { return nil, event.ErrNoText }
