package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/kinesisfake"
	"flexbeam/internal/testkit/tape"
	"flexbeam/schemas/model"
	"flexbeam/simulate"
)

// liveDay is a simulated day on its way into a stream of a service in this process, whose clock
// goes with the records.
type liveDay struct {
	*kinesisfake.Server
	clock   *kinesisfake.ManualClock
	records []simulate.Record
	sent    int
	dir     string // where the jobs run
	dice    *rand.Rand
}

const (
	liveStream = "events"
	liveState  = "calls.state"
	liveSink   = "duckdb:calls.duckdb"
)

func newLiveDay(t *testing.T, tasks int, seed uint64) *liveDay {
	t.Helper()
	c := simulate.DefaultConfig()
	c.Seed, c.Tasks, c.Agents, c.Form = seed, tasks, 10, simulate.Mixed
	c.Start, c.Hours = c.Start.Add(7*time.Hour), 10
	c.Disorder, c.Duplicates, c.Dirty = 10*time.Minute, 0.05, 0.02
	d := &liveDay{dir: t.TempDir(), dice: rand.New(rand.NewPCG(seed, 50))}
	var lines []byte
	_, err := simulate.Each(context.Background(), c, func(r simulate.Record) error {
		lines = append(append(lines, r.Text...), '\n')
		r.Text = bytes.Clone(r.Text)
		d.records = append(d.records, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(d.dir, "all.ndjson"), lines, 0o600); err != nil {
		t.Fatal(err)
	}
	d.clock = kinesisfake.NewManualClock(d.records[0].Arrival)
	d.Server = kinesisfake.New(kinesisfake.Options{Clock: d.clock})
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	d.CreateStream(liveStream, 2)
	return d
}

// send sends records until so many are sent.
func (d *liveDay) send(n int) {
	for ; d.sent < min(n, len(d.records)); d.sent++ {
		r := d.records[d.sent]
		if wait := r.Arrival.Sub(d.clock.Now()); wait > 0 {
			d.clock.Advance(wait)
		}
		half := r.Text[len(r.Text)/2:]
		d.Put(liveStream, kinesisfake.Record{PartitionKey: r.Key + string(half[:min(8, len(half))]), Data: r.Text})
	}
}

// run starts a job over the stream.
func (d *liveDay) run(t *testing.T) (*exec.Cmd, *tape.Tape) {
	t.Helper()
	errs := new(tape.Tape)
	c := d.command()
	c.Stderr = errs
	begin(t, c)
	return c, errs
}

// command returns a job over the stream, to be run behind other commands.
func (d *liveDay) command(before ...string) *exec.Cmd {
	args := append(before, binary, "run", "--source=kinesis:"+liveStream+"?endpoint="+d.URL, "--sink="+liveSink, "--state="+liveState,
		"--flush-every=50ms", "--progress=none", "--log-format=json")
	c := exec.Command(args[0], args[1:]...)
	c.Dir = d.dir
	return c
}

// begin starts a command, which ends with the test.
func begin(t *testing.T, c *exec.Cmd) {
	t.Helper()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
}

// asked waits until the job has asked for what all shards have.
func (d *liveDay) asked(t *testing.T) {
	t.Helper()
	calls := map[string]int{}
	for _, h := range d.Shards(liveStream) {
		calls[h.ID] = d.Calls("GetRecords", liveStream, h.ID)
	}
	for id, n := range calls {
		eventually(t, "further call for "+id, func() bool { return d.Calls("GetRecords", liveStream, id) > n+10 })
	}
}

// killed runs a job for a while and kills it. Records come meanwhile, until so many are sent.
func (d *liveDay) killed(t *testing.T, until int) {
	t.Helper()
	c, errs := d.run(t)
	var sending sync.WaitGroup
	first, pause := d.sent, time.Duration(d.dice.IntN(200))*time.Millisecond
	sending.Go(func() {
		for i := range 4 {
			time.Sleep(pause) // records come at some moments of the job's life
			d.send(first + (until-first)*(i+1)/4)
		}
	})
	switch d.dice.IntN(5) {
	case 0: // while it starts
		time.Sleep(time.Duration(d.dice.IntN(300)) * time.Millisecond)
	case 1, 2: // at any moment
		time.Sleep(time.Duration(300+d.dice.IntN(1200)) * time.Millisecond)
	default: // while it keeps what it has read
		before := d.logged()
		for deadline := time.Now().Add(4 * time.Second); d.logged() <= before && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Duration(d.dice.IntN(150)) * time.Millisecond)
	}
	if err := c.Process.Kill(); err != nil {
		t.Errorf("the job had ended: %s", errs)
	}
	_ = c.Wait()
	if s, ok := c.ProcessState.Sys().(syscall.WaitStatus); !ok || s.Signal() != syscall.SIGKILL {
		t.Fatalf("the job ended by itself, %v: %s", c.ProcessState, errs)
	}
	sending.Wait()
}

// logged returns the size of the state's log.
func (d *liveDay) logged() int64 {
	st, err := os.Stat(filepath.Join(d.dir, liveState, "state"))
	if err != nil {
		return 0
	}
	return st.Size()
}

// drained runs a job until it has asked for what all shards have, and ends it by SIGTERM.
func (d *liveDay) drained(t *testing.T) {
	t.Helper()
	c, errs := d.run(t)
	d.asked(t)
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Fatalf("SIGTERM: %v: %s", err, errs)
	}
}

