package conversation_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"flexbeam/internal/testkit/history"
	"flexbeam/schemas/event"
	"flexbeam/schemas/turn"
	"flexbeam/transforms/conversation"
	"flexbeam/transforms/keyed"
)

// service is a keyed.Transcripts that has transcripts, refuses now and then, and lets one wait.
type service struct {
	history.Dice
	known map[string]turn.Transcript
	now   func() time.Time
	all   bool // what the sink has is fetched again

	mu      sync.Mutex
	begun   map[string]bool
	fetched int
}

func (s *service) Serves(string) bool                { return true }
func (s *service) Had() bool                         { return !s.all }
func (s *service) Every() time.Duration              { return 5 * time.Minute }
func (s *service) Counted(o keyed.TranscriptOutcome) {}
func (s *service) Now() time.Time {
	if s.now == nil {
		return time.Now()
	}
	return s.now()
}

func (s *service) Begin(account, sid string, must bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !must && s.OneIn(2) {
		return false
	}
	s.begun[account+sid] = true
	return true
}

func (s *service) Take(account, sid string, wait bool) (*turn.Transcript, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := account + sid
	if !s.begun[key] || !wait && s.OneIn(1) {
		return nil, s.begun[key], nil
	}
	delete(s.begun, key)
	s.fetched++
	t, ok := s.known[sid]
	t.Gone = !ok
	return &t, true, nil
}

// chatOf returns the conversation of a task of a history.
func chatOf(task string) string {
	return fmt.Sprintf("CH%032x", len(task)*7%3+int(task[len(task)-1])%2)
}

// chats makes tasks of a history parts of conversations, and returns what these hold.
func chats(d history.Dice, events []history.Event) ([]history.Event, *service) {
	s := &service{Dice: d, known: map[string]turn.Transcript{}, begun: map[string]bool{}}
	first, last := int64(1)<<62, int64(0)
	for i, e := range events {
		first, last = min(first, e.Time), max(last, e.Time)
		task := e.Text("task_sid")
		if task == "" {
			continue
		}
		attributes := map[string]any{}
		if text := e.Text("task_attributes"); json.Unmarshal([]byte(text), &attributes) == nil && attributes != nil {
			switch task[len(task)-1] % 3 {
			case 0: // the Interaction alone tells
				attributes["conversations"] = map[string]any{"conversation_id": "KD" + chatOf(task)[2:]}
				delete(attributes, "conversationSid")
			case 1: // first the Interaction, later the conversation
				attributes["conversations"] = map[string]any{"conversation_id": "KD" + chatOf(task)[2:]}
				if i%2 == 0 {
					attributes["conversationSid"] = chatOf(task)
				}
			default:
				attributes["conversationSid"] = chatOf(task)
			}
			b, _ := json.Marshal(attributes)
			e = e.With("task_attributes", string(b))
		}
		events[i] = e.With("task_channel_unique_name", "chat")
	}
	authors := []string{"system", "", "+15551230001", "Ann", "Bob", "ann_40example_2Ecom", "guest", "WK1", "nobody"}
	for n := range 4 {
		sid := fmt.Sprintf("CH%032x", n)
		if d.OneIn(3) {
			continue // it was deleted
		}
		t := turn.Transcript{Participants: []turn.Participant{{SID: "MB1", Identity: "guest"}, {SID: "MB2", Address: "+15551230001", Proxy: "+1"}}}
		for i := range d.N(9) {
			at := (first + int64(d.N(int(last-first)/1000+600))*1000 - 300_000) / 1000 * 1000
			t.Messages = append(t.Messages, turn.Message{
				SID: fmt.Sprintf("IM%d-%d", n, i), Index: int64(i), Author: authors[d.N(len(authors))], Body: fmt.Sprint("text ", i),
				Created: event.Millis(at), Updated: event.None,
			})
		}
		s.known[sid] = t
		if d.OneIn(3) {
			continue // its Interaction is forgotten
		}
		s.known["KD"+sid[2:]] = turn.Transcript{Conversation: sid}
	}
	return events, s
}

