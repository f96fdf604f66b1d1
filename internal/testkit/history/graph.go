package history

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/state"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/timers"

	"flexbeam/internal/telemetry"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
	"flexbeam/schemas/record"
	"flexbeam/transforms/customer"
	"flexbeam/transforms/deadletter"
	"flexbeam/transforms/decode"
	"flexbeam/transforms/keyed"
	"flexbeam/transforms/task"
	"flexbeam/transforms/worker"
)

var lastJob atomic.Int64

// job is an id for the counters of a run.
func job() string { return fmt.Sprint("history-", lastJob.Add(1)) }

// store returns the store of a run, and makes known to its transforms what is in it.
func (o Options) store(job string) *Store {
	if o.Store == nil {
		return NewStore()
	}
	known := new(keyed.Known)
	for _, t := range []model.TableID{model.EngagementsID, model.AgentStatusID, model.CustomersID} {
		must(o.Store.Keys(context.Background(), t, func(r model.Row) error {
			known.Add(t, r)
			return nil
		}))
	}
	keyed.Share(job, known)
	return o.Store
}

// batches cuts lines into batches, behind every line for which cut says so.
func batches(lines [][]byte, o Options) []record.Batch {
	name := o.name()
	bs := []record.Batch{{Source: "file", Name: name, FirstLine: 1}}
	for i, l := range lines {
		b := &bs[len(bs)-1]
		b.Data = append(append(b.Data, bytes.TrimSuffix(l, []byte{'\n'})...), '\n')
		if o.Cut != nil && o.Cut() {
			bs = append(bs, record.Batch{Source: "file", Name: name, FirstLine: int64(i) + 2, Part: int64(len(bs))})
		}
	}
	return bs
}

// Batch folds lines through the transforms of the batch graph, with the given number of buckets. Options.Cut says where a batch
// ends.
func Batch(lines [][]byte, buckets int, o Options) (Tables, *telemetry.Counters) {
	ctx, id := context.Background(), job()
	defer telemetry.Forget(id)
	store := o.store(id)
	defer keyed.Unshare(id)
	changes := func(b []byte) { must(store.Write(ctx, b)) }

	tasks, workers, notes := map[int][][]byte{}, map[int][][]byte{}, [][]byte{}
	d := &decode.BatchFn{Job: id, Buckets: buckets}
	d.Setup()
	for _, b := range batches(lines, o) {
		if b.Part > 0 {
			b.FirstLine = 0 // as of a part of a file that is read for itself
		}
		must(d.ProcessElement(ctx, b, into(tasks), into(workers), changes, func(_ string, n []byte) { notes = append(notes, n) }))
	}
	must((&deadletter.NumberFn{}).ProcessElement(ctx, o.name(), all(notes), changes))

	sightings := map[int][][]byte{}
	t := &task.BatchFn{Job: id, Buckets: buckets, Options: o.task()}
	t.Setup()
	for bucket, blocks := range tasks {
		must(t.ProcessElement(ctx, bucket, all(blocks), changes, into(sightings)))
	}
	w := &worker.BatchFn{Job: id, Options: o.worker()}
	w.Setup()
	for bucket, blocks := range workers {
		must(w.ProcessElement(ctx, bucket, all(blocks), changes))
	}
	for bucket, s := range sightings {
		must((&customer.BatchFn{}).ProcessElement(ctx, bucket, all(s), changes))
	}
	return store.Tables(), telemetry.For(id)
}

func into(m map[int][][]byte) func(int, []byte) {
	return func(key int, b []byte) { m[key] = append(m[key], bytes.Clone(b)) }
}

