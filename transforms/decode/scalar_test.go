package decode_test

import (
	"strconv"
	"testing"

	"flexbeam/schemas/event"
	"flexbeam/transforms/decode"
)

func TestTextsAreTrimmedAndNumbersAreTexts(t *testing.T) {
	tests := []struct{ json, want string }{
		{`"Support"`, "Support"}, {`" \u2003Support\u00a0\n"`, "Support"}, {`"a\u0062\/\"\\"`, `ab/"\`}, {`"\ud83d\ude00"`, "😀"}, {`"\ud83d"`, "\ufffd"}, {`" "`, ""}, {`""`, ""},
		{`null`, ""}, {`7`, "7"}, {`-0`, "-0"}, {`1.50`, "1.50"}, {`1e3`, "1000"}, {`1.5E-3`, "0.0015"}, {`9007199254740993`, "9007199254740993"}, {`1e999`, "1e999"},
		{`true`, "true"}, {`false`, "false"}, {`{"a":1}`, ""}, {`["a"," b ",null,"",2e1,{"o":1},["n"]]`, "a, b, 20, n"}, {`[]`, ""},
	}
	for _, test := range tests {
		t.Run(test.json, func(t *testing.T) {
			e := only(t, envelope("task.updated", "task_queue_name="+test.json))
			if got := e.Text[event.QueueName]; got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestTimesOfEveryForm(t *testing.T) {
	const base = 1772438400000 // 2026-03-02T08:00:00Z
	tests := []struct {
		json string
		want event.Millis
	}{
		{`"2026-03-02T08:00:00.412Z"`, base + 412}, {`"2026-03-02T08:00:00Z"`, base}, {`"2026-03-02T08:00:00"`, base}, {`"2026-03-02T08:00:00.4"`, base + 400},
		{`"2026-03-02T08:00:00.412999Z"`, base + 412}, {`"2026-03-02T10:30:00.001+02:30"`, base + 1}, {`"2026-03-02T03:00:00-0500"`, base}, {`"2026-03-02T09:00:00+01"`, base},
		{`"2026-03-02 08:00:00Z"`, base}, {`"2026-03-02T08:00Z"`, base}, {`"2026-03-02"`, base - 8*3600*1000}, {`" 2026-03-02t08:00:00z "`, base},
		{`1772438400`, base}, {`"1772438400"`, base}, {`1772438400412`, base + 412}, {`"1772438400412"`, base + 412}, {`1772438400.412`, base + 412}, {`"1772438400.412"`, base + 412},
		{`99999999999`, 99999999999000}, {`100000000000`, 100000000000}, {`1.7724384e9`, base}, {`0`, 0}, {`-1`, -1000},
		{`"2024-02-29T00:00:00Z"`, 1709164800000}, {`"1600-02-29T00:00:00Z"`, -11670998400000}, {`"2100-03-01T00:00:00Z"`, 4107542400000},
	}
	for _, test := range tests {
		t.Run(test.json, func(t *testing.T) {
			e := only(t, envelope("task.updated", "timestamp="+test.json, "task_queue_entered_date="+test.json))
			if e.Time != test.want || e.QueueEnteredAt != test.want {
				t.Errorf("got %d and %d, want %d", e.Time, e.QueueEnteredAt, test.want)
			}
		})
	}
	for _, bad := range []string{
		`"yesterday"`, `""`, `null`, `true`, `{}`, `[]`, `"2026-02-29T00:00:00Z"`, `"2026-13-01T00:00:00Z"`, `"2026-03-02T24:00:00Z"`, `"2026-03-02T08:60:00Z"`,
		`"2026-03-02T08:00:60Z"`, `"2026-03-02T08"`, `"2026-03-02T08:00:00."`, `"2026-03-02T08:00:00+1"`, `"2026-03-02T08:00:00 CET"`, `"2026-3-2T08:00:00Z"`, `"Mon, 02 Mar 2026 08:00:00 GMT"`,
		`1e300`, `-1e20`, `"0x10"`, `"NaN"`, `"Infinity"`, `"0000-01-01T00:00:00Z"`, `"20260302T080000Z"`, `"2026-03-02T08:00:00Zx"`,
	} {
		t.Run(bad, func(t *testing.T) {
			if e := only(t, envelope("task.updated", "task_queue_entered_date="+bad)); e.QueueEnteredAt != event.None {
				t.Errorf("got %d", e.QueueEnteredAt)
			}
		})
	}
}

func TestTimeInThePreviousActivity(t *testing.T) {
	tests := []struct {
		name, ms, seconds string
		want              event.Millis
	}{
		{"milliseconds", `1500`, `99`, 1500}, {"as text", `" 1500 "`, `99`, 1500}, {"seconds", `null`, `2`, 2000}, {"seconds as text", `"long"`, `"2.5"`, 2500},
		{"a fraction of a millisecond is cut", `1234.9`, `null`, 1234}, {"less than nothing is nothing", `-5`, `9`, 0}, {"nothing", `0`, `9`, 0},
		{"neither", `null`, `""`, event.None}, {"too much to be one", `1e15`, `true`, event.None}, {"an object", `{}`, `{"s":1}`, event.None},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := only(t, envelope("worker.activity.update", "worker_time_in_previous_activity_ms="+test.ms, "worker_time_in_previous_activity="+test.seconds))
			if e.InPreviousFor != test.want {
				t.Errorf("got %d, want %d", e.InPreviousFor, test.want)
			}
		})
	}
}

func TestBooleansOfEveryForm(t *testing.T) {
	tests := []struct {
		want event.Tristate
		json []string
	}{
		{event.Yes, []string{`true`, `1`, `"true"`, `"1"`, `" True "`, `"TRUE"`}},
		{event.No, []string{`false`, `0`, `"false"`, `"0"`, `"False"`}},
		{event.Unknown, []string{`null`, `""`, `"yes"`, `2`, `{}`, `[]`, `"t"`}},
	}
	for _, test := range tests {
		for _, json := range test.json {
			if got := only(t, envelope("worker.activity.update", "worker_available="+json)).WorkerAvailable; got != test.want {
				t.Errorf("%s: got %d, want %d", json, got, test.want)
			}
		}
	}
}

func TestAttributesAreAnObjectOrTextOfOne(t *testing.T) {
	tests := []struct {
		json       string
		parsable   bool
		unparsable bool // counted
	}{
		{`{}`, true, false}, {`"{}"`, true, false}, {`{"from":"+1"}`, true, false}, {`"{\"from\":\"+1\"}"`, true, false}, {`" {} \n"`, true, false},
		{`null`, false, false},
		{`""`, false, true}, {`"{bad"`, false, true}, {`"null"`, false, true}, {`"[1]"`, false, true}, {`[1]`, false, true}, {`5`, false, true}, {`true`, false, true},
		{`"\"x\""`, false, true}, {`"\"{}\""`, false, true}, {`"{} x"`, false, true}, {`"{\"from\":NaN}"`, false, true}, {`"{\"from\":Infinity}"`, false, true},
	}
	for _, test := range tests {
		t.Run(test.json, func(t *testing.T) {
			f := find(envelope("task.updated", "task_attributes="+test.json, "worker_attributes="+test.json))
			if len(f.events) != 1 {
				t.Fatalf("refused %v", f.refused)
			}
			if e := f.events[0]; e.HasTaskAttributes != test.parsable || e.HasWorkerAttrs != test.parsable {
				t.Errorf("parsable: %v, %v", e.HasTaskAttributes, e.HasWorkerAttrs)
			}
			if got := bad(envelope("task.updated", "task_attributes="+test.json)); (got > 0) != test.unparsable {
				t.Errorf("%d counted as unparsable", got)
			}
		})
	}
}

func TestTheAttributesOfOneEventDoNotStickToTheNext(t *testing.T) {
	f := find(
		envelope("task.updated", `sid="EV1"`, `task_attributes="{\"from\":\"+1\"}"`, `worker_available=true`, `task_queue_name="Q"`),
		envelope("task.updated", `sid="EV2"`),
		envelope("task.updated", `sid="EV3"`, `task_attributes="{bad"`),
		envelope("task.updated", `sid="EV4"`, `task_attributes="{}"`),
	)
	for i, want := range []bool{true, false, false, true} {
		if e := f.events[i]; e.HasTaskAttributes != want || (len(e.TaskAttributes) > 0) != (i == 0) {
			t.Errorf("event %d: attributes %v of %d bytes", i, e.HasTaskAttributes, len(e.TaskAttributes))
		}
	}
	if e := f.events[1]; e.WorkerAvailable != event.Unknown || e.Text[event.QueueName] != "" {
		t.Error("fields of the first event are in the second: " + e.Text[event.QueueName])
	}
}

func TestMoreAttributesThanTheDecoderRemembersAreReadAsWell(t *testing.T) {
	f := new(found)
	d := decode.New()
	for i := range 20000 {
		d.Line([]byte(envelope("task.updated", `task_attributes={"from":"+`+strconv.Itoa(i)+`"}`)), f)
	}
	distinct := map[string]bool{}
	for _, e := range f.events {
		distinct[string(e.TaskAttributes)] = true
	}
	if len(distinct) != 20000 {
		t.Errorf("%d different attributes of 20000", len(distinct))
	}
}