// tables returns the tables of a DuckDB file of the day, all cells but where dead letters came from.
func (d *liveDay) tables(t *testing.T, db string) map[string][]string {
	t.Helper()
	m := map[string][]string{}
	for _, table := range model.Tables {
		columns := "*"
		if table.ID == model.DeadLettersID {
			columns = "* EXCLUDE (source, position, received_at)"
		}
		r := start(t, d.dir, "", "query", "--db="+db, "--format=csv", "SELECT "+columns+" FROM "+table.Name+" ORDER BY ALL")
		if r.code != 0 {
			t.Fatal(r.errors)
		}
		m[table.Name] = strings.Split(r.out, "\n")
	}
	return m
}

// finish drains jobs until the tables, but for some, are those of a batch job over all records.
func (d *liveDay) finish(t *testing.T, except ...string) {
	t.Helper()
	d.clock.Advance(5 * time.Second) // the watermark of idle shards has whole seconds
	batch := fmt.Sprintf("batch-%d.duckdb", d.clock.Now().UnixMilli())
	r := start(t, d.dir, "", "run", "--source=file:all.ndjson", "--sink=duckdb:"+batch, "--runner=direct", "--as-of="+d.clock.Now().Format(time.RFC3339))
	if r.code != 0 {
		t.Fatal(r.errors)
	}
	want := d.tables(t, batch)
	for table, least := range map[string]int{"engagements": 100, "agents": 5, "agent_status": 100, "customers": 50, "dead_letters": 20} {
		if n := len(want[table]); n < least {
			t.Fatalf("the day has only %d rows of %s", n, table)
		}
	}
	var diff string
	for range 5 {
		d.drained(t)
		got := d.tables(t, "calls.duckdb")
		for _, table := range except {
			got[table] = want[table]
		}
		if diff = cmp.Diff(want, got); diff == "" {
			return
		}
	}
	t.Errorf("the tables differ from those of a batch job (-batch +live):\n%.5000s", diff)
}

// TestFiftyKillsDuringADayChangeNothing kills the job again and again while a day's records come.
func TestFiftyKillsDuringADayChangeNothing(t *testing.T) {
	t.Parallel()
	const kills = 50
	d := newLiveDay(t, 300, 41)
	for i := range kills {
		d.killed(t, len(d.records)*(i+1)/kills)
	}
	d.finish(t)
}

// A terminal that closes sends SIGHUP, and takes away what reads the job's output.
func TestATerminalThatClosesDrainsTheJob(t *testing.T) {
	t.Parallel()
	d := newLiveDay(t, 5, 44)
	d.send(len(d.records))
	gone, errs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c := d.command()
	c.Stderr = errs
	begin(t, c)
	errs.Close()
	d.asked(t)
	gone.Close()
	if err := c.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("SIGHUP: %v", err)
	}
	if n := len(d.tables(t, "calls.duckdb")["engagements"]); n < 5 {
		t.Errorf("%d lines of engagements", n)
	}
}

// A job that was started by nohup goes on.
func TestAJobThatIgnoresSIGHUPOutlivesItsTerminal(t *testing.T) {
	t.Parallel()
	d := newLiveDay(t, 5, 45)
	errs := new(tape.Tape)
	c := d.command("sh", "-c", `trap "" HUP; exec "$@"`, "sh")
	c.Stderr = errs
	begin(t, c)
	d.asked(t)
	if err := c.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	d.send(len(d.records))
	d.asked(t)
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("SIGTERM: %v: %s", err, errs)
	}
	if n := len(d.tables(t, "calls.duckdb")["engagements"]); n < 5 {
		t.Errorf("%d lines of engagements", n)
	}
}

