package keyed

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/cespare/xxhash/v2"

	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
)

// PriorRows finds rows of other jobs in a sink. A fold compares its rows with them as with those
// that it emitted itself, so that what is no longer right is deleted, and what another job knows
// more of is left alone. In memory is a hash for each key that had rows when the job began; the
// rows are looked up when the rules ask for them: once, or while other jobs write to the sink with
// every fold.
type PriorRows struct {
	find   FindRows
	others OtherJobs
	noted  map[model.TableID][]uint64 // hashes of owners, sorted once
	newest map[model.TableID]int64    // of the times by which rows are looked up
	sorted sync.Once
}

// FindRows calls f with the rows of a table that belong to some owners, as sink.Sink's Find does.
type FindRows func(ctx context.Context, t model.TableID, q model.OwnerQuery, f func(model.Row) error) error

// OtherJobs tells whether other jobs may have written to the sink since the job began.
type OtherJobs func(ctx context.Context) (bool, error)

// NewPriorRows returns a PriorRows that looks rows up with find. All rows are noted before any is
// asked for. others may be nil: then no other job writes meanwhile.
func NewPriorRows(find FindRows, others OtherJobs) *PriorRows {
	return &PriorRows{find: find, others: others, noted: map[model.TableID][]uint64{}, newest: map[model.TableID]int64{}}
}

// Note remembers that the sink holds a row: its key cells and those of its owner.
func (p *PriorRows) Note(t model.TableID, r model.Row) {
	table := model.Tables[t]
	h := xxhash.Sum64String(event.Key(table.OwnerKey(r)))
	if n := len(p.noted[t]); n == 0 || p.noted[t][n-1] != h {
		p.noted[t] = append(p.noted[t], h)
	}
	if table.Owner.Time != "" {
		at := table.Get(r, table.Owner.Time).Num
		if newest, ok := p.newest[t]; !ok || at > newest {
			p.newest[t] = at
		}
	}
}

// Keys returns how many keys of a kind have rows: the most that one of its tables knows.
func (p *PriorRows) Keys(kind string) (n int) {
	if p == nil {
		return 0
	}
	p.sort()
	for _, t := range model.OwnedTables() {
		if model.Tables[t].Owner.Kind == kind {
			n = max(n, len(p.noted[t]))
		}
	}
	return n
}

func (p *PriorRows) sort() {
	p.sorted.Do(func() {
		for t := range p.noted {
			slices.Sort(p.noted[t])
			p.noted[t] = slices.Clip(slices.Compact(p.noted[t]))
		}
	})
}

// A Look says when the rules have to ask for the rows of other jobs.
type Look byte

// The ways to look.
const (
	LookNever Look = iota // there are none
	LookOnce              // before the first fold of something
	LookAgain             // with every fold, since other jobs write meanwhile
)

// A Looker is a PriorRows for the keys of a kind that are folded together.
type Looker struct {
	prior  *PriorRows // nil: nothing is looked up
	kind   string
	again  bool
	anew   bool           // keys are looked up whatever the sink held when the job began
	tables []*model.Table // that have rows
}

// Looker returns what tells of the keys of a kind how to look. p may be nil: then the sink holds no
// rows, and no other job writes.
func (p *PriorRows) Looker(ctx context.Context, k *Kind) (*Looker, error) {
	l := &Looker{kind: k.Name}
	if p == nil {
		return l, nil
	}
	p.sort()
	for _, id := range model.OwnedTables() {
		if t := model.Tables[id]; t.Owner.Kind == k.Name {
			l.tables = append(l.tables, t)
		}
	}
	if len(l.tables) == 0 {
		return l, nil
	}
	if p.others != nil {
		var err error
		if l.again, err = p.others(ctx); err != nil {
			return nil, fmt.Errorf("look whether other jobs write to the sink: %w", err)
		}
	}
	if l.again || p.Keys(k.Name) > 0 {
		l.prior = p
	}
	return l, nil
}

// Anew returns a Looker that has every key looked up, also one that had no rows when the job began. A
// key whose state was restored needs it: rows may have been emitted behind that state.
func (l *Looker) Anew(p *PriorRows) *Looker {
	if p == nil {
		return l // nothing is in a sink
	}
	anew := *l
	anew.prior, anew.anew = p, true
	return &anew
}

// Look says how to look for a key.
func (l *Looker) Look(key string) Look {
	switch {
	case l.anew && len(l.tables) > 0 && !l.again:
		return LookOnce
	case l.prior == nil:
		return LookNever
	case l.again:
		return LookAgain
	}
	for _, t := range l.tables {
		if l.prior.holds(t, ownerOf(t, key)) {
			return LookOnce
		}
	}
	return LookNever
}

func ownerOf(t *model.Table, key string) model.OwnerKey {
	account, sid, _ := strings.Cut(key, "\x00")
	if t.Owner.Account == "" {
		account = ""
	}
	return model.OwnerKey{Account: account, SID: sid}
}

