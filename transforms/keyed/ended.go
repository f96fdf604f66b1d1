package keyed

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"flexbeam/internal/parallel"
	"flexbeam/internal/scratch"
	"flexbeam/schemas/event"
)

// Most of what a stream keeps is tasks that ended within the last day, in case a late copy comes. Of those only a hash of the key is in memory, with the place of the rest in
// a scratch file; of tasks that were dropped only the hash.
const (
	// settleFor is how long a task that has ended stays in memory, ms of arrival time: most late events come soon.
	settleFor = 60 * 1000
	// freezeMost is how many tasks one Keep puts on the disk at most.
	freezeMost = 2000
	// endedParts is into how many parts the hashes are divided: one is locked while it is gone through.
	endedParts = 64
)

// hash stands for a key: 128 bits of SHA-256, so two keys never share one.
type hash [16]byte

func hashOf(key string) hash {
	h := sha256.Sum256([]byte(key))
	return hash(h[:16])
}

// frozen is a task that has ended and is on disk.
type frozen struct {
	ref     scratch.Ref
	left    bool  // an earlier process put it there
	arrival int64 // as Live.Arrival
}

// over returns when the task is dropped, in ms.
func (f frozen) over() int64 { return f.arrival + ClosedFor }

// ended holds the tasks that are not in memory. The store's lock guards it, except for queue, which has one of its own, and the sums.
type ended struct {
	parts [endedParts]struct {
		frozen  map[hash]frozen
		markers map[hash]int64 // until when, ms
	}
	count, bytes, markers atomic.Int64

	mu    sync.Mutex
	queue []settling // tasks that have ended, in about the order of their arrival
}

// settling is a task that was folded after its end.
type settling struct {
	key     string
	arrival int64
}

// freeze notes that a task is on disk.
func (e *ended) freeze(h hash, f frozen) {
	p := &e.parts[h[0]%endedParts]
	if p.frozen == nil {
		p.frozen = map[hash]frozen{}
	}
	p.frozen[h] = f
	e.count.Add(1)
	e.bytes.Add(int64(f.ref.Len()))
}

// thaw takes a task that is on disk out.
func (e *ended) thaw(h hash) (f frozen, ok bool) {
	p := &e.parts[h[0]%endedParts]
	if f, ok = p.frozen[h]; ok {
		delete(p.frozen, h)
		e.count.Add(-1)
		e.bytes.Add(-int64(f.ref.Len()))
	}
	return f, ok
}

// mark sets a marker, or removes it for until 0.
func (e *ended) mark(h hash, until int64) {
	p := &e.parts[h[0]%endedParts]
	if _, ok := p.markers[h]; ok {
		e.markers.Add(-1)
	}
	if until == 0 {
		delete(p.markers, h)
		return
	}
	if p.markers == nil {
		p.markers = map[hash]int64{}
	}
	p.markers[h] = until
	e.markers.Add(1)
}

// look returns until when there is a marker for a key, or when its task on disk is over; 0 for neither.
func (e *ended) look(h hash) (marker, over int64) {
	p := &e.parts[h[0]%endedParts]
	if f, ok := p.frozen[h]; ok {
		over = f.over()
	}
	return p.markers[h], over
}

// settles puts a task that was folded after its end into the queue of those that go to the disk.
func (e *ended) settles(key string, arrival int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.queue = append(e.queue, settling{key, arrival})
}

// settled takes tasks out of the queue that have waited long enough.
func (e *ended) settled(passed int64) []settling {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := 0
	for n < len(e.queue) && n < freezeMost && e.queue[n].arrival+settleFor <= passed {
		n++
	}
	out := e.queue[:n:n]
	if e.queue = e.queue[n:]; len(e.queue) == 0 {
		e.queue = nil
	}
	return out
}

// appendFrozen appends what is on disk of a task, and in the log.
func appendFrozen(b []byte, key string, l *Live) []byte {
	b = appendBytes(b, key)
	b = binary.AppendVarint(b, l.Arrival)
	return append(b, l.Encode()...)
}

// readFrozen reads what appendFrozen wrote.
func readFrozen(b []byte) (key string, l *Live, err error) {
	r := reader{b: b}
	key = r.text()
	l = newLive(Task, key)
	l.Arrival, l.Closed = r.varint(), true
	if r.bad || key == "" {
		return "", nil, ErrCorrupt
	}
	s, err := Decode(slices.Clone(r.b))
	if err != nil {
		return "", nil, err
	}
	l.State = *s
	return key, l, nil
}

