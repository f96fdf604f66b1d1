package local

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"flexbeam/internal/parallel"
	"flexbeam/internal/statedisk"
	"flexbeam/schemas/model"
	"flexbeam/transforms/keyed"
)

// A Store holds the states of a live stream in this process, for a runner that keeps nothing over a
// restart itself. With a directory behind it, what its states were made of outlives the process,
// and so do the positions up to which the source was read.
//
// # What is promised
//
// Inputs and the position behind them are kept together: after any crash a position never stands
// before an input that is missing. Whatever the disk forgets, the sink has stored: Checkpoint takes
// a mark of what was committed, then flushes the sink, then syncs the disk up to the mark.
type Store struct {
	mu        sync.RWMutex
	kinds     []*slot // in the order in which keys are processed
	positions map[string][]byte
	owner     Sink
	gone      gone

	attributes *model.Attributes // that events keep; nil: the built-in ones

	watermark atomic.Int64 // what arrived before this time, in ms, was read, as far as timers have told
	armed     atomic.Bool  // the periodic timer is set

	disk      statedisk.Disk // the temporary one without a directory
	temporary statedisk.Disk // of which nothing outlives the process
	keeps     bool           // disk outlives the process
	layouts   []layout       // of what is on disk
	layout    int            // of them, that of what is being restored; then ours

	processing sync.RWMutex // held for reading from the begin of a group until its changes are written
	broken     atomic.Bool  // a group failed: what was committed may say what the sink has not, so no more of it is kept
	waiting    atomic.Int64 // keys whose rows are not in the sink yet
	rewrites   atomic.Int64 // how many snapshots there were

	// While a directory is restored:
	release  func(statedisk.Ref)
	trees    translations  // of blocks that another version wrote
	deferred []keyed.Input // of keys whose states cannot be loaded yet
}

// A slot holds the states of one kind.
type slot struct {
	kind   *keyed.Kind
	disk   statedisk.Disk // has what is spilled
	kept   bool           // it outlives the process, and the states in memory with it
	logics []keyed.Logic  // one for each goroutine; Merge may be called of any
	live   map[string]*entry
	due    queue
	spill  spill

	bytes     atomic.Int64 // of the states in memory
	open      atomic.Int64 // keys that have not closed, without those of what belongs to none
	anonymous atomic.Int64 // keys of what belongs to none: one for each account
}

// entry is a state in memory. It is locked while somebody works on it.
type entry struct {
	sync.Mutex
	keyed.State
	counted counted      // what of it the slot counts
	queued  keyed.Millis // the last time that it waits for though nothing arrives
	removed bool         // it is in no store any more
}

// The errors of Open beside those of statedisk.OpenLog.
var (
	ErrSink    = errors.New("the state directory belongs to another sink")
	ErrVersion = errors.New("the state directory was written by a version that this one cannot read")
)

// A Sink is the sink that the rows of a store's states are in.
type Sink struct {
	ID   string // which one it is
	Name string // what it was called, for people
}

// Options say what a store holds.
type Options struct {
	Dir   string // directory that outlives the process; empty: nothing does, and what needs no memory is in TMPDIR
	Sink  Sink   // where the rows of the states go: a directory serves one
	Kinds []keyed.Spec
	Env   keyed.Env

	MinRewrite int64 // size in bytes from which on the log is rewritten; 0: 16 MiB
}

// Open opens a store.
func Open(o Options) (*Store, statedisk.Recovery, error) {
	s := &Store{positions: map[string][]byte{}, attributes: o.Env.Attributes}
	s.watermark.Store(int64(keyed.None))
	var r statedisk.Recovery
	for _, spec := range o.Kinds {
		kind, logics, err := spec.Logics(parallel.Workers(), o.Env)
		if err != nil {
			return nil, r, err
		}
		s.kinds = append(s.kinds, &slot{kind: kind, logics: logics, live: map[string]*entry{}})
	}
	r, err := s.openDisks(o)
	if err != nil || !s.keeps {
		return s, r, err
	}
	if err := s.claim(o.Sink); err != nil {
		return nil, r, errors.Join(err, s.Close())
	}
	return s, r, nil
}

