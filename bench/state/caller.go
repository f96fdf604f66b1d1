package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"flexbeam/internal/statedisk"
)

// The shape of the stream; times are in seconds of stream time.
const (
	rate          = 500 // events a second
	perTask       = 10  // events
	gap           = 18  // between two events of a task
	eventLength   = 600 // bytes
	settle        = 60  // from a task's last event until it is spilled
	spilledLength = 3000
	lateOne       = 100 // of so many tasks one gets a late event
	lateAfter     = 600 // its start
	sweepEvery    = 60
	batches       = 8 // a second
)

// The first byte of a key.
const (
	ofTask      = 'T'
	ofTombstone = 'M'
	ofPosition  = 'P'
)

type hash [16]byte

// A caller holds what a stream's store has in memory, and gives a Disk what is to be kept.
type caller struct {
	disk statedisk.Disk
	day  int // how long a spilled task is kept

	tasks      map[string]*task // open ones
	spilled    map[hash]spilledTask
	tombstones map[hash]int // until when
	positions  map[string][]byte
	bytes      int64 // of open tasks

	events   map[int][]int32 // tasks by the second of an event of theirs that is still to come
	settling map[int][]string
	over     map[int][]hash // spilled tasks by the second in which they are over
	swept    int

	batch     statedisk.Batch
	text      []byte // from which events are cut
	noise     []byte // from which spilled values are cut
	flush     []time.Duration
	peak      int64 // bytes on disk
	taken     int64
	snapshots int
}

type task struct {
	state []byte
	last  int // second of its last event
	seen  int
}

type spilledTask struct {
	ref  statedisk.Ref
	last int
}

func newCaller(day int) *caller {
	c := &caller{day: day, tasks: map[string]*task{}, spilled: map[hash]spilledTask{}, tombstones: map[hash]int{}, positions: map[string][]byte{},
		events: map[int][]int32{}, settling: map[int][]string{}, over: map[int][]hash{}}
	return c
}

// draw makes the bytes that events and values are cut from: text half of which are words that
// repeat, and noise.
func (c *caller) draw() {
	const size = 16 << 20
	random := rand.New(rand.NewPCG(1, 2))
	words := make([]string, 200)
	for i := range words {
		words[i] = fmt.Sprintf("%0*x", 4+i%12, random.Uint64())[:4+i%12]
	}
	for len(c.text) < size {
		c.text = append(c.text, words[random.IntN(len(words))]...)
		c.text = fmt.Appendf(c.text, "%08x", random.Uint32())
	}
	for len(c.noise) < size {
		c.noise = binary.LittleEndian.AppendUint64(c.noise, random.Uint64())
	}
}

// cut returns n of some bytes, others for each number.
func cut(from []byte, number uint64, n int) []byte {
	at := int(number * 0x9E3779B97F4A7C15 >> 20 % uint64(len(from)-n))
	return from[at : at+n]
}

// keyOf returns the key of a numbered task: two identifiers of 34 characters.
func keyOf(number int32) string {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(number))
	sum := sha256.Sum256(b[:])
	return fmt.Sprintf("%cAC%032x/WT%032x", ofTask, 1, sum[:16])
}

func hashOf(key string) hash {
	sum := sha256.Sum256([]byte(key))
	return hash(sum[:16])
}

// run is the stream: so many events, and a flush each second.
func (c *caller) run(events int64) error {
	number := int32(0)
	for now := 0; c.taken < events; now++ {
		for range rate / perTask {
			for i := range perTask {
				at := now + i*gap + int(number*7+int32(i)*5)%gap
				c.events[at] = append(c.events[at], number)
			}
			if number%lateOne == 0 {
				c.events[now+lateAfter] = append(c.events[now+lateAfter], number)
			}
			number++
		}
		if err := c.second(now); err != nil {
			return err
		}
	}
	return nil
}

// second is what happens in a second.
func (c *caller) second(now int) error {
	all := c.events[now]
	delete(c.events, now)
	for i := range batches {
		part := all[i*len(all)/batches : (i+1)*len(all)/batches]
		if err := c.read(fmt.Sprintf("%cshard %d", ofPosition, i), part, now); err != nil {
			return err
		}
	}
	if now%sweepEvery == 0 {
		if err := c.sweep(now); err != nil {
			return err
		}
	}
	if err := c.makeDurable(now); err != nil {
		return err
	}
	for _, key := range c.settling[now] {
		if err := c.spill(key, now); err != nil {
			return err
		}
	}
	delete(c.settling, now)
	return nil
}

// read takes a batch of events.
func (c *caller) read(source string, tasks []int32, now int) error {
	c.batch.Reset()
	for _, number := range tasks {
		c.taken++
		if err := c.event(number, now); err != nil {
			return err
		}
	}
	position := cut(c.text, uint64(now), 120)
	c.positions[source] = position
	c.batch.Put([]byte(source), position)
	_, err := c.disk.Commit(&c.batch)
	return err
}

func (c *caller) event(number int32, now int) error {
	key := keyOf(number)
	e := cut(c.text, uint64(c.taken), eventLength)
	t := c.tasks[key]
	switch h := hashOf(key); {
	case t != nil:
		c.batch.Append([]byte(key), e)
	default:
		t = &task{}
		c.tasks[key] = t
		if s, ok := c.spilled[h]; ok {
			var err error
			if t.state, err = c.disk.Load(s.ref, nil); err != nil {
				return err
			}
			t.seen = perTask
			c.bytes += int64(len(t.state))
			delete(c.spilled, h)
			c.batch.Put([]byte(key), append(t.state, e...))
			c.batch.Release(s.ref)
		} else {
			c.batch.Append([]byte(key), e)
		}
	}
	t.state = append(t.state, e...)
	c.bytes += int64(len(e))
	t.last = now
	if t.seen++; t.seen >= perTask {
		c.settling[now+settle] = append(c.settling[now+settle], key)
	}
	return nil
}

