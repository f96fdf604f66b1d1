package keyed

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"flexbeam/internal/journal"
	"flexbeam/internal/scratch"
	"flexbeam/schemas/event"
	"flexbeam/transforms/customer"
)

// A Store holds the states of a live stream in this process, for a runner that keeps nothing over a restart itself. With a
// directory behind it, what its states were made of outlives the process, and so do the positions up to which the source was read.
//
// # What is promised
//
// Blocks and the position behind them are kept together: after any crash a position never stands before a block that is
// missing. Whatever the log forgets, the sink has stored: Keep takes a mark of the log, then flushes the sink, then syncs the
// log up to the mark.
type Store struct {
	mu        sync.RWMutex
	live      [numKinds]map[string]*Live
	positions map[string][]byte
	owner     Sink

	due      [numKinds]queue
	passed   atomic.Int64 // what arrived before this time, in ms, was read, as far as timers have told
	armed    [numKinds]atomic.Bool
	contacts *customer.Contacts

	scratch  *scratch.Store
	ended    ended
	pinned   bool // a snapshot reads what is on disk
	unpinned []scratch.Ref

	folding sync.RWMutex           // held for reading from the begin of folds until their changes are written
	broken  atomic.Bool            // a fold failed behind its begin: the log may say what the sink has not, so no more of it is kept
	journal *journal.Journal       // nil: nothing outlives the process
	size    [numKinds]atomic.Int64 // bytes of blocks that are held
	open    atomic.Int64           // tasks that have not ended
	none    atomic.Int64           // states of events of no task, one for each account
	waiting atomic.Int64           // keys whose rows are not in the sink yet
	compact atomic.Int64           // how often the log was rewritten
}

// A Parcel is a block of events of one key on its way to the store.
type Parcel struct {
	Kind    Kind
	Key     string // event.Key
	Block   event.Block
	Arrival int64 // when the newest record arrived, ms
	Newest  int64 // time of a worker's newest worker.* event, but not behind its arrival, ms; event.None without one
	Oldest  int64 // time of the oldest one
	Ended   bool  // an event says that the task has ended
}

// The errors of OpenStore beside those of the journal.
var (
	ErrSink    = errors.New("keyed: the state directory belongs to another sink")
	ErrVersion = errors.New("keyed: the state directory was written by a version that keeps other things")
)

// A Sink is the sink that the rows of a store's states are in.
type Sink struct {
	ID   string // which one it is
	Name string // what it was called, for people
}

// OpenStore opens the store in a directory; "": it keeps nothing over the process's end, and what does not need memory is in the directory for temporary files. The sink
// is where the rows of its states go: a directory serves one.
func OpenStore(dir string, sink Sink) (*Store, journal.Recovery, error) {
	s := &Store{positions: map[string][]byte{}}
	s.passed.Store(event.None)
	for k := range s.live {
		s.live[k] = map[string]*Live{}
	}
	var r journal.Recovery
	err := error(nil)
	if s.scratch, err = scratch.Open(dir); err != nil {
		return nil, r, err
	}
	s.contacts = customer.NewContacts(s.scratch)
	if dir == "" {
		return s, r, nil
	}
	if s.journal, r, err = journal.Open(dir, s.replay); err != nil {
		return nil, r, errors.Join(err, s.scratch.Close())
	}
	switch s.owner.ID {
	case sink.ID:
		err = s.resume()
	case "":
		s.owner = sink
		s.journal.Append(appendOwner(nil, sink))
	default:
		if s.owner.Name == sink.Name {
			err = fmt.Errorf("%w than the one that is at %s now: bring back what was there, or begin with an empty state directory and read the stream from its start", ErrSink, sink.Name)
		} else {
			err = fmt.Errorf("%w than %s: to %s: name that sink, or another state directory", ErrSink, sink.Name, s.owner.Name)
		}
	}
	if err != nil {
		return nil, r, errors.Join(err, s.Close())
	}
	return s, r, nil
}