// claim sees to it that the directory is that of a sink, and wakes what an earlier process left in it.
func (s *Store) claim(sink Sink) error {
	switch s.owner.ID {
	case sink.ID:
		if !s.trees.current() {
			s.begin(s.owner)
		}
		if err := s.addDeferred(); err != nil {
			return err
		}
		return s.wakeRecovered()
	case "":
		s.begin(sink)
		return nil
	}
	if s.owner.Name == sink.Name {
		return fmt.Errorf("%w than the one that is at %s now: bring back what was there, or begin with an empty state directory and read the stream from its start", ErrSink, sink.Name)
	}
	return fmt.Errorf("%w than %s: name its own, %s, or another state directory", ErrSink, sink.Name, s.owner.Name)
}

// wakeRecovered lets everything be processed that an earlier process left, since nothing tells
// which of its rows are in the sink; and has a timer set in any case, so that what is over is let
// go of.
func (s *Store) wakeRecovered() (err error) {
	oldest, newest := keyed.Millis(math.MaxInt64), keyed.None
	s.each(func(_ *slot, _ string, l *entry) { oldest, newest = min(oldest, l.Arrival), max(newest, l.Arrival) })
	g := gridOf(oldest, newest)
	s.each(func(z *slot, key string, l *entry) {
		l.Disown()
		l.Since = l.Arrival
		s.waiting.Add(1)
		s.wait(z, key, l, g.end(l.Arrival))
		err = errors.Join(err, l.Recount(z.kind))
	})
	for _, z := range s.kinds {
		newest = max(newest, z.spill.newest(z.kind))
	}
	if newest != keyed.None {
		s.kinds[0].due.open(newest)
	}
	return err
}

// slotOf returns the slot of a kind, nil if the store has none.
func (s *Store) slotOf(id byte) *slot {
	for _, z := range s.kinds {
		if z.kind.ID == id {
			return z
		}
	}
	return nil
}

// Positions returns what the sources of batches need to go on, by source.
func (s *Store) Positions() map[string][]byte {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return maps.Clone(s.positions)
}

// SetPosition notes the position of a source by itself.
func (s *Store) SetPosition(source string, position []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keeps {
		var b statedisk.Batch
		b.Put(positionKey(source), position)
		commit(s.disk, &b)
	}
	s.positions[source] = bytes.Clone(position)
}

// ForgetPosition forgets the position of a source that nothing needs any more. That is durable no
// sooner than what was added before.
func (s *Store) ForgetPosition(source string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.positions[source]; !ok {
		return
	}
	delete(s.positions, source)
	if s.keeps {
		var b statedisk.Batch
		b.Delete(positionKey(source))
		commit(s.disk, &b)
	}
}

// each calls f with every state in memory, locked.
func (s *Store) each(f func(z *slot, key string, l *entry)) {
	type named struct {
		key string
		l   *entry
	}
	for _, z := range s.kinds {
		s.mu.RLock()
		all := make([]named, 0, len(z.live))
		for key, l := range z.live {
			all = append(all, named{key, l})
		}
		s.mu.RUnlock()
		for _, e := range all {
			e.l.Lock()
			if !e.l.removed {
				f(z, e.key, e.l)
			}
			e.l.Unlock()
		}
	}
}

// lock returns the state of a key in memory, locked; nil when there is none.
func (s *Store) lock(z *slot, key string) *entry {
	s.mu.RLock()
	l := z.live[key]
	s.mu.RUnlock()
	if l == nil {
		return nil
	}
	l.Lock()
	if l.removed {
		l.Unlock()
		return nil
	}
	return l
}

// lockNew returns the state of a key, locked, for something that arrives: the one in memory, the
// one that is spilled, brought back, or a new one. Of a key of which only a tombstone is left, or
// whose spilled state has expired by then, it returns the tombstone, which is no part of the store
// until attach.
func (s *Store) lockNew(z *slot, key string, arrival keyed.Millis) (l *entry, detached bool, err error) {
	for {
		if l := s.lock(z, key); l != nil {
			return l, false, nil
		}
		if l, err := s.make(z, key, arrival); l != nil || err != nil {
			return l, l != nil, err
		}
	}
}

