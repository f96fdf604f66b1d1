// Package statedisktest is the suite that every statedisk.Disk passes.
//
// A test package calls Main in its TestMain and Run in a test.
package statedisktest

import (
	"bytes"
	"fmt"
	"iter"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"flexbeam/internal/statedisk"
)

// An Open opens the Disk in a directory.
type Open func(dir string, restore statedisk.Restore) (statedisk.Disk, error)

// Run runs the suite.
func Run(t *testing.T, open Open) {
	t.Run("WhatWasSyncedComesBackAndNothingElse", func(t *testing.T) {
		rapid.Check(t, func(rt *rapid.T) { checkRandom(rt, t.TempDir(), open) })
	})
	t.Run("ASpilledValueIsLoadedBeforeAndAfterSync", func(t *testing.T) { checkLoad(t, open) })
	t.Run("AProcessKilledBetweenCommitAndSyncLeavesWhatWasSynced", checkKilled(open, "hold"))
	t.Run("AProcessKilledAtAnyTimeLeavesWholeBatchesInOrder", checkKilled(open, "go on"))
}

// A state is what a caller knows of what it keeps: records in memory, and where the spilled values
// are.
type state struct {
	records map[string]string
	spilled map[string]statedisk.Ref // by head
}

func newState() *state {
	return &state{map[string]string{}, map[string]statedisk.Ref{}}
}

func (s *state) clone() *state {
	return &state{maps.Clone(s.records), maps.Clone(s.spilled)}
}

// restore is the Restore of the state. A record takes the place of the spilled value whose head is
// its key.
func (s *state) restore(c statedisk.Change, release func(statedisk.Ref)) error {
	key := string(c.Key)
	if ref, ok := s.spilled[key]; ok {
		release(ref)
		delete(s.spilled, key)
	}
	switch c.Op {
	case statedisk.Put:
		s.records[key] = string(c.Value)
	case statedisk.Append:
		s.records[key] += string(c.Value)
	case statedisk.Delete:
		delete(s.records, key)
	case statedisk.Spill:
		delete(s.records, key)
		s.spilled[key] = c.Ref
	}
	return nil
}

// all returns the changes of a snapshot.
func (s *state) all() iter.Seq[statedisk.Change] {
	return func(yield func(statedisk.Change) bool) {
		for key, value := range s.records {
			if !yield(statedisk.Change{Op: statedisk.Put, Key: []byte(key), Value: []byte(value)}) {
				return
			}
		}
		for head, ref := range s.spilled {
			if !yield(statedisk.Change{Op: statedisk.Spill, Key: []byte(head), Ref: ref}) {
				return
			}
		}
	}
}

