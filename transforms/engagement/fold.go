package engagement

import (
	"cmp"
	"slices"
	"strings"

	"flexbeam/schemas/attribute"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/customer"
)

// DefaultLeftReasons are the reasons of a cancellation that mean that the customer left (contract,
// section 2.3).
var DefaultLeftReasons = []string{"hangup", "customer_hangup", "caller hung up", "customer hung up", "customer left", "customer ended chat"}

// A Task says what is known of a task besides what its engagements tell.
type Task struct {
	Account, SID string
	Contact      string          // contact_id
	Named        *customer.Named // all that its events may call the customer by
	Version      int64           // row_version
}

// A Folder folds tasks. It reuses its memory and serves one goroutine.
type Folder struct {
	leftReasons  map[string]bool // by their letters and digits
	columns      *columns
	reservations []reservation
	spans        []span
	taken        []int          // indexes of the agent rows that a taking-away ended, in order of it
	inferred     *event.Event   // the event that ended the row of rule 4, nil without one
	entries      []*event.Event // the taking-away events that count as queue entries
	byEnd        []int
	overlay      *attribute.Overlay // grows with the end of the rows
	late         *attribute.Overlay // the same for recordings, two minutes behind
	all          *attribute.Overlay // the overlay of everything
	roles        *attribute.Overlay
	row          model.Row
}

// NewFolder returns a Folder. leftReasons are the reasons of a cancellation that mean that the
// customer left, compared by their letters and digits; nil: DefaultLeftReasons. a are the attributes of
// the job; nil: the built-in ones.
func NewFolder(leftReasons []string, a *model.Attributes) *Folder {
	if leftReasons == nil {
		leftReasons = DefaultLeftReasons
	}
	reasons := map[string]bool{}
	for _, r := range leftReasons {
		if r = Letters(r); r != "" {
			reasons[r] = true
		}
	}
	return &Folder{
		leftReasons: reasons,
		columns:     newColumns(a),
		overlay:     attribute.NewOverlay(a.Task()),
		late:        attribute.NewOverlay(a.Task()),
		all:         attribute.NewOverlay(a.Task()),
		roles:       attribute.NewOverlay(a.Worker()),
		row:         model.Engagements.NewRow(),
	}
}

// Fold calls emit with every row of a task. events are its distinct events in order
// (event.Distinct). A row is valid until emit returns.
func (f *Folder) Fold(t Task, events []*event.Event, emit func(model.Row)) {
	if len(events) == 0 {
		return
	}
	f.spans, f.taken, f.entries = f.spans[:0], f.taken[:0], f.entries[:0]
	f.inferred = nil
	f.all.Reset()
	lay(f.all, events, 0, maxTime, "")
	f.collect(events)
	f.reservationRows(events)
	f.queueRows(t.SID, events)
	f.waits(events)
	if len(f.spans) == 0 {
		return
	}

	last := lastEnding(f.spans)
	f.byEnd = f.byEnd[:0]
	for i := range f.spans {
		s := &f.spans[i]
		s.everything = s.open() || i == last
		f.byEnd = append(f.byEnd, i)
	}
	slices.SortStableFunc(f.byEnd, func(i, j int) int { return cmp.Compare(f.spans[i].end, f.spans[j].end) })

	values := f.values(t, events)
	f.overlay.Reset()
	f.late.Reset()
	done, lateDone := 0, 0
	for _, i := range f.byEnd {
		s := &f.spans[i]
		o, recording := f.all, f.all
		if !s.everything {
			done = lay(f.overlay, events, done, s.end, prior(events, done))
			o = f.overlay
			recording = nil
			if s.kind == Agent {
				lateDone = lay(f.late, events, lateDone, s.end+recordingGraceMS, prior(events, lateDone))
				recording = f.late
			}
		}
		f.fill(values, s, events, o, recording)
		emit(f.row)
	}
}

const (
	maxTime          = event.Millis(1) << 62
	recordingGraceMS = 2 * 60 * 1000 // rule 11
)

// lay adds to the overlay the snapshots of events[from:] up to a time. It returns the index of the
// first event behind that time. last is the snapshot that was added before: the same one again
// changes nothing.
func lay(o *attribute.Overlay, events []*event.Event, from int, upTo event.Millis, last attribute.Snapshot) int {
	for ; from < len(events) && events[from].Time <= upTo; from++ {
		e := events[from]
		if e.HasTaskAttributes && e.TaskAttributes != last {
			o.Add(e.TaskAttributes)
			last = e.TaskAttributes
		}
	}
	return from
}

// prior returns the last snapshot before events[n].
func prior(events []*event.Event, n int) attribute.Snapshot {
	for n--; n >= 0; n-- {
		if events[n].HasTaskAttributes {
			return events[n].TaskAttributes
		}
	}
	return ""
}

// lastEnding returns the index of the agent row that ended last, -1 without one (rule 11).
func lastEnding(spans []span) int {
	last := -1
	for i := range spans {
		s := &spans[i]
		if s.kind != Agent || s.open() {
			continue
		}
		if last < 0 || later(s, &spans[last]) {
			last = i
		}
	}
	return last
}

func later(s, t *span) bool {
	return cmp.Or(cmp.Compare(s.end, t.end), cmp.Compare(s.start, t.start), strings.Compare(s.id, t.id)) > 0
}
