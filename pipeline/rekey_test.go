package pipeline

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"
	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/history"
	"flexbeam/pipeline/sink"
	_ "flexbeam/pipeline/sink/duckdb"
	"flexbeam/schemas/model"
	"flexbeam/simulate"
	"flexbeam/transforms/customer"
	"flexbeam/transforms/engagement"
)

const rekeyKey = "a key"

// What becomes of the cells of one engagement, whose task has the contact that stands first.
func TestAContactKeyReachesTheCellsOfARow(t *testing.T) {
	const task, sid = "WT0123456789abcdef0123456789abcdef", "CH0123456789abcdef0123456789abcdef"
	id := customer.Key(rekeyKey).ID
	tests := []struct{ contact, column, cell, want string }{
		{"+15551230001", "contact_id", "+15551230001", id("+15551230001")},
		{task, "contact_id", task, task}, // it has no contact
		{"+15551230001", "conversation_id", task, task},
		{"+15551230001", "conversation_id", "case 7", id("case 7")},
		{"+15551230001", "conversation_id", "whatsapp:+1 555 123-0009", id("+15551230009")},
		{sid, "conversation_id", sid, id(sid)}, // an external_id that looks like a SID
		{task, "conversation_id", "case 7", id("case 7")},
		{task, "conversation_id", task, task},
		{"cust-1", "case_id", "cust-1", id("cust-1")},
		{"cust-1", "case_id", "cust-2", "cust-2"},
		{"cust-1", "case_id", "for cust-1", "for cust-1"}, // only a replay reaches what contains one
		{"+15551230001", "reason", "+1 (555) 123-0001", id("+15551230001")},
		{"+15551230001", "reason", "tel:+15559990000", id("+15559990000")},
		{"+15551230001", "reason", "Ann@Example.com", id("ann@example.com")},
		{"+15551230001", "company_contact", "+18005550100", id("+18005550100")},
		{"+15551230001", "recording_url", "https://example.com/RE1", id("https://example.com/RE1")}, // reads as an address
		{"+15551230001", "queue", "Sales", "Sales"},
		{"+15551230001", "queue", "", ""},
		{"Sales", "queue", "Sales", id("Sales")},
		{"Voice", "channel_type", "Voice", "Voice"}, // a word of the model
		{task, "queue", task, task},
	}
	for _, test := range tests {
		cells := map[string]string{"task_sid": task, "contact_id": test.contact, "conversation_id": task, test.column: test.cell}
		row := make([]string, 0, 40)
		engagements := rekeyTables(rekeyKey)[0]
		for _, c := range engagements.Texts {
			row = append(row, cells[c])
		}
		engagements.Text(row)
		got := test.cell
		if i := slices.Index(engagements.Texts, test.column); i >= 0 {
			got = row[i]
		}
		if got != test.want {
			t.Errorf("%s %q of %s: got %q, want %q", test.column, test.cell, test.contact, got, test.want)
		}
	}
}

// A world is events in a file, and where jobs write their rows.
type rekeyWorld struct {
	*testing.T
	dir, events string
	log         bytes.Buffer
}

