package local

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/schemas/event"
	"flexbeam/transforms/keyed"
	"flexbeam/transforms/task"
	"flexbeam/transforms/worker"
)

// keptOfVersion2 is how logs of version 2 say what their events keep.
const keptOfVersion2 = "2 49cb0c7afc2eb578"

// ownerOfVersion2 returns the entry that a log of version 2 begins with.
func ownerOfVersion2() []byte {
	return keyed.AppendText(keyed.AppendText(keyed.AppendText([]byte{entryOwner2}, "1"), keptOfVersion2), "sink")
}

// varints appends numbers.
func varints(b []byte, numbers ...int64) []byte {
	for _, n := range numbers {
		b = binary.AppendVarint(b, n)
	}
	return b
}

// entriesOfVersion2 returns an entry of each kind that version 3 writes no more.
func entriesOfVersion2() [][]byte {
	const ended = 0x80
	none := int64(keyed.None)
	in := inputOf(tickets, "a\x001", 1, 5)
	batch := keyed.AppendText(keyed.AppendText([]byte{entryBatch2}, "s"), "7")
	batch = keyed.AppendText(append(batch, tickets.ID|ended), in.Key)
	batch = keyed.AppendText(varints(batch, 5, none), in.Block)

	state := append(keyed.AppendText([]byte{entryState2, tickets.ID}, "a\x001"), 2)
	state = binary.AppendUvarint(varints(state, 5, none, none), 1)
	state = keyed.AppendText(varints(state, 0, 5), in.Block)

	spilled := varints(keyed.AppendText([]byte{entrySpilled2}, "a\x001"), 5)
	spilled = append(varints(append(spilled, 2), none, 1, 0, 3), 0)
	spilled = append(spilled, in.Block...)

	h := hashOf("a\x001")
	tombstone := keyed.AppendText(varints(append([]byte{entryTombstone2}, h[:]...), 5), "a\x001")
	return [][]byte{batch, state, spilled, tombstone}
}

// openCopy opens a copy of a log of version 2 (testdata/version2). That was written by the last
// version that wrote such logs: from the lines there with their arrivals, and once more as a
// snapshot.
func openCopy(t *testing.T, name string) (s *Store, dir string) {
	t.Helper()
	dir = t.TempDir()
	log, err := os.ReadFile(filepath.Join("testdata", "version2", name, "state"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "state"), log, 0o600); err != nil {
		t.Fatal(err)
	}
	return openReal(t, dir), dir
}

// openReal opens a store of tasks and workers.
func openReal(t *testing.T, dir string) *Store {
	t.Helper()
	s, _, err := Open(Options{
		Dir: dir, Sink: Sink{"memory", "memory"},
		Kinds: []keyed.Spec{task.Options{}.Spec(), worker.Options{AsOf: event.None}.Spec()},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// tell says in words what a store holds, a line each, as want.txt does.
func tell(t *testing.T, s *Store) string {
	t.Helper()
	var lines []string
	say := func(format string, a ...any) { lines = append(lines, fmt.Sprintf(format, a...)+"\n") }
	for source, p := range s.Positions() {
		say("position %q %s", source, p)
	}
	s.each(func(z *slot, key string, l *entry) {
		say("%s %q arrival %d closed %t bound %d buckets %v events %v", z.kind.Name, key, l.Arrival, l.Closed, l.Bound, l.Buckets, idsOf(t, l.Block))
	})
	eachSpilled(t, s, func(z *slot, key string, state *keyed.State) {
		say("spilled %s %q arrival %d events %v", z.kind.Name, key, state.Arrival, idsOf(t, state.Block))
	})
	for _, z := range s.kinds {
		for i := range z.spill.parts {
			for h, until := range z.spill.parts[i].tombstones {
				say("tombstone %x until %d", h, until)
			}
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func TestALogOfVersion2IsRead(t *testing.T) {
	want, err := os.ReadFile(filepath.Join("testdata", "version2", "want.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"log", "rewritten"} {
		t.Run(name, func(t *testing.T) {
			s, dir := openCopy(t, name)
			// The same directory goes on in this version: as a log that begins anew in the middle,
			// and rewritten.
			for _, when := range []string{"at once", "in the next process", "once it was rewritten"} {
				if d := cmp.Diff(string(want), tell(t, s)); d != "" {
					t.Errorf("%s (-want +got):\n%s", when, d)
				}
				if z := s.Size(); z.Of("task").Open != 1 || z.Of("task").Keys != 3 || z.Of("worker").Keys != 4 {
					t.Errorf("%s: the store holds %+v", when, z)
				}
				checkpoint(t, s)
				if when == "in the next process" {
					if err := s.beginSnapshot(s.disk.Mark())(); err != nil {
						t.Fatal(err)
					}
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				s = openReal(t, dir)
			}
			s.Close()
		})
	}
}