// turnsOf returns the tables of turns, without what tells how often they were written.
func turnsOf(t history.Tables) history.Tables {
	return history.Tables{"turns": t["turns"], "turn_contents": t["turn_contents"]}
}

// TestTheDriversGiveTheSameTurns folds drawn tasks that share conversations: gathered, in cells, and
// as a live stream whose processes die.
func TestTheDriversGiveTheSameTurns(t *testing.T) {
	turns := 0
	rapid.Check(t, func(rt *rapid.T) {
		d := history.NewDice(rt)
		events, s := chats(d, history.Draw(rt, history.Size{Tasks: 4, Workers: 2}))
		lines := history.Shuffled(d, history.Lines(events, history.Forms(d, history.Streamed)))
		if len(lines) == 0 {
			return
		}
		o := history.Options{Transcripts: s}
		want, _ := history.Batch(lines, 1+d.N(4), o)
		turns += len(want["turns"])
		if len(want["turns"]) != len(want["turn_contents"]) {
			rt.Fatalf("%d turns have %d contents", len(want["turns"]), len(want["turn_contents"]))
		}
		o.Cut = func() bool { return d.OneIn(1) }
		cells, _ := history.Stream(lines, o)
		if diff := history.Diff(turnsOf(want), turnsOf(cells), "row_version"); diff != "" {
			rt.Fatalf("batch and cells: %s", diff)
		}
		dir, err := os.MkdirTemp("", "flexbeam-turns-")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		begin := history.At(0)
		s.now = func() time.Time { return time.UnixMilli(begin) }
		live, _ := history.Live(lines, history.LiveOptions{
			Options: history.Options{Transcripts: s}, Dir: dir, Dice: d, AtOnce: d.OneIn(1), Finally: begin + int64(len(lines))*1000 + 3_600_000,
			Arrival: func(i int) int64 { return begin + int64(i)*1000 },
			Crash:   func() bool { return d.OneIn(3) },
		})
		if diff := history.Diff(turnsOf(want), turnsOf(live), "row_version"); diff != "" {
			rt.Fatalf("batch and live: %s", diff)
		}
	})
	if turns == 0 {
		t.Error("there were no turns: the test shows nothing")
	}
}

// TestAReplayDoesNotFetchWhatTheSinkHas runs a job again over its sink, and one over a part of the
// events.
func TestAReplayDoesNotFetchWhatTheSinkHas(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := history.NewDice(rt)
		events, s := chats(d, history.Draw(rt, history.Size{Tasks: 3, Workers: 1}))
		lines := history.Lines(events, history.Forms(d, history.Streamed))
		o := history.Options{Transcripts: s, Store: history.NewStore()}
		want, _ := history.Batch(lines, 1, o)
		have := map[string]bool{}
		for _, r := range want.Rows("turns") {
			have[r["account_sid"]+r["conversation_sid"]] = true
		}
		first := s.fetched
		s.fetched = 0
		for _, l := range [][][]byte{lines, lines[:d.N(len(lines)+1)]} {
			got, _ := history.Batch(l, 1, o)
			if diff := history.Diff(turnsOf(want), turnsOf(got)); diff != "" {
				rt.Fatal(diff)
			}
		}
		if s.fetched > 2*(first-len(have)) {
			rt.Fatalf("%d transcripts were fetched again, of %d with %d in the sink", s.fetched, first, len(have))
		}
		s.all, s.fetched = true, 0
		if got, _ := history.Batch(lines, 1, o); history.Diff(turnsOf(want), turnsOf(got)) != "" || s.fetched != first {
			rt.Fatalf("with all, %d are fetched, or the rows differ", s.fetched)
		}
	})
}

