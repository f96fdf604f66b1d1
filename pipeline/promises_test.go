package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/history"
	"flexbeam/internal/testkit/twiliolocal"
	_ "flexbeam/pipeline/sink/jsonl"
	"flexbeam/schemas/model"
	"flexbeam/simulate"
	"flexbeam/simulate/chat"
)

// crowded adds messages to the first conversation of a day, so that it has four pages, and returns its
// SID.
func (c *chatting) crowded(t *testing.T) string {
	t.Helper()
	k := chat.Read(bytes.Join(c.lines, []byte{'\n'}))[0]
	last := k.Messages[len(k.Messages)-1].Created
	for i := range 350 {
		c.server.AddMessage(k.SID, twiliolocal.Message{Author: "system", Body: fmt.Sprint("more ", i), Created: last})
	}
	return k.SID
}

func TestAJobThatIsEndedBetweenPagesLosesAndDoublesNoMessage(t *testing.T) {
	c := newChatting(t)
	c.crowded(t)
	want, _ := c.run(t, Options{Turns: c.turns})
	for _, o := range []Options{{Runner: Direct}, {Runner: Prism, Mode: Stream}} {
		store := history.NewStore()
		o.Turns, o.Sink, o.Source = c.turns, memory(store), "file:"+c.path
		stalled := c.server.Inject(twiliolocal.Fault{Path: "PageToken", Delay: time.Hour})
		j, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancelCause(t.Context())
		killed, ended := errors.New("killed between pages"), make(chan error, 1)
		go func() {
			_, err := j.Run(ctx)
			ended <- err
		}()
		for stalled.Hits() == 0 {
			select {
			case err := <-ended:
				t.Fatalf("the job ended before: %v", err)
			case <-time.After(10 * time.Millisecond):
			}
		}
		stop(killed)
		if err := <-ended; !errors.Is(err, killed) {
			t.Errorf("it ended with %v", err)
		}
		stalled.Remove()
		got, _ := c.run(t, o)
		if len(got["turns"]) == 0 {
			got = store.Tables()
		}
		if d := differInTurns(want, got); d != "" {
			t.Errorf("%s: %.2000s", o.Runner, d)
		}
	}
}

// The state directory is as a kill leaves it: copied while the second page of a transcript is on its way.
func TestAStreamThatIsKilledBetweenPagesLosesAndDoublesNoMessage(t *testing.T) {
	c := newChatting(t)
	c.crowded(t)
	want, _ := c.run(t, Options{Turns: c.turns})
	s := newService(t, c.records[0].Arrival.UnixMilli())
	s.CreateStream("s", 1)
	s.arrive("s", c.records)
	stalled := c.server.Inject(twiliolocal.Fault{Path: "PageToken", Delay: time.Hour})
	store, state, left := history.NewStore(), t.TempDir(), filepath.Join(t.TempDir(), "left")
	o := Options{Source: s.source("s"), Sink: memory(store), State: state, Turns: c.turns}
	r := begin(t, o, store)
	r.read(int64(len(c.records)))
	r.until(func() bool {
		s.clock.Advance(3 * time.Second)
		return stalled.Hits() > 0
	}, func() string { return "the second page of a transcript" })
	if err := os.CopyFS(left, os.DirFS(state)); err != nil {
		t.Fatal(err)
	}
	r.drain()
	stalled.Remove()
	o.State = left
	r = begin(t, o, store)
	var d string
	r.until(func() bool {
		s.clock.Advance(3 * time.Second)
		d = differInTurns(want, store.Tables())
		return d == ""
	}, func() string { return "the turns of an undisturbed job: " + d })
	r.drain()
}