// TestADamagedEndOfTheStateIsReadFromTheStreamAgain cuts off the end of the state's log, or flips a
// byte in it, between two jobs.
func TestADamagedEndOfTheStateIsReadFromTheStreamAgain(t *testing.T) {
	t.Parallel()
	const kills, empty = 12, 64 // bytes of a log that tells of nothing yet
	d := newLiveDay(t, 100, 42)
	damaged := 0
	for i := range kills {
		d.killed(t, len(d.records)*(i+1)/kills)
		size := d.logged()
		if size <= empty {
			continue
		}
		damaged++
		back := 1 + d.dice.Int64N(min(size-empty, 8<<10)) // from the end
		name := filepath.Join(d.dir, liveState, "state")
		if i%2 == 0 {
			if err := os.Truncate(name, size-back); err != nil {
				t.Fatal(err)
			}
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		b[size-back] ^= 1 << d.dice.IntN(8)
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if damaged < kills/3 {
		t.Errorf("only %d of %d logs could be damaged", damaged, kills)
	}
	d.finish(t)
}

// A second job on a state directory is refused while the first runs, in one line that says what to do.
func TestASecondJobOnAStateDirectoryIsRefused(t *testing.T) {
	t.Parallel()
	d := newLiveDay(t, 5, 43)
	d.send(len(d.records))
	c, errs := d.run(t)
	eventually(t, "state", func() bool { return d.logged() > 0 })
	r := start(t, d.dir, "", "run", "--source=kinesis:"+liveStream+"?endpoint="+d.URL, "--sink=jsonl:other", "--state="+liveState)
	if r.code != 1 {
		t.Errorf("exit %d", r.code)
	}
	oneLine(t, r.errors, "--state", fmt.Sprint("process ", c.Process.Pid), "another directory")
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("SIGTERM: %v: %s", err, errs)
	}
	r = start(t, d.dir, "", "run", "--source=kinesis:"+liveStream+"?endpoint="+d.URL, "--sink=jsonl:other", "--state="+liveState)
	if r.code != 1 {
		t.Errorf("exit %d for another sink", r.code)
	}
	oneLine(t, r.errors, "--state", "another sink", liveSink)
}

// A state directory belongs to what a sink holds, not to its name: rows that it thinks are there
// would be missing in a new one.
func TestAStateDirectoryGoesWithWhatItsSinkHolds(t *testing.T) {
	t.Parallel()
	d := newLiveDay(t, 5, 44)
	d.send(len(d.records))
	drained := func() {
		t.Helper()
		before := d.logged()
		c, errs := d.run(t)
		eventually(t, "state", func() bool { return d.logged() > before })
		if err := c.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := c.Wait(); err != nil {
			t.Fatalf("SIGTERM: %v: %s", err, errs)
		}
	}
	drained()
	_, place, _ := strings.Cut(liveSink, ":")
	at := filepath.Join(d.dir, place)
	if err := os.Rename(at, at+".moved"); err != nil {
		t.Fatal(err)
	}
	r := start(t, d.dir, "", "run", "--source=kinesis:"+liveStream+"?endpoint="+d.URL, "--sink="+liveSink, "--state="+liveState)
	if r.code != 1 {
		t.Errorf("exit %d for a new sink of the same name", r.code)
	}
	oneLine(t, r.errors, "--state", "another sink", "bring back", liveSink)
	if err := os.RemoveAll(at); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(at+".moved", at); err != nil {
		t.Fatal(err)
	}
	drained()
}

// What a job writes to and is deleted under it reaches nobody: the job must not end as if all were well.
func TestAJobWhoseFileOrStateIsDeletedEndsWithThat(t *testing.T) {
	d := newLiveDay(t, 60, 3)
	for _, gone := range []string{strings.TrimPrefix(liveSink, "duckdb:"), liveState} {
		d.send(d.sent + len(d.records)/2)
		c, errs := d.run(t)
		d.asked(t)
		if err := os.RemoveAll(filepath.Join(d.dir, gone)); err != nil {
			t.Fatal(err)
		}
		_ = c.Wait()
		if c.ProcessState.ExitCode() != 1 || !strings.Contains(errs.String(), gone+" was deleted, moved or replaced") || strings.Contains(errs.String(), "job done") {
			t.Errorf("%s is deleted: %v: %s", gone, c.ProcessState, errs)
		}
		if err := os.RemoveAll(filepath.Join(d.dir, liveState)); err != nil {
			t.Fatal(err)
		}
	}
}
