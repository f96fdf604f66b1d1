package scratch

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// small returns a store with segments of 200 bytes and a buffer of 50.
func small(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	s.segmentSize, s.bufferSize = 200, 50
	return s
}

func put(t testing.TB, s *Store, b []byte) Ref {
	t.Helper()
	r, err := s.Put(b)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func closed(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// names returns the files that a directory shows.
func names(t testing.TB, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// freeing calls Free and returns what it panics with.
func freeing(s *Store, r Ref) (p any) {
	defer func() { p = recover() }()
	s.Free(r)
	return nil
}

// check says what of a store is not as a list of its values has it, in the order in which they were put.
func check(s *Store, refs []Ref, values [][]byte) error {
	var bytesLive, written int64
	segments := map[uint32]bool{}
	for i, r := range refs {
		got, err := s.Get(r, nil)
		if err != nil || !bytes.Equal(got, values[i]) || r.Len() != len(values[i]) {
			return fmt.Errorf("value %d is %q, %v; want %q", i, got, err, values[i])
		}
		bytesLive += int64(len(got))
		segments[r.Segment] = true
	}
	for _, g := range s.segments {
		if g != s.current && !segments[g.number] {
			return fmt.Errorf("segment %d is full and without a value, and is kept", g.number)
		}
		written += g.written
	}
	if live, file := s.Size(); live != bytesLive || file != written {
		return fmt.Errorf("%d bytes are live and %d in files, want %d and %d", live, file, bytesLive, written)
	}
	sorted := slices.Clone(refs)
	rand.Shuffle(len(sorted), func(i, j int) { sorted[i], sorted[j] = sorted[j], sorted[i] })
	if slices.SortFunc(sorted, Compare); !slices.Equal(refs, sorted) {
		return fmt.Errorf("in the order of the disk the values are %v, they were put as %v", sorted, refs)
	}
	return nil
}

// TestTheStoreIsAMapOfValues compares a store with a list.
func TestTheStoreIsAMapOfValues(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		s := small(t, dir)
		defer closed(t, s)
		var refs []Ref
		var values [][]byte
		gone := []Ref{{}}
		free := func(i int) {
			s.Free(refs[i])
			gone = append(gone, refs[i])
			refs, values = slices.Delete(refs, i, i+1), slices.Delete(values, i, i+1)
		}
		one := func(rt *rapid.T) int {
			if len(refs) == 0 {
				rt.Skip("there is none")
			}
			return rapid.IntRange(0, len(refs)-1).Draw(rt, "value")
		}
		putOf := func(least, most int) func(rt *rapid.T) {
			value := rapid.SliceOfN(rapid.Byte(), least, most)
			return func(rt *rapid.T) {
				b := value.Draw(rt, "value")
				values = append(values, bytes.Clone(b))
				refs = append(refs, put(t, s, b))
				clear(b) // the store has a copy
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"put":                              putOf(0, 40),
			"put what no buffer has room for":  putOf(51, 90),
			"put what no segment has room for": putOf(201, 300),
			"free":                             func(rt *rapid.T) { free(one(rt)) },
			"free the oldest":                  func(rt *rapid.T) { one(rt); free(0) },
			"get into room": func(rt *rapid.T) {
				i := one(rt)
				room := make([]byte, rapid.IntRange(0, 60).Draw(rt, "room"))
				b, err := s.Get(refs[i], room)
				if err != nil || !bytes.Equal(b, values[i]) {
					rt.Fatalf("got %q, %v; want %q", b, err, values[i])
				}
				if len(b) > 0 && len(b) <= len(room) && &b[0] != &room[0] {
					rt.Fatal("the value stands elsewhere")
				}
			},
			"use what is gone": func(rt *rapid.T) {
				r := rapid.SampledFrom(gone).Draw(rt, "value")
				if b, err := s.Get(r, nil); !errors.Is(err, ErrFreed) {
					rt.Fatalf("got %q, %v", b, err)
				}
				if p := freeing(s, r); p == nil || !strings.Contains(fmt.Sprint(p), "no such value") {
					rt.Fatalf("freed once more: %v", p)
				}
			},
			"": func(rt *rapid.T) {
				if err := check(s, refs, values); err != nil {
					rt.Fatal(err)
				}
				if n := names(t, dir); n != nil {
					rt.Fatalf("the directory shows %q", n)
				}
			},
		})
	})
}

func TestThereIsNoFileBeforeTheFirstValue(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "directory")
	s := small(t, dir)
	defer closed(t, s)
	s.remove = func(string) error { return errors.New("not while it is open") }
	if n := names(t, dir); n != nil {
		t.Errorf("the directory shows %q", n)
	}
	put(t, s, nil)
	if n := names(t, dir); len(n) != 1 {
		t.Errorf("after a value it shows %q", n)
	}
	s.remove = os.Remove
}

