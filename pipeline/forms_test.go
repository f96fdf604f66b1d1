package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/history"
	"flexbeam/schemas/model"
)

// TestEveryWayToReadAFileFindsTheSameInEveryForm writes one call in the forms that tools leave it
// in, with broken records among them. Each form alone, and all together, give the rows of the call
// on lines.
func TestEveryWayToReadAFileFindsTheSameInEveryForm(t *testing.T) {
	events := history.Parse("0 entered\n10 created\n15 accepted\n30 wrapup\n40 completed")
	var object, rest []string
	for _, e := range events {
		object, rest = append(object, string(e.Record(history.Object))), append(rest, string(e.Record(history.REST)))
	}
	indented := func(text string) string {
		var b bytes.Buffer
		if err := json.Indent(&b, []byte(text), "", "  "); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	camel := strings.NewReplacer(`"account_sid":`, `"accountSid":`, `"event_type":`, `"eventType":`, `"event_date_ms":`, `"eventDateMs":`, `"event_data":`, `"eventData":`)
	list := indented("[" + camel.Replace(strings.Join(rest, ",")) + ",7]")
	lines := strings.Count(list, "\n") + 1
	files := []struct {
		name, text string
		letters    []string
	}{
		{"line.ndjson", "\ufeff" + strings.Join(object, "") + "7 {\"x\n", []string{":1+5 not_an_object 7", `:1+6 invalid_json {"x`}},
		{"spread.json", indented(object[0]) + strings.Join(object[1:3], "") + "\n" + indented(object[3]) + indented(object[4]) + "\n\n{\n]\n" + object[0], nil},
		{"list.json", list + "8\n\"TaskSid=1\"\n", []string{":1:5 not_an_object 7", ":" + strconv.Itoa(lines) + " not_an_object 8", ":" + strconv.Itoa(lines+1) + ` unknown_form "TaskSid=1"`}},
		{"page.json.gz", `{"meta":{},"events":[` + strings.Join(rest, ",") + `,{}]}` + "\n", []string{":1:5 invalid_data {}"}},
		{"plain.ndjson", strings.Join(object, "\n"), nil},
	}
	broken := strings.Count(files[1].text[:strings.Index(files[1].text, "\n{\n]")+1], "\n") + 1
	files[1].letters = []string{":" + strconv.Itoa(broken) + " invalid_json {\n]\n" + object[0]}

	dir := t.TempDir()
	var want []string
	for _, f := range files {
		path, data := filepath.Join(dir, f.name), []byte(f.text)
		if strings.HasSuffix(f.name, ".gz") {
			data = zipped(t, data)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, l := range f.letters {
			want = append(want, path+l)
		}
	}
	slices.Sort(want)
	var rows []model.Row
	for _, o := range []Options{
		{Runner: Direct}, {Runner: Prism, Mode: Batch}, {Mode: Stream}, {Mode: Stream, Source: "?lateness=10m", FlushEvery: 100 * time.Millisecond},
	} {
		store := history.NewStore()
		o.Source, o.Sink = "file:"+filepath.Join(dir, "*")+o.Source, memory(store)
		sum, err := run(context.Background(), t, o, 300)
		if err != nil {
			t.Fatal(err)
		}
		if sum.Events != int64(5*len(events)) || sum.Duplicates != int64(4*len(events)) || sum.WorstClass == "" || sum.Useless() {
			t.Errorf("%+v: %+v", o, sum)
		}
		tables := store.Tables()
		var got []string
		for _, r := range tables["dead_letters"] {
			d := &model.DeadLetters
			got = append(got, d.Get(r, "position").Str+" "+d.Get(r, "error_class").Str+" "+d.Get(r, "payload").Str)
		}
		slices.Sort(got)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%+v: dead letters (-want +got):\n%s", o, d)
		}
		if len(tables["engagements"]) != 2 {
			t.Errorf("%+v: %d engagements", o, len(tables["engagements"]))
		}
		if rows == nil {
			rows = tables["engagements"]
		}
		if d := cmp.Diff(rows, tables["engagements"]); d != "" {
			t.Errorf("%+v: engagements (-first +this):\n%s", o, d)
		}
	}
}
