package decode

import (
	"bytes"
	"context"
	"fmt"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"flexbeam/internal/parallel"
	"flexbeam/internal/telemetry"
	"flexbeam/schemas/event"
	"flexbeam/schemas/record"
	"flexbeam/transforms/deadletter"
	"flexbeam/transforms/keyed"
)

func init() {
	register.DoFn5x1[context.Context, record.Batch, func(beam.EventTime, string, []byte), func(beam.EventTime, string, []byte), func([]byte), error](&LiveFn{})
	register.Emitter3[beam.EventTime, string, []byte]()
	register.Emitter1[[]byte]()
}

// LiveFn decodes the batches of a live source and adds their events to the store of this process (keyed.Store), with the
// position behind them. Its outputs are (key of all tasks, nothing) and (key of all workers, nothing) at each time at which a timer has
// to be set, and blocks of changes with dead letters.
type LiveFn struct {
	Job string

	collectors []collector
	keys       []liveKeys
	store      *keyed.Store
	count      *telemetry.Counters
}

// liveKeys holds what one collector has.
type liveKeys struct {
	groups [2]map[string]*liveGroup // by keyed.Kind
	batch  *record.Batch
}

// liveGroup holds the events of one key of a batch.
type liveGroup struct {
	builder event.Builder
	parcel  keyed.Parcel
	records []liveRecord // of each event
}

// liveRecord says which record an event came in, in case it is refused.
type liveRecord struct {
	line   int64
	index  int
	text   []byte
	kind   event.Kind
	ofTask bool
}

// Setup makes the collectors.
func (fn *LiveFn) Setup() error {
	fn.count, fn.store = telemetry.For(fn.Job), keyed.StoreOf(fn.Job)
	if fn.store == nil {
		return fmt.Errorf("decode: no store of states in this process: a live stream runs on the embedded runner")
	}
	n := parallel.Workers()
	fn.collectors = make([]collector, n)
	fn.keys = make([]liveKeys, n)
	for i := range fn.collectors {
		c, k := &fn.collectors[i], &fn.keys[i]
		*c = collector{decoder: New(), take: func(e *event.Event) {
			task, worker := e.Text[event.TaskSID], e.Text[event.WorkerSID]
			if task != "" || worker == "" { // what belongs to neither is counted as an event of no task
				k.add(c, keyed.Task, task, e, event.TaskPart)
			}
			if worker != "" {
				k.add(c, keyed.Worker, worker, e, event.WorkerPart)
			}
		}}
	}
	return nil
}

func (k *liveKeys) add(c *collector, kind keyed.Kind, sid string, e *event.Event, part event.Part) {
	key := event.Key(e.Text[event.AccountSID], sid)
	line := int64(c.first) + c.line
	g := k.groups[kind][key]
	if g == nil {
		g = &liveGroup{parcel: keyed.Parcel{Kind: kind, Key: key, Newest: event.None, Oldest: event.None, Arrival: event.None}}
		k.groups[kind][key] = g
	}
	g.builder.Add(e, part)
	p := &g.parcel
	p.Arrival = max(p.Arrival, k.batch.Arrivals[line])
	p.Ended = p.Ended || kind == keyed.Task && e.Kind.EndsTask()
	if kind == keyed.Worker && e.Kind.OfWorker() {
		p.Newest = max(p.Newest, min(e.Time, k.batch.Arrivals[line])) // what comes behind an event of the future is not late
		if p.Oldest == event.None || e.Time < p.Oldest {
			p.Oldest = e.Time
		}
	}
	text, index := c.decoder.Record()
	g.records = append(g.records, liveRecord{line, index, text, e.Kind, e.Text[event.TaskSID] != ""})
}

// ProcessElement decodes a batch.
func (fn *LiveFn) ProcessElement(ctx context.Context, b record.Batch, tasks, workers func(beam.EventTime, string, []byte), changes func([]byte)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for i := range fn.keys {
		fn.keys[i] = liveKeys{batch: &b, groups: [2]map[string]*liveGroup{{}, {}}}
	}
	if b.Ends == nil {
		b.Ends = []int64{} // an empty batch of records, none of lines
	}
	letters, _, err := collect(b, fn.collectors, fn.count)
	if err != nil {
		return err
	}
	fn.count.Bytes.Add(int64(len(b.Data)))
	// Dead letters go first: what stands in the store's log behind them tells that they were written.
	if len(letters) > 0 {
		changes(letterBlock(letters, b))
	}
	parcels, records := fn.parcels()
	err = fn.store.Add(b.Source+"\x00"+b.Name, b.Progress, parcels, func(kind keyed.Kind, at int64) {
		emit := tasks
		if kind == keyed.Worker {
			emit = workers
		}
		emit(Timestamp(at), kind.String(), nil)
	}, func(p int, which []int) {
		if letters := fn.late(b, parcels[p], records[p], which); len(letters) > 0 {
			changes(letterBlock(letters, b))
		}
	})
	if err != nil {
		return fmt.Errorf("decode: keep events: %w", err)
	}
	return nil
}

// parcels returns the events of all collectors by key, and the records that they came in.
func (fn *LiveFn) parcels() (parcels []keyed.Parcel, records [][]liveRecord) {
	for kind := range fn.keys[0].groups {
		for i := range fn.keys {
			for key, g := range fn.keys[i].groups[kind] {
				p, r := g.parcel, g.records
				p.Block = g.builder.Append(nil)
				for j := i + 1; j < len(fn.keys); j++ {
					others := fn.keys[j].groups[kind]
					if o := others[key]; o != nil {
						p.Block = o.builder.Append(p.Block)
						p.Newest, p.Arrival = max(p.Newest, o.parcel.Newest), max(p.Arrival, o.parcel.Arrival)
						p.Ended = p.Ended || o.parcel.Ended
						if old := o.parcel.Oldest; old != event.None && (p.Oldest == event.None || old < p.Oldest) {
							p.Oldest = old
						}
						r = append(r, o.records...)
						delete(others, key)
					}
				}
				parcels, records = append(parcels, p), append(records, r)
			}
		}
	}
	return parcels, records
}

// late returns the dead letters of records whose events the store refused: those at the given places among the records, all
// for nil. An event of a task counts with its task, which decides whether it is one, even where its worker's state refuses it.
func (fn *LiveFn) late(b record.Batch, p keyed.Parcel, records []liveRecord, which []int) (letters []deadletter.Letter) {
	if which == nil {
		for i := range records {
			which = append(which, i)
		}
	}
	for _, i := range which {
		r := records[i]
		if p.Kind == keyed.Worker && r.ofTask {
			continue
		}
		why := "the state of its task was dropped: the task had ended a day before, or nothing had come for 15 days"
		if p.Kind == keyed.Worker {
			why = "its worker's time up to then was settled a day after newer events had arrived"
		}
		letters = append(letters, named(deadletter.Letter{
			Line: r.line, Index: r.index, Class: deadletter.Late, Payload: bytes.Clone(r.text),
			Error: fmt.Sprintf("%s came late: %s; a batch job over all events of that time, into the same sink, brings its rows up to date", r.kind, why),
		}, b))
	}
	fn.count.DeadLetter(deadletter.Late, int64(len(letters)))
	fn.count.Events.Add(-int64(len(letters)))
	return letters
}

// Live decodes batches of a live source; see LiveFn for the outputs.
func Live(s beam.Scope, job string, batches beam.PCollection) (tasks, workers, changes beam.PCollection) {
	return beam.ParDo3(s.Scope("decode.Live"), &LiveFn{Job: job}, batches)
}