func TestRoomIsGivenBackSegmentBySegment(t *testing.T) {
	s := small(t, t.TempDir())
	var refs []Ref
	files := map[uint32]*os.File{}
	for range 100 {
		r := put(t, s, make([]byte, 40))
		refs, files[r.Segment] = append(refs, r), s.segments[r.Segment].file
	}
	open := func(number uint32) bool {
		_, err := files[number].Stat()
		return !errors.Is(err, os.ErrClosed)
	}
	if len(files) != 20 || !open(1) {
		t.Fatalf("there are %d files, the first is open: %t", len(files), open(1))
	}
	for i, r := range refs {
		s.Free(r)
		last := i%5 == 4
		if current := r.Segment == s.current.number; open(r.Segment) == (last && !current) {
			t.Errorf("after %d values the file of segment %d is open: %t", i+1, r.Segment, open(r.Segment))
		}
	}
	if live, file := s.Size(); live != 0 || file > 200 || len(s.segments) != 1 {
		t.Errorf("in the end %d bytes are live, %d in %d files", live, file, len(s.segments))
	}
	put(t, s, make([]byte, 40)) // the last one is full, too: now that is known
	if open(20) {
		t.Error("the file of the last segment is open still")
	}
	closed(t, s)
}

func TestASegmentHoldsNoEndOfEmptyValues(t *testing.T) {
	s := small(t, t.TempDir())
	defer closed(t, s)
	for range maxValues {
		put(t, s, nil)
	}
	if r := put(t, s, nil); r.Segment != 2 {
		t.Errorf("value %d is in segment %d", maxValues+1, r.Segment)
	}
}

func TestWhatTheDiskHasChangedIsDamaged(t *testing.T) {
	s := small(t, t.TempDir())
	defer closed(t, s)
	var refs []Ref
	var values [][]byte
	for i := range 6 {
		values = append(values, bytes.Repeat([]byte{byte(i)}, 5*i)) // the first is empty
		refs = append(refs, put(t, s, values[i]))
	}
	put(t, s, make([]byte, 50)) // pushes these out of the buffer
	file := s.current.file
	end := s.current.written
	checkDamaged := func(what string, isDamaged func(from, to int64) bool) {
		t.Helper()
		to := int64(0)
		for i, r := range refs {
			from := to
			to += int64(r.Len())
			got, err := s.Get(r, nil)
			switch damaged := isDamaged(from, to); {
			case damaged && (!errors.Is(err, ErrDamaged) || got != nil || !strings.Contains(err.Error(), s.dir)):
				t.Errorf("%s: value %d is %q, %v", what, i, got, err)
			case !damaged && (err != nil || !bytes.Equal(got, values[i])):
				t.Errorf("%s: value %d, which is whole, is %q, %v", what, i, got, err)
			}
		}
	}
	checkDamaged("as it was written", func(int64, int64) bool { return false })
	for at := range end {
		was := make([]byte, 1)
		if _, err := file.ReadAt(was, at); err != nil {
			t.Fatal(err)
		}
		for bit := range 8 {
			if _, err := file.WriteAt([]byte{was[0] ^ 1<<bit}, at); err != nil {
				t.Fatal(err)
			}
			checkDamaged(fmt.Sprintf("bit %d of byte %d flipped", bit, at), func(from, to int64) bool { return from <= at && at < to })
		}
		if _, err := file.WriteAt(was, at); err != nil {
			t.Fatal(err)
		}
	}
	for at := end; at >= 0; at-- {
		if err := file.Truncate(at); err != nil {
			t.Fatal(err)
		}
		checkDamaged(fmt.Sprintf("cut off at byte %d", at), func(from, to int64) bool { return from < to && to > at })
	}
}

