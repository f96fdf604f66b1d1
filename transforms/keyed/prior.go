package keyed

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"

	"flexbeam/internal/span"
	"flexbeam/schemas/change"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
)

// PriorRows finds rows of other jobs in a sink. A fold compares its rows with them as with those
// that it emitted itself, so that what is no longer right is deleted, and what another job knows
// more of is left alone.
//
// A sink may hold years of rows. In memory is a hash for each key that had rows of the days which
// the job touches: those of its events and Around days on both sides. It is read when the first
// events of a day come. The rows themselves are looked up when the rules ask for them, of these days
// only: once, or while other jobs write to the sink with every fold.
type PriorRows struct {
	sink Holder
	sets map[model.TableID]*ownerSet
}

// A Holder is a sink, as far as its rows are looked up: see sink.Sink, which is one.
type Holder interface {
	Owners(ctx context.Context, t model.TableID, in span.Span, f func(model.Row) error) error
	Find(ctx context.Context, t model.TableID, q model.OwnerQuery, f func(model.Row) error) error
	OtherJobs(ctx context.Context) (bool, error)
}

// Around is how many days before and behind the events of a task its rows are looked for: as long as
// the state of a task without an end is kept.
const Around = 15

// mostQueries is of how many spans a sink is asked one after the other. Where days are more
// scattered than that, the shortest gaps are read too.
const mostQueries = 8

// NewPriorRows returns a PriorRows that looks rows up in a sink. Nothing is read yet.
func NewPriorRows(sink Holder) *PriorRows {
	p := &PriorRows{sink: sink, sets: map[model.TableID]*ownerSet{}}
	for _, id := range model.OwnedTables() {
		p.sets[id] = &ownerSet{table: model.Tables[id]}
		p.sets[id].held.Store(&owners{newest: math.MinInt64})
	}
	return p
}

// An ownerSet is the owners of rows of a table.
type ownerSet struct {
	table   *model.Table
	loading sync.Mutex
	held    atomic.Pointer[owners]
}

// owners is what is known of the owners of a table's rows. It is not changed.
type owners struct {
	covered span.Set
	hashes  []uint64 // of owners, sorted
	newest  int64    // of the times by which rows are looked up; the least number if there are none
}

func hashOf(o model.OwnerKey) uint64 { return xxhash.Sum64String(event.Key(o.Account, o.SID)) }

func (o *owners) holds(k model.OwnerKey) bool {
	_, ok := slices.BinarySearch(o.hashes, hashOf(k))
	return ok
}

// cover reads the owners of the rows of some days that were not read yet, and returns what is known
// then.
func (s *ownerSet) cover(ctx context.Context, sink Holder, days span.Set) (*owners, error) {
	if o := s.held.Load(); o.covered.CoversAll(days) {
		return o, nil
	}
	s.loading.Lock()
	defer s.loading.Unlock()
	o := s.held.Load()
	missing := o.covered.Missing(days).AtMost(mostQueries)
	if len(missing) == 0 {
		return o, nil
	}
	next := &owners{covered: o.covered, hashes: slices.Clone(o.hashes), newest: o.newest}
	for _, in := range missing {
		err := sink.Owners(ctx, s.table.ID, in, func(r model.Row) error {
			account, sid := s.table.OwnerKey(r)
			h := hashOf(model.OwnerKey{Account: account, SID: sid})
			if n := len(next.hashes); n == 0 || next.hashes[n-1] != h {
				next.hashes = append(next.hashes, h)
			}
			if s.table.Owner.Time != "" {
				next.newest = max(next.newest, s.table.Get(r, s.table.Owner.Time).Num)
			}
			return ctx.Err()
		})
		if err != nil {
			return nil, fmt.Errorf("read which keys have rows of %s in the sink: %w", s.table.Name, err)
		}
		next.covered = next.covered.Add(in)
	}
	slices.Sort(next.hashes)
	next.hashes = slices.Clip(slices.Compact(next.hashes))
	s.held.Store(next)
	return next, nil
}

