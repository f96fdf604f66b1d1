package history

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/timers"

	"flexbeam/internal/telemetry"
	"flexbeam/pipeline/runtime"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
	"flexbeam/schemas/record"
	"flexbeam/transforms/decode"
	"flexbeam/transforms/keyed"
	"flexbeam/transforms/keyed/local"
)

// LiveOptions are the options of a live stream.
type LiveOptions struct {
	Options
	Dir      string              // of the state; "": nothing outlives a process
	Dice     Dice                // draw what happens between batches
	Arrival  func(i int) int64   // when line i arrives, ms; rises with i
	AtOnce   bool                // as in local.Driver
	Crash    func() bool         // whether the process dies behind a batch; nil: never
	Damage   func(dir string)    // is called after a crash; nil: nothing is damaged
	Finally  int64               // how far the watermark moves at the end, ms
	Position func(line int)      // is told where each process begins; may be nil
	Held     func(z local.Size)  // is told what the store holds at the end; may be nil
	Each     func(tables Tables) // is told the tables after each batch; may be nil
}

// Live folds lines through the transforms of a live stream, one shard of it, over processes that
// die and go on from what they kept. Rows that a process had not flushed when it died are lost with
// it.
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
			p.end()
			return unreceived(sink.Tables()), p.job.Counters
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
	job       *runtime.Runtime
	lines     [][]byte
	at        int
	sink      *buffered
	store     *local.Store
	decode    *decode.Fn
	add       *local.AddFn
	process   *local.ProcessFn
	timers    map[string]int64 // by tag
	watermark int64
}

const liveSource = "file\x00lines"

func newProcess(lines [][]byte, sink *buffered, o LiveOptions) *process {
	p := &process{LiveOptions: o, ctx: context.Background(), lines: lines, sink: sink,
		timers: map[string]int64{}, watermark: -1 << 62}
	p.job = o.startAt(sink.Store, func() time.Time { return time.UnixMilli(max(p.watermark, 0)) })
	var err error
	p.store, _, err = local.Open(local.Options{Dir: o.Dir, Sink: local.Sink{ID: "memory", Name: "memory"}, Kinds: o.kinds(), Env: keyed.Env{ContactKey: o.ContactKey, Transcripts: o.Transcripts}})
	must(err)
	p.job.States = p.store
	p.decode = decoder(p.job, o.kinds(), 0)
	p.add = &local.AddFn{Job: p.job.Job}
	p.process = &local.ProcessFn{Job: p.job.Job, AtOnce: o.AtOnce, Due: timers.InEventTime("due")}
	must(p.add.Setup())
	must(p.process.Setup())
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
	p.job.End()
}

// run reads to the end, or dies: then it returns false.
func (p *process) run() bool {
	must((&local.WakeFn{Job: p.job.Job}).ProcessElement(nil, p.wake))
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
			must(p.store.Checkpoint(p.sink.flush))
		}
		if p.Each != nil {
			p.Each(p.sink.Tables())
		}
		if p.Crash != nil && p.Crash() {
			return false
		}
	}
	p.pass(max(p.Finally, p.watermark))
	must(p.store.Checkpoint(p.sink.flush))
	return p.Crash == nil || !p.Crash()
}

func (p *process) read(b record.Batch) {
	var woken []beam.EventTime
	must(p.decode.ProcessElement(p.ctx, b, func(b keyed.Batch) {
		must(p.add.ProcessElement(p.ctx, b, func(ts beam.EventTime, _ string, _ []byte) { woken = append(woken, ts) }, p.sink.write))
	}, p.sink.write, nil))
	for _, ts := range woken {
		p.wake(ts, "", nil)
	}
}

func (p *process) wake(ts beam.EventTime, key string, _ []byte) {
	must(p.process.ProcessElement(p.ctx, ts, p, key, nil, p.sink.write))
}

// pass moves the watermark and fires the timers that it passes, each at its time.
func (p *process) pass(to int64) {
	p.watermark = max(p.watermark, to)
	for {
		var due []string
		for tag, at := range p.timers {
			if at <= p.watermark {
				due = append(due, tag)
			}
		}
		if len(due) == 0 {
			return
		}
		tag := slices.MinFunc(due, func(a, b string) int {
			return cmp.Or(cmp.Compare(p.timers[a], p.timers[b]), strings.Compare(a, b))
		})
		at := beam.EventTime(p.timers[tag])
		delete(p.timers, tag)
		must(p.process.OnTimer(p.ctx, at, p, "", timers.Context{Family: "due", Tag: tag}, p.sink.write))
	}
}

// Set implements timers.Provider.
func (p *process) Set(m timers.TimerMap) { p.timers[m.Tag] = int64(m.FireTimestamp) }