// make makes a state in memory for a key that has none, or returns a detached tombstone, locked.
func (s *Store) make(z *slot, key string, arrival keyed.Millis) (detached *entry, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if z.live[key] != nil {
		return nil, nil
	}
	l := newEntry()
	h := hashOf(key)
	f, spilled := z.spill.get(h)
	switch until := z.spill.until(h); {
	case spilled && (f.expires == keyed.None || arrival < f.expires):
		if l, err = s.load(z, key, f); err != nil {
			return nil, err
		}
	case spilled:
		l.State = z.kind.Buried(f.until)
	case until != 0:
		l.State = z.kind.Buried(until)
	}
	if l.Tombstone {
		l.Lock()
		return l, nil
	}
	z.live[key] = l
	z.count(l)
	return nil, nil
}

// attach makes a detached state, which began anew, part of the store. If there is one in memory by
// now it returns false.
func (s *Store) attach(z *slot, key string, l *entry) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if z.live[key] != nil {
		return false
	}
	h := hashOf(key)
	var b statedisk.Batch
	if f, ok := z.spill.take(h); ok {
		b.Release(f.ref)
	}
	if z.spill.mark(h, 0) {
		b.Delete(tombstoneKey(z.kind, h))
	}
	b.Delete(stateKey(z.kind, key))
	commit(z.disk, &b)
	z.live[key] = l
	z.count(l)
	return true
}

func newEntry() *entry { return &entry{State: *keyed.NewState(), queued: keyed.None} }

// counted is what the sums of a slot have of a state.
type counted struct {
	bytes     int64
	open      bool
	anonymous bool
}

// count brings the sums of a slot up to date behind a change of a state.
func (z *slot) count(l *entry) {
	z.recount(l, counted{int64(len(l.Block) + len(l.Value)), !l.Closed && !l.Anonymous, l.Anonymous})
}

func (z *slot) recount(l *entry, now counted) {
	z.bytes.Add(now.bytes - l.counted.bytes)
	move := func(sum *atomic.Int64, before, now bool) {
		switch {
		case now && !before:
			sum.Add(1)
		case before && !now:
			sum.Add(-1)
		}
	}
	move(&z.open, l.counted.open, now.open)
	move(&z.anonymous, l.counted.anonymous, now.anonymous)
	l.counted = now
}