// Cover reads which keys of some kinds have rows of some days.
func (p *PriorRows) Cover(ctx context.Context, kinds []string, days span.Set) error {
	for _, id := range model.OwnedTables() {
		if !slices.Contains(kinds, model.Tables[id].Owner.Kind) {
			continue
		}
		if _, err := p.sets[id].cover(ctx, p.sink, days); err != nil {
			return err
		}
	}
	return nil
}

// Keys returns of how many keys of a kind rows are known: the most that one of its tables knows.
func (p *PriorRows) Keys(kind string) (n int) {
	if p == nil {
		return 0
	}
	for _, s := range p.sets {
		if s.table.Owner.Kind == kind {
			n = max(n, len(s.held.Load().hashes))
		}
	}
	return n
}

// A Look says when the rules of a key have to ask for the rows of other jobs. The zero Look says that
// there are none.
type Look struct {
	how  lookWay
	from *Looker // knows which keys have none
	key  string
}

type lookWay byte

// The ways to look.
const (
	lookNever lookWay = iota
	lookOnce          // before the first fold of something
	lookAgain         // with every fold, since other jobs write meanwhile
)

// A Looker is a PriorRows for the keys of a kind that are folded together.
type Looker struct {
	prior  *PriorRows // nil: nothing is looked up
	again  bool
	anew   bool // keys are looked up whatever is known of them
	whole  bool // all events of the keys are there, and unless other jobs write it was read which have rows near them
	tables []*model.Table
}

// Looker returns what tells of the keys of a kind how to look. p may be nil: then the sink holds no
// rows, and no other job writes.
func (p *PriorRows) Looker(ctx context.Context, k *Kind) (*Looker, error) {
	l := &Looker{}
	if p == nil {
		return l, nil
	}
	for _, id := range model.OwnedTables() {
		if t := model.Tables[id]; t.Owner.Kind == k.Name {
			l.tables = append(l.tables, t)
		}
	}
	if len(l.tables) == 0 {
		return l, nil
	}
	var err error
	if l.again, err = p.sink.OtherJobs(ctx); err != nil {
		return nil, fmt.Errorf("look whether other jobs write to the sink: %w", err)
	}
	l.prior = p
	return l, nil
}

// Cover reads which keys have rows near some groups of events, so that most of them need not ask. The
// groups are all events of all keys that the Looker serves.
func (l *Looker) Cover(ctx context.Context, groups []event.Group) error {
	if l.prior == nil || len(groups) == 0 {
		return nil
	}
	l.whole = true
	if l.again {
		return nil
	}
	days := DaysOf(groups)
	for _, t := range l.tables {
		if _, err := l.prior.sets[t.ID].cover(ctx, l.prior.sink, days); err != nil {
			return err
		}
	}
	return nil
}

// DaysOf returns the days on which there may be rows of events.
func DaysOf(groups []event.Group) (days span.Set) {
	var last span.Span // of which the days are in the set already
	for _, g := range groups {
		for _, e := range g.Events {
			at := int64(e.Time)
			if last.From <= at && at <= last.To && days != nil {
				continue
			}
			days, last = days.Add(span.Days(at, Around)), span.Days(at, 0)
		}
	}
	return days
}

// Anew returns a Looker that has every key looked up, also one that had no rows when its days were
// read. A key whose state was restored needs it: rows may have been emitted behind that state.
func (l *Looker) Anew() *Looker {
	anew := *l
	anew.anew = true
	return &anew
}

// Again tells whether keys are looked up with every fold, since other jobs write meanwhile.
func (l *Looker) Again() bool { return l.again }

// Look says how to look for a key.
func (l *Looker) Look(key string) Look {
	switch {
	case l.prior == nil:
		return Look{}
	case l.again:
		return Look{how: lookAgain, key: key}
	case l.anew:
		return Look{how: lookOnce, key: key}
	}
	return Look{lookOnce, l, key}
}

// lacks tells whether it is known that there are no rows of the key on some days.
func (l Look) lacks(want Span, days func() span.Set) bool {
	if l.from == nil {
		return false
	}
	for _, t := range l.from.tables {
		o := l.from.prior.sets[t.ID].held.Load()
		switch {
		case o.holds(ownerOf(t, l.key)):
			return false
		case t.Owner.Time != "" && !o.covered.Covers(want):
			return false
		case t.Owner.Time == "" && days != nil && !l.from.whole && !o.covered.CoversAll(days()):
			return false
		}
	}
	return true
}

