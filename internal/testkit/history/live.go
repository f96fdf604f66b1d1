package history

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/timers"

	"flexbeam/internal/telemetry"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
	"flexbeam/schemas/record"
	"flexbeam/transforms/decode"
	"flexbeam/transforms/keyed"
	"flexbeam/transforms/task"
	"flexbeam/transforms/worker"
)

// LiveOptions are the options of a live stream.
type LiveOptions struct {
	Options
	Dir      string              // of the state; "": nothing outlives a process
	Dice     Dice                // draw what happens between batches
	Arrival  func(i int) int64   // when line i arrives, ms; rises with i
	AtOnce   bool                // as in task.LiveFn
	Crash    func() bool         // whether the process dies behind a batch; nil: never
	Damage   func(dir string)    // is called after a crash; nil: nothing is damaged
	Finally  int64               // how far the watermark moves at the end, ms
	Position func(line int)      // is told where each process begins; may be nil
	Held     func(z keyed.Size)  // is told what the store holds at the end; may be nil
	Each     func(tables Tables) // is told the tables after each batch; may be nil
}

// Live folds lines through the transforms of a live stream, one shard of it, over processes that die and go on from what
// they kept. Rows that a process had not flushed when it died are lost with it.
func Live(lines [][]byte, o LiveOptions) (Tables, *telemetry.Counters) {
	sink := &buffered{Store: NewStore()}
	if o.Store != nil {
		sink.Store = o.Store
	}
	for {
		p := newProcess(lines, sink, o)
		if p.run() {
			if o.Held != nil {
				o.Held(p.store.Size())
			}
			count := telemetry.For(p.job)
			p.end()
			return unreceived(sink.Tables()), count
		}
		p.end()
		sink.waiting = nil
		if o.Damage != nil {
			o.Damage(o.Dir)
		}
	}
}

// unreceived takes the times of arrival out of dead letters, which files have none of.
func unreceived(t Tables) Tables {
	for _, r := range t["dead_letters"] {
		r[model.DeadLetters.Col("received_at")] = model.Value{}
	}
	return t
}

// buffered is a sink that stores what it was given at a Flush.
type buffered struct {
	*Store
	waiting []change.Block
}

func (s *buffered) write(b []byte) { s.waiting = append(s.waiting, bytes.Clone(b)) }

func (s *buffered) flush() error {
	for _, b := range s.waiting {
		must(s.Store.Write(context.Background(), b))
	}
	s.waiting = nil
	return nil
}

// process is one process of a live stream.
type process struct {
	LiveOptions
	ctx       context.Context
	job       string
	lines     [][]byte
	at        int
	sink      *buffered
	store     *keyed.Store
	decode    *decode.LiveFn
	tasks     *task.LiveFn
	workers   *worker.LiveFn
	timers    map[timerKey]int64
	watermark int64
}

type timerKey struct {
	kind keyed.Kind
	tag  string
}

const liveSource = "file\x00lines"

func newProcess(lines [][]byte, sink *buffered, o LiveOptions) *process {
	p := &process{LiveOptions: o, ctx: context.Background(), job: job(), lines: lines, sink: sink,
		timers: map[timerKey]int64{}, watermark: -1 << 62}
	var err error
	p.store, _, err = keyed.OpenStore(o.Dir, keyed.Sink{ID: "memory", Name: "memory"})
	must(err)
	keyed.ShareStore(p.job, p.store)
	known := new(keyed.Known)
	for _, t := range keyed.KeptTables() {
		must(sink.Keys(p.ctx, t, func(r model.Row) error {
			if p.Dice.OneIn(1) {
				known.Note(t, r)
				return nil
			}
			known.Add(t, r)
			return nil
		}))
	}
	known.Find = func(t model.TableID, account, sid string, f func(model.Row) error) error {
		return sink.Find(p.ctx, t, []model.OwnerKey{{Account: account, SID: sid}}, f)
	}
	keyed.Share(p.job, known)
	p.decode = &decode.LiveFn{Job: p.job}
	p.tasks = &task.LiveFn{Job: p.job, Options: o.task(), AtOnce: o.AtOnce, Due: timers.InEventTime("due")}
	p.workers = &worker.LiveFn{Job: p.job, Options: o.worker(), AtOnce: o.AtOnce, Due: timers.InEventTime("due")}
	must(p.decode.Setup())
	p.tasks.Setup()
	p.workers.Setup()
	if b := p.store.Positions()[liveSource]; b != nil {
		p.at, err = strconv.Atoi(string(b))
		must(err)
	}
	if o.Position != nil {
		o.Position(p.at)
	}
	return p
}

