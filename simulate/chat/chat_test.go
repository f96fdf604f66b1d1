package chat_test

import (
	"bytes"
	"context"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/simulate"
	"flexbeam/simulate/chat"
)

func day(t *testing.T, form simulate.Form) []byte {
	t.Helper()
	c := simulate.DefaultConfig()
	c.Tasks, c.Form = 100, form
	var b bytes.Buffer
	if _, err := simulate.Write(context.Background(), c, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestTheSameEventsGiveTheSameWords(t *testing.T) {
	all := chat.Read(day(t, simulate.Object))
	if len(all) < 20 {
		t.Fatalf("%d chats", len(all))
	}
	for _, form := range []simulate.Form{simulate.Object, simulate.REST, simulate.Mixed} {
		if d := cmp.Diff(all, chat.Read(day(t, form))); d != "" {
			t.Errorf("%s: %.1000s", form, d)
		}
	}
	sid := regexp.MustCompile(`^(CH|IM|MB)[0-9a-f]{32}$`)
	seen := map[string]bool{}
	for _, c := range all {
		if len(c.Messages) < 2 || !sid.MatchString(c.SID) {
			t.Errorf("%s has %d messages", c.SID, len(c.Messages))
		}
		for i, m := range c.Messages {
			if seen[m.SID] || !sid.MatchString(m.SID) || m.Body == "" || i > 0 && m.Created.Before(c.Messages[i-1].Created) {
				t.Errorf("%s: %+v", c.SID, m)
			}
			seen[m.SID] = true
		}
	}
	if n := len(chat.Read([]byte("{bad\n[]\n{}\n"))); n != 0 {
		t.Errorf("%d chats of no events", n)
	}
}