// resume lets everything be folded that an earlier process left, since nothing tells which of its rows are in the sink; and has a timer set in
// any case, so that what is over is let go of.
func (s *Store) resume() (err error) {
	oldest, newest := int64(math.MaxInt64), int64(math.MinInt64)
	s.each(func(_ Kind, _ string, l *Live) { oldest, newest = min(oldest, l.Arrival), max(newest, l.Arrival) })
	g := gridOf(oldest, newest)
	s.each(func(kind Kind, key string, l *Live) {
		l.disown()
		l.Since = l.Arrival
		s.wait(kind, key, l, g.end(l.Arrival))
		err = errors.Join(err, l.recount(kind))
	})
	for i := range s.ended.parts {
		for _, f := range s.ended.parts[i].frozen {
			newest = max(newest, f.arrival)
		}
		for _, until := range s.ended.parts[i].markers {
			newest = max(newest, until-GoneFor-OpenFor) // or a while before
		}
	}
	if newest != math.MinInt64 {
		for kind := range numKinds {
			s.due[kind].mark(newest)
		}
	}
	return err
}

// Positions returns what the sources of batches need to go on, by source.
func (s *Store) Positions() map[string][]byte {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return maps.Clone(s.positions)
}

// ForgetPosition forgets the position of a source that nothing needs any more. That is durable no sooner than what was added before.
func (s *Store) ForgetPosition(source string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.positions[source]; !ok {
		return
	}
	delete(s.positions, source)
	if s.journal != nil {
		s.journal.Append(appendOver(nil, source))
	}
}

// each calls f with every state, locked.
func (s *Store) each(f func(kind Kind, key string, l *Live)) {
	type entry struct {
		key  string
		live *Live
	}
	for kind := range numKinds {
		s.mu.RLock()
		all := make([]entry, 0, len(s.live[kind]))
		for key, l := range s.live[kind] {
			all = append(all, entry{key, l})
		}
		s.mu.RUnlock()
		for _, e := range all {
			e.live.Lock()
			if !e.live.removed {
				f(kind, e.key, e.live)
			}
			e.live.Unlock()
		}
	}
}

// Has tells whether the store holds a state of a key in memory, and up to when a worker is settled, event.None for others.
func (s *Store) Has(kind Kind, key string) (bound int64, ok bool) {
	l := s.Lock(kind, key)
	if l == nil {
		return event.None, false
	}
	defer l.Unlock()
	return l.Bound, true
}

