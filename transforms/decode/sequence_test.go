package decode_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"flexbeam/schemas/record"
	"flexbeam/transforms/decode"
	"flexbeam/transforms/keyed"
)

// told tells what is found in a line: events by their id, dead letters by class, spot and text.
func told(f *found) (events string, refused []string) {
	var ids []string
	for _, e := range f.events {
		ids = append(ids, e.ID)
	}
	for _, r := range f.refused {
		refused = append(refused, fmt.Sprintf("%s +%d:%d %s", r.class, r.value, r.index, r.text))
	}
	return strings.Join(ids, " "), refused
}

func TestValuesBehindOneAnotherAreAsManyRecords(t *testing.T) {
	a, b, c := envelope("task.created", `sid="EVa"`), envelope("task.updated", `sid="EVb"`), envelope("task.updated", `sid="EVc"`)
	page := `{"meta":{"key":"events"},"events":[` + b + `,7,` + c + `]}`
	tests := []struct {
		name, line, events string
		refused            []string
	}{
		{"nothing between", a + b + c, "EVa EVb EVc", nil},
		{"white space between", " " + a + "\t" + b + "\u00a0\r" + c + " ", "EVa EVb EVc", nil},
		{"lines of a record of a stream", a + "\n" + b + "\r\n\n" + c + "\n", "EVa EVb EVc", nil},
		{"byte order marks", "\ufeff" + a + "\ufeff" + b + " \ufeff " + c + "\ufeff", "EVa EVb EVc", nil},
		{"nothing but a byte order mark", "\ufeff \ufeff", "", nil},
		{"arrays and pages", "[" + a + "]" + page, "EVa EVb EVc", []string{"not_an_object +1:1 7"}},
		{"one that is no record", a + "7" + b + "{}[" + c + ",null]", "EVa EVb EVc", []string{"not_an_object +1:-1 7", "invalid_data +3:-1 {}", "not_an_object +4:1 null"}},
		{"numbers and literals", `1-2.5truenull"a"[]`, "", []string{
			"not_an_object +0:-1 1", "not_an_object +1:-1 -2.5", "not_an_object +2:-1 true", "not_an_object +3:-1 null", `not_an_object +4:-1 "a"`,
		}},
		{"a broken one takes the rest", a + b + ` {"c" ` + c + "  ", "EVa EVb", []string{`invalid_json +2:-1 {"c" ` + c}},
		{"a broken array is one as a whole", a + "[" + b + ",]" + c, "EVa", []string{"invalid_json +1:-1 [" + b + ",]" + c}},
		{"a broken page is one as a whole", a + page[:len(page)-2] + ",]}" + c, "EVa", []string{"invalid_json +1:-1 " + page[:len(page)-2] + ",]}" + c}},
		{"bytes that are no UTF-8", a + "{\"x\":\"\xff\"}" + b, "EVa", []string{"invalid_utf8 +1:-1 {\"x\":\"\xff\"}" + b}},
		{"no UTF-8 in an array", a + "[" + b + ",\"\xff\"]" + c, "EVa", []string{"invalid_utf8 +1:-1 [" + b + ",\"\xff\"]" + c}},
		{"no JSON, and then no UTF-8", a + "x \xff", "EVa", []string{"invalid_utf8 +1:-1 x \xff"}},
		{"a callback behind a record", a + "EventType=x&Sid=1", "EVa", []string{"unknown_form +1:-1 EventType=x&Sid=1"}},
		{"a page in an array is none", "[" + page + "]" + a, "EVa", []string{"invalid_data +0:0 " + page}},
		{"a page without meta", `{"events":[` + a + `]}`, "", []string{`invalid_data +0:-1 {"events":[` + a + `]}`}},
		{"an empty page", `{"events":[],"meta":{}}[]` + a, "EVa", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			events, refused := told(find(test.line))
			if d := cmp.Diff(test.refused, refused); d != "" || events != test.events {
				t.Errorf("events %q, want %q; refused (-want +got):\n%s", events, test.events, d)
			}
		})
	}
}

