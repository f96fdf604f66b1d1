package conversation

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"flexbeam/schemas/event"
	"flexbeam/transforms/keyed"
)

// A Task is what the events of a task tell of its conversation.
type Task struct {
	SID          string
	Conversation string // conversation_id of its engagements; of one that has Left, the SID of what it is part of now
	Version      int64  // row_version of its engagements
	Start        event.Millis
	Open         bool // it has not ended
	Moments      int  // events behind which a transcript is fetched: an end, a wrap-up, a transfer
	Left         bool // the task is no longer part of the conversation
	Aside        bool // the task counts, and is no reason to fetch the conversation

	Stays    []Stay
	Workers  []Worker
	Customer []string // what its events call the customer by: phones, e-mails, addresses, as they stand and normalized
}

// A Stay is an engagement that messages may belong to: one of an agent, or one in a queue.
type Stay struct {
	ID         string // engagement_id
	Agent      bool   // else in a queue
	Worker     string // SID of the agent
	Start, End event.Millis
}

// A Worker is a worker whom events of a task name, with the names that may stand in messages, read
// back and in lower case.
type Worker struct {
	SID   string
	Names []string
}

// Append appends the encoding of a task.
func (t *Task) Append(b []byte) []byte {
	flags := byte(0)
	if t.Open {
		flags |= 1
	}
	if t.Left {
		flags |= 2
	}
	if t.Aside {
		flags |= 4
	}
	b = keyed.AppendText(append(b, flags), t.SID)
	b = keyed.AppendText(b, t.Conversation)
	for _, n := range []int64{t.Version, int64(t.Start), int64(t.Moments)} {
		b = binary.AppendVarint(b, n)
	}
	b = binary.AppendUvarint(b, uint64(len(t.Stays)))
	for _, s := range t.Stays {
		kind := byte(0)
		if s.Agent {
			kind = 1
		}
		b = keyed.AppendText(append(b, kind), s.ID)
		b = keyed.AppendText(b, s.Worker)
		b = binary.AppendVarint(binary.AppendVarint(b, int64(s.Start)), int64(s.End))
	}
	b = binary.AppendUvarint(b, uint64(len(t.Workers)))
	for _, w := range t.Workers {
		b = appendTexts(keyed.AppendText(b, w.SID), w.Names)
	}
	return appendTexts(b, t.Customer)
}

func appendTexts(b []byte, texts []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(texts)))
	for _, s := range texts {
		b = keyed.AppendText(b, s)
	}
	return b
}

func readTexts(r *keyed.Reader) (texts []string) {
	for n := r.Count(); n > 0 && r.Err() == nil; n-- {
		texts = append(texts, r.Text())
	}
	return texts
}

func readTask(r *keyed.Reader) (t Task) {
	flags := r.Byte()
	t.Open, t.Left, t.Aside = flags&1 != 0, flags&2 != 0, flags&4 != 0
	t.SID, t.Conversation = r.Text(), r.Text()
	t.Version, t.Start, t.Moments = int64(r.Millis()), r.Millis(), int(r.Millis())
	for n := r.Count(); n > 0 && r.Err() == nil; n-- {
		t.Stays = append(t.Stays, Stay{Agent: r.Byte() == 1, ID: r.Text(), Worker: r.Text(), Start: r.Millis(), End: r.Millis()})
	}
	for n := r.Count(); n > 0 && r.Err() == nil; n-- {
		t.Workers = append(t.Workers, Worker{r.Text(), readTexts(r)})
	}
	t.Customer = readTexts(r)
	return t
}

// parseTask reads what Append wrote.
func parseTask(b []byte) (Task, error) {
	r := keyed.NewReader(b)
	t := readTask(r)
	if err := r.Err(); err != nil {
		return t, fmt.Errorf("a task of a conversation: %w", err)
	}
	return t, nil
}

// add takes what a task says now. Of one task the greatest version counts, of equal ones the later.
func (c *Conversation) add(t Task) (changed bool) {
	i, known := slices.BinarySearchFunc(c.Tasks, t.SID, func(u Task, sid string) int { return strings.Compare(u.SID, sid) })
	switch {
	case known && c.Tasks[i].Version > t.Version:
		return false
	case known && t.Left:
		c.Tasks = slices.Delete(c.Tasks, i, i+1)
	case known:
		c.Tasks[i] = t
	case !t.Left:
		c.Tasks = slices.Insert(c.Tasks, i, t)
	default:
		return false
	}
	return true
}

// first returns the task that began first; nil without any.
func (c *Conversation) first() *Task {
	if len(c.Tasks) == 0 {
		return nil
	}
	i := 0
	for k := range c.Tasks {
		if cmp.Compare(c.Tasks[k].Start, c.Tasks[i].Start) < 0 {
			i = k
		}
	}
	return &c.Tasks[i]
}

// known returns how many distinct events are known of the tasks, at most 4095.
func (c *Conversation) known() int64 {
	n := int64(0)
	for i := range c.Tasks {
		n += c.Tasks[i].Version / 4096
	}
	return min(n, mostKnown)
}

const mostKnown = 4095