// end gives back what the process had.
func (p *process) end() {
	must(p.store.Close())
	keyed.UnshareStore(p.job)
	keyed.Unshare(p.job)
	telemetry.Forget(p.job)
}

// run reads to the end, or dies: then it returns false.
func (p *process) run() bool {
	for _, kind := range shared {
		for _, at := range p.store.Times(kind) {
			p.wake(kind, at)
		}
	}
	for p.at < len(p.lines) {
		from, b := p.at, record.Batch{Source: "file", Name: "lines"}
		for p.at < len(p.lines) {
			b.Data = append(b.Data, p.lines[p.at]...)
			b.Ends = append(b.Ends, int64(len(b.Data)))
			b.Arrivals = append(b.Arrivals, p.Arrival(p.at))
			p.at++
			b.Positions = append(b.Positions, strconv.Itoa(p.at))
			if p.Dice.OneIn(1) {
				break
			}
		}
		b.Progress = strconv.AppendInt(nil, int64(p.at), 10)
		p.read(b)
		if p.Dice.OneIn(1) { // the watermark stays behind now and then
			p.pass(p.Arrival(from + p.Dice.N(p.at-from)))
		}
		if p.Dice.OneIn(1) {
			must(p.store.Keep(p.sink.flush))
		}
		if p.Each != nil {
			p.Each(p.sink.Tables())
		}
		if p.Crash != nil && p.Crash() {
			return false
		}
	}
	p.pass(max(p.Finally, p.watermark))
	must(p.store.Keep(p.sink.flush))
	return p.Crash == nil || !p.Crash()
}

func (p *process) read(b record.Batch) {
	type element struct {
		kind keyed.Kind
		ts   beam.EventTime
	}
	var woken []element
	to := func(kind keyed.Kind) func(beam.EventTime, string, []byte) {
		return func(ts beam.EventTime, _ string, _ []byte) { woken = append(woken, element{kind, ts}) }
	}
	must(p.decode.ProcessElement(p.ctx, b, to(keyed.Task), to(keyed.Worker), p.sink.write))
	for _, e := range woken {
		p.wake(e.kind, int64(e.ts))
	}
}

// shared are the kinds whose keys share timers.
var shared = []keyed.Kind{keyed.Task, keyed.Worker}

func (p *process) wake(kind keyed.Kind, ts int64) {
	t := &liveTimer{p, kind}
	if kind == keyed.Task {
		must(p.tasks.ProcessElement(p.ctx, beam.EventTime(ts), t, kind.String(), nil, p.sink.write))
	} else {
		must(p.workers.ProcessElement(p.ctx, beam.EventTime(ts), t, kind.String(), nil, p.sink.write))
	}
}

// pass moves the watermark and fires the timers that it passes, each at its time.
func (p *process) pass(to int64) {
	p.watermark = max(p.watermark, to)
	for {
		var due []timerKey
		for k, at := range p.timers {
			if at <= p.watermark {
				due = append(due, k)
			}
		}
		if len(due) == 0 {
			return
		}
		k := slices.MinFunc(due, func(a, b timerKey) int {
			return cmp.Or(cmp.Compare(p.timers[a], p.timers[b]), strings.Compare(a.tag, b.tag), cmp.Compare(a.kind, b.kind))
		})
		at := beam.EventTime(p.timers[k])
		delete(p.timers, k)
		t, tc := &liveTimer{p, k.kind}, timers.Context{Family: "due", Tag: k.tag}
		if k.kind == keyed.Task {
			must(p.tasks.OnTimer(p.ctx, at, t, k.kind.String(), tc, p.sink.write))
		} else {
			must(p.workers.OnTimer(p.ctx, at, t, k.kind.String(), tc, p.sink.write))
		}
	}
}

// liveTimer sets the timers of a kind's key.
type liveTimer struct {
	p    *process
	kind keyed.Kind
}

// Set implements timers.Provider.
func (t *liveTimer) Set(m timers.TimerMap) {
	t.p.timers[timerKey{t.kind, m.Tag}] = int64(m.FireTimestamp)
}