func TestAStoreServesSeveralGoroutines(t *testing.T) {
	s := small(t, t.TempDir())
	defer closed(t, s)
	type parcel struct {
		ref  Ref
		want []byte
	}
	parcels := make(chan parcel, 30)
	var writers, readers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() {
			for i := range 2000 {
				b := bytes.Repeat([]byte{byte(w), byte(i)}, i%40)
				r, err := s.Put(b)
				if err != nil {
					t.Error(err)
					return
				}
				parcels <- parcel{r, b}
			}
		})
	}
	for range 3 {
		readers.Go(func() {
			var room []byte
			for p := range parcels {
				b, err := s.Get(p.ref, room)
				if err != nil || !bytes.Equal(b, p.want) {
					t.Errorf("got %q, %v; want %q", b, err, p.want)
				}
				if live, _ := s.Size(); live < int64(len(b)) {
					t.Errorf("%d bytes are live", live)
				}
				s.Free(p.ref)
				room = b
			}
		})
	}
	writers.Wait()
	close(parcels)
	readers.Wait()
	if live, _ := s.Size(); live != 0 || len(s.segments) != 1 {
		t.Errorf("in the end %d bytes are live in %d segments", live, len(s.segments))
	}
}

func TestAValueThatIsFreedWhileItIsReadIsWholeOrGone(t *testing.T) {
	s := small(t, t.TempDir())
	defer closed(t, s)
	want := bytes.Repeat([]byte{1}, 201) // in a segment of its own
	for range 500 {
		r := put(t, s, want)
		put(t, s, want)
		var reader sync.WaitGroup
		reader.Go(func() {
			if b, err := s.Get(r, nil); !errors.Is(err, ErrFreed) && (err != nil || !bytes.Equal(b, want)) {
				t.Errorf("got %q, %v", b, err)
			}
		})
		s.Free(r)
		reader.Wait()
	}
	r := put(t, s, want)
	put(t, s, want)
	b, g, v, err := s.lookUp(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.Free(r) // in the middle of Get
	if err := s.read(r, g, v, b); !errors.Is(err, ErrFreed) {
		t.Errorf("got %v", err)
	}
}

func TestGetDoesNotWaitForPut(t *testing.T) {
	s := small(t, t.TempDir())
	defer closed(t, s)
	first, second := put(t, s, make([]byte, 201)), put(t, s, nil)
	s.remove = func(name string) error { // while Put makes a file
		_, onDisk := s.Get(first, nil)
		_, inMemory := s.Get(second, nil)
		s.Free(first)
		if live, _ := s.Size(); onDisk != nil || inMemory != nil || live != 0 {
			t.Errorf("got %v, %v; %d bytes are live", onDisk, inMemory, live)
		}
		return os.Remove(name)
	}
	if r := put(t, s, make([]byte, 201)); r.Segment != 3 {
		t.Errorf("no file was made: %v", r)
	}
	s.remove = os.Remove
}

func TestAClosedStoreHoldsNothing(t *testing.T) {
	dir := t.TempDir()
	s := small(t, dir)
	var refs []Ref
	for range 20 {
		refs = append(refs, put(t, s, make([]byte, 40)))
	}
	file := s.segments[1].file
	closed(t, s)
	if _, err := file.Stat(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("its first file: %v", err)
	}
	if _, err := s.Get(refs[0], nil); !errors.Is(err, os.ErrClosed) {
		t.Errorf("get: %v", err)
	}
	if _, err := s.Put(nil); !errors.Is(err, os.ErrClosed) {
		t.Errorf("put: %v", err)
	}
	s.Free(refs[0])
	if live, file := s.Size(); live != 0 || file != 0 {
		t.Errorf("%d bytes are live, %d in files", live, file)
	}
	closed(t, s)
	closed(t, small(t, dir)) // one that never had a file
}

func TestWhereAnOpenFileCannotBeUnlinkedItIsRemovedWhenItIsClosed(t *testing.T) {
	dir := t.TempDir()
	s := small(t, dir)
	var open error = errors.New("not while it is open")
	s.remove = func(name string) error {
		if open != nil {
			return open
		}
		return os.Remove(name)
	}
	var refs []Ref
	for range 15 { // three segments
		refs = append(refs, put(t, s, make([]byte, 40)))
	}
	all := names(t, dir)
	if len(all) != 3 {
		t.Fatalf("the directory shows %q", all)
	}
	if st, err := os.Stat(all[0]); err != nil || st.Mode() != 0o600 {
		t.Errorf("others may read a file: %v, %v", st.Mode(), err)
	}
	for _, r := range refs[:5] {
		s.Free(r) // leaves a file, which Close tells of
	}
	open = nil
	for _, r := range refs[5:10] {
		s.Free(r)
	}
	if n := len(names(t, dir)); n != 2 {
		t.Errorf("after the second segment is over the directory shows %d files", n)
	}
	if err := s.Close(); err == nil || !strings.Contains(err.Error(), "not while it is open") {
		t.Errorf("close: %v", err)
	}
	if n := len(names(t, dir)); n != 1 {
		t.Errorf("after the end the directory shows %d files", n)
	}
}

func TestADirectoryThatCannotBeUsedIsNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("open: %v", err)
	}
	dir := filepath.Join(t.TempDir(), "removed")
	s := small(t, dir)
	defer closed(t, s)
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(nil); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "name another directory") {
		t.Errorf("put: %v", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, s, nil) // as soon as it is there again
}