// Lock returns the state of a key, locked; nil when there is none.
func (s *Store) Lock(kind Kind, key string) *Live {
	s.mu.RLock()
	l := s.live[kind][key]
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

// lockNew returns the state of a key, locked. It brings it back from the disk, and makes one if there is none. late: it is over at a time that has
// passed, so what comes is late.
func (s *Store) lockNew(kind Kind, key string, passed int64) (l *Live, late bool, err error) {
	for {
		if l := s.Lock(kind, key); l != nil {
			if kind == Task && !nameless(key) && l.Expires() <= passed {
				if l.Pending != event.None || l.Expires()+GoneFor > passed {
					l.Unlock()
					return nil, true, nil
				}
				s.forget(kind, key, l) // its marker would be over as well
				l.Unlock()
				continue
			}
			return l, false, nil
		}
		if late, err := s.bring(kind, key, passed); late || err != nil {
			return nil, late, err
		}
	}
}

// bring makes a state in memory for a key that has none.
func (s *Store) bring(kind Kind, key string, passed int64) (late bool, err error) {
	var l *Live
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live[kind][key] != nil {
		return false, nil
	}
	if kind == Task {
		h := hashOf(key)
		marker, over := s.ended.look(h)
		switch {
		case marker == 0 && over == 0:
		case marker != 0 && marker > passed:
			return true, nil
		case marker != 0:
			s.mark(h, "", 0)
		case over > passed:
			if l, err = s.thaw(h); err != nil {
				return false, err
			}
		case over+GoneFor > passed:
			return true, nil
		default:
			s.dropFrozen(h, 0)
		}
	}
	if l == nil {
		l = newLive(kind, key)
	}
	s.live[kind][key] = l
	s.count(kind, l, 1)
	return false, nil
}

// count adds a state to the sums, or takes it away.
func (s *Store) count(kind Kind, l *Live, sign int64) {
	s.size[kind].Add(sign * int64(len(l.Blocks)))
	switch {
	case l.ofNone:
		s.none.Add(sign)
	case kind == Task && !l.Closed:
		s.open.Add(sign)
	}
}

// Change lets f change a locked state and keeps the sums right.
func (s *Store) change(kind Kind, l *Live, f func()) {
	s.count(kind, l, -1)
	f()
	s.count(kind, l, 1)
}

// Add adds the parcels of a batch, and notes the position behind it; both become durable together. It calls wake for every
// time for which a timer has to be set. refused is called for parcels whose events, or some of them, come too late:
// with the indices of those events in the parcel's block, nil for all. Both are called before the position moves, so what refused writes to the
// sink is there, or is read again.
func (s *Store) Add(source string, position []byte, parcels []Parcel, wake func(kind Kind, at int64), refused func(p int, events []int)) error {
	entry := beginBatch(nil, source, position)
	oldest, newest := int64(math.MaxInt64), int64(math.MinInt64)
	for i := range parcels {
		oldest, newest = min(oldest, parcels[i].Arrival), max(newest, parcels[i].Arrival)
	}
	g, passed := gridOf(oldest, newest), s.passed.Load()
	for i, p := range parcels {
		l, over, err := s.lockNew(p.Kind, p.Key, passed)
		if err != nil {
			return err
		}
		if over {
			refused(i, nil)
			continue
		}
		late, at, woken, err := s.take(l, &p, g)
		if err != nil {
			return err
		}
		// No lock is held: what these two call may panic, to end the bundle.
		if late != nil {
			refused(i, late)
		}
		if woken {
			wake(p.Kind, at)
		}
		if s.journal != nil && len(p.Block) > 0 {
			entry = appendParcel(entry, p)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.journal != nil {
		s.journal.Append(entry)
	}
	s.positions[source] = bytes.Clone(position)
	return nil
}

// take adds a parcel to a locked state and unlocks it. late are the indices of events that come too late, which it takes out of the parcel; woken: a timer has to be set for
// the time at.
func (s *Store) take(l *Live, p *Parcel, g grid) (late []int, at int64, woken bool, err error) {
	defer l.Unlock()
	if late, err = l.late(p); err != nil || len(p.Block) == 0 {
		return late, 0, false, err
	}
	s.change(p.Kind, l, func() { l.add(*p) })
	if l.Pending == event.None {
		l.Since = p.Arrival
		at = g.end(p.Arrival)
		woken = s.wait(p.Kind, p.Key, l, at)
	}
	return late, at, woken, nil
}

// wait lets the locked state of a key be folded when the watermark has passed a time, and tells whether a timer has to be set for that.
func (s *Store) wait(kind Kind, key string, l *Live, at int64) (first bool) {
	l.Pending = at
	s.waiting.Add(1)
	return s.due[kind].add(key, at)
}

// Folded notes that a locked state was folded with all that it holds, and tells whether it had waited for that: then Done is to be called.
func (s *Store) Folded(l *Live) (waited bool) {
	waited = l.Pending != event.None
	l.Pending = event.None
	return waited
}

// Done notes that the rows of n keys that had waited are in the sink.
func (s *Store) Done(n int) { s.waiting.Add(int64(-n)) }

// Quiet tells whether everything that was added is folded and in the sink.
func (s *Store) Quiet() bool { return s.waiting.Load() == 0 }

// Contacts returns what is known of the contacts of tasks.
func (s *Store) Contacts() *customer.Contacts { return s.contacts }

// pass notes how far the watermark has come.
func (s *Store) pass(ms int64) {
	for {
		before := s.passed.Load()
		if ms <= before || s.passed.CompareAndSwap(before, ms) {
			return
		}
	}
}

// Passed notes how far the watermark had come in an earlier process, so that running activities do not shrink.
func (s *Store) Passed(ms int64) {
	s.pass(ms)
	s.each(func(kind Kind, _ string, l *Live) {
		if kind == Worker {
			l.AsOf = max(l.AsOf, ms)
		}
	})
}

// late takes the events out of a worker's parcel that come too late, and returns their indices.
func (l *Live) late(p *Parcel) ([]int, error) {
	if p.Kind != Worker || p.Oldest == event.None || p.Oldest > l.Bound {
		return nil, nil
	}
	events, err := event.Decode(p.Block, nil)
	if err != nil {
		return nil, err
	}
	var late []int
	var b event.Builder
	for i := range events {
		if e := &events[i]; e.Kind.OfWorker() && e.Time <= l.Bound {
			late = append(late, i)
		} else {
			b.Add(e, event.WorkerPart)
		}
	}
	p.Block = b.Append(nil)
	return late, nil
}

// Replace puts other blocks in the place of a locked state's, which say the same of what is still to come.
func (s *Store) Replace(kind Kind, key string, l *Live, blocks event.Block) {
	s.change(kind, l, func() { l.Blocks = blocks })
	s.log(kind, key, l)
}

// Sweep drops the tasks whose time now has passed, and forgets markers. A marker stays in the place of a task, so that later events
// are known to be late. Nothing of them waits to be folded.
func (s *Store) Sweep(now int64) {
	s.each(func(kind Kind, key string, l *Live) {
		switch {
		case kind != Task || l.Pending != event.None || l.Expires() > now:
		case nameless(key):
			s.forget(kind, key, l)
		default:
			s.drop(key, l)
		}
	})
	s.sweepEnded(now)
	s.contacts.Forget(now - contactFor)
}

// Shorten lets go of the events of no task, such as those of a queue's settings, which are only counted: so many bytes of them are kept to know duplicates by.
func (s *Store) Shorten(key string, l *Live) {
	const most = 64 << 10
	if nameless(key) && len(l.Blocks) > most {
		l.Distinct, l.Copies = 0, 0
		s.Replace(Task, key, l, nil)
	}
}

// Settles notes that a locked task that has ended was folded: it goes to the disk a while later.
func (s *Store) Settles(key string, l *Live) {
	if l.Closed && !nameless(key) {
		s.ended.settles(key, l.Arrival)
	}
}

// Running returns the keys of the workers of which an activity runs that was counted up to a time before now.
func (s *Store) Running(now int64) (keys []string) {
	s.each(func(kind Kind, key string, l *Live) {
		if kind == Worker && l.Runs && l.AsOf < now {
			keys = append(keys, key)
		}
	})
	slices.Sort(keys)
	return keys
}

// drop leaves a marker in the place of a locked task.
func (s *Store) drop(key string, l *Live) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(Task, key, l)
	s.mark(hashOf(key), key, l.Expires()+GoneFor)
}

// forget removes a locked state.
func (s *Store) forget(kind Kind, key string, l *Live) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(kind, key, l)
	if s.journal != nil {
		s.journal.Append(appendForget(nil, kind, key))
	}
}

// remove takes a locked state out of memory. s.mu is held.
func (s *Store) remove(kind Kind, key string, l *Live) {
	s.count(kind, l, -1)
	l.removed = true
	delete(s.live[kind], key)
}

func (s *Store) log(kind Kind, key string, l *Live) {
	if s.journal != nil {
		s.journal.Append(appendLive(nil, kind, key, l))
	}
}

// A Size says how much a store holds.
type Size struct {
	Open        int64 // tasks that have not ended; events of no task are none
	Tasks       int64 // tasks with a state
	Frozen      int64 // those of them that have ended and are on disk
	Markers     int64 // of tasks whose state was dropped
	Workers     int64
	TaskBytes   int64 // of the tasks' states
	FrozenBytes int64 // those of them that are on disk
	WorkerBytes int64 // of the workers' blocks
	Log         int64 // of the log's file, 0 without one
	Rewrites    int64 // of the log
}

// kept is about how large a log is that holds just this.
func (z Size) kept() int64 {
	return z.TaskBytes + z.WorkerBytes + 128*(z.Tasks-z.Frozen+z.Workers) + 32*(z.Frozen+z.Markers)
}

// Size returns how much the store holds.
func (s *Store) Size() Size {
	s.mu.RLock()
	tasks, workers := int64(len(s.live[Task])), int64(len(s.live[Worker]))
	s.mu.RUnlock()
	e := &s.ended
	z := Size{Open: s.open.Load(), Frozen: e.count.Load(), Markers: e.markers.Load(), Workers: workers, FrozenBytes: e.bytes.Load(), WorkerBytes: s.size[Worker].Load(), Rewrites: s.compact.Load()}
	z.Tasks, z.TaskBytes = tasks-s.none.Load()+z.Frozen, s.size[Task].Load()+z.FrozenBytes
	if s.journal != nil {
		z.Log = s.journal.Size()
	}
	return z
}

// minRewrite is the size of a log that is not worth rewriting, in bytes. Only tests change it.
var minRewrite int64 = 16 << 20

// Keep makes durable what was added, and what is known to be over: once flush has stored what was written to the sink. Tasks that ended
// a while ago go to the disk.
func (s *Store) Keep(flush func() error) error {
	// What a fold has let go of is in the log, or in a snapshot, only behind what it has written to the sink.
	s.folding.Lock()
	if s.broken.Load() { // the job is about to end
		s.folding.Unlock()
		return flush()
	}
	settled := s.ended.settled(s.passed.Load())
	var mark journal.Mark
	var snapshot *snapshot
	if s.journal != nil {
		mark = s.journal.Mark()
		if z := s.Size(); z.Log > max(minRewrite, 3*z.kept()) {
			snapshot = s.snapshot()
			defer s.unpin()
		}
	}
	s.folding.Unlock()
	if err := flush(); err != nil {
		return err
	}
	switch {
	case s.journal == nil:
	case snapshot != nil:
		if err := s.journal.Replace(mark, snapshot.entries); err != nil {
			return err
		}
		s.compact.Add(1)
	default:
		if err := s.journal.Sync(mark); err != nil {
			return err
		}
	}
	return s.freeze(settled)
}

// snapshot is everything that a store held at a time.
type snapshot struct {
	store *Store
	first [][]byte // entries
	refs  []scratch.Ref
}

// snapshot returns what the store holds. Positions are read first: a state may then be newer than they are, never older. What
// is on disk stays there until unpin.
func (s *Store) snapshot() *snapshot {
	s.pin()
	s.mu.RLock()
	owner := s.owner
	var entries [][]byte
	for source, p := range s.positions {
		entries = append(entries, beginBatch(nil, source, p))
	}
	s.mu.RUnlock()
	entries = append(entries, appendOwner(nil, owner))
	markers, refs := s.endedEntries()
	entries = append(entries, markers...)
	s.each(func(kind Kind, key string, l *Live) {
		if l.Arrival != event.None { // else nothing was added to it yet
			entries = append(entries, appendLive(nil, kind, key, l))
		}
	})
	return &snapshot{s, entries, refs}
}

// entries adds the entries of the snapshot.
func (z *snapshot) entries(add func([]byte) error) error {
	for _, entry := range z.first {
		if err := add(entry); err != nil {
			return err
		}
	}
	return z.store.addFrozen(z.refs, add)
}

// Close gives the directory back. What no Keep covered is read from the source again.
func (s *Store) Close() error {
	err := s.scratch.Close()
	if s.journal != nil {
		err = errors.Join(err, s.journal.Close())
	}
	return err
}

var stores sync.Map

// ShareStore makes a store the one that a job's transforms use in this process; UnshareStore ends that.
func ShareStore(job string, s *Store) { stores.Store(job, s) }

// UnshareStore ends ShareStore.
func UnshareStore(job string) { stores.Delete(job) }

// StoreOf returns the store of a job, nil when there is none.
func StoreOf(job string) *Store {
	if s, ok := stores.Load(job); ok {
		return s.(*Store)
	}
	return nil
}