// Stream folds lines through the transforms of the streaming graph. Options.Cut says where a batch ends, and then for every
// timer that is set whether it fires there; at the end all fire.
func Stream(lines [][]byte, o Options) (Tables, *telemetry.Counters) {
	id := job()
	defer telemetry.Forget(id)
	s := &streaming{ctx: context.Background(), store: o.store(id), options: o}
	defer keyed.Unshare(id)
	s.tasks = &task.StreamFn{Job: id, Options: o.task(), Known: state.MakeValueState[[]byte]("known"), Passed: timers.InEventTime("passed")}
	s.workers = &worker.StreamFn{Job: id, Options: o.worker(), Known: state.MakeValueState[[]byte]("known"), Passed: timers.InEventTime("passed")}
	s.customers = &customer.StreamFn{Newest: state.MakeValueState[[]byte]("newest")}
	s.tasks.Setup()
	s.workers.Setup()
	d := &decode.StreamFn{Job: id}
	d.Setup()
	for _, b := range batches(lines, o) {
		var tasks, workers []element
		must(d.ProcessElement(s.ctx, b, gather(&tasks), gather(&workers), s.changes))
		s.add(tasks, s.task)
		s.add(workers, s.worker)
		for _, c := range s.cells {
			if c.timer && o.Cut != nil && o.Cut() {
				s.fire(c)
			}
		}
	}
	for _, c := range s.cells {
		if c.timer {
			s.fire(c)
		}
	}
	return s.store.Tables(), telemetry.For(id)
}

// streaming is a run of the streaming transforms. Its cells are in the order in which they were made, so that a draw of Cut means
// the same cell again.
type streaming struct {
	ctx       context.Context
	options   Options
	store     *Store
	tasks     *task.StreamFn
	workers   *worker.StreamFn
	customers *customer.StreamFn
	cells     []*cell
}

func (s *streaming) changes(b []byte) { must(s.store.Write(s.ctx, change.Block(b))) }

// element is what the decoder hands on for one key.
type element struct {
	ts    beam.EventTime
	key   string
	block []byte
}

func gather(to *[]element) func(beam.EventTime, string, []byte) {
	return func(ts beam.EventTime, key string, block []byte) {
		*to = append(*to, element{ts, key, bytes.Clone(block)})
	}
}

// add hands elements on, in order of their keys, since the decoder's is random.
func (s *streaming) add(elements []element, to func(beam.EventTime, string, []byte)) {
	slices.SortFunc(elements, func(a, b element) int { return strings.Compare(a.key, b.key) })
	for _, e := range elements {
		to(e.ts, e.key, e.block)
	}
}

func (s *streaming) task(ts beam.EventTime, key string, block []byte) {
	c := s.cell("task", key)
	must(s.tasks.ProcessElement(ts, c, c, key, block, nil, nil))
}

func (s *streaming) worker(ts beam.EventTime, key string, block []byte) {
	c := s.cell("worker", key)
	must(s.workers.ProcessElement(ts, c, c, key, block, nil))
}

func (s *streaming) customer(contact string, sightings []byte) {
	must(s.customers.ProcessElement(s.cell("customer", contact), contact, sightings, s.changes))
}

func (s *streaming) fire(c *cell) {
	c.timer = false
	if c.of == "task" {
		must(s.tasks.OnTimer(s.ctx, 0, c, c, c.key, timers.Context{}, s.changes, s.customer))
	} else {
		must(s.workers.OnTimer(s.ctx, 0, c, c, c.key, timers.Context{}, s.changes))
	}
}

func (s *streaming) cell(of, key string) *cell {
	for _, c := range s.cells {
		if c.of == of && c.key == key {
			return c
		}
	}
	c := &cell{of: of, key: key}
	s.cells = append(s.cells, c)
	return c
}

// cell is the state and the timer of one key.
type cell struct {
	state.Provider // panics on what the transforms do not use
	of, key        string
	value          any
	timer          bool
}

// ReadValueState returns the state.
func (c *cell) ReadValueState(string) (any, []state.Transaction, error) { return c.value, nil, nil }

// WriteValueState sets the state.
func (c *cell) WriteValueState(t state.Transaction) error {
	c.value = bytes.Clone(t.Val.([]byte))
	return nil
}

// Set sets the timer.
func (c *cell) Set(timers.TimerMap) { c.timer = true }