func (p *PriorRows) holds(t *model.Table, o model.OwnerKey) bool {
	_, ok := slices.BinarySearch(p.noted[t.ID], xxhash.Sum64String(event.Key(o.Account, o.SID)))
	return ok
}

// Holds tells whether the sink held rows of a key when the job began.
func (p *PriorRows) Holds(k *Kind, key string) bool {
	if p == nil {
		return false
	}
	p.sort()
	for _, id := range model.OwnedTables() {
		if t := model.Tables[id]; t.Owner.Kind == k.Name && p.holds(t, ownerOf(t, key)) {
			return true
		}
	}
	return false
}

// Looked tells whether the sink was asked for the rows of the key.
func (s *State) Looked() bool { return s.looked != nil }

// An Ask is what the rules of a key want to know of the sink before they go on.
type Ask struct {
	Key  string // event.Key
	Span Span
}

// A Span is a range of what tells the units of a key apart (Unit.At). Both ends count.
type Span struct{ From, To int64 }

// Whole is the span of a key that has one unit.
var Whole = Span{}

func (s Span) covers(t Span) bool { return s.From <= t.From && t.To <= s.To }

func (s Span) hull(t Span) Span { return Span{min(s.From, t.From), max(s.To, t.To)} }

// Found is what a sink holds of a key.
type Found struct {
	span Span
	rows []emitted
}

// Find looks up what keys ask for, all at once. Where no other job writes meanwhile, what lies
// behind all rows of the sink counts as looked up too.
func (l *Looker) Find(ctx context.Context, asks []Ask) (map[string]*Found, error) {
	found := make(map[string]*Found, len(asks))
	for _, t := range l.tables {
		if err := l.find(ctx, t, asks, found); err != nil {
			return nil, fmt.Errorf("look up which rows of %s the sink holds: %w", t.Name, err)
		}
	}
	return found, nil
}

func (l *Looker) find(ctx context.Context, t *model.Table, asks []Ask, found map[string]*Found) error {
	q := model.OwnerQuery{From: math.MaxInt64, To: math.MinInt64}
	of := make(map[model.OwnerKey][]*Found, len(asks))
	for _, a := range asks {
		f := found[a.Key]
		if f == nil {
			f = &Found{span: a.Span}
			found[a.Key] = f
		}
		if newest, ok := l.prior.newest[t.ID]; t.Owner.Time != "" && !l.again && !l.anew && (!ok || a.Span.To >= newest) {
			f.span.To = math.MaxInt64
		}
		owner := ownerOf(t, a.Key)
		if !l.again && !l.anew && !l.prior.holds(t, owner) {
			continue
		}
		if of[owner] == nil {
			q.Owners = append(q.Owners, owner)
		}
		of[owner] = append(of[owner], f)
		q.From, q.To = min(q.From, a.Span.From), max(q.To, a.Span.To)
	}
	if len(q.Owners) == 0 {
		return nil
	}
	return l.prior.find(ctx, t.ID, q, func(r model.Row) error {
		row := emitted{table: t.ID, key: string(t.AppendKey(nil, r)), left: true, version: r[len(r)-1].Num, day: dayOf(t, r)}
		account, sid := t.OwnerKey(r)
		for _, f := range of[model.OwnerKey{Account: account, SID: sid}] {
			one := model.OwnerQuery{From: f.span.From, To: f.span.To}
			if one.Holds(t, r) {
				f.rows = append(f.rows, row)
			}
		}
		return nil
	})
}

// Ask tells whether the rules have to wait for what the sink holds of a span of their key: then
// they return at once, having changed nothing, and are called again when the driver has learnt
// that.
func (s *State) Ask(want Span, out *Output) bool {
	switch {
	case out.Look == LookNever:
		return false
	case out.Look == LookAgain && !s.fresh:
	case s.looked != nil && s.looked.covers(want) && (s.fresh || !s.undated()):
		return false
	}
	if s.looked != nil {
		want = s.looked.hull(want)
	}
	out.Ask = &want
	return true
}

// undated tells whether the state comes from a version that did not know the partitions of rows,
// which the sink tells then.
func (s *State) undated() bool {
	return slices.ContainsFunc(s.emitted, func(e emitted) bool {
		_, apart := model.Tables[e.table].PartitionColumn()
		return apart && e.day == None
	})
}

// Learn takes what a sink holds of the key, in the place of what was learnt before. Rows that this
// job did not write, or not last, are another job's.
func (s *State) Learn(f *Found) {
	s.looked, s.fresh = &f.span, true
	s.emitted = slices.DeleteFunc(s.emitted, func(e emitted) bool { return e.left })
	if len(f.rows) == 0 {
		return
	}
	place := make(map[string]int, len(s.emitted))
	for i, e := range s.emitted {
		place[e.name()] = i
	}
	for _, r := range f.rows {
		switch i, known := place[r.name()]; {
		case !known:
			s.emitted = append(s.emitted, r)
		case r.version > s.emitted[i].version:
			s.emitted[i] = r
		}
	}
}