func newRekeyWorld(t *testing.T, tasks int) *rekeyWorld {
	w := &rekeyWorld{T: t, dir: t.TempDir()}
	w.events = filepath.Join(w.dir, "events.ndjson")
	c := simulate.DefaultConfig()
	c.Seed, c.Tasks, c.Dirty = 11, tasks, 0.02
	if err := os.WriteFile(w.events, written(t, c), 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *rekeyWorld) run(uri string, change func(*Options)) error {
	w.log.Reset()
	o := Options{Source: "file:" + w.events, Sink: uri, Runner: Direct, Log: slog.New(slog.NewTextHandler(&w.log, nil))}
	change(&o)
	j, err := New(o)
	if err != nil {
		return err
	}
	_, err = j.Run(context.Background())
	return err
}

// nothing has a job read nothing, so that its sink has only what was there.
func (w *rekeyWorld) nothing(o *Options) {
	path := filepath.Join(w.dir, "nothing.ndjson")
	if err := os.WriteFile(path, []byte("\n"), 0o600); err != nil {
		w.Fatal(err)
	}
	o.Source = "file:" + path
}

func withKey(o *Options) { o.ContactKey = rekeyKey }
func rekeyed(o *Options) { o.ContactKey, o.Rekey = rekeyKey, true }
func (w *rekeyWorld) only(change func(*Options)) func(*Options) {
	return func(o *Options) { change(o); w.nothing(o) }
}

// rows reads the rows of a table, each with its cells by column as text; of a null there is none.
func (w *rekeyWorld) rows(uri, table string) []map[string]string {
	w.Helper()
	kind, place, _ := strings.Cut(uri, ":")
	if kind == "jsonl" {
		return w.lines(filepath.Join(place, table+".jsonl"))
	}
	file := filepath.Join(w.dir, "rows.jsonl")
	db, err := sql.Open("duckdb", place+"?access_mode=read_only")
	if err != nil {
		w.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("COPY (FROM " + table + " ORDER BY ALL) TO '" + file + "' (FORMAT json)"); err != nil {
		w.Fatal(err)
	}
	return w.lines(file)
}

func (w *rekeyWorld) lines(file string) (rows []map[string]string) {
	w.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		w.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var cells map[string]any
		if err := json.Unmarshal(line, &cells); err != nil {
			w.Fatal(err)
		}
		row := map[string]string{}
		for c, v := range cells {
			if v != nil {
				row[c] = fmt.Sprint(v)
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// byKey returns the rows of a table of engagements by their ids.
func byKey(rows []map[string]string) map[string]map[string]string {
	m := map[string]map[string]string{}
	for _, r := range rows {
		m[r["account_sid"]+" "+r["engagement_id"]] = r
	}
	return m
}

// sorted returns rows as texts in one order.
func sorted(rows []map[string]string) []string {
	var all []string
	for _, r := range rows {
		all = append(all, fmt.Sprint(r)) // fmt sorts the columns
	}
	slices.Sort(all)
	return all
}

// Rows that get the key later are those of a job that had it, as far as a row tells: contact_id,
// conversation_id, whatever equals the contact or reads as an address, customers and dead letters.
// And so they are wherever the rewriting was stopped before.
func TestRowsThatGetAContactKeyLaterAreThoseOfAJobThatHadIt(t *testing.T) {
	for _, kind := range []string{"jsonl", "duckdb"} {
		t.Run(kind, func(t *testing.T) {
			w := newRekeyWorld(t, 60)
			place := func(name string) string { return kind + ":" + filepath.Join(w.dir, name) }
			for uri, change := range map[string]func(*Options){place("clear"): func(*Options) {}, place("fresh"): withKey, place("later"): func(*Options) {}, place("stopped"): func(*Options) {}} {
				w.must(w.run(uri, change))
			}
			w.must(w.run(place("later"), w.only(rekeyed)))
			w.stop(place("stopped"), 7, 70, 150)
			w.must(w.run(place("stopped"), w.only(rekeyed)))
			for _, table := range []string{"customers", "dead_letters", "agents", "agent_status"} {
				want := w.rows(place("fresh"), table)
				if d := cmp.Diff(sorted(want), sorted(w.rows(place("later"), table))); d != "" || len(want) == 0 {
					t.Errorf("%s, %d rows (-want +got):\n%.2000s", table, len(want), d)
				}
			}
			for _, table := range model.Tables {
				if d := cmp.Diff(sorted(w.rows(place("later"), table.Name)), sorted(w.rows(place("stopped"), table.Name))); d != "" {
					t.Errorf("%s of one that was stopped (-want +got):\n%.2000s", table.Name, d)
				}
			}
			w.compare(byKey(w.rows(place("clear"), "engagements")), byKey(w.rows(place("fresh"), "engagements")), byKey(w.rows(place("later"), "engagements")))

			w.must(w.run(place("later"), withKey)) // a replay reaches the rest
			if d := cmp.Diff(sorted(w.rows(place("fresh"), "engagements")), sorted(w.rows(place("later"), "engagements"))); d != "" {
				t.Errorf("after a replay (-want +got):\n%.2000s", d)
			}
		})
	}
}

// compare compares engagements that got the key later with those of a job that had it.
func (w *rekeyWorld) compare(clear, fresh, later map[string]map[string]string) {
	w.Helper()
	hidden := engagement.HiddenColumns()
	hashed := map[string]int{}
	for id, want := range fresh {
		got, was := later[id], clear[id]
		for _, c := range model.Engagements.Columns {
			cell := was[c.Name]
			names := cell == was["contact_id"] || customer.NormalizeAddress(cell) == was["contact_id"]
			expected := want[c.Name]
			switch {
			case !slices.Contains(hidden, c.Name): // contact_id and conversation_id, and what no key hides
			case names || customer.ReadsAsAddress(cell):
				if expected == cell {
					expected = customer.Key(rekeyKey).ID(customer.NormalizeAddress(cell))
				}
			default:
				expected = cell // another name of the customer, or none
			}
			if got[c.Name] != expected {
				w.Errorf("%s of %s: %q became %q, want %q", c.Name, id, cell, got[c.Name], expected)
			}
			if got[c.Name] != cell {
				hashed[c.Name]++
			}
		}
	}
	if len(fresh) == 0 || len(later) != len(fresh) || hashed["contact_id"] == 0 || hashed["company_contact"] == 0 {
		w.Errorf("%d rows, want %d; cells that were hashed: %v", len(later), len(fresh), hashed)
	}
}

func (w *rekeyWorld) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// stop begins to rewrite the rows of a sink, again and again, and stops at each of the places,
// counted in rows. Meanwhile other jobs are refused, if any row is new.
func (w *rekeyWorld) stop(uri string, places ...int) {
	w.Helper()
	stop := errors.New("stop")
	for _, at := range places {
		s, err := sink.Open(context.Background(), uri, sink.Options{})
		w.must(err)
		is, err := s.Shape(context.Background())
		w.must(err)
		ctx, end := context.WithCancelCause(context.Background())
		o := Options{ContactKey: rekeyKey}
		o.defaults()
		r := sink.Rewriting{Tables: rekeyTables(rekeyKey), After: o.shape()}
		r.During = sink.Shape{ContactKey: rekeying + r.After.ContactKey, Options: is.Options}
		n := 0
		for i := range r.Tables {
			if text := r.Tables[i].Text; text != nil {
				r.Tables[i].Text = func(cells []string) {
					if n++; n == at {
						end(stop)
					}
					text(cells)
				}
			}
		}
		err = s.Rewrite(ctx, r)
		end(nil)
		if !errors.Is(err, stop) {
			w.Fatalf("stopped at row %d of %d: %v", at, n, err)
		}
		is, err = s.Shape(context.Background())
		w.must(err)
		_ = s.Close(context.Background())
		if is != r.During {
			continue // nothing is new
		}
		for _, change := range []func(*Options){func(*Options) {}, withKey, func(o *Options) { o.ContactKey = "another" }, func(o *Options) { rekeyed(o); o.ContactKey = "another" }} {
			if err := w.run(uri, change); !errors.Is(err, errRekeying) || !strings.Contains(err.Error(), "--rekey") {
				w.Errorf("stopped at row %d, another job ends with %v", at, err)
			}
		}
	}
}

// Who may put a key into the rows of a sink, and what the others are told.
func TestAKeyIsPutIntoRowsThatHaveNone(t *testing.T) {
	w := newRekeyWorld(t, 5)
	uri := "jsonl:" + filepath.Join(w.dir, "out")
	hiding := func(o *Options) { rekeyed(o); o.Hidden = []string{"Break"} }
	for _, step := range []struct {
		name   string
		change func(*Options)
		want   error
		says   []string
	}{
		{"no key", func(o *Options) { o.Rekey = true }, ErrUsage, []string{"--rekey", "--contact-key-file"}},
		{"a new sink", rekeyed, errKeyUnsure, []string{"leave out --rekey"}},
		{"the first job", func(*Options) {}, nil, nil},
		{"a key alone", withKey, errNoKey, []string{"--rekey", "replay", "new sink"}},
		{"other options", hiding, errOtherOptions, []string{"--reshape"}},
		{"a key", rekeyed, nil, []string{"until everything is read again with this key"}},
		{"again", rekeyed, errHasKey, []string{"leave out --rekey"}},
		{"another key", func(o *Options) { rekeyed(o); o.ContactKey = "another" }, errOtherKey, []string{"new sink"}},
		{"no key any more", func(*Options) {}, errOtherKey, []string{"give that key"}},
		{"the next with the key", withKey, nil, nil},
	} {
		err := w.run(uri, step.change)
		text := w.log.String()
		if err != nil {
			text = err.Error()
		}
		if !errors.Is(err, step.want) || strings.Contains(text, "\n") && err != nil {
			t.Errorf("%s: %v, want %v", step.name, err, step.want)
		}
		for _, says := range step.says {
			if !strings.Contains(text, says) {
				t.Errorf("%s: %q does not say %q", step.name, text, says)
			}
		}
	}
	both := "jsonl:" + filepath.Join(w.dir, "both")
	w.must(w.run(both, func(*Options) {}))
	w.must(w.run(both, func(o *Options) { hiding(o); o.Reshape = true }))

	if err := w.run(memory(history.NewStore()), withKey); err != nil {
		t.Fatal(err)
	}
	store := history.NewStore()
	w.must(w.run(memory(store), func(*Options) {}))
	if err := w.run(memory(store), rekeyed); !errors.Is(err, sink.ErrNoRewrite) {
		t.Errorf("a sink that cannot: %v", err)
	}
}
