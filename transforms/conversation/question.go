package conversation

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
	"flexbeam/transforms/keyed"
)

// AuthorName is that of the kind whose keys are names that authors of messages have in an account. An agent
// may write into a conversation of which no event names him. So the workers of the account tell each
// of their names who they are, conversations ask the names of their messages, and the name writes the turns
// of these.
const AuthorName = "author"

const authorKind = 5

func init() {
	keyed.Register(&keyed.Kind{
		Name: AuthorName, ID: authorKind,
		// The name of a worker is known as long as he is, which is for ever. Another one is there for what
		// conversations ask, and is kept as long as these are.
		Retention: keyed.Retention{Closed: keptQuestions},
		New:       func([]byte, keyed.Env) (keyed.Logic, error) { return authorLogic{}, nil },
	})
}

// keptQuestions is how long what a conversation has asked is kept, in ms of arrival time.
const keptQuestions = 30 * keyed.Day

// AuthorSpec returns the kind of authors. It comes behind conversations and workers.
func AuthorSpec() keyed.Spec { return keyed.NewSpec(AuthorName, struct{}{}) }

// shards are the parts into which the conversations are divided that ask for one name: the name of a bot is
// asked for by nearly all. They are the last digits of their SIDs.
const shards = "0123456789abcdef"

func authorKey(account, name string, shard byte) string {
	sum := sha256.Sum256([]byte(name))
	return account + "\x00" + hex.EncodeToString(sum[:16]) + string(rune(shard))
}

// The inputs of a name begin with one of these.
const (
	isWorker   = 'w'
	isQuestion = 'q'
)

// ObserveName returns the inputs that tell of a worker that he has a name. arrival is that of the worker's
// newest event.
func ObserveName(account, worker, name string, arrival keyed.Millis) []keyed.Input {
	all := make([]keyed.Input, len(shards))
	value := keyed.AppendText(keyed.AppendText([]byte{isWorker}, account), worker)
	for i := range shards {
		all[i] = keyed.Input{Kind: authorKind, Key: authorKey(account, name, shards[i]), Time: max(arrival, 0), Arrival: arrival, Value: value}
	}
	return all
}

// A question is what a conversation asks of one name: its messages under that name, and its tasks but for
// workers and customers.
type question struct {
	Conversation
	name    string
	known   []string // workers whom events of the tasks show under the name
	authors []string // of each message, author_type unless a worker wrote it

	number  int64        // of several the greatest counts
	arrival keyed.Millis // None: not known
	fresh   bool         // it was not answered yet
}

// ask adds a message to what is asked of the name of its author.
func (c *Conversation) ask(asks []question, m *Message, a author) []question {
	i := slices.IndexFunc(asks, func(q question) bool { return q.name == a.name })
	if i < 0 {
		i = len(asks)
		q := question{name: a.name, known: c.named(a.name), Conversation: Conversation{Account: c.Account, SID: c.SID, Tasks: slices.Clone(c.Tasks)}}
		for k := range q.Tasks {
			q.Tasks[k].Workers, q.Tasks[k].Customer = nil, nil
		}
		asks = append(asks, q)
	}
	of := *m
	of.Author, of.Participant, of.text, of.written = "", "", 0, 0
	asks[i].Messages, asks[i].authors = append(asks[i].Messages, of), append(asks[i].authors, a.kind)
	return asks
}

// authorTypes are the values of author_type by their numbers in encodings.
var authorTypes = []string{Bot, Agent, Customer}

// append appends the encoding of a question but for its number, and for what only the name knows.
func (q *question) append(b []byte) []byte {
	b = appendTexts(keyed.AppendText(b, q.SID), q.known)
	b = binary.AppendUvarint(b, uint64(len(q.Tasks)))
	for i := range q.Tasks {
		b = q.Tasks[i].Append(b)
	}
	b = binary.AppendUvarint(b, uint64(len(q.Messages)))
	for i := range q.Messages {
		b = q.Messages[i].append(append(b, byte(max(0, slices.Index(authorTypes, q.authors[i])))))
	}
	return b
}

func readQuestion(r *keyed.Reader, account string) (q question) {
	q.Account, q.SID, q.known = account, r.Text(), readTexts(r)
	for n := r.Count(); n > 0 && r.Err() == nil; n-- {
		q.Tasks = append(q.Tasks, readTask(r))
	}
	for n := r.Count(); n > 0 && r.Err() == nil; n-- {
		q.authors = append(q.authors, authorTypes[min(int(r.Byte()), len(authorTypes)-1)])
		q.Messages = append(q.Messages, readMessage(r))
	}
	return q
}

// turns appends to block the turns that are new or differ from what was written. workers are those of the
// account who have the name.
func (q *question) turns(workers []string, block change.Block) change.Block {
	row := model.Turns.NewRow()
	all := append(slices.Clone(q.known), workers...)
	for i := range q.Messages {
		m, a := &q.Messages[i], author{kind: q.authors[i]}
		if worker, _ := q.chosen(all, m.Created); worker != "" {
			a = author{kind: Agent, worker: worker}
		}
		block = q.write(m, a, row, block)
	}
	return block
}