func ownerOf(t *model.Table, key string) model.OwnerKey {
	account, sid, _ := strings.Cut(key, "\x00")
	if t.Owner.Account == "" {
		account = ""
	}
	return model.OwnerKey{Account: account, SID: sid}
}

// where returns of which times the rows of a table are that a key asks for: where these tell its
// units apart they are its span, else its days.
func where(t *model.Table, want Span, days span.Set) span.Set {
	if t.Owner.Time != "" {
		return span.Set{want}
	}
	return days
}

// Holds tells whether the sink may hold rows of a key: it does, or some of the days were not read yet.
// No days are all days.
func (p *PriorRows) Holds(k *Kind, key string, days span.Set) bool {
	if p == nil {
		return false
	}
	if len(days) == 0 {
		days = span.Set{span.All}
	}
	for _, id := range model.OwnedTables() {
		if t := model.Tables[id]; t.Owner.Kind == k.Name {
			if o := p.sets[id].held.Load(); o.holds(ownerOf(t, key)) || !o.covered.CoversAll(days) {
				return true
			}
		}
	}
	return false
}

// Looked tells whether the sink was asked for the rows of the key.
func (s *State) Looked() bool { return s.looked != nil }

// An Ask is what the rules of a key want to know of the sink before they go on.
type Ask struct {
	Key  string   // event.Key
	Span Span     // of the units of the key
	Days span.Set // on which rows may be whose unit is no time

	Whole bool // rows are compared as a whole: of one that is the same nothing is written
}

// A Span is a range of what tells the units of a key apart (Unit.At). Both ends count.
type Span = span.Span

// Whole is the span of a key that has one unit.
var Whole = Span{}

// Found is what a sink holds of a key.
type Found struct {
	span Span
	days span.Set
	rows []emitted
}

// Answers tells whether it is all that an ask wants to know of the key.
func (f *Found) Answers(a Ask) bool { return f.span.Covers(a.Span) && f.days.CoversAll(a.Days) }

// Len returns how many rows of the key the sink holds.
func (f *Found) Len() int { return len(f.rows) }

// Find looks up what keys ask for, all at once. Of keys that may get further events it looks further
// ahead than they ask, so that they need not ask again with every day. Where no other job writes
// meanwhile, what lies behind all rows of the sink counts as looked up too.
func (l *Looker) Find(ctx context.Context, asks []Ask) (map[string]*Found, error) {
	if !l.whole {
		asks = slices.Clone(asks)
		for i := range asks {
			asks[i].Days = asks[i].Days.Later(Around)
		}
	}
	found := make(map[string]*Found, len(asks))
	for _, a := range asks {
		if found[a.Key] == nil {
			found[a.Key] = &Found{span: a.Span, days: a.Days}
		}
	}
	for _, t := range l.tables {
		if err := l.find(ctx, t, asks, found); err != nil {
			return nil, fmt.Errorf("look up which rows of %s the sink holds: %w", t.Name, err)
		}
	}
	return found, nil
}

func (l *Looker) find(ctx context.Context, t *model.Table, asks []Ask, found map[string]*Found) error {
	asks, err := l.holding(ctx, t, asks, found)
	if err != nil || len(asks) == 0 {
		return err
	}
	spans := span.Set{span.All}
	if t.Day() != "" {
		spans = nil
		for _, a := range asks {
			spans = spans.Union(where(t, a.Span, a.Days))
		}
	}
	for _, in := range spans.AtMost(mostQueries) {
		q := model.OwnerQuery{From: in.From, To: in.To}
		of := map[model.OwnerKey][]*Found{}
		for _, a := range asks {
			if t.Day() != "" && !where(t, a.Span, a.Days).Overlaps(in) {
				continue
			}
			o := ownerOf(t, a.Key)
			if of[o] == nil {
				q.Owners = append(q.Owners, o)
			}
			q.Whole = q.Whole || a.Whole
			of[o] = append(of[o], found[a.Key])
		}
		if err := l.prior.sink.Find(ctx, t.ID, q, func(r model.Row) error { take(t, r, q.Whole, of); return nil }); err != nil {
			return err
		}
	}
	return nil
}