// restEvents are events in the form of TaskRouter's log: "SECONDS KIND TASK RESERVATION AGENT", a dash for
// none. All tasks have the same attributes, as applications copy them.
func restEvents(account, attributes, text string) []byte {
	var b bytes.Buffer
	pad := func(kind, n string) string {
		if n == "-" {
			return ""
		}
		return kind + strings.Repeat("0", 32-len(n)) + n
	}
	for i, line := range strings.Split(strings.TrimSpace(text), "\n") {
		var seconds int
		var kind, task, reservation, agent string
		if _, err := fmt.Sscan(line, &seconds, &kind, &task, &reservation, &agent); err != nil {
			panic(err)
		}
		name := map[string]string{"1": "ann@example.com", "2": "bob@example.com", "-": ""}[agent]
		fmt.Fprintf(&b, `{"account_sid":%q,"workspace_sid":%q,"sid":%q,"event_type":%q,"event_date_ms":%d,"event_data":{"task_sid":%q,"task_channel_unique_name":"chat","task_queue_sid":%q,"reservation_sid":%q,"worker_sid":%q,"worker_name":%q,"task_attributes":%q}}`+"\n",
			account, pad("WS", "1"), pad("EV", fmt.Sprint(i+1)), kind, history.Start+int64(seconds)*1000, pad("WT", task), pad("WQ", "1"), pad("WR", reservation), pad("WK", agent), name, attributes)
	}
	return b.Bytes()
}

// A chat that is transferred, parked, taken up again and transferred to a new task, whose tasks all name
// the same invite, Interaction and conversation.
func TestMessagesOfTransferredAndUnparkedTasksGoToWhoHadTheChatThen(t *testing.T) {
	const ch, kd = "CH0000000000000000000000000000000a", "KD0000000000000000000000000000000a"
	copied := func(own string) string {
		return `{"customerAddress":"+15550001","channelType":"sms",` + own + `"flexInteractionSid":"` + kd + `","flexInteractionChannelSid":"UO1","flexChannelInviteSid":"KG1","conversations":{"conversation_id":"` + kd + `"}}`
	}
	const events = `
		0    task.created            1 - -
		0    task-queue.entered      1 - -
		2    reservation.created     1 1 1
		5    reservation.accepted    1 1 1
		100  task.transfer-initiated 1 1 1
		101  reservation.created     1 2 2
		105  reservation.accepted    1 2 2
		106  reservation.wrapup      1 1 1
		110  reservation.completed   1 1 1
		290  reservation.wrapup      1 2 2
		300  reservation.completed   1 2 2
		300  task.completed          1 2 2
		1000 task.created            2 - -
		1000 task-queue.entered      2 - -
		1005 reservation.created     2 3 1
		1010 reservation.accepted    2 3 1
		1090 reservation.wrapup      2 3 1
		1100 reservation.completed   2 3 1
		1100 task.completed          2 3 1
		1050 task.created            3 - -
		1050 task-queue.entered      3 - -
		1055 reservation.created     3 4 2
		1120 reservation.accepted    3 4 2
		1200 reservation.completed   3 4 2
		1200 task.completed          3 4 2`
	const customer, ann, bob = "+15550001", "ann_40example_2Ecom", "bob_40example_2Ecom"
	messages := []struct {
		at     int
		author string
		want   string // the last digit of the task and of the reservation; q: the queue
	}{
		{3, customer, "1 q"}, {50, customer, "1 1"}, {60, ann, "1 1"}, {107, ann, "1 1"}, {150, customer, "1 2"}, {160, bob, "1 2"},
		{310, customer, "2 q"}, {1002, customer, "2 q"}, {1030, customer, "2 3"}, {1060, ann, "2 3"}, {1110, customer, "3 q"},
		{1150, customer, "3 4"}, {1160, bob, "3 4"}, {1500, customer, "3 4"},
	}
	for name, attributes := range map[string]string{"they name the conversation": copied(`"conversationSid":"` + ch + `",`), "they name the Interaction": copied("")} {
		t.Run(name, func(t *testing.T) {
			server := twiliolocal.New(twiliolocal.Options{Secret: plantedSecret})
			server.AddConversation(twiliolocal.Conversation{SID: ch})
			server.AddInteraction(twiliolocal.Interaction{SID: kd, Channel: "UO1", Invites: []twiliolocal.Invite{{SID: "KG1", Attributes: map[string]any{"conversationSid": ch}}}})
			server.AddParticipant(ch, twiliolocal.Participant{Binding: map[string]any{"type": "sms", "address": customer, "proxy_address": "+15550002"}})
			var want []string
			for i, m := range messages {
				sid := fmt.Sprintf("IM%032d", i)
				server.AddMessage(ch, twiliolocal.Message{SID: sid, Author: m.author, Body: fmt.Sprint(i), Created: time.UnixMilli(history.Start).Add(time.Duration(m.at) * time.Second)})
				want = append(want, sid+" "+m.want)
			}
			if err := server.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = server.Close() })
			t.Setenv("TWILIO_ACCOUNT_SID", server.Account())
			t.Setenv("TWILIO_API_KEY", server.Key())
			t.Setenv("TWILIO_API_SECRET", plantedSecret)
			path := filepath.Join(t.TempDir(), "events.ndjson")
			if err := os.WriteFile(path, restEvents(server.Account(), attributes, events), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, o := range []Options{{Runner: Direct}, {Runner: Prism, Mode: Stream}} {
				store := history.NewStore()
				o.Source, o.Sink, o.Turns = "file:"+path, memory(store), "missing?endpoint="+server.URL
				j, err := New(o)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := j.Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, r := range store.Tables().Rows("turns") {
					row := "q"
					if id := r["engagement_id"]; strings.HasPrefix(id, "WR") {
						row = id[len(id)-1:]
					}
					got = append(got, r["turn_id"]+" "+r["task_sid"][33:]+" "+row)
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("%s: %s", o.Runner, d)
				}
			}
		})
	}
}

