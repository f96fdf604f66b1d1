package task

import (
	"encoding/json"
	"errors"

	"flexbeam/internal/span"
	"flexbeam/schemas/event"
	"flexbeam/schemas/evidence"
	"flexbeam/schemas/model"
	"flexbeam/transforms/conversation"
	"flexbeam/transforms/customer"
	"flexbeam/transforms/keyed"
)

// Name is that of the kind whose keys are tasks: account and task SID.
const Name = model.TaskKind

func init() {
	keyed.Register(&keyed.Kind{
		Name: Name, ID: 0,
		// An event that belongs to neither a task nor a worker, such as one of a queue's settings,
		// counts as one of no task.
		Route: func(e *event.Event) (string, bool) {
			task := e.Text[event.TaskSID]
			return task, task != "" || e.Text[event.WorkerSID] == ""
		},
		Field: event.TaskSID, Part: event.TaskPart,
		Closes: event.Kind.EndsTask,
		// docs/contract.md, section 10
		Retention: keyed.Retention{Open: 15 * keyed.Day, Closed: keyed.Day, Tombstone: 15 * keyed.Day},
		LateError: "the state of its task was dropped: the task had ended a day before, or nothing had come for 15 days",
		New: func(options []byte, env keyed.Env) (keyed.Logic, error) {
			var o Options
			if err := json.Unmarshal(options, &o); err != nil {
				return nil, err
			}
			o.Texts, o.ContactKey, o.Attributes = env.Texts, env.ContactKey, env.Attributes
			if o.KeyPrint != customer.Key(o.ContactKey).Fingerprint() {
				return nil, ErrOtherKey
			}
			return &logic{folder: NewFolder(o), options: o, found: env.Found}, nil
		},
	})
}

// ErrOtherKey says that a process has another contact key than the job, or one of both has none.
var ErrOtherKey = errors.New("this process has not the contact key of the job: start it with the same key, in " + keyed.KeyVariable + ", or in the file that " + keyed.KeyFileVariable + " names")

// Spec returns the kind with its options.
func (o Options) Spec() keyed.Spec {
	o.KeyPrint = customer.Key(o.ContactKey).Fingerprint()
	return keyed.NewSpec(Name, o)
}

// logic is the rules of tasks.
type logic struct {
	folder  *Folder
	options Options
	found   func(keyed.Finding) // nil: nobody is told
	events  []event.Event       // those of the key at hand
}

// wholeTask says that all rows of a task have one version, its isolated customer's included.
func wholeTask(model.TableID, model.Row) (keyed.Unit, bool) { return wholeUnit, true }

var wholeUnit = keyed.Unit{Settled: true}

// mostOfNoTask is how many bytes of events of no task are kept. They have no rows: they are kept
// only so that duplicates are counted as such.
const mostOfNoTask = 64 << 10

// Merge implements keyed.Logic.
func (*logic) Merge(s *keyed.State, in *keyed.Input) ([]int, error) {
	s.Block = append(s.Block, in.Block...)
	return nil, nil
}

// Process implements keyed.Logic.
func (l *logic) Process(s *keyed.State, _ keyed.Millis, out *keyed.Output) (keyed.Millis, error) {
	groups, err := s.Groups(event.TaskSID, &l.events)
	if err != nil {
		return keyed.None, err
	}
	if groups, err = l.choose(groups, s, out, false); err != nil || len(groups) == 0 {
		return keyed.None, err
	}
	if !s.Anonymous && s.Ask(keyed.Whole, func() span.Set { return keyed.DaysOf(groups) }, out) {
		return keyed.None, nil
	}
	if groups, err = l.choose(groups, s, out, true); err != nil || len(groups) == 0 {
		return keyed.None, err
	}
	diff, err := s.Diff(out, wholeTask)
	if err != nil {
		return keyed.None, err
	}
	erased, recorded := diff.Erased(), false
	var version, distinct, all int64
	var missing evidence.Counts
	for _, g := range groups {
		all += int64(len(g.Events))
		o, err := l.folder.Fold(g.Account, g.SID, g.Events, diff.Row, func(eventID string, r model.Row) {
			if !erased {
				out.Inputs = append(out.Inputs, customer.Observe(eventID, r, s.Arrival))
			}
		})
		if err != nil {
			return keyed.None, err
		}
		l.tell(g.Account, g.SID, &o, s, out)
		version, recorded = max(version, o.Version), recorded || o.Recorded
		distinct += int64(o.Distinct)
		missing = missing.Plus(o.Evidence)
	}
	s.CountEvidence(missing, out)
	s.Count(distinct, all-distinct, out)
	if s.Anonymous && len(s.Block) > mostOfNoTask {
		s.Distinct, s.Copies = 0, 0
		s.Replace(nil)
	}
	return keyed.None, diff.Done(func(t model.TableID, _ model.Row) (int64, bool) {
		// A link in a row that another job wrote tells of a turn only if the task is a call.
		turn := t == model.TurnsID || t == model.TurnContentsID
		return version, !turn || recorded
	})
}

// tell tells the conversation that a task is part of what the task knows of it, and one that it was
// part of before that it is no longer. The state holds which it was.
func (l *logic) tell(account, task string, o *Outcome, s *keyed.State, out *keyed.Output) {
	if was := string(s.Value); was != o.Conversation && was != "" {
		left := conversation.Task{SID: task, Conversation: o.Conversation, Version: o.Version, Left: true}
		out.Inputs = append(out.Inputs, conversation.Observe(account, was, &left, s.Arrival))
		s.Value = nil
	}
	if o.Conversation != "" {
		out.Inputs = append(out.Inputs, conversation.Observe(account, o.Conversation, &o.Part, s.Arrival))
		s.Value = []byte(o.Conversation)
	}
}
