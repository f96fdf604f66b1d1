package simulate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// seen is an event as a reader finds it, whatever its form.
type seen struct {
	id, kind, account, task, reservation, worker string
	at                                           int64
	fields                                       map[string]any
}

func (s seen) key() string {
	return strings.Join([]string{s.id, s.kind, s.account, s.task, s.reservation, s.worker, strconv.FormatInt(s.at, 10)}, " ")
}

func (s seen) text(field string) string {
	switch v := s.fields[field].(type) {
	case string:
		return v
	case float64:
		return strconv.FormatInt(int64(v), 10)
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

func (s seen) attributes(t testing.TB) map[string]any {
	t.Helper()
	m := map[string]any{}
	if err := json.Unmarshal([]byte(s.text("task_attributes")), &m); err != nil {
		t.Fatalf("task attributes of %s: %v", s.id, err)
	}
	return m
}

// decode reads one line in any form.
func decode(line []byte) ([]seen, error) {
	var records []map[string]any
	for values := json.NewDecoder(bytes.NewReader(line)); ; {
		var value json.RawMessage
		if err := values.Decode(&value); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		if value[0] != '[' {
			value = slices.Concat([]byte{'['}, value, []byte{']'})
		}
		var more []map[string]any
		if err := json.Unmarshal(value, &more); err != nil {
			return nil, err
		}
		records = append(records, more...)
	}
	var all []seen
	for _, r := range records {
		s, err := decodeOne(r)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

func decodeOne(r map[string]any) (seen, error) {
	var s seen
	if fields, ok := r["event_data"].(map[string]any); ok {
		s.fields = fields
		for k, v := range fields {
			if _, ok := v.(string); !ok {
				return s, fmt.Errorf("REST field %s is no string: %v", k, v)
			}
		}
		s.id, s.kind, s.account = r["sid"].(string), r["event_type"].(string), r["account_sid"].(string)
		s.at = int64(r["event_date_ms"].(float64))
		if s.kind == "worker.activity" {
			s.kind = "worker.activity.update"
		}
	} else {
		data, ok := r["data"].(map[string]any)
		if !ok {
			text, _ := r["data"].(string)
			if err := json.Unmarshal([]byte(text), &data); err != nil {
				return s, fmt.Errorf("data: %w", err)
			}
		}
		s.fields, ok = data["payload"].(map[string]any)
		if !ok {
			return s, fmt.Errorf("no payload: %v", r)
		}
		s.id, s.account = s.text("sid"), s.text("account_sid")
		s.kind = strings.TrimPrefix(r["type"].(string), "com.twilio.taskrouter.")
		if s.kind != s.text("eventtype") || s.id != data["sid"] {
			return s, fmt.Errorf("type and payload disagree: %v", r)
		}
		at, err := time.Parse(time.RFC3339, s.text("timestamp"))
		if err != nil {
			return s, err
		}
		s.at = at.UnixMilli()
	}
	s.task, s.reservation, s.worker = s.text("task_sid"), s.text("reservation_sid"), s.text("worker_sid")
	for _, f := range []string{"task_attributes", "worker_attributes"} {
		if v := s.text(f); v != "" && !json.Valid([]byte(v)) {
			return s, fmt.Errorf("%s is no JSON: %s", f, v)
		}
	}
	return s, nil
}

// draw gives the events of a config that has no broken records.
func draw(t testing.TB, c Config) ([]seen, Stats) {
	t.Helper()
	var all []seen
	stats, err := Each(context.Background(), c, func(r Record) error {
		events, err := decode(r.Text)
		if err != nil {
			return fmt.Errorf("%w in %s", err, r.Text)
		}
		if k := events[0]; r.Key != k.task && r.Key != k.worker {
			return fmt.Errorf("key %s is none of %s", r.Key, r.Text)
		}
		all = append(all, events...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all, stats
}

// cleanDay is a working day without any change, drawn once.
var cleanDay = sync.OnceValue(func() []seen {
	events, _ := draw(panicking{}, day(nil))
	return events
})

// panicking stands in for a test where none is at hand.
type panicking struct{ testing.TB }

func (panicking) Helper()           {}
func (panicking) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

// day is a working day of 2000 contacts.
func day(change func(*Config)) Config {
	c := DefaultConfig()
	if change != nil {
		change(&c)
	}
	return c
}

// byTask groups events by task, in order of time.
func byTask(events []seen) map[string][]seen {
	m := map[string][]seen{}
	for _, e := range events {
		if e.task != "" {
			m[e.task] = append(m[e.task], e)
		}
	}
	for _, list := range m {
		slices.SortStableFunc(list, func(a, b seen) int { return int(a.at - b.at) })
	}
	return m
}
