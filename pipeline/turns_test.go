package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/history"
	"flexbeam/internal/testkit/twiliolocal"
	"flexbeam/pipeline/sink"
	"flexbeam/schemas/model"
	"flexbeam/simulate"
	"flexbeam/simulate/chat"
	"flexbeam/transforms/customer"
)

const plantedSecret = "plantedSecret0123456789"

// theTurns are the tables of turns, of which jobs may differ in how often they wrote a row.
func theTurns(t history.Tables) history.Tables {
	return history.Tables{"turns": t["turns"], "turn_contents": t["turn_contents"]}
}

func differInTurns(want, got history.Tables) string {
	return history.Diff(theTurns(want), theTurns(got), "row_version")
}

// chatting is a day of a contact centre, and a local Twilio that has its transcripts.
type chatting struct {
	records []simulate.Record
	lines   [][]byte
	server  *twiliolocal.Server
	turns   string // what Options.Turns says to fetch from it
	path    string // of the day as a file
}

func newChatting(t *testing.T) *chatting {
	t.Helper()
	c := &chatting{records: drawnDay(t, 11, 80, nil)}
	for _, r := range c.records {
		c.lines = append(c.lines, r.Text)
	}
	chats := chat.Read(bytes.Join(c.lines, []byte{'\n'}))
	if len(chats) < 10 {
		t.Fatalf("the day has %d chats", len(chats))
	}
	c.server = twiliolocal.New(twiliolocal.Options{Account: chats[0].Account, Secret: plantedSecret, NextAbsent: true})
	for _, k := range chats {
		k.AddTo(c.server)
	}
	if err := c.server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.server.Close() })
	t.Setenv("TWILIO_ACCOUNT_SID", c.server.Account())
	t.Setenv("TWILIO_API_KEY", c.server.Key())
	t.Setenv("TWILIO_API_SECRET", plantedSecret)
	c.turns = "missing?endpoint=" + c.server.URL
	c.path = filepath.Join(t.TempDir(), "day.ndjson")
	if err := os.WriteFile(c.path, append(bytes.Join(c.lines, []byte{'\n'}), '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	return c
}

// run runs a job over the day as a file.
func (c *chatting) run(t *testing.T, o Options) (history.Tables, Summary) {
	t.Helper()
	store := history.NewStore()
	if o.Sink == "" {
		o.Sink = memory(store)
	}
	o.Source = "file:" + c.path
	j, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := j.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return store.Tables(), sum
}

// TestBatchStreamAndLiveGiveTheSameTurns runs a day with chats in every way, against a local Twilio
// that fails now and then.
func TestBatchStreamAndLiveGiveTheSameTurns(t *testing.T) {
	c := newChatting(t)
	want, sum := c.run(t, Options{Turns: c.turns})
	kinds := map[string]int{}
	for _, r := range want.Rows("turns") {
		kinds[r["turn_type"]+" "+r["author_type"]]++
		if r["turn_type"] != "Recording" && r["engagement_id"] == "" {
			t.Errorf("a turn without engagement: %v", r)
		}
	}
	for _, kind := range []string{"Message Agent", "Message Customer", "Message Bot", "Image Customer", "Recording "} {
		if kinds[kind] == 0 {
			t.Errorf("no turn is a %s: %v", kind, kinds)
		}
	}
	if sum.Transcripts == 0 || sum.TranscriptsGone != 0 || sum.DeadLetters != int64(len(want["dead_letters"])) {
		t.Errorf("%+v", sum)
	}
	for i, fault := range []twiliolocal.Fault{{Status: 503, HTML: true}, {Cut: true}, {Reset: true}} {
		fault.Probability, fault.Seed = 0.05, uint64(i)
		c.server.Inject(fault)
	}
	for _, o := range []Options{
		{Runner: Prism, Mode: Batch}, {Runner: Prism, Mode: Stream},
	} {
		o.Turns = c.turns
		got, _ := c.run(t, o)
		if d := differInTurns(want, got); d != "" {
			t.Errorf("%s, %s: %.3000s", o.Runner, o.Mode, d)
		}
	}

	s := newService(t, c.records[0].Arrival.UnixMilli())
	s.CreateStream("s", 2)
	store, state := history.NewStore(), t.TempDir()
	o := Options{Source: s.source("s"), Sink: memory(store), State: state, Turns: c.turns}
	half := len(c.records) / 2
	s.arrive("s", c.records[:half])
	r := begin(t, o, store)
	r.read(int64(half))
	r.drain()
	s.arrive("s", c.records[half:])
	r = begin(t, o, store)
	r.read(int64(len(c.records) - half))
	var d string
	r.until(func() bool {
		s.clock.Advance(3 * time.Second)
		d = differInTurns(want, store.Tables())
		return d == ""
	}, func() string { return "the turns of a batch job: " + d })
	r.drain()
	secretIn(t, state)
}

// secretIn fails if a file of a folder holds the planted secret.
func secretIn(t *testing.T, dir string) {
	t.Helper()
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(plantedSecret)) {
			t.Errorf("%s holds the secret", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// Tasks that name their Interaction alone have the turns that they have when they name the conversation.
func TestAnInteractionLeadsToItsConversation(t *testing.T) {
	c := newChatting(t)
	want, _ := c.run(t, Options{Turns: c.turns})
	chatSID, interactionSID := regexp.MustCompile(`CH[0-9a-f]{32}`), regexp.MustCompile(`conversation_id[\\": ]*(KD[0-9a-f]{32})`)
	known := map[string]string{}
	var lines [][]byte
	for _, l := range c.lines {
		kd, ch := interactionSID.FindSubmatch(l), chatSID.Find(l)
		if kd != nil && ch != nil && known[string(kd[1])] == "" {
			known[string(kd[1])] = string(ch)
			c.server.AddInteraction(twiliolocal.Interaction{SID: string(kd[1]), Channel: "UO" + string(ch[2:]), Invites: []twiliolocal.Invite{
				{SID: "KG" + string(ch[2:]), Attributes: map[string]any{"channelType": "web"}},
				{SID: "KG" + string(kd[1][2:]), Attributes: `{"conversationSid":"` + string(ch) + `"}`},
			}})
		}
		lines = append(lines, chatSID.ReplaceAll(l, []byte("no SID")))
	}
	if err := os.WriteFile(c.path, append(bytes.Join(lines, []byte{'\n'}), '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	if len(known) < 5 {
		t.Fatalf("%d Interactions", len(known))
	}
	of := func(tables history.Tables) (rows []string) {
		for _, r := range tables.Show("turns", "conversation_sid turn_id engagement_id author_type agent_id") {
			for _, ch := range known {
				if strings.Contains(r, ch) {
					rows = append(rows, r)
				}
			}
		}
		return rows
	}
	c.server.Inject(twiliolocal.Fault{Status: 503, Probability: 0.1})
	for _, o := range []Options{{Runner: Direct}, {Runner: Prism, Mode: Stream}} {
		o.Turns = c.turns
		got, _ := c.run(t, o)
		if d := cmp.Diff(of(want), of(got)); d != "" || len(of(want)) == 0 {
			t.Errorf("%s, of %d turns: %.3000s", o.Runner, len(of(want)), d)
		}
	}
	for kd := range known {
		c.server.ForgetInteraction(kd)
	}
	got, sum := c.run(t, Options{Turns: c.turns})
	if len(of(got)) != 0 || sum.TranscriptsGone == 0 || len(got["engagements"]) != len(want["engagements"]) {
		t.Errorf("%d turns of what is forgotten, %+v", len(of(got)), sum)
	}
}

func TestAReplayDownloadsOnlyWhatIsMissing(t *testing.T) {
	c := newChatting(t)
	dir := "jsonl:" + t.TempDir()
	_, first := c.run(t, Options{Turns: c.turns, Sink: dir})
	calls := c.server.Calls("/Messages")
	_, again := c.run(t, Options{Turns: c.turns, Sink: dir})
	if n := c.server.Calls("/Messages") - calls; n != 0 || again.Transcripts != 0 || again.TranscriptsSpared != first.Transcripts {
		t.Errorf("%d calls; %d transcripts, then %d with %d spared", n, first.Transcripts, again.Transcripts, again.TranscriptsSpared)
	}
	_, all := c.run(t, Options{Turns: strings.Replace(c.turns, "missing", "all", 1), Sink: dir})
	if all.Transcripts != first.Transcripts || fmt.Sprint(all.Rows) != fmt.Sprint(first.Rows) {
		t.Errorf("%d transcripts, then %d; rows %v, then %v", first.Transcripts, all.Transcripts, first.Rows, all.Rows)
	}
	calls = c.server.Calls("")
	if _, none := c.run(t, Options{Turns: "none"}); none.Rows["turns"] != 0 || c.server.Calls("") != calls {
		t.Errorf("%d turns, %d calls", none.Rows["turns"], c.server.Calls("")-calls)
	}
}

func TestUnderAContactKeyNoCellEqualsAContact(t *testing.T) {
	c := newChatting(t)
	clear, _ := c.run(t, Options{Turns: c.turns})
	contacts := map[string]bool{}
	for _, r := range clear.Rows("customers") {
		if r["contact_kind"] != customer.Task.String() {
			contacts[r["contact_id"]] = true
		}
	}
	hashed, _ := c.run(t, Options{Turns: c.turns, ContactKey: "a key"})
	if len(contacts) == 0 || len(hashed["turns"]) != len(clear["turns"]) {
		t.Fatalf("%d contacts, %d and %d turns", len(contacts), len(clear["turns"]), len(hashed["turns"]))
	}
	for _, table := range []*model.Table{&model.Turns, &model.Engagements, &model.Customers} {
		for _, r := range hashed[table.Name] {
			for i, v := range r {
				if v.Type == model.String && contacts[v.Str] {
					t.Errorf("%s.%s is a contact", table.Name, table.Columns[i].Name)
				}
			}
		}
	}
	texts := func(t history.Tables) []string { return t.Show("turn_contents", "turn_id text") }
	if fmt.Sprint(texts(clear)) != fmt.Sprint(texts(hashed)) {
		t.Error("a key changes texts")
	}
}

func TestWhatTwilioCannotGiveIsADeadLetterAndNoFailure(t *testing.T) {
	c := newChatting(t)
	c.server.Inject(twiliolocal.Fault{Status: 403, Path: "/Participants"})
	got, sum := c.run(t, Options{Turns: c.turns})
	letters := 0
	for _, l := range got.Rows("dead_letters") {
		if l["error_class"] == "turns_incomplete" {
			letters++
			if l["source"] != "conversations" || !strings.HasPrefix(l["position"], c.server.Account()+":CH") || strings.Contains(l["error"], plantedSecret) {
				t.Errorf("%v", l)
			}
		}
	}
	if letters == 0 || sum.DeadLetters != int64(len(got["dead_letters"])) || len(got["turns"]) == 0 {
		t.Errorf("%d letters of %d, %d turns", letters, sum.DeadLetters, len(got["turns"]))
	}
	for _, k := range chat.Read(bytes.Join(c.lines, []byte{'\n'})) {
		c.server.DeleteConversation(k.SID)
	}
	got, sum = c.run(t, Options{Turns: c.turns})
	if sum.TranscriptsGone == 0 || sum.Transcripts != 0 || len(got["engagements"]) == 0 {
		t.Errorf("%+v", sum)
	}
}

// apartOptions are those of a job over two folders, of which one has the texts.
func (c *chatting) apartOptions(t *testing.T) (o Options, texts string) {
	dir := t.TempDir()
	texts = filepath.Join(dir, "texts")
	return Options{Turns: c.turns, Sink: "jsonl:" + filepath.Join(dir, "calls"), Text: TextApart, TextSink: "jsonl:" + texts}, texts
}

// refused runs a job that its sink refuses.
func (c *chatting) refused(t *testing.T, o Options, want error) {
	t.Helper()
	o.Source = "file:" + c.path
	j, err := New(o)
	if err == nil {
		_, err = j.Run(t.Context())
	}
	if !errors.Is(err, want) || !strings.Contains(err.Error(), "--turns all") {
		t.Errorf("%v, want %v", err, want)
	}
}

// Turns that the sink has are not fetched again, so a sink of texts that lacks them is told of.
func TestASinkOfTextsThatIsAnotherOneOrEmptyIsToldOf(t *testing.T) {
	c := newChatting(t)
	o, texts := c.apartOptions(t)
	_, first := c.run(t, o)
	if first.Rows["turns"] == 0 || first.Rows["turn_contents"] != first.Rows["turns"] {
		t.Fatalf("%v", first.Rows)
	}
	_, again := c.run(t, o)
	if again.Transcripts != 0 || fmt.Sprint(again.Rows) != fmt.Sprint(first.Rows) {
		t.Errorf("%d transcripts; rows %v, want %v", again.Transcripts, again.Rows, first.Rows)
	}
	other := o
	other.TextSink = "jsonl:" + t.TempDir()
	c.refused(t, other, errOtherTexts)
	other.Turns = "none"
	c.run(t, other) // which fetches nothing, and leaves it as it is
	other.Turns = c.turns
	c.refused(t, other, errOtherTexts)

	if err := os.Remove(filepath.Join(texts, "turn_contents.jsonl")); err != nil {
		t.Fatal(err)
	}
	c.refused(t, o, errNoTexts)
	if err := os.RemoveAll(texts); err != nil {
		t.Fatal(err)
	}
	c.refused(t, o, errOtherTexts)
	o.Turns = strings.Replace(c.turns, "missing", "all", 1)
	if _, all := c.run(t, o); fmt.Sprint(all.Rows) != fmt.Sprint(first.Rows) {
		t.Errorf("rows %v, want %v", all.Rows, first.Rows)
	}
	o.Turns = c.turns
	if _, last := c.run(t, o); fmt.Sprint(last.Rows) != fmt.Sprint(first.Rows) {
		t.Errorf("rows %v, want %v", last.Rows, first.Rows)
	}
}

// Texts that are apart are erased with the rest, or nothing is: afterwards nobody could find them.
func TestNothingIsErasedWithoutTheSinkOfTexts(t *testing.T) {
	c := newChatting(t)
	o, texts := c.apartOptions(t)
	c.run(t, o)
	open := func(uri string) sink.Sink {
		t.Helper()
		s, err := sink.Open(t.Context(), uri, sink.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	calls := open(o.Sink)
	erase := EraseOptions{Sink: o.Sink}
	err := calls.Rows(t.Context(), model.TurnsID, "", nil, func(r model.Row) error {
		if task := model.Turns.Get(r, "task_sid").Str; !slices.Contains(erase.Tasks, task) {
			erase.Tasks = append(erase.Tasks, task)
		}
		return nil
	})
	if err != nil || len(erase.Tasks) == 0 {
		t.Fatal(err, erase.Tasks)
	}
	if err := calls.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if sum, err := Erase(t.Context(), erase); !errors.Is(err, errTextsApart) || !strings.Contains(err.Error(), "--turns-text-sink") {
		t.Fatalf("%v, %+v", err, sum)
	}
	erase.TextSink = "jsonl:" + t.TempDir()
	if sum, err := Erase(t.Context(), erase); !errors.Is(err, errOtherTexts) {
		t.Fatalf("%v, %+v", err, sum)
	}
	erase.TextSink = "jsonl:" + texts
	if _, err := Erase(t.Context(), erase); err != nil {
		t.Fatal(err)
	}
	s := open(o.TextSink)
	defer s.Close(t.Context())
	rows := 0
	err = s.Rows(t.Context(), model.TurnContentsID, "", nil, func(r model.Row) error {
		if rows++; model.TurnContents.Get(r, "text").Str != "" {
			t.Errorf("a text is left: %v", r)
		}
		return nil
	})
	if err != nil || rows == 0 {
		t.Errorf("%d rows, %v", rows, err)
	}
}

// A sink that an earlier version filled does not tell where its texts are: jobs and erasures go on with
// it, and a job has it tell from then on.
func TestASinkThatDoesNotTellOfTextsGoesOn(t *testing.T) {
	c := newChatting(t)
	o, texts := c.apartOptions(t)
	_, first := c.run(t, o)
	shapes := func(change func(sink.Shape) sink.Shape) (was sink.Shape) {
		for _, dir := range []string{texts, strings.TrimPrefix(o.Sink, "jsonl:")} {
			s, err := sink.Open(t.Context(), "jsonl:"+dir, sink.Options{})
			if err == nil {
				was, err = s.Shape(t.Context())
			}
			if err == nil {
				err = s.SetShape(t.Context(), change(was))
			}
			if err == nil {
				err = s.Close(t.Context())
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		return was
	}
	shapes(func(s sink.Shape) sink.Shape { return s.WithTexts("") })
	sum, err := Erase(t.Context(), EraseOptions{Sink: o.Sink, Contacts: []string{"nobody"}, DryRun: true})
	if err != nil || sum.Textless {
		t.Errorf("%+v, %v", sum, err)
	}
	if _, again := c.run(t, o); fmt.Sprint(again.Rows) != fmt.Sprint(first.Rows) || again.Transcripts != 0 {
		t.Errorf("rows %v, want %v; %d transcripts", again.Rows, first.Rows, again.Transcripts)
	}
	if s := shapes(func(s sink.Shape) sink.Shape { return s }); s.Texts() == "" {
		t.Error("the sink does not tell where its texts are")
	}
}
