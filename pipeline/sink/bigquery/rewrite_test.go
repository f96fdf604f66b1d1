package bigquery

import (
	"errors"
	"strings"
	"testing"
	"time"

	"flexbeam/internal/testkit/bigquerylocal"
	"flexbeam/pipeline/sink"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// newNames gives agents other names.
var newNames = sink.Rewriting{
	Tables: []sink.TableRewriting{
		{Table: model.AgentsID, Texts: []string{"agent_name"}, Text: func(cells []string) { cells[0] = "new" }},
		{Table: model.EngagementsID, Texts: []string{"reason"}, Text: func(cells []string) { cells[0] = "new" }},
	},
	During: sink.Shape{ContactKey: "during", Options: "o"}, After: sink.Shape{ContactKey: "after", Options: "o"},
}

func TestRowsAreNotRewrittenBesideAnotherJobNorWhereNothingIsRemembered(t *testing.T) {
	s := startLocal(t, bigquerylocal.Options{})
	uri := localURI(s, "mode=stream")
	writeAll(t, uri, sink.Options{}, sampleAgent("WK1", 1))
	other := openSink(t, uri)
	for _, test := range []struct {
		uri  string
		want error
	}{{uri, errOthers}, {uri + "&schema=none", sink.ErrNoRewrite}} {
		w := openSink(t, test.uri)
		if err := w.Rewrite(t.Context(), newNames); !errors.Is(err, test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %v", test.uri, err, test.want)
		}
		must(t, w.Close(t.Context()))
	}
	must(t, other.Close(t.Context()))
	if got := model.Agents.Get(readRows(t, uri, &model.Agents)[0], "agent_name").Str; got != "Alena" {
		t.Errorf("the name is %q", got)
	}
}

// A row whose day is too far away to be streamed stays as it was: that must not go unsaid.
func TestARewritingFailsWhereARowCannotBeWritten(t *testing.T) {
	s := startLocal(t, bigquerylocal.Options{})
	uri := localURI(s, "")
	old := time.Date(2000, 5, 1, 12, 0, 0, 0, time.UTC).UnixMilli()
	writeAll(t, uri+"&mode=load", bounded, change.Block(nil).Append(engagementOf(1, fields{"start_time": old, "end_time": old + 1000})), sampleAgent("WK1", 1))
	now := time.Now().UnixMilli()
	writeAll(t, uri+"&mode=stream", sink.Options{}, change.Block(nil).Append(engagementOf(2, fields{"start_time": now, "end_time": now + 1000})))
	w := openSink(t, uri)
	err := w.Rewrite(t.Context(), newNames)
	if err == nil || !strings.Contains(err.Error(), "refuses 1 of them") || !strings.Contains(err.Error(), "new dataset") {
		t.Errorf("got %v", err)
	}
	if shape, err := w.Shape(t.Context()); err != nil || shape != newNames.During {
		t.Errorf("the shape is %+v, %v", shape, err)
	}
}