// contents returns the records, and the spilled values as they are loaded.
func (s *state) contents(t fataler, d statedisk.Disk) map[string]string {
	t.Helper()
	all := map[string]string{}
	for key, value := range s.records {
		all["record "+key] = value
	}
	for head, ref := range s.spilled {
		value, err := d.Load(ref, nil)
		if err != nil {
			t.Fatalf("load %s: %v", head, err)
		}
		all["spilled "+head] = string(value)
	}
	return all
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// reopen opens a directory and returns what came back.
func reopen(t fataler, open Open, dir string) (statedisk.Disk, *state) {
	t.Helper()
	s := newState()
	d, err := open(dir, s.restore)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return d, s
}

// commit commits changes and brings the state to what they say.
func commit(t fataler, d statedisk.Disk, s *state, changes ...statedisk.Change) {
	t.Helper()
	var b statedisk.Batch
	var heads []string
	for _, c := range changes {
		if ref, ok := s.spilled[string(c.Key)]; ok {
			b.Release(ref)
			delete(s.spilled, string(c.Key))
		}
		switch c.Op {
		case statedisk.Put:
			b.Put(c.Key, c.Value)
		case statedisk.Append:
			b.Append(c.Key, c.Value)
		case statedisk.Delete:
			b.Delete(c.Key)
		case statedisk.Spill:
			b.Delete(c.Key)
			b.Spill(c.Key, c.Value)
			heads = append(heads, string(c.Key))
		}
		if err := s.restore(c, nil); err != nil {
			t.Fatalf("%v", err)
		}
	}
	refs, err := d.Commit(&b)
	if err != nil || len(refs) != len(heads) {
		t.Fatalf("commit: %d refs for %d values, %v", len(refs), len(heads), err)
	}
	for i, head := range heads {
		s.spilled[head] = refs[i]
	}
}

// checkRandom compares a Disk with maps, over random batches, syncs, snapshots and starts.
func checkRandom(t *rapid.T, dir string, open Open) {
	d, s := reopen(t, open, dir)
	durable := map[string]string{}
	t.Repeat(map[string]func(*rapid.T){
		"commit": func(t *rapid.T) {
			var changes []statedisk.Change
			seen := map[string]bool{}
			for range rapid.IntRange(1, 4).Draw(t, "changes") {
				key := rapid.SampledFrom([]string{"a", "ab", "b", "c", "position"}).Draw(t, "key")
				if seen[key] {
					continue
				}
				seen[key] = true
				op := rapid.SampledFrom([]statedisk.Op{statedisk.Put, statedisk.Append, statedisk.Delete, statedisk.Spill}).Draw(t, "op")
				c := statedisk.Change{Op: op, Key: []byte(key)}
				if op != statedisk.Delete {
					c.Value = bytes.Repeat([]byte{byte(rapid.IntRange('a', 'z').Draw(t, "byte"))}, rapid.IntRange(0, 40).Draw(t, "length"))
				}
				changes = append(changes, c)
			}
			commit(t, d, s, changes...)
		},
		"sync": func(t *rapid.T) {
			mark, then := d.Mark(), s.clone()
			durable = then.contents(t, d)
			commit(t, d, s, statedisk.Change{Op: statedisk.Put, Key: []byte("behind"), Value: []byte("the mark")})
			var err error
			if rapid.Bool().Draw(t, "snapshot") {
				err = d.Snapshot(mark, then.all())
			} else {
				err = d.Sync(mark)
			}
			if err != nil {
				t.Fatalf("sync: %v", err)
			}
		},
		"start": func(t *rapid.T) {
			if err := d.Close(); err != nil {
				t.Fatalf("close: %v", err)
			}
			d, s = reopen(t, open, dir)
			if diff := cmp.Diff(durable, s.contents(t, d)); diff != "" {
				t.Fatalf("after a start (-want +got):\n%s", diff)
			}
		},
	})
	if err := d.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
}

func checkLoad(t *testing.T, open Open) {
	dir := t.TempDir()
	d, s := reopen(t, open, dir)
	large := string(bytes.Repeat([]byte("large"), 200_000))
	want := map[string]string{"spilled small": "value", "spilled large": large}
	commit(t, d, s,
		statedisk.Change{Op: statedisk.Spill, Key: []byte("small"), Value: []byte("value")},
		statedisk.Change{Op: statedisk.Spill, Key: []byte("large"), Value: []byte(large)})
	for _, when := range []string{"before sync", "after sync", "after a start"} {
		switch when {
		case "after sync":
			if err := d.Sync(d.Mark()); err != nil {
				t.Fatal(err)
			}
		case "after a start":
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			d, s = reopen(t, open, dir)
		}
		if got := s.contents(t, d); !maps.Equal(got, want) {
			t.Errorf("%s: there are %q", when, slices.Sorted(maps.Keys(got)))
		}
	}
	if d.Size() < int64(len(large))/1000 {
		t.Errorf("%d bytes on disk", d.Size())
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

// round commits the batch of one round: a record of its own, one that grows, a position, and a
// spilled value that takes the place of one before. Their keys have the number of the round.
func round(t fataler, d statedisk.Disk, s *state, i int) {
	number := []byte(fmt.Sprintf("%06d", i))
	commit(t, d, s,
		statedisk.Change{Op: statedisk.Put, Key: append([]byte("record "), number...), Value: number},
		statedisk.Change{Op: statedisk.Append, Key: []byte("grows"), Value: number},
		statedisk.Change{Op: statedisk.Put, Key: []byte("position"), Value: number},
		statedisk.Change{Op: statedisk.Delete, Key: fmt.Appendf(nil, "value %06d", i-3)},
		statedisk.Change{Op: statedisk.Spill, Key: append([]byte("value "), number...), Value: bytes.Repeat(number, 100)})
}

// after returns what there is after so many rounds.
func after(rounds int) map[string]string {
	all := map[string]string{}
	grown := ""
	for i := range rounds {
		number := fmt.Sprintf("%06d", i)
		all["record record "+number] = number
		all["record position"] = number
		grown += number
		all["record grows"] = grown
		if i >= rounds-3 {
			all["spilled value "+number] = string(bytes.Repeat([]byte(number), 100))
		}
	}
	return all
}
