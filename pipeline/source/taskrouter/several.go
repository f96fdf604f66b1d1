package taskrouter

import (
	"slices"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"flexbeam/pipeline/source"
	"flexbeam/schemas/event"
)

// several is the source of more than one workspace, of one account or of several.
type several []Plan

var (
	_ source.AgentSource   = several(nil)
	_ source.AccountSource = several(nil)
	_ source.RangedSource  = (*together)(nil)
	_ source.LogSource     = (*together)(nil)
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

// together are several workspaces as a URI names them.
type together struct {
	several
	opening
}

// Within implements source.RangedSource.
func (t *together) Within(r source.Range) (ranged source.Ranged, err error) {
	all := slices.Clone(t.several)
	for i, p := range all {
		if all[i], ranged.Since, err = t.within(p, r); err != nil {
			return ranged, err
		}
	}
	ranged.Source, ranged.Whole = &together{all, opening{at: t.at, old: t.old}}, true
	return ranged, nil
}

// Log implements source.LogSource.
func (t *together) Log() (log source.Source, from, to time.Time, err error) {
	all := slices.Clone(t.several)
	for i, p := range all {
		if all[i], err = t.log(p); err != nil {
			return nil, from, to, err
		}
	}
	return &together{all, opening{at: t.at}}, time.Unix(all[0].From, 0).UTC(), time.Unix(all[0].To, 0).UTC(), nil
}