func TestTheTextOfARecordIsItsOwnSlice(t *testing.T) {
	bare := `{"type":"com.twilio.taskrouter.task.created","data":{"payload":{"account_sid":"AC1","timestamp":1772438400,"task_sid":"WT1"}}}`
	want := only(t, bare)
	f := find("\ufeff" + bare + bare + ` [` + bare + `]{"meta":{},"events":[ ` + bare + ` ]}`)
	if len(f.events) != 4 {
		t.Fatalf("%d events", len(f.events))
	}
	for i, e := range f.events {
		if e.ID != want.ID || e.Sum != want.Sum {
			t.Errorf("record %d: id %s, want %s", i, e.ID, want.ID)
		}
	}
}

func TestOfALargeRestTheBeginIsKept(t *testing.T) {
	a := envelope("task.created")
	rest := `{"broken" ` + strings.Repeat("x", 3<<20)
	var got *decode.Error
	f := find(a + rest)
	decode.New().Line([]byte(rest), refusals(func(e *decode.Error) { got = e }))
	if len(f.events) != 1 || len(f.refused) != 1 || f.refused[0].text != rest[:decode.MaxRest] {
		t.Fatalf("%d events, %d refused", len(f.events), len(f.refused))
	}
	if want := fmt.Sprintf("the first 1 MiB of %d bytes", len(rest)); !strings.Contains(got.Message, want) {
		t.Errorf("the message is %q", got.Message)
	}
	whole := `{"filler":"` + strings.Repeat("x", 3<<20) + `"}`
	if f := find(whole); f.refused[0].text != whole {
		t.Errorf("of a whole record %d bytes are kept", len(f.refused[0].text))
	}
}