// freeze puts tasks on disk whose rows are in the sink: those that have not got anything since.
func (s *Store) freeze(tasks []settling) error {
	builders := make([]event.Builder, parallel.Workers())
	return parallel.Do(len(builders), len(tasks), func(worker, i int) error {
		key := tasks[i].key
		l := s.Lock(Task, key)
		if l == nil {
			return nil
		}
		defer l.Unlock()
		if !l.Closed || l.Pending != event.None || l.Arrival != tasks[i].arrival {
			return nil
		}
		var err error
		s.change(Task, l, func() { err = l.pack(&builders[worker]) })
		if err != nil {
			return err
		}
		record := appendFrozen(nil, key, l)
		f, err := s.store(record, l.Arrival)
		if err != nil {
			return err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.remove(Task, key, l)
		s.ended.freeze(hashOf(key), f)
		if s.journal != nil {
			s.journal.Append(append([]byte{entryFrozen}, record...))
		}
		return nil
	})
}

// store puts the record of a task on disk.
func (s *Store) store(record []byte, arrival int64) (frozen, error) {
	ref, err := s.scratch.Put(record)
	if err != nil {
		return frozen{}, fmt.Errorf("keyed: put an ended task on the disk: %w", err)
	}
	return frozen{ref: ref, arrival: arrival}, nil
}

// pack makes one compressed block of those that a task came in, which repeat each other's texts.
func (l *Live) pack(b *event.Builder) error {
	events, err := event.Decode(l.Blocks, nil)
	if err != nil {
		return err
	}
	b.Reset()
	for i := range events {
		b.Add(&events[i], event.TaskPart)
	}
	l.Blocks = event.Compress(b.Append(nil))
	return nil
}

// thaw brings a task back into memory, if it is on disk. s.mu is held.
func (s *Store) thaw(h hash) (*Live, error) {
	f, ok := s.ended.parts[h[0]%endedParts].frozen[h]
	if !ok {
		return nil, nil
	}
	record, err := s.scratch.Get(f.ref, nil)
	if err != nil {
		return nil, fmt.Errorf("keyed: read an ended task: %w", err)
	}
	_, l, err := readFrozen(record)
	if err != nil {
		return nil, fmt.Errorf("keyed: read an ended task: %w", err)
	}
	s.ended.thaw(h)
	s.free(f.ref)
	if f.left {
		l.disown()
	}
	return l, nil
}

// free gives the room of a task on disk back, unless a snapshot that is being written may still read it: then behind that. s.mu is held.
func (s *Store) free(ref scratch.Ref) {
	if s.pinned {
		s.unpinned = append(s.unpinned, ref)
		return
	}
	s.scratch.Free(ref)
}

// pin keeps what is on disk there until unpin.
func (s *Store) pin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pinned = true
}

func (s *Store) unpin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ref := range s.unpinned {
		s.scratch.Free(ref)
	}
	s.pinned, s.unpinned = false, nil
}

// sweepEnded drops the tasks on disk whose time now has passed, and forgets the markers.
func (s *Store) sweepEnded(now int64) {
	for i := range s.ended.parts {
		s.mu.Lock()
		p := &s.ended.parts[i]
		for h, f := range p.frozen {
			if f.over() <= now {
				s.dropFrozen(h, f.over()+GoneFor)
			}
		}
		for h, until := range p.markers {
			if until <= now {
				s.mark(h, "", 0)
			}
		}
		s.mu.Unlock()
	}
}

// dropFrozen leaves a marker in the place of a task on disk, none for until 0. s.mu is held.
func (s *Store) dropFrozen(h hash, until int64) {
	if f, ok := s.ended.thaw(h); ok {
		s.free(f.ref)
		s.mark(h, "", until)
	}
}

// mark sets a marker, or removes it for until 0, and has the log say so; key is that of a state in memory that it takes the place of, else empty. s.mu is held.
func (s *Store) mark(h hash, key string, until int64) {
	s.ended.mark(h, until)
	if s.journal != nil {
		s.journal.Append(appendMarker(nil, h, key, until))
	}
}

// endedEntries returns the entries of all markers, and where all tasks on disk are, in the order of the disk.
func (s *Store) endedEntries() (markers [][]byte, refs []scratch.Ref) {
	for i := range s.ended.parts {
		s.mu.RLock()
		p := &s.ended.parts[i]
		for h, until := range p.markers {
			markers = append(markers, appendMarker(nil, h, "", until))
		}
		for _, f := range p.frozen {
			refs = append(refs, f.ref)
		}
		s.mu.RUnlock()
	}
	slices.SortFunc(refs, scratch.Compare)
	return markers, refs
}

// addFrozen adds the tasks on disk at refs to a snapshot.
func (s *Store) addFrozen(refs []scratch.Ref, add func([]byte) error) error {
	var record, entry []byte
	for _, ref := range refs {
		var err error
		if record, err = s.scratch.Get(ref, record[:0]); err != nil {
			return fmt.Errorf("keyed: read an ended task: %w", err)
		}
		entry = append(append(entry[:0], entryFrozen), record...)
		if err := add(entry); err != nil {
			return err
		}
	}
	return nil
}
