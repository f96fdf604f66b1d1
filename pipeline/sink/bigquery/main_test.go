package bigquery

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/bigquery"
	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	beamharness "github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/harness"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/util/hooks"
	"google.golang.org/api/iterator"

	"flexbeam/internal/testkit/bigquerylocal"
	"flexbeam/pipeline/sink"
	"flexbeam/pipeline/sink/sinktest"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// realEnv names a project and dataset of Google, PROJECT.DATASET, to run the suite against. Each
// place of a test is a dataset of its own, with that name in front, which is deleted afterwards.
const realEnv = "FLEXBEAM_TEST_BIGQUERY"

func TestMain(m *testing.M) {
	if args := os.Getenv(childEnv); args != "" {
		childMain(args)
	}
	flag.Parse()
	hooks.DisableHook(beamharness.DefaultRemoteLoggingHook)
	beam.Init()
	slog.SetDefault(slog.New(slog.DiscardHandler)) // Beam's chatter
	flag.Visit(func(f *flag.Flag) { checksGiven = checksGiven || f.Name == "rapid.checks" })
	if !checksGiven { // opening is most of a check of the suite
		flag.Set("rapid.checks", "15")
	}
	os.Exit(m.Run())
}

var (
	checksGiven bool // the command line says how many checks property tests have
	lastDataset atomic.Int64
)

// startLocal starts a local BigQuery for a test.
func startLocal(t testing.TB, o bigquerylocal.Options) *bigquerylocal.Server {
	t.Helper()
	s, err := bigquerylocal.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// localURI returns the URI of a new dataset.
func localURI(s *bigquerylocal.Server, options string) string {
	u := fmt.Sprintf("bigquery:local-project.calls_%d?max_staleness=0s&retry=1m&endpoint=%s&grpc_endpoint=%s", lastDataset.Add(1),
		strings.TrimSuffix(s.RESTEndpoint, "/bigquery/v2/"), s.GRPCEndpoint)
	if options != "" {
		u += "&" + options
	}
	return u
}

func harness(t *testing.T, options string) sinktest.Harness {
	config := func() func(testing.TB) string {
		if real := os.Getenv(realEnv); real != "" {
			return func(t testing.TB) string {
				uri := fmt.Sprintf("bigquery:%s_%d_%d?max_staleness=0s&%s", real, time.Now().Unix(), lastDataset.Add(1), options)
				t.Cleanup(func() { dropDataset(t, uri) })
				return uri
			}
		}
		s := startLocal(t, bigquerylocal.Options{AnyDay: true}) // values of all kinds are keys
		return func(testing.TB) string { return localURI(s, options) }
	}()
	return sinktest.Harness{
		Place:        config,
		Rows:         readRows,
		Kill:         func(_ testing.TB, uri string) string { return uri }, // what is stored is not in the process
		KeepsOldKeys: strings.Contains(options, modeStream),
		Away:         func(t testing.TB, uri string) string { dropDataset(t, uri); return "" },
	}
}

func dropDataset(t testing.TB, uri string) {
	p := configOf(t, uri)
	c, err := p.rest(context.Background())
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	if err := c.DatasetInProject(p.project, p.dataset).DeleteWithContents(context.Background()); err != nil && restStatus(err) != http.StatusNotFound {
		t.Error(err)
	}
}

func configOf(t testing.TB, uri string) config {
	t.Helper()
	p, err := parseConfig(strings.TrimPrefix(uri, "bigquery:"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// readRows reads a table as a user of the dataset would.
func readRows(t testing.TB, uri string, table *model.Table) []model.Row {
	t.Helper()
	p, kept := configOf(t, uri), tables[table.ID]
	var names []string
	var cells []int
	for i, c := range kept.columns {
		names, cells = append(names, c.name), append(cells, i)
	}
	var rows []model.Row
	ask(t, p, "SELECT "+strings.Join(names, ", ")+" FROM "+p.sql(table.Name), func(values []bigquery.Value) {
		r := table.NewRow()
		if err := fill(kept, r, cells, values); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r)
	})
	return rows
}

func ask(t testing.TB, p config, sql string, f func([]bigquery.Value)) {
	t.Helper()
	c, err := p.rest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	it, err := c.Query(sql).Read(ctx)
	if err != nil {
		t.Fatalf("%v in %s", err, sql)
	}
	for {
		var row []bigquery.Value
		err := it.Next(&row)
		if errors.Is(err, iterator.Done) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		f(row)
	}
}

// openSink opens a sink that is closed at the end of the test, if it is not before.
func openSink(t testing.TB, uri string) *Writer {
	t.Helper()
	return openSinkWith(t, uri, sink.Options{})
}

func openSinkWith(t testing.TB, uri string, o sink.Options) *Writer {
	t.Helper()
	s, err := sink.Open(t.Context(), uri, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(context.WithoutCancel(t.Context())) })
	return s.(*Writer)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sampleRows returns rows of engagements.
func sampleRows(t testing.TB, n int) []model.Row {
	var rows []model.Row
	for _, b := range sinktest.Engagements(n, 1<<20, 1) {
		must(t, b.Each(func(c change.Change) error {
			rows = append(rows, append(model.Row(nil), c.Row...))
			return nil
		}))
	}
	return rows
}

// sampleAgent returns a block that upserts an agent.
func sampleAgent(id string, version int64) change.Block {
	a := &model.Agents
	r := a.NewRow()
	for name, text := range map[string]string{"account_sid": "AC1", "agent_id": id, "agent_name": "Alena", "state": "Active", "agent_type": "User"} {
		r[a.Col(name)] = model.Text(text)
	}
	r[a.Col("row_version")] = model.Integer(version)
	return change.Block(nil).Append(change.Change{Table: a.ID, Row: r})
}
