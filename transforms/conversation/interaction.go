package conversation

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"flexbeam/schemas/turn"
	"flexbeam/transforms/keyed"
)

// InteractionName is that of the kind whose keys are Interactions of Flex: account and SID. A task that
// names no conversation may name the Interaction that it came from. The Interaction's invites lead to the
// conversation, for 180 days; once it is known, it gets what such tasks tell.
const InteractionName = "interaction"

const interactionKind = 4

func init() {
	register(InteractionName, interactionKind, func(_ Options, from keyed.Transcripts) keyed.Logic { return &interactionLogic{from} })
}

// InteractionSpec returns the kind of Interactions with its options. It comes in front of conversations.
func (o Options) InteractionSpec() keyed.Spec { return keyed.NewSpec(InteractionName, o) }

var interactionSID = regexp.MustCompile(`^KD[0-9a-f]{32}$`)

// isInteraction tells whether what a task is said to be part of is an Interaction.
func isInteraction(sid string) bool { return strings.HasPrefix(sid, "KD") }

// interaction is the value of the key's state.
type interaction struct {
	account, sid string
	conversation string // empty: not known
	waiting      []Task // what the conversation has not been told yet, by SID
	begun        bool   // one asks
	tried        bool   // the answer was no, and no task has told anything since
	attempts     int    // that failed, one behind the other
	last         keyed.Millis
}

// interactionVersion is that of the encoding.
const interactionVersion = 1

func (i *interaction) append(b []byte) []byte {
	flags := byte(0)
	if i.begun {
		flags |= 1
	}
	if i.tried {
		flags |= 2
	}
	b = append(b, interactionVersion, flags)
	for _, s := range []string{i.account, i.sid, i.conversation} {
		b = keyed.AppendText(b, s)
	}
	b = binary.AppendVarint(binary.AppendVarint(b, int64(i.attempts)), int64(i.last))
	b = binary.AppendUvarint(b, uint64(len(i.waiting)))
	for k := range i.waiting {
		b = i.waiting[k].Append(b)
	}
	return b
}

func readInteraction(b []byte) (*interaction, error) {
	i := &interaction{last: keyed.None}
	if len(b) == 0 {
		return i, nil
	}
	r := keyed.NewReader(b)
	if v := r.Byte(); v != interactionVersion {
		return nil, fmt.Errorf("%w: encoding %d of an Interaction; this version reads %d", ErrCorrupt, v, interactionVersion)
	}
	flags := r.Byte()
	i.begun, i.tried = flags&1 != 0, flags&2 != 0
	i.account, i.sid, i.conversation = r.Text(), r.Text(), r.Text()
	i.attempts, i.last = int(r.Millis()), r.Millis()
	for n := r.Count(); n > 0 && r.Err() == nil; n-- {
		i.waiting = append(i.waiting, readTask(r))
	}
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return i, nil
}

// interactionLogic is the rules of Interactions.
type interactionLogic struct{ transcripts keyed.Transcripts }

// Merge implements keyed.Logic.
func (*interactionLogic) Merge(s *keyed.State, in *keyed.Input) ([]int, error) {
	account, sid, t, err := parseInput(in.Value)
	if err != nil {
		return nil, err
	}
	i, err := readInteraction(s.Value)
	if err != nil {
		return nil, err
	}
	i.account, i.sid, i.tried = account, sid, false
	at, known := slices.BinarySearchFunc(i.waiting, t.SID, func(u Task, sid string) int { return strings.Compare(u.SID, sid) })
	switch {
	case known && i.waiting[at].Version > t.Version:
		return nil, nil
	case known:
		i.waiting[at] = t
	default:
		i.waiting = slices.Insert(i.waiting, at, t)
	}
	s.Closed, s.Dirty = false, true
	s.Value = i.append(nil)
	return nil, nil
}

// Process implements keyed.Logic.
func (l *interactionLogic) Process(s *keyed.State, now keyed.Millis, out *keyed.Output) (next keyed.Millis, err error) {
	i, err := readInteraction(s.Value)
	if err != nil {
		return keyed.None, err
	}
	next = keyed.None
	if i.conversation == "" && l.transcripts != nil && l.transcripts.Serves(i.account) && now < keyed.End {
		a := asking{i, l.transcripts, out, now, out.Once || s.Arrival == keyed.None}
		if a.now == keyed.None {
			a.now = s.Arrival
		}
		if next, err = a.ask(); err != nil {
			return keyed.None, err
		}
	}
	if i.conversation != "" {
		i.tell(s.Arrival, out)
	}
	s.Dirty = false
	if value := i.append(nil); !bytes.Equal(value, s.Value) {
		s.Value = value
		s.Replace(s.Block) // what is on disk of the state is to be this
	}
	s.Closed = next == keyed.None && !out.Pending && len(i.waiting) == 0
	return next, nil
}

// tell tells the conversation what waits for it. A task that has left the Interaction for its very
// conversation stays with it.
func (i *interaction) tell(arrival keyed.Millis, out *keyed.Output) {
	for k := range i.waiting {
		if t := &i.waiting[k]; !t.Left || t.Conversation != i.conversation {
			out.Inputs = append(out.Inputs, Observe(i.account, i.conversation, t, arrival))
		}
	}
	i.waiting = nil
}

// asking is one call of Process that does not know the conversation.
type asking struct {
	*interaction
	from    keyed.Transcripts
	out     *keyed.Output
	now     keyed.Millis
	bounded bool // there is no timer, or one that tells no time: one answer is enough
}

// ask takes the answer that is there, or asks. It returns when it is to be called again.
func (a *asking) ask() (next keyed.Millis, err error) {
	if a.begun {
		t, begun, err := a.from.Take(a.account, a.sid, a.bounded)
		switch {
		case err != nil:
			return keyed.None, err
		case t == nil && begun:
			return again(a.now, a.bounded), nil
		}
		a.begun = false // if nobody knows of it, it was another process
		if t != nil {
			a.take(t)
		}
	}
	switch due := a.last + keyed.Millis(a.from.Every().Milliseconds())*keyed.Millis(a.attempts)/mostAttempts; {
	case a.conversation != "" || a.tried || len(a.waiting) == 0:
		return keyed.None, nil
	case a.attempts > 0 && a.now != keyed.None && due > a.now:
		return due, nil
	}
	if begin(a.from, a.account, a.sid, a.bounded, a.out) {
		a.begun, a.last = true, a.now
	}
	return again(a.now, a.bounded), nil
}

// take takes an answer.
func (a *asking) take(t *turn.Transcript) {
	switch {
	case t.Conversation != "":
		a.conversation = t.Conversation
	case t.Fault != "" && t.Again && !a.bounded && a.attempts+1 < mostAttempts:
		a.attempts++
		return
	case t.Fault != "":
		incomplete(a.from, a.out, a.account, a.sid, t.Fault)
	default:
		a.from.Counted(keyed.Gone)
	}
	a.attempts, a.tried = 0, a.conversation == ""
}