func TestNoDirectoryIsTheTemporaryOne(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	s := small(t, "")
	defer closed(t, s)
	if s.dir != os.TempDir() {
		t.Errorf("it is %q", s.dir)
	}
}

func TestAValueOfMoreThanAGigabyteIsRefused(t *testing.T) {
	s := small(t, t.TempDir())
	defer closed(t, s)
	if _, err := s.Put(make([]byte, maxValue+1)); err == nil || len(s.segments) != 0 { // memory that nobody touches
		t.Errorf("got %v, %d segments", err, len(s.segments))
	}
}

func TestPutAndGetTakeNoMemory(t *testing.T) {
	s, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, s)
	s.segmentSize = 1 << 20
	b := make([]byte, 1500)
	var refs []Ref
	for range 1000 {
		refs = append(refs, put(t, s, b))
	}
	for what, r := range map[string]Ref{"the disk": refs[0], "the buffer": refs[len(refs)-1]} {
		room := make([]byte, len(b))
		if n := testing.AllocsPerRun(100, func() { _, err = s.Get(r, room) }); n != 0 || err != nil {
			t.Errorf("get from %s allocates %v times: %v", what, n, err)
		}
	}
	var r Ref
	if n := testing.AllocsPerRun(5000, func() { r, err = s.Put(b) }); n != 0 || err != nil {
		t.Errorf("put allocates %v times: %v", n, err)
	}
	if r.Segment < 7 {
		t.Errorf("only %d segments were written", r.Segment)
	}
}

// benchmarkSize is about that of an ended task.
const benchmarkSize = 1500

func BenchmarkPut(b *testing.B) {
	s, err := Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer closed(b, s)
	value := make([]byte, benchmarkSize)
	ring := make([]Ref, 200_000) // 300 MB
	b.SetBytes(benchmarkSize)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r := &ring[i%len(ring)]
		if *r != (Ref{}) {
			s.Free(*r)
		}
		*r = put(b, s, value)
	}
}

func BenchmarkGet(b *testing.B) {
	s, err := Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer closed(b, s)
	ordered := make([]Ref, 200_000)
	for i := range ordered {
		ordered[i] = put(b, s, make([]byte, benchmarkSize))
	}
	shuffled := slices.Clone(ordered)
	rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	for _, c := range []struct {
		name string
		refs []Ref
	}{{"in order", ordered}, {"at random", shuffled}, {"from the buffer", ordered[len(ordered)-10:]}} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(benchmarkSize)
			b.ReportAllocs()
			room := make([]byte, benchmarkSize)
			for i := 0; b.Loop(); i++ {
				if _, err := s.Get(c.refs[i%len(c.refs)], room); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
