package history

import (
	"bytes"
	"context"
	"fmt"

	"flexbeam/schemas/change"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/agentstatus"
	"flexbeam/transforms/conversation"
	"flexbeam/transforms/customer"
	"flexbeam/transforms/deadletter"
	"flexbeam/transforms/decode"
	"flexbeam/transforms/keyed"
	"flexbeam/transforms/task"
	"flexbeam/transforms/worker"
)

// Options are the options of a fold.
type Options struct {
	Name       string   // of the input in dead letters; default "lines"
	ContactKey string   // as in task.Options
	Hidden     []string // as in worker.Options; nil: the default
	AsOf       int64    // as in worker.Options; 0: none

	Choice *keyed.Choice // of which tasks and quarter hours rows are written; nil: of all

	Transcripts keyed.Transcripts // fetches transcripts; nil: nothing does, and there are no turns

	Store *Store // of earlier runs, which Batch and Stream continue; nil: a new one

	Cut func() bool // whether a block ends behind the event that was added last; nil: never
}

func (o Options) name() string {
	if o.Name == "" {
		return "lines"
	}
	return o.Name
}

func (o Options) task() task.Options {
	return task.Options{ContactKey: o.ContactKey, Turns: o.Transcripts != nil, Choice: o.Choice}
}

// kinds are the kinds of keys of a job.
func (o Options) kinds() []keyed.Spec {
	kinds := []keyed.Spec{o.task().Spec(), o.worker().Spec(), customer.Spec()}
	if o.Transcripts != nil {
		turns := conversation.Options{Fetch: true}
		kinds = append(kinds, turns.InteractionSpec(), turns.Spec(), conversation.AuthorSpec())
	}
	return kinds
}

func (o Options) worker() worker.Options {
	w := worker.Options{Hidden: o.Hidden, AsOf: event.Millis(o.AsOf), Turns: o.Transcripts != nil, Choice: o.Choice}
	if w.Hidden == nil {
		w.Hidden = agentstatus.DefaultHidden
	}
	if w.AsOf == 0 {
		w.AsOf = event.None
	}
	return w
}

// Of folds events in object form.
func Of(events []Event) Tables { return Fold(Lines(events, All(Object)), Options{}) }

// Fold folds lines. It panics where a fold fails: what it folds was decoded a moment ago.
func Fold(lines [][]byte, o Options) Tables {
	f := folding{options: o, store: NewStore()}
	f.Lines(lines)
	return f.tables()
}

// FoldFiles folds the lines of several inputs, by their names.
func FoldFiles(inputs map[string][]byte, o Options) Tables {
	f := folding{options: o, store: NewStore()}
	for name, data := range inputs {
		f.options.Name = name
		f.Lines(bytes.SplitAfter(data, []byte{'\n'}))
	}
	return f.tables()
}

// folding gathers events in blocks and folds them.
type folding struct {
	options          Options
	store            *Store
	line             int64
	tasks, workers   event.Builder
	taskBs, workerBs event.Block
}

// Lines decodes the lines of one input.
func (f *folding) Lines(lines [][]byte) {
	d := decode.New()
	for i, l := range lines {
		f.line = int64(i)
		d.Line(l, f)
	}
	f.cut() // the texts of events live as long as their lines
}

// Event takes an event of the decoder.
func (f *folding) Event(e *event.Event) {
	if e.Text[event.TaskSID] != "" {
		f.tasks.Add(e, event.TaskPart)
	}
	if e.Text[event.WorkerSID] != "" {
		f.workers.Add(e, event.WorkerPart)
	}
	if f.options.Cut != nil && f.options.Cut() {
		f.cut()
	}
}

func (f *folding) cut() {
	for _, b := range []struct {
		from *event.Builder
		to   *event.Block
	}{{&f.tasks, &f.taskBs}, {&f.workers, &f.workerBs}} {
		if b.from.Len() > 0 {
			*b.to = b.from.Append(*b.to)
			b.from.Reset()
		}
	}
}

// Dropped ignores what is no event of TaskRouter.
func (f *folding) Dropped() {}

// Refused takes a dead letter.
func (f *folding) Refused(err *decode.Error, text []byte, at decode.Spot) {
	l := deadletter.Letter{Line: f.line, Value: at.Value, Index: at.Index, Class: string(err.Class), Error: err.Message, Payload: text}
	f.write(l.Append(nil, "file", f.options.name(), 1))
}

func (f *folding) write(b change.Block) {
	must(f.store.Write(context.Background(), b))
}

func (f *folding) upsert(t model.TableID, r model.Row) {
	f.write(change.Block(nil).Append(change.Change{Table: t, Row: r}))
}

func (f *folding) tables() Tables {
	tasks := task.NewFolder(f.options.task())
	contacts := map[string]*keyed.State{}
	kind, logics, err := customer.Spec().Logics(1, keyed.Env{})
	must(err)
	see := func(id string, r model.Row) {
		in := customer.Observe(id, r, keyed.None)
		if contacts[in.Key] == nil {
			contacts[in.Key] = keyed.NewState()
		}
		_, err := kind.Add(logics[0], contacts[in.Key], &in)
		must(err)
	}
	for _, g := range groups(f.taskBs, event.TaskSID) {
		_, err := tasks.Fold(g.Account, g.SID, g.Events, f.upsert, see)
		must(err)
	}
	workers := worker.NewFolder(f.options.worker())
	for _, g := range groups(f.workerBs, event.WorkerSID) {
		_, err := workers.Fold(g.Account, g.SID, g.Events, f.upsert)
		must(err)
	}
	for _, s := range contacts {
		var out keyed.Output
		_, _, err := kind.Process(logics[0], s, keyed.None, &out)
		must(err)
		f.write(out.Changes)
	}
	return f.store.Tables()
}

func groups(b event.Block, by event.Field) []event.Group {
	events, err := event.Decode(b, nil)
	must(err)
	return event.Groups(events, by)
}

func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("history: %v", err))
	}
}

// all is an iterator over several values, as a GroupByKey gives them.
func all(bs [][]byte) func(*[]byte) bool {
	return func(b *[]byte) bool {
		if len(bs) == 0 {
			return false
		}
		*b, bs = bs[0], bs[1:]
		return true
	}
}