// holding returns what asks for keys that have rows of a table.
func (l *Looker) holding(ctx context.Context, t *model.Table, asks []Ask, found map[string]*Found) (some []Ask, err error) {
	if l.again || l.anew {
		return asks, nil
	}
	var days span.Set
	for _, a := range asks {
		days = days.Union(where(t, a.Span, a.Days))
	}
	o, err := l.prior.sets[t.ID].cover(ctx, l.prior.sink, days)
	if err != nil {
		return nil, err
	}
	for _, a := range asks {
		if t.Owner.Time != "" && a.Span.To >= o.newest && o.covered.Covers(Span{From: a.Span.To, To: math.MaxInt64}) {
			found[a.Key].span.To = math.MaxInt64
		}
		if o.holds(ownerOf(t, a.Key)) {
			some = append(some, a)
		}
	}
	return some, nil
}

// take gives a row to the keys that ask for it. whole tells that it has all its cells.
func take(t *model.Table, r model.Row, whole bool, of map[model.OwnerKey][]*Found) {
	row := emitted{table: t.ID, key: string(t.AppendKey(nil, r)), left: true, version: r[len(r)-1].Num, day: dayOf(t, r)}
	if whole {
		row.hash = hashRow(change.Block(nil).Append(change.Change{Table: t.ID, Row: r}))
	}
	account, sid := t.OwnerKey(r)
	for _, f := range of[model.OwnerKey{Account: account, SID: sid}] {
		one := model.OwnerQuery{From: f.span.From, To: f.span.To}
		if t.Owner.Time == "" || one.Holds(t, r) {
			f.rows = append(f.rows, row)
			f.rows = append(f.rows, entailed(t, r)...)
		}
	}
}

// entailed returns the rows that another job wrote because of a row. Whether they are there is not known.
func entailed(t *model.Table, r model.Row) (rows []emitted) {
	for _, e := range t.Entails {
		if t.Get(r, e.If).IsNull() {
			continue
		}
		other := model.Tables[e.Table]
		key := other.NewRow()
		for n, i := range other.Keys() {
			key[i] = t.Get(r, e.Key[n])
		}
		row := emitted{table: other.ID, key: string(other.AppendKey(nil, key)), left: true, version: r[len(r)-1].Num, day: None}
		if _, apart := other.PartitionColumn(); apart {
			row.day = dayOf(t, r)
		}
		rows = append(rows, row)
	}
	return rows
}

// Ask tells whether the rules have to wait for what the sink holds of a span of their key: then
// they return at once, having changed nothing, and are called again when the driver has learnt
// that. days returns those on which there may be rows whose unit is no time (DaysOf); nil: none.
func (s *State) Ask(want Span, days func() span.Set, out *Output) bool {
	switch {
	case out.Look.how == lookNever:
		return false
	case out.Look.how == lookAgain && !s.fresh:
	case s.knows(want, days):
		return false
	}
	if s.looked != nil {
		want = s.looked.Hull(want)
	}
	if out.Look.lacks(want, days) {
		return false
	}
	out.Ask = &Ask{Key: out.Look.key, Span: want, Days: s.days}
	if days != nil {
		out.Ask.Days = s.days.Union(days())
	}
	return true
}

// AskWhole is Ask, and learns rows as a whole.
func (s *State) AskWhole(want Span, days func() span.Set, out *Output) bool {
	if !s.Ask(want, days, out) {
		return false
	}
	out.Ask.Whole = true
	return true
}

// knows tells whether the sink was asked already for what the rules want to know: in this fold, or
// before it.
func (s *State) knows(want Span, days func() span.Set) bool {
	switch {
	case s.looked == nil || !s.looked.Covers(want):
		return false
	case s.fresh:
		return true
	}
	return !s.undated() && (days == nil || s.days.CoversAll(days()))
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
	s.looked, s.days, s.fresh = &f.span, f.days, true
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