func TestARESTEventMayHaveTheNamesOfTwiliosLibraries(t *testing.T) {
	snake := only(t, `{"sid":"EV1","account_sid":"AC1","workspace_sid":"WS1","event_type":"worker.activity","event_date_ms":1772438400123,"event_data":{"worker_sid":"WK1","task_sid":"WT1","worker_attributes":"{}"}}`)
	for name, line := range map[string]string{
		"camel case":             `{"sid":"EV1","accountSid":"AC1","workspaceSid":"WS1","eventType":"worker.activity","eventDateMs":1772438400123,"eventData":{"worker_sid":"WK1","task_sid":"WT1","worker_attributes":"{}"}}`,
		"data as text":           `{"sid":"EV1","accountSid":"AC1","workspaceSid":"WS1","eventType":"worker.activity","eventDateMs":"1772438400123","eventData":"{\"worker_sid\":\"WK1\",\"task_sid\":\"WT1\",\"worker_attributes\":{}}"}`,
		"keys inside stay":       `{"sid":"EV1","accountSid":"AC1","workspaceSid":"WS1","eventType":"worker.activity","eventDateMs":1772438400123,"eventData":{"worker_sid":"WK1","task_sid":"WT1","worker_attributes":"{}","workerSid":"no","eventType":"no"}}`,
		"the log's names before": `{"sid":"EV1","accountSid":"AC2","account_sid":"AC1","workspace_sid":" ","workspaceSid":"WS1","eventType":"task.created","event_type":"worker.activity","event_date_ms":null,"eventDateMs":1772438400123,"event_data":{"worker_sid":"WK1","task_sid":"WT1","worker_attributes":"{}"},"eventData":{}}`,
	} {
		got := only(t, line)
		got.Sum = snake.Sum
		if d := cmp.Diff(snake, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

func TestDataInBase64IsReadLikeData(t *testing.T) {
	const payload = `{"payload":{"sid":"EV1","account_sid":"AC1","task_sid":"WT1","timestamp":5,"reason":"é"}}`
	const head = `{"type":"com.twilio.taskrouter.task.created","id":"EZ1",`
	want := only(t, head+`"data":`+payload+`}`)
	b64 := base64Of(payload)
	for name, line := range map[string]string{
		"padded":              head + `"data_base64":"` + b64 + `"}`,
		"without padding":     head + `"data_base64":"` + strings.TrimRight(b64, "=") + `"}`,
		"escaped":             head + `"data_base64":"` + strings.ReplaceAll(b64, "/", `\/`) + `"}`,
		"white space around":  head + `"data_base64":" ` + base64Of(" "+payload+"\n") + `\n"}`,
		"beside null data":    head + `"data":null,"data_base64":"` + b64 + `"}`,
		"data counts before":  head + `"data_base64":"` + base64Of(`{}`) + `","data":` + payload + `}`,
		"payload as text":     head + `"data_base64":"` + base64Of(`{"payload":`+quoted(`{"sid":"EV1","account_sid":"AC1","task_sid":"WT1","timestamp":5,"reason":"é"}`)+`}`) + `"}`,
		"among other records": head + `"data_base64":"` + b64 + `","event_type":"x"}`,
	} {
		got := only(t, line)
		got.Sum = want.Sum
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	for name, value := range map[string]string{
		"no base64": `"{}"`, "bytes that are no UTF-8": `"` + base64Of("{\"\xff\":1}") + `"`, "an array": `"` + base64Of(`[]`) + `"`, "half an object": `"` + base64Of(`{"a`) + `"`,
		"an object": `{}`, "null": `null`, "nothing": `""`, "text behind": `"` + base64Of(`{} x`) + `"`,
	} {
		if _, refused := told(find(head + `"data_base64":` + value + `}`)); len(refused) != 1 || !strings.HasPrefix(refused[0], "invalid_data ") {
			t.Errorf("%s: refused %v", name, refused)
		}
	}
}

// packers pack a record of a stream.
var packers = []struct {
	name string
	pack func([]byte) []byte
}{
	{"plain", slices.Clone[[]byte]},
	{"gzip", func(b []byte) []byte {
		return written(func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }, b)
	}},
	{"zstd", func(b []byte) []byte {
		return written(func(w io.Writer) io.WriteCloser {
			z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
			must(err)
			return z
		}, b)
	}},
}

func written(pack func(io.Writer) io.WriteCloser, b []byte) []byte {
	var out bytes.Buffer
	w := pack(&out)
	_, err := w.Write(b)
	must(err)
	must(w.Close())
	return out.Bytes()
}

// streamed decodes records of a stream and tells their events and dead letters.
func streamed(t *testing.T, records ...string) (ids string, refused []string) {
	t.Helper()
	fn := setUp(t, 0)
	var all []string
	seen := map[string]bool{} // an event goes to its task and to its worker
	take := func(b keyed.Batch) {
		for _, in := range b.Inputs {
			for i := range in.Records {
				if !in.Events[i].Owned { // another kind's
					continue
				}
				place := in.Records[i].Position + fmt.Sprintf(":%d", in.Records[i].Index)
				if !seen[place] {
					all = append(all, place)
				}
				seen[place] = true
			}
		}
	}
	if err := fn.ProcessElement(context.Background(), batchOf("7", 0, records...), take, func(b []byte) { refused = append(refused, letters(t, b)...) }, nil); err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return strings.Join(all, " "), refused
}

func TestARecordOfAStreamMayHoldSeveralValuesAndBePacked(t *testing.T) {
	a := envelope("task.created")
	for _, p := range packers {
		t.Run(p.name, func(t *testing.T) {
			events, refused := streamed(t, string(p.pack([]byte("\ufeff"+a+a+"\n["+a+",7]"+`{"x`))), a)
			if want := "7-a+1:-1 7-a+2:0 7-a:-1 7-b:-1"; events != want {
				t.Errorf("events at %s, want %s", events, want)
			}
			want := []string{"kinesis:s | shard-1:7-a+2:1 | not_an_object | 7", `kinesis:s | shard-1:7-a+3 | invalid_json | {"x`}
			if d := cmp.Diff(want, refused); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestARecordThatCannotBeUnpackedIsADeadLetterAsItCame(t *testing.T) {
	a := envelope("task.created")
	for _, p := range packers[1:] {
		whole := string(p.pack([]byte(a)))
		large := string(p.pack(append([]byte(a), bytes.Repeat([]byte{' '}, decode.MaxUnpacked)...)))
		largest := string(p.pack(append([]byte(a), bytes.Repeat([]byte{' '}, decode.MaxUnpacked-len(a))...)))
		events, refused := streamed(t, whole[:len(whole)-3], large, largest, whole+"tail", a)
		if events != "7-c:-1 7-e:-1" {
			t.Errorf("%s: events at %s", p.name, events)
		}
		var want []string
		for i, payload := range map[int]string{0: whole[:len(whole)-3], 1: large, 3: whole + "tail"} {
			want = append(want, "kinesis:s | shard-1:7-"+string(rune('a'+i))+" | unreadable_archive | "+payload)
		}
		slices.Sort(want)
		if d := cmp.Diff(want, refused); d != "" {
			t.Errorf("%s (-want +got):\n%.300s", p.name, d)
		}
	}
}

func TestAValueThatIsSpreadOverLinesStandsWhereItBegins(t *testing.T) {
	spread := func(s string) string {
		return strings.NewReplacer(`{`, "{\n", `,"`, ",\r\n\"", `}`, "\n}").Replace(s)
	}
	a := envelope("task.created")
	lines := strings.Count(spread(a), "\n")
	at := func(n int) string { return fmt.Sprint(n) }
	data := "\n\ufeff" + spread(a) + "\n[\n7,\n" + spread(a) + "\n] 8 9\n\n" + spread(a) + "{\n} {} {\n}\n \"x\n"
	b := record.Batch{Source: "file", Name: "f", FirstLine: 10, Values: true, Data: []byte(data)}
	array := 10 + 1 + lines + 1
	behind := array + 2 + lines + 1
	last := behind + 2 + lines
	want := []string{
		"file | f:" + at(array) + ":0 | not_an_object | 7", "file | f:" + at(behind) + " | not_an_object | 8", "file | f:" + at(behind) + "+1 | not_an_object | 9",
		"file | f:" + at(last) + " | invalid_data | {\n}", "file | f:" + at(last+1) + " | invalid_data | {}", "file | f:" + at(last+1) + "+1 | invalid_data | {\n}",
		"file | f:" + at(last+3) + " | invalid_json | \"x",
	}
	fn := setUp(t, 3)
	n := 0
	var got []string
	take := func(b keyed.Batch) { n += len(ofTasks(t, b)) }
	if err := fn.ProcessElement(context.Background(), b, take, func(b []byte) { got = append(got, letters(t, b)...) }, func(string, []byte) {}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" || n != 3 {
		t.Errorf("%d events, dead letters (-want +got):\n%s", n, d)
	}
}

// TestALineIsTheSumOfItsValues draws lines of values, good and broken ones, and expects what each value
// gives alone.
func TestALineIsTheSumOfItsValues(t *testing.T) {
	whole := []string{
		envelope("task.created"), envelope("worker.activity.update"), testEvent, documented, rest, kinesis, `[` + rest + `,7]`, `{"meta":{},"events":[` + rest + `,{}]}`, `[]`, `{}`, `"text"`, `null `, `12 `, `{"Records":[]}`,
	}
	broken := []string{`{"a":`, `[1,]`, "{\"\xff\":1}", "x", "TaskSid=1&a=b", `{"events":[1,],"meta":{}}`}
	rapid.Check(t, func(r *rapid.T) {
		values := rapid.SliceOfN(rapid.SampledFrom(whole), 0, 6).Draw(r, "values")
		gaps := rapid.SampledFrom([]string{"", " ", "\t\r", "\u2028", "\ufeff"})
		want := new(found)
		var line strings.Builder
		add := func(i int, value string) {
			f := find(value)
			want.events, want.dropped = append(want.events, f.events...), want.dropped+f.dropped
			for _, one := range f.refused {
				one.value = i
				want.refused = append(want.refused, one)
			}
		}
		for i, v := range values {
			add(i, v)
			line.WriteString(gaps.Draw(r, "gap") + v)
		}
		line.WriteString(gaps.Draw(r, "gap"))
		if rapid.Bool().Draw(r, "break") {
			rest := rapid.SampledFrom(broken).Draw(r, "broken") + strings.Join(rapid.SliceOfN(rapid.SampledFrom(whole), 0, 2).Draw(r, "behind"), " ")
			add(len(values), rest)
			line.WriteString(rest)
		}
		got := find(line.String())
		if d := cmp.Diff(want, got, cmp.AllowUnexported(found{}, refusal{})); d != "" {
			r.Fatalf("%s (-want +got):\n%s", line.String(), d)
		}
	})
}