// One day of a contact centre from an archive, from TaskRouter's log and from a live stream.
func TestArchiveLogAndStreamGiveEqualTablesTurnsIncluded(t *testing.T) {
	form := func(f simulate.Form) []simulate.Record {
		return drawnDay(t, 13, 60, func(c *simulate.Config) { c.Form, c.Disorder, c.Duplicates, c.Dirty = f, 0, 0, 0 })
	}
	records := form(simulate.String)
	lines := func(records []simulate.Record) []byte {
		var b bytes.Buffer
		for _, r := range records {
			b.Write(append(r.Text, '\n'))
		}
		return b.Bytes()
	}
	chats := chat.Read(lines(records))
	if len(chats) < 10 {
		t.Fatalf("%d chats", len(chats))
	}
	newest := records[len(records)-1].Arrival
	server := twiliolocal.New(twiliolocal.Options{Account: chats[0].Account, Secret: plantedSecret, Now: func() time.Time { return newest.Add(time.Hour) }})
	for _, k := range chats {
		k.AddTo(server)
	}
	if _, err := server.LoadEvents(bytes.NewReader(lines(form(simulate.REST)))); err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	t.Setenv("TWILIO_ACCOUNT_SID", server.Account())
	t.Setenv("TWILIO_API_KEY", server.Key())
	t.Setenv("TWILIO_API_SECRET", plantedSecret)
	archive := filepath.Join(t.TempDir(), "day.ndjson")
	if err := os.WriteFile(archive, lines(records), 0o600); err != nil {
		t.Fatal(err)
	}
	at := func(d time.Duration) string { return newest.Add(d).UTC().Format("2006-01-02T15:04:05Z") }
	log := fmt.Sprintf("taskrouter:%s?endpoint=%s&snapshots=no&old=yes&window=1h&from=%s&to=%s", server.Workspaces()[0], server.URL, at(-48*time.Hour), at(30*time.Minute))
	tables := func(o Options) history.Tables {
		store := history.NewStore()
		o.Sink, o.Turns = memory(store), "missing?endpoint="+server.URL
		j, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := j.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		return store.Tables()
	}
	want := tables(Options{Source: "file:" + archive})
	got := tables(Options{Source: log})
	if len(want["turns"]) < 50 || len(want["engagements"]) < 50 {
		t.Fatalf("%d turns, %d engagements", len(want["turns"]), len(want["engagements"]))
	}
	for _, table := range model.Tables {
		if d := cmp.Diff(unversioned(want[table.Name]), unversioned(got[table.Name])); d != "" {
			t.Errorf("%s (-archive +log): %.2000s", table.Name, d)
		}
	}
	s := newService(t, records[0].Arrival.UnixMilli())
	s.CreateStream("s", 2)
	s.arrive("s", records)
	store := history.NewStore()
	r := begin(t, Options{Source: s.source("s"), Sink: memory(store), Turns: "missing?endpoint=" + server.URL}, store)
	r.read(int64(len(records)))
	var d string
	r.until(func() bool {
		s.clock.Advance(3 * time.Second)
		live := store.Tables()
		d = history.Diff(history.Tables{"engagements": want["engagements"], "customers": want["customers"], "agents": want["agents"]},
			history.Tables{"engagements": live["engagements"], "customers": live["customers"], "agents": live["agents"]})
		if d == "" {
			d = differInTurns(want, live)
		}
		return d == ""
	}, func() string { return "the tables of the archive: " + d })
	r.drain()
}

