package conversation

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"flexbeam/schemas/turn"
	"flexbeam/transforms/keyed"
)

// version is that of the encoding of a conversation in the state of its key. The one before it knows nothing
// of what names of authors were asked.
const version = 2

// ErrCorrupt says that bytes are not what this package wrote.
var ErrCorrupt = errors.New("the state of a conversation is corrupt")

// Observe returns the input that a task gives for a conversation, or for an Interaction that leads to
// one. arrival is that of the task's newest event.
func Observe(account, conversation string, t *Task, arrival keyed.Millis) keyed.Input {
	kind := byte(kindID)
	if isInteraction(conversation) {
		kind = interactionKind
	}
	b := keyed.AppendText(make([]byte, 0, 512), account)
	return keyed.Input{
		Kind: kind, Key: account + "\x00" + conversation, Time: max(arrival, 0), Arrival: arrival,
		Value: t.Append(keyed.AppendText(b, conversation)),
	}
}

// parseInput reads what Observe wrote.
func parseInput(b []byte) (account, conversation string, t Task, err error) {
	r := keyed.NewReader(b)
	account, conversation = r.Text(), r.Text()
	if r.Err() == nil {
		t, err = parseTask(r.Rest())
	}
	return account, conversation, t, errors.Join(r.Err(), err)
}

// held is a conversation with what is known of its fetching: the value of the key's state.
type held struct {
	Conversation

	fetched  int          // moments that the last transcript was fetched behind
	asked    int          // those of the one that is on its way
	begun    bool         // one is on its way
	once     bool         // one was fetched, or need not be
	attempts int          // that failed, one behind the other
	last     keyed.Millis // when one was begun last; None: never

	asks int64             // number of the last question that a name of an author was asked
	told map[string]uint64 // hashes of the questions that names were asked last
}

var types = []string{Text, Image, File}

// append appends the encoding.
func (h *held) append(b []byte) []byte {
	flags := byte(0)
	if h.begun {
		flags |= 1
	}
	if h.once {
		flags |= 2
	}
	b = keyed.AppendText(keyed.AppendText(append(b, version, flags), h.Account), h.SID)
	for _, n := range []int64{int64(h.fetched), int64(h.asked), int64(h.attempts), int64(h.last)} {
		b = binary.AppendVarint(b, n)
	}
	b = binary.AppendUvarint(b, uint64(len(h.Tasks)))
	for i := range h.Tasks {
		b = h.Tasks[i].Append(b)
	}
	b = binary.AppendUvarint(b, uint64(len(h.Participants)))
	for _, p := range h.Participants {
		for _, s := range []string{p.SID, p.Identity, p.Address, p.Proxy, p.Projected, p.MemberType} {
			b = keyed.AppendText(b, s)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(h.Messages)))
	for i := range h.Messages {
		b = h.Messages[i].append(b)
	}
	b = binary.AppendUvarint(binary.AppendVarint(b, h.asks), uint64(len(h.told)))
	for _, name := range slices.Sorted(maps.Keys(h.told)) {
		b = binary.LittleEndian.AppendUint64(keyed.AppendText(b, name), h.told[name])
	}
	return b
}

func (m *Message) append(b []byte) []byte {
	kind := byte(0)
	for i, t := range types {
		if t == m.Type {
			kind = byte(i)
		}
	}
	b = append(b, kind)
	for _, s := range []string{m.SID, m.Author, m.Participant} {
		b = keyed.AppendText(b, s)
	}
	for _, n := range []int64{m.Index, int64(m.Created), int64(m.Updated), m.Length} {
		b = binary.AppendVarint(b, n)
	}
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(b, m.text), m.written)
}

// read reads what append wrote; of no bytes, a new conversation.
func read(b []byte) (*held, error) {
	h := &held{last: keyed.None}
	if len(b) == 0 {
		return h, nil
	}
	r := keyed.NewReader(b)
	form := r.Byte()
	if form < 1 || form > version {
		return nil, fmt.Errorf("%w: encoding %d; this version reads 1 to %d", ErrCorrupt, form, version)
	}
	flags := r.Byte()
	h.begun, h.once = flags&1 != 0, flags&2 != 0
	h.Account, h.SID = r.Text(), r.Text()
	h.fetched, h.asked, h.attempts, h.last = int(r.Millis()), int(r.Millis()), int(r.Millis()), r.Millis()
	for n := r.Count(); n > 0 && r.Err() == nil; n-- {
		h.Tasks = append(h.Tasks, readTask(r))
	}
	for n := r.Count(); n > 0 && r.Err() == nil; n-- {
		h.Participants = append(h.Participants, turn.Participant{
			SID: r.Text(), Identity: r.Text(), Address: r.Text(), Proxy: r.Text(), Projected: r.Text(), MemberType: r.Text(),
		})
	}
	for n := r.Count(); n > 0 && r.Err() == nil; n-- {
		h.Messages = append(h.Messages, readMessage(r))
	}
	if form > 1 {
		h.asks, h.told = int64(r.Millis()), map[string]uint64{}
		for n := r.Count(); n > 0 && r.Err() == nil; n-- {
			name, hash := r.Text(), r.Take(8)
			if r.Err() == nil {
				h.told[name] = binary.LittleEndian.Uint64(hash)
			}
		}
	}
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return h, nil
}

func readMessage(r *keyed.Reader) (m Message) {
	if kind := int(r.Byte()); kind < len(types) {
		m.Type = types[kind]
	}
	m.SID, m.Author, m.Participant = r.Text(), r.Text(), r.Text()
	m.Index, m.Created, m.Updated, m.Length = int64(r.Millis()), r.Millis(), r.Millis(), int64(r.Millis())
	if hashes := r.Take(16); r.Err() == nil {
		m.text, m.written = binary.LittleEndian.Uint64(hashes), binary.LittleEndian.Uint64(hashes[8:])
	}
	return m
}
