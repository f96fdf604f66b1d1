// Package outage draws a day of a contact centre of which a stream lost some hours, and which TaskRouter's
// log has whole.
package outage

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"flexbeam/internal/testkit/twiliolocal"
	"flexbeam/simulate"
)

// From and To are the hours of the day between which nothing came.
const From, To = 10 * time.Hour, 16 * time.Hour

// A Day is what a stream sent, as lines, and a local Twilio's log of all of it.
type Day struct {
	All, Kept []byte              // without and with the outage
	Server    *twiliolocal.Server // its log begins with the day
}

// Draw draws a day and starts its Twilio, which the environment of the test names the key of. Tasks that do
// not end are left out: they are for no healing. change, unless it is nil, says which texts of the events are
// others, from all that was sent.
func Draw(t *testing.T, c simulate.Config, o twiliolocal.Options, change func(all []byte) *strings.Replacer) Day {
	t.Helper()
	each := func(form simulate.Form, take func(simulate.Record)) {
		c.Form = form
		if _, err := simulate.Each(context.Background(), c, func(r simulate.Record) error { take(r); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	over := map[string]bool{"": true} // tasks that have ended, and what is of none
	each(simulate.REST, func(r simulate.Record) {
		for _, kind := range []string{"task.completed", "task.canceled", "task.deleted", "task.system-deleted"} {
			if bytes.Contains(r.Text, []byte(`"event_type":"`+kind+`"`)) {
				over[taskOf(r.Text)] = true
			}
		}
	})
	var all, kept, log bytes.Buffer
	each(simulate.Object, func(r simulate.Record) {
		if !over[taskOf(r.Text)] {
			return
		}
		line := append(r.Text, '\n')
		all.Write(line)
		if at := r.Arrival.Sub(c.Start); at < From || at >= To {
			kept.Write(line)
		}
	})
	each(simulate.REST, func(r simulate.Record) {
		if over[taskOf(r.Text)] {
			log.Write(append(r.Text, '\n'))
		}
	})
	if change != nil {
		changed := change(all.Bytes())
		for _, b := range []*bytes.Buffer{&all, &kept, &log} {
			text := b.String()
			b.Reset()
			b.WriteString(changed.Replace(text))
		}
	}
	_, account, _ := strings.Cut(log.String(), `"account_sid":"`)
	o.Account = account[:34]
	s := twiliolocal.New(o)
	if _, err := s.LoadEvents(&log); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	t.Setenv("TWILIO_API_KEY", s.Key())
	t.Setenv("TWILIO_API_SECRET", s.Secret())
	return Day{All: all.Bytes(), Kept: kept.Bytes(), Server: s}
}

var taskSID = regexp.MustCompile(`"task_sid":"(WT[0-9a-f]{32})"`)

// taskOf returns the task that an event names; empty if it names none.
func taskOf(record []byte) string {
	if m := taskSID.FindSubmatch(record); m != nil {
		return string(m[1])
	}
	return ""
}