// tell gives the names what is asked of them if it is not what was asked before.
func (h *held) tell(asks []question, arrival keyed.Millis, out *keyed.Output) {
	told := make(map[string]uint64, len(asks))
	give := func(q *question, encoded []byte) {
		h.asks = max(h.asks+1, int64(arrival)) // greater than those of a state that was dropped
		b := keyed.AppendText([]byte{isQuestion}, h.Account)
		b = append(binary.AppendVarint(b, h.asks), encoded...)
		out.Inputs = append(out.Inputs, keyed.Input{
			Kind: authorKind, Key: authorKey(h.Account, q.name, h.SID[len(h.SID)-1]), Time: max(arrival, 0), Arrival: arrival, Value: b,
		})
	}
	for i := range asks {
		encoded := asks[i].append(nil)
		told[asks[i].name] = hashOf(encoded)
		if h.told[asks[i].name] != told[asks[i].name] {
			give(&asks[i], encoded)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(h.told)) {
		if _, still := told[name]; !still {
			q := question{name: name, Conversation: Conversation{SID: h.SID}}
			give(&q, q.append(nil))
		}
	}
	h.told = told
}

// names is the value of the state of a name.
type names struct {
	account   string
	workers   []string // who have it, by SID
	questions []question
}

// authorVersion is that of the encoding.
const authorVersion = 1

func (n *names) append(b []byte) []byte {
	b = appendTexts(keyed.AppendText(append(b, authorVersion), n.account), n.workers)
	b = binary.AppendUvarint(b, uint64(len(n.questions)))
	for i := range n.questions {
		q := &n.questions[i]
		fresh := byte(0)
		if q.fresh {
			fresh = 1
		}
		b = keyed.AppendMillis(binary.AppendVarint(append(b, fresh), q.number), q.arrival)
		b = q.append(b)
	}
	return b
}

func readNames(b []byte) (*names, error) {
	n := &names{}
	if len(b) == 0 {
		return n, nil
	}
	r := keyed.NewReader(b)
	if v := r.Byte(); v != authorVersion {
		return nil, fmt.Errorf("%w: encoding %d of an author; this version reads %d", ErrCorrupt, v, authorVersion)
	}
	n.account, n.workers = r.Text(), readTexts(r)
	for k := r.Count(); k > 0 && r.Err() == nil; k-- {
		fresh, number, arrival := r.Byte() == 1, int64(r.Millis()), r.Optional()
		q := readQuestion(r, n.account)
		q.fresh, q.number, q.arrival = fresh, number, arrival
		n.questions = append(n.questions, q)
	}
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return n, nil
}

// add takes an input, and tells whether it is new.
func (n *names) add(in *keyed.Input, s *keyed.State) (bool, error) {
	r := keyed.NewReader(in.Value)
	kind := r.Byte()
	n.account = r.Text()
	if kind == isWorker {
		worker := r.Text()
		i, known := slices.BinarySearch(n.workers, worker)
		if known || r.Err() != nil {
			return false, r.Err()
		}
		n.workers, s.Dirty = slices.Insert(n.workers, i, worker), true
		return true, nil
	}
	number := int64(r.Millis())
	q := readQuestion(r, n.account)
	if r.Err() != nil {
		return false, r.Err()
	}
	q.number, q.arrival, q.fresh = number, in.Arrival, true
	i, known := slices.BinarySearchFunc(n.questions, q.SID, func(k question, sid string) int { return strings.Compare(k.SID, sid) })
	switch {
	case known && n.questions[i].number > number:
		return false, nil
	case known && len(q.Messages) == 0:
		n.questions = slices.Delete(n.questions, i, i+1)
	case known:
		q.remember(n.questions[i].Messages)
		n.questions[i] = q
	case len(q.Messages) > 0:
		n.questions = slices.Insert(n.questions, i, q)
	}
	return true, nil
}

// remember takes over what was written of messages.
func (q *question) remember(before []Message) {
	written := make(map[string]uint64, len(before))
	for i := range before {
		written[before[i].SID] = before[i].written
	}
	for i := range q.Messages {
		q.Messages[i].written = written[q.Messages[i].SID]
	}
}

// authorLogic is the rules of names.
type authorLogic struct{}

// Merge implements keyed.Logic.
func (authorLogic) Merge(s *keyed.State, in *keyed.Input) ([]int, error) {
	n, err := readNames(s.Value)
	if err != nil {
		return nil, err
	}
	changed, err := n.add(in, s)
	if err != nil {
		return nil, fmt.Errorf("an input of a name: %w", err)
	}
	if changed {
		s.Value = n.append(nil)
	}
	return nil, nil
}

// Process implements keyed.Logic. A new worker may have written every message.
func (authorLogic) Process(s *keyed.State, _ keyed.Millis, out *keyed.Output) (keyed.Millis, error) {
	n, err := readNames(s.Value)
	if err != nil {
		return keyed.None, err
	}
	changed := false
	n.questions = slices.DeleteFunc(n.questions, func(q question) bool {
		over := q.arrival != keyed.None && q.arrival+keptQuestions < s.Arrival
		changed = changed || over
		return over
	})
	for i := range n.questions {
		if q := &n.questions[i]; q.fresh || s.Dirty {
			out.Changes = q.turns(n.workers, out.Changes)
			q.fresh, changed = false, true
		}
	}
	changed = changed || s.Dirty
	if s.Dirty = false; changed {
		s.Value = n.append(nil)
		s.Replace(s.Block) // what is on disk of the state is to be this
	}
	s.Closed = len(n.workers) == 0
	return keyed.None, nil
}
