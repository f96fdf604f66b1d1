package pipeline

import (
	"os"
	"strings"
	"testing"
	"time"

	"flexbeam/internal/testkit/history"
	"flexbeam/internal/testkit/outage"
	"flexbeam/internal/testkit/twiliolocal"
	"flexbeam/schemas/model"
	"flexbeam/simulate/chat"
)

// parted is a replacer that makes one conversation of three chats: one before an outage, one in it and one
// behind it, as of a chat that is transferred, or parked and taken up again. shared are the
// conversations.
func parted(t *testing.T, all []byte, shared map[string]bool) *strings.Replacer {
	t.Helper()
	var before, within, behind, pairs []string
	for _, c := range chat.Read(all) {
		first, last := c.Messages[0].Created, c.Messages[len(c.Messages)-1].Created
		day := first.Truncate(24 * time.Hour)
		switch {
		case last.Before(day.Add(outage.From)):
			before = append(before, c.SID)
		case !first.Before(day.Add(outage.From)) && last.Before(day.Add(outage.To)):
			within = append(within, c.SID)
		case !first.Before(day.Add(outage.To)):
			behind = append(behind, c.SID)
		}
	}
	for i := range min(len(before), len(within), len(behind), 4) {
		pairs = append(pairs, within[i], before[i], behind[i], before[i])
		shared[before[i]] = true
	}
	return strings.NewReplacer(pairs...)
}

// countedRecordings are tables of turns in which the version of a recording, which is that of its engagement,
// tells how many events are known, and not from where. The others tell no more than that anyway.
func countedRecordings(tables history.Tables) history.Tables {
	all := history.Tables{}
	for name, rows := range tables {
		id := model.Lookup(name).Col("turn_id")
		for _, r := range rows {
			if r = append(model.Row(nil), r...); strings.HasPrefix(r[id].Str, "WR") {
				r[len(r)-1] = model.Integer(r[len(r)-1].Num / 4096)
			}
			all[name] = append(all[name], r)
		}
	}
	return all
}

// Turns of a conversation that several tasks share, of which a stream lost one in the middle, are healed to
// those of a stream that lost nothing.
func TestTheTurnsOfASharedConversationHeal(t *testing.T) {
	shared := map[string]bool{}
	d := loseChangedDay(t, twiliolocal.Options{}, func(all []byte) *strings.Replacer { return parted(t, all, shared) })
	if len(shared) < 2 {
		t.Fatalf("%d conversations are shared", len(shared))
	}
	all, err := os.ReadFile(strings.TrimPrefix(d.all, "file:"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range chat.Read(all) {
		c.AddTo(d.server)
	}
	t.Setenv("TWILIO_ACCOUNT_SID", d.server.Account())
	turns := "missing?endpoint=" + d.server.URL
	run := func(source string) *history.Store {
		store := history.NewStore()
		j, err := New(Options{Source: source, Sink: memory(store), Turns: turns, AsOf: d.now.Add(-settled)})
		if err == nil {
			_, err = j.Run(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		return store
	}
	want, store := theTurns(run(d.all).Tables()), run(d.kept)
	moved := 0
	was := map[string]string{}
	for _, r := range store.Tables().Rows("turns") {
		was[r["turn_id"]] = r["engagement_id"]
	}
	for _, r := range want.Rows("turns") {
		if at, had := was[r["turn_id"]]; shared[r["conversation_sid"]] && had && at != r["engagement_id"] {
			moved++
		}
	}
	if moved == 0 {
		t.Fatal("the outage moves no turn of a shared conversation: the test shows nothing")
	}
	h, err := NewHealing(HealOptions{Options: Options{Source: d.log, Sink: memory(store), Turns: turns}})
	if err != nil {
		t.Fatal(err)
	}
	calls := d.server.Calls("/Messages")
	if _, err := h.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := history.Diff(countedRecordings(want), countedRecordings(theTurns(store.Tables()))); diff != "" {
		t.Errorf("healed turns (-undisturbed +healed):\n%.3000s", diff)
	}
	if n := d.server.Calls("/Messages") - calls; n == 0 || n > len(chat.Read(all)) {
		t.Errorf("%d transcripts were fetched of %d", n, len(chat.Read(all)))
	}
}