// What somebody writes to do harm stands in the text of its turn, and nowhere else: in no other cell, log
// or dead letter.
func TestAHostileMessagePassesUnchangedIntoItsTextAlone(t *testing.T) {
	c := newChatting(t)
	const mark = "hostile0123"
	hostile := mark + "\x00<script>alert(1)</script>'; DROP TABLE turns; --\u202egnp.exe\u2066\u200f\ufffd\U0001F469\u200d\U0001F4BB\r\n\u2028${jndi:x}%n%s" + strings.Repeat("\u0301", 16<<10)
	k := chat.Read(bytes.Join(c.lines, []byte{'\n'}))[0]
	sid := c.server.AddMessage(k.SID, twiliolocal.Message{Author: "system", Body: hostile, Attributes: `{"a":"` + mark + `"}`, Created: k.Messages[0].Created})
	dir := t.TempDir()
	for name, o := range map[string]Options{"direct": {Runner: Direct}, "prism": {Runner: Prism, Mode: Stream}} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			o.Log, o.Turns = slog.New(slog.NewTextHandler(&log, nil)), c.turns
			got, _ := c.run(t, o)
			found := 0
			for table := range got {
				for _, r := range got.Rows(table) {
					for column, cell := range r {
						switch {
						case table == "turn_contents" && column == "text" && r["turn_id"] == sid:
							if found++; cell != hostile {
								t.Errorf("the text is %q", cell)
							}
						case strings.Contains(cell, mark), strings.ContainsAny(cell, "\x00\u202e"):
							t.Errorf("%s.%s holds it", table, column)
						}
					}
				}
			}
			if found != 1 || strings.Contains(log.String(), mark) {
				t.Errorf("found %d times; log: %s", found, log.String())
			}
			o.Sink, o.Log = "jsonl:"+filepath.Join(dir, name), nil
			c.run(t, o)
			files, err := filepath.Glob(filepath.Join(dir, name, "*"))
			if err != nil || len(files) == 0 {
				t.Fatal(err, files)
			}
			for _, f := range files {
				b, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				if n, want := bytes.Count(b, []byte(mark)), 0; filepath.Base(f) != "turn_contents.jsonl" && n != want {
					t.Errorf("%s holds it", f)
				} else if filepath.Base(f) == "turn_contents.jsonl" && n != 1 {
					t.Errorf("%s holds it %d times", f, n)
				}
			}
		})
	}
}