// Add adds the inputs of a batch, and notes the position behind it; both become durable together.
// It calls wake for every time for which a timer has to be set. late is called for inputs of which
// some events come too late, with the places of those in the input. Both are called before the
// position moves, so what late writes to the sink is there, or is read again.
func (s *Store) Add(b keyed.Batch, wake func(at keyed.Millis), late func(in *keyed.Input, events []int)) error {
	var batch statedisk.Batch
	var record, encoded []byte
	oldest, newest := keyed.Millis(math.MaxInt64), keyed.None
	for i := range b.Inputs {
		oldest, newest = min(oldest, b.Inputs[i].Time), max(newest, b.Inputs[i].Time)
	}
	g := gridOf(oldest, newest)
	for i := range b.Inputs {
		in := b.Inputs[i] // Add may take events out of it
		added, err := s.add(&in, g)
		if err != nil {
			return err
		}
		// No lock is held: what these two call may panic, to end the bundle.
		if len(added.late) > 0 {
			late(&b.Inputs[i], added.late)
		}
		if added.woken {
			wake(added.at)
		}
		if added.kept {
			record = appendStateKey(record[:0], s.slotOf(in.Kind).kind, in.Key)
			encoded = appendInput(encoded[:0], &in)
			batch.Append(record, encoded)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keeps {
		batch.Put(positionKey(b.Source), b.Position)
		commit(s.disk, &batch)
	}
	s.positions[b.Source] = bytes.Clone(b.Position)
	return nil
}

// added is what became of an input.
type added struct {
	late  []int        // places of events that came too late
	kept  bool         // some did not, and outlive the process
	at    keyed.Millis // when the key is due
	woken bool         // a timer has to be set for that
}

func (s *Store) add(in *keyed.Input, g grid) (a added, err error) {
	z := s.slotOf(in.Kind)
	if z == nil {
		return a, fmt.Errorf("an input of kind %d, of which this job has no keys", in.Kind)
	}
	for {
		l, detached, err := s.lockNew(z, in.Key, in.First())
		if err != nil {
			return a, err
		}
		given, waited := *in, l.Waits()
		if a.late, err = z.kind.Add(z.logics[0], &l.State, &given); err != nil {
			l.Unlock()
			return a, err
		}
		if detached && !l.Tombstone && !s.attach(z, in.Key, l) {
			l.Unlock()
			continue
		}
		if !l.Tombstone {
			z.count(l)
		}
		if !waited && l.Waits() {
			s.waiting.Add(1)
			a.at = g.end(in.Time)
			a.woken = s.wait(z, in.Key, l, a.at)
		}
		a.kept = z.kept && len(a.late) < max(len(in.Events), 1)
		*in = given
		l.Unlock()
		return a, nil
	}
}

// wait lets the locked state of a key be processed when the watermark has passed a time, and tells
// whether a timer has to be set for that.
func (s *Store) wait(z *slot, key string, l *entry, at keyed.Millis) (first bool) {
	if l.Next == keyed.None || at < l.Next {
		l.Next = at
	}
	return z.due.add(key, at)
}

// Times returns the times that keys wait for, in order: a timer has to be set for each.
func (s *Store) Times() []keyed.Millis {
	var all []keyed.Millis
	for _, z := range s.kinds {
		all = append(all, z.due.times()...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Quiet tells whether everything that was added is processed and in the sink.
func (s *Store) Quiet() bool { return s.waiting.Load() == 0 }

// AdvanceWatermark notes how far the watermark has come. It never goes back.
func (s *Store) AdvanceWatermark(to keyed.Millis) {
	for {
		before := s.watermark.Load()
		if int64(to) <= before || s.watermark.CompareAndSwap(before, int64(to)) {
			return
		}
	}
}

// Watermark returns the latest time of which it is known that the watermark has passed it;
// keyed.None without one.
func (s *Store) Watermark() keyed.Millis { return keyed.Millis(s.watermark.Load()) }

// Expire lets go of what is over when the watermark has come to now: of states, in whose place
// tombstones stay, and of tombstones.
func (s *Store) Expire(now keyed.Millis) error {
	var failed error
	s.each(func(z *slot, key string, l *entry) {
		at := z.kind.DropAt(&l.State)
		if at == keyed.None || at > now || l.Waits() || failed != nil {
			return
		}
		_, done, err := z.kind.Process(z.logics[0], &l.State, now, new(keyed.Output))
		switch {
		case err != nil:
			failed = err
		case done:
			s.forget(z, key, l)
		case l.Tombstone:
			s.entomb(z, key, l)
		}
	})
	for _, z := range s.kinds {
		s.expireSpilled(z, now)
	}
	return failed
}

// entomb leaves a tombstone in the place of a locked state.
func (s *Store) entomb(z *slot, key string, l *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(z, key, l)
	s.mark(z, hashOf(key), key, z.kind.Until(&l.State), l.Evidence)
}

// forget removes a locked state.
func (s *Store) forget(z *slot, key string, l *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(z, key, l)
	var b statedisk.Batch
	s.leaves(z, &b, l.Evidence)
	if z.kept {
		b.Delete(stateKey(z.kind, key))
		commit(z.disk, &b)
	}
}

// remove takes a locked state out of memory. s.mu is held.
func (s *Store) remove(z *slot, key string, l *entry) {
	z.recount(l, counted{})
	l.removed = true
	delete(z.live, key)
}

// Close gives the directory back. What no Checkpoint covered is read from the source again.
func (s *Store) Close() error { return s.closeDisks() }
