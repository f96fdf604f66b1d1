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
	owner     string // the sink

	due      [numKinds]queue
	passed   atomic.Int64 // what arrived before this time, in ms, was read, as far as timers have told
	armed    [numKinds]atomic.Bool
	contacts customer.Contacts

	folding sync.RWMutex           // held for reading from the begin of folds until their changes are written
	journal *journal.Journal       // nil: nothing outlives the process
	size    [numKinds]atomic.Int64 // bytes of blocks that are held
	gone    atomic.Int64           // markers
	open    atomic.Int64           // tasks that have not ended
	waiting atomic.Int64           // keys whose rows are not in the sink yet
	compact atomic.Int64           // how often the log was rewritten
}

// A Parcel is a block of events of one key on its way to the store.
type Parcel struct {
	Kind    Kind
	Key     string // event.Key
	Block   event.Block
	Arrival int64 // when the newest record arrived, ms
	Newest  int64 // time of a worker's newest worker.* event, ms; event.None without one
	Oldest  int64 // time of the oldest one
	Ended   bool  // an event says that the task has ended
}

// The errors of OpenStore beside those of the journal.
var (
	ErrSink    = errors.New("keyed: the state directory belongs to another sink")
	ErrVersion = errors.New("keyed: the state directory was written by a version that keeps other fields of events")
)

// NewStore returns a store that keeps nothing over the process's end.
func NewStore() *Store {
	s := &Store{positions: map[string][]byte{}}
	s.passed.Store(math.MinInt64)
	for k := range s.live {
		s.live[k] = map[string]*Live{}
	}
	return s
}

// OpenStore opens the store in a directory. sink names the sink that the states were written to: a directory serves one.
func OpenStore(dir, sink string) (*Store, journal.Recovery, error) {
	s := NewStore()
	j, r, err := journal.Open(dir, s.replay)
	if err != nil {
		return nil, r, err
	}
	s.journal = j
	switch s.owner {
	case sink:
	case "":
		s.owner = sink
		j.Append(appendOwner(nil, sink))
	default:
		err = fmt.Errorf("%w: %s, not %s: name another directory, or that sink", ErrSink, s.owner, sink)
	}
	if err != nil {
		return nil, r, errors.Join(err, j.Close())
	}
	if err := s.resume(); err != nil {
		return nil, r, errors.Join(err, j.Close())
	}
	return s, r, nil
}

// resume lets everything be folded that an earlier process left, since nothing tells which of its rows are in the sink; and has a timer set in
// any case, so that what is over is let go of.
func (s *Store) resume() (err error) {
	oldest, newest := int64(math.MaxInt64), int64(math.MinInt64)
	s.each(func(_ Kind, _ string, l *Live) { oldest, newest = min(oldest, l.Arrival), max(newest, l.Arrival) })
	if newest < oldest {
		return nil
	}
	for kind := range numKinds {
		s.due[kind].mark(newest)
	}
	g := gridOf(oldest, newest)
	s.each(func(kind Kind, key string, l *Live) {
		if !l.Gone {
			s.wait(kind, key, l, g.end(l.Arrival))
			err = errors.Join(err, l.recount(kind))
		}
	})
	return err
}