// everyDriver folds lines gathered, in cells, and as a live stream whose processes die, and calls check with the
// tables of each.
func everyDriver(rt *rapid.T, d history.Dice, lines [][]byte, s *service, check func(driver string, t history.Tables)) {
	batch, _ := history.Batch(lines, 1+d.N(4), history.Options{Transcripts: s})
	check("batch", batch)
	cells, _ := history.Stream(lines, history.Options{Transcripts: s, Cut: func() bool { return d.OneIn(1) }})
	check("cells", cells)
	dir, err := os.MkdirTemp("", "flexbeam-turns-")
	if err != nil {
		rt.Fatal(err)
	}
	defer os.RemoveAll(dir)
	begin := history.At(0)
	s.now = func() time.Time { return time.UnixMilli(begin) }
	live, _ := history.Live(lines, history.LiveOptions{
		Options: history.Options{Transcripts: s}, Dir: dir, Dice: d, AtOnce: d.OneIn(1), Finally: begin + int64(len(lines))*1000 + 3_600_000,
		Arrival: func(i int) int64 { return begin + int64(i)*1000 },
		Crash:   func() bool { return d.OneIn(3) },
	})
	check("live", live)
}

// An agent whom no event of the conversation's tasks names is known by any event of the account that does,
// whenever that comes.
func TestAgentsOfTheWholeAccountWriteMessages(t *testing.T) {
	sid := chatOf("WT1")
	attributes := `{"conversationSid":"` + sid + `","from":"+15551230001","conversations":{"conversation_id":"c"}}`
	events := history.Parse(`
		0    task.created channel=chat ta=` + attributes + `
		10   accepted WR1 WK1 name=ann channel=chat ta=` + attributes + `
		12   accepted WR2 WK2 name=twin channel=chat ta=` + attributes + `
		300  completed WR1 WK1 name=ann channel=chat
		310  completed WR2 WK2 name=twin channel=chat
		320  task.completed channel=chat
		400  worker.created -task WK7 name=boss wa={"contact_uri":"client:Eve_40example_2Ecom"}
		410  accepted WT9 WR9 WK8 name=other channel=voice
		420  worker.created -task WK1 name=twin
		425  worker.created -task WK3 name=ann
		430  worker.created -task WK6 name=boss
		440  worker.created -task AC2 WK5 name=stranger
		450  worker.activity.update -task WK8 name=+15551230001`)
	known := turn.Transcript{Participants: []turn.Participant{
		{SID: "MB1", Identity: "guest"}, {SID: "MB2", Identity: "other"}, {SID: "MB3", Address: "+15551230001", Proxy: "+1"},
	}}
	want := map[string]string{}
	for i, m := range []struct{ author, want string }{
		{"eve@example.com", "WR1 Agent WK7"}, // by the contact URI of a worker's event
		{"client:EVE_40example_2Ecom", "WR1 Agent WK7"},
		{"boss", "WR1 Agent WK6"},  // two have the name, and no engagement: the least SID
		{"other", "WR1 Agent WK8"}, // by an event of another task
		{"MB2", "WR1 Agent WK8"},
		{"twin", "WR1 Agent WK1"}, // two have the name and engagements: the nearest one, which is open too; the least SID
		{"ann", "WR1 Agent WK1"},  // two have the name, one of them has an engagement
		{"guest", "WR1 Customer -"},
		{"stranger", "WR1 Bot -"},          // a worker of another account
		{"+15551230001", "WR1 Customer -"}, // an address is no identity
	} {
		sid := fmt.Sprint("IM", i)
		known.Messages = append(known.Messages, turn.Message{SID: sid, Index: int64(i), Author: m.author, Body: "hi", Created: event.Millis(history.At(11)), Updated: event.None})
		want[sid] = m.want
	}
	rapid.Check(t, func(rt *rapid.T) {
		d := history.NewDice(rt)
		lines := history.Shuffled(d, history.Lines(events, history.Forms(d, history.Streamed)))
		s := &service{Dice: d, known: map[string]turn.Transcript{sid: known}, begun: map[string]bool{}}
		everyDriver(rt, d, lines, s, func(driver string, tables history.Tables) {
			got := map[string]string{}
			for _, r := range tables.Rows("turns") {
				if r["turn_type"] != conversation.Recording {
					got[r["turn_id"]] = r["engagement_id"] + " " + r["author_type"] + " " + cmp.Or(r["agent_id"], "-")
				}
			}
			if diff := gocmp.Diff(want, got); diff != "" {
				rt.Fatalf("%s: %s", driver, diff)
			}
		})
	})
}