// spill brings a task to the disk that has not got anything since.
func (c *caller) spill(key string, now int) error {
	t := c.tasks[key]
	if t == nil || t.last+settle != now {
		return nil
	}
	h := hashOf(key)
	c.batch.Reset()
	c.batch.Delete([]byte(key))
	c.batch.Spill(binary.AppendUvarint(h[:], uint64(t.last)), cut(c.noise, binary.LittleEndian.Uint64(h[:]), spilledLength))
	refs, err := c.disk.Commit(&c.batch)
	if err != nil {
		return err
	}
	c.bytes -= int64(len(t.state))
	delete(c.tasks, key)
	c.spilled[h] = spilledTask{refs[0], t.last}
	c.over[t.last+c.day] = append(c.over[t.last+c.day], h)
	return nil
}

// sweep leaves a tombstone in the place of each task that is over.
func (c *caller) sweep(now int) error {
	c.batch.Reset()
	for ; c.swept <= now; c.swept++ {
		for _, h := range c.over[c.swept] {
			if s, ok := c.spilled[h]; ok && s.last+c.day == c.swept {
				until := c.swept + 15*c.day
				c.batch.Put(tombstone(h, until), nil)
				c.batch.Release(s.ref)
				delete(c.spilled, h)
				c.tombstones[h] = until
			}
		}
		delete(c.over, c.swept)
	}
	_, err := c.disk.Commit(&c.batch)
	return err
}

// tombstone is the key of one: the oldest come first.
func tombstone(h hash, until int) []byte {
	return append(binary.BigEndian.AppendUint64([]byte{ofTombstone}, uint64(until)), h[:]...)
}

// makeDurable is the flush of a second.
func (c *caller) makeDurable(now int) error {
	mark := c.disk.Mark()
	var records iter.Seq[statedisk.Change]
	live := c.bytes + 128*int64(len(c.tasks)) + 64*int64(len(c.spilled)) + 32*int64(len(c.tombstones))
	before := int64(0)
	if c.disk.NeedsSnapshot(live) {
		records, before = c.records(), c.disk.Size()
		c.snapshots++
	}
	begin := time.Now()
	var err error
	if records != nil {
		err = c.disk.Snapshot(mark, records)
	} else {
		err = c.disk.Sync(mark)
	}
	c.flush = append(c.flush, time.Since(begin))
	if now%10 == 0 || records != nil {
		size := c.disk.Size()
		if records != nil {
			size = before + live
		}
		c.peak = max(c.peak, size)
	}
	return err
}

// records is everything that is held.
func (c *caller) records() iter.Seq[statedisk.Change] {
	spilled := slices.SortedFunc(maps.Keys(c.spilled), func(a, b hash) int {
		p, q := c.spilled[a].ref, c.spilled[b].ref
		return cmp.Or(cmp.Compare(p.Segment, q.Segment), cmp.Compare(p.Offset, q.Offset))
	})
	return func(yield func(statedisk.Change) bool) {
		for source, position := range c.positions {
			if !yield(statedisk.Change{Op: statedisk.Put, Key: []byte(source), Value: position}) {
				return
			}
		}
		for h, until := range c.tombstones {
			if !yield(statedisk.Change{Op: statedisk.Put, Key: tombstone(h, until)}) {
				return
			}
		}
		for key, t := range c.tasks {
			if !yield(statedisk.Change{Op: statedisk.Put, Key: []byte(key), Value: t.state}) {
				return
			}
		}
		for _, h := range spilled {
			s := c.spilled[h]
			if !yield(statedisk.Change{Op: statedisk.Spill, Key: binary.AppendUvarint(h[:], uint64(s.last)), Ref: s.ref}) {
				return
			}
		}
	}
}

// restore is the statedisk.Restore of a start.
func (c *caller) restore(change statedisk.Change, release func(statedisk.Ref)) error {
	if change.Op == statedisk.Spill {
		h := hash(change.Key[:16])
		last, _ := binary.Uvarint(change.Key[16:])
		c.drop(h, release)
		c.spilled[h] = spilledTask{change.Ref, int(last)}
		return nil
	}
	switch change.Key[0] {
	case ofPosition:
		c.positions[string(change.Key)] = slices.Clone(change.Value)
	case ofTombstone:
		h := hash(change.Key[9:])
		c.drop(h, release)
		c.tombstones[h] = int(binary.BigEndian.Uint64(change.Key[1:]))
	case ofTask:
		key := string(change.Key)
		t := c.tasks[key]
		if t != nil && change.Op == statedisk.Append {
			t.state = append(t.state, change.Value...)
			return nil
		}
		c.drop(hashOf(key), release)
		if change.Op == statedisk.Delete {
			delete(c.tasks, key)
			return nil
		}
		c.tasks[key] = &task{state: slices.Clone(change.Value)}
	}
	return nil
}

// drop releases what was spilled of a task.
func (c *caller) drop(h hash, release func(statedisk.Ref)) {
	if s, ok := c.spilled[h]; ok {
		release(s.ref)
		delete(c.spilled, h)
	}
}