// Positions returns what the sources of batches need to go on, by source.
func (s *Store) Positions() map[string][]byte {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return maps.Clone(s.positions)
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

// Has tells whether the store holds a state of a key, or a marker; and up to when a worker is settled, event.None for others.
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

// lockNew returns the state of a key, locked, and makes one if there is none.
func (s *Store) lockNew(kind Kind, key string) *Live {
	for {
		if l := s.Lock(kind, key); l != nil {
			return l
		}
		s.mu.Lock()
		if s.live[kind][key] == nil {
			l := newLive()
			s.live[kind][key] = l
			s.count(kind, l, 1)
		}
		s.mu.Unlock()
	}
}

// count adds a state to the sums, or takes it away.
func (s *Store) count(kind Kind, l *Live, sign int64) {
	s.size[kind].Add(sign * int64(len(l.Blocks)))
	if kind != Task {
		return
	}
	switch {
	case l.Gone:
		s.gone.Add(sign)
	case !l.Closed:
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
		l := s.lockNew(p.Kind, p.Key)
		over := p.Kind == Task && !nameless(p.Key) && l.Expires() <= passed
		if over && l.Pending == event.None && l.forgotten() <= passed {
			s.change(p.Kind, l, func() { l.renew() })
			over = false
			if s.journal != nil {
				s.journal.Append(appendForget(nil, p.Kind, p.Key))
			}
		}
		late, err := l.late(&p)
		if err != nil {
			l.Unlock()
			return err
		}
		if late != nil || l.Gone || over {
			refused(i, late)
		}
		if l.Gone || over || len(p.Block) == 0 {
			l.Unlock()
			continue
		}
		s.change(p.Kind, l, func() { l.add(p) })
		if l.Pending == event.None {
			if at := g.end(p.Arrival); s.wait(p.Kind, p.Key, l, at) {
				wake(p.Kind, at)
			}
		}
		l.Unlock()
		if s.journal != nil {
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
func (s *Store) Contacts() *customer.Contacts { return &s.contacts }

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

// Repack puts the same events of a locked state in less room. The log keeps what it has of them until it is written anew.
func (s *Store) Repack(kind Kind, l *Live, blocks event.Block) {
	s.change(kind, l, func() { l.Blocks = blocks })
}

// Sweep drops the tasks whose time now has passed, and forgets markers. A marker stays in the place of a task, so that later events
// are known to be late. Nothing of them waits to be folded.
func (s *Store) Sweep(now int64) {
	s.each(func(kind Kind, key string, l *Live) {
		switch {
		case kind != Task || l.Pending != event.None || l.Expires() > now:
		case l.Gone || nameless(key):
			s.forget(kind, key, l)
		default:
			s.drop(kind, key, l)
		}
	})
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

// Running returns the keys of the workers of which an activity runs.
func (s *Store) Running() (keys []string) {
	s.each(func(kind Kind, key string, l *Live) {
		if kind == Worker && l.Runs {
			keys = append(keys, key)
		}
	})
	slices.Sort(keys)
	return keys
}

// drop leaves a marker in the place of a locked state.
func (s *Store) drop(kind Kind, key string, l *Live) {
	s.change(kind, l, func() {
		l.State = State{Pending: event.None}
		l.marks, l.Gone = nil, true
	})
	s.log(kind, key, l)
}

// forget removes a locked state.
func (s *Store) forget(kind Kind, key string, l *Live) {
	s.count(kind, l, -1)
	l.removed = true
	s.mu.Lock()
	delete(s.live[kind], key)
	s.mu.Unlock()
	if s.journal != nil {
		s.journal.Append(appendForget(nil, kind, key))
	}
}

func (s *Store) log(kind Kind, key string, l *Live) {
	if s.journal != nil {
		s.journal.Append(appendLive(nil, kind, key, l))
	}
}

// A Size says how much a store holds.
type Size struct {
	Open        int64 // tasks that have not ended
	Tasks       int64 // tasks with a state
	Markers     int64 // of tasks whose state was dropped
	Workers     int64
	TaskBytes   int64 // of the tasks' blocks
	WorkerBytes int64 // of the workers' blocks
	Log         int64 // of the log's file, 0 without one
	Rewrites    int64 // of the log
}

// kept is about how large a log is that holds just this.
func (z Size) kept() int64 { return z.TaskBytes + z.WorkerBytes + 128*(z.Tasks+z.Markers+z.Workers) }

// Size returns how much the store holds.
func (s *Store) Size() Size {
	s.mu.RLock()
	tasks, workers := int64(len(s.live[Task])), int64(len(s.live[Worker]))
	s.mu.RUnlock()
	z := Size{Open: s.open.Load(), Markers: s.gone.Load(), Workers: workers, TaskBytes: s.size[Task].Load(), WorkerBytes: s.size[Worker].Load(), Rewrites: s.compact.Load()}
	z.Tasks = tasks - z.Markers
	if s.journal != nil {
		z.Log = s.journal.Size()
	}
	return z
}

// minRewrite is the size of a log that is not worth rewriting, in bytes. Only tests change it.
var minRewrite int64 = 16 << 20

// Keep makes durable what was added, and what is known to be over: once flush has stored what was written to the sink.
func (s *Store) Keep(flush func() error) error {
	if s.journal == nil {
		return flush()
	}
	// What a fold has let go of is in the log, or in a snapshot, only behind what it has written to the sink.
	s.folding.Lock()
	mark := s.journal.Mark()
	var snapshot [][]byte
	if z := s.Size(); z.Log > max(minRewrite, 3*z.kept()) {
		snapshot = s.snapshot()
	}
	s.folding.Unlock()
	if err := flush(); err != nil {
		return err
	}
	if snapshot == nil {
		return s.journal.Sync(mark)
	}
	s.compact.Add(1)
	return s.journal.Replace(mark, func(add func([]byte) error) error {
		for _, entry := range snapshot {
			if err := add(entry); err != nil {
				return err
			}
		}
		return nil
	})
}

// snapshot returns the entries that stand for everything that the store holds. Positions are read first: a state may then be
// newer than they are, never older.
func (s *Store) snapshot() [][]byte {
	s.mu.RLock()
	owner := s.owner
	var entries [][]byte
	for source, p := range s.positions {
		entries = append(entries, beginBatch(nil, source, p))
	}
	s.mu.RUnlock()
	entries = append(entries, appendOwner(nil, owner))
	s.each(func(kind Kind, key string, l *Live) { entries = append(entries, appendLive(nil, kind, key, l)) })
	return entries
}

// Close gives the directory back. What no Keep covered is read from the source again.
func (s *Store) Close() error {
	if s.journal == nil {
		return nil
	}
	return s.journal.Close()
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
