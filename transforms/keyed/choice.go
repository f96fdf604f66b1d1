package keyed

import (
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// A Choice says of which tasks and of which quarter hours of workers a job with an end writes rows,
// where these are not all of which it has read (contract, section 12). What it does not choose stays as
// it is in the sink. It travels with the options of kinds.
type Choice struct {
	// From and To choose tasks whose newest event, and quarter hours whose last event, lies from From on
	// and before To.
	From, To Millis

	// Since is from when on everything is known that happened.
	Since Millis

	// Heal chooses otherwise: tasks that began at Since or behind it and ended before To, and quarter
	// hours that were over at To, if the sink lacks events of them. From counts for nothing then.
	Heal bool
}

// Holds tells whether a time is one of those that are chosen.
func (c *Choice) Holds(at Millis) bool { return c.From <= at && at < c.To }

// A Finding is a task, or a worker, of which a sink lacks something that the events tell.
type Finding struct {
	Kind         string // model.TaskKind or model.WorkerKind
	Account, SID string

	// Of a task: the times of its first and of its newest event, how many events the rows in the sink
	// were made from, and how many there are. Of a worker: the begin of the first quarter hour that
	// is not right and the end of the last one, how many are right, and how many were looked at.
	First, Last Millis
	Known, All  int64

	Left string // why nothing is done about it; empty: it is written anew
}

// A Prior is what a sink holds of a unit.
type Prior struct {
	Version int64             // the greatest of its rows
	rows    map[string]uint64 // hashes by table and key
}

// Prior returns what the sink holds of the units of a key, as far as it was looked up, by Unit.At. It
// fails with ErrCorrupt if a row has a key that is none.
func (s *State) Prior(unitOf UnitOf) (map[int64]Prior, error) {
	all := map[int64]Prior{}
	err := s.eachLeft(unitOf, func(e emitted, u Unit) {
		p := all[u.At]
		if p.rows == nil {
			p.rows = map[string]uint64{}
		}
		p.Version, p.rows[e.name()] = max(p.Version, e.version), e.hash
		all[u.At] = p
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// Empty tells whether there are no rows.
func (p Prior) Empty() bool { return len(p.rows) == 0 }

// Erased tells whether the rows were erased (contract, section 11).
func (p Prior) Erased() bool { return p.Version >= model.Erased }

// A RowOf is a row of a table.
type RowOf struct {
	Table model.TableID
	Row   model.Row
}

// Lacks tells whether a fold that knows all would change the unit, which was looked up as a whole
// (AskWhole): rows are all that it gives of it, with a version.
func (p Prior) Lacks(rows []RowOf, version int64) bool {
	if p.Version > version {
		return false
	}
	if len(rows) != len(p.rows) {
		return true
	}
	for _, r := range rows {
		e := emitted{table: r.Table, key: string(model.Tables[r.Table].AppendKey(nil, r.Row))}
		if hash, there := p.rows[e.name()]; !there || hash != hashRow(change.Block(nil).Append(change.Change{Table: r.Table, Row: r.Row})) {
			return true
		}
	}
	return false
}
