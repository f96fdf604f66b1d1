package history

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	gocmp "github.com/google/go-cmp/cmp"

	"flexbeam/internal/span"
	"flexbeam/pipeline/sink"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// A Store is the plainest sink: it settles changes in memory, by key and version (contract, section 7).
type Store struct {
	Shared bool // several jobs write at a time

	id    string
	shape sink.Shape
	mu    sync.Mutex
	known map[string]change.Change
}

var lastStore atomic.Int64

// NewStore returns an empty store.
func NewStore() *Store {
	return &Store{id: fmt.Sprint("memory ", lastStore.Add(1)), known: map[string]change.Change{}}
}

// Write settles the changes of a block.
func (s *Store) Write(_ context.Context, b change.Block) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return b.Each(func(c change.Change) error {
		key := string(c.Of().AppendKey([]byte{byte(c.Table)}, c.Row))
		if old, ok := s.known[key]; !ok || c.Version() >= old.Version() {
			c.Row = slices.Clone(c.Row)
			s.known[key] = c
			if c.Delete && c.Forget {
				delete(s.known, key)
			}
		}
		return nil
	})
}

// Flush does nothing: what is written is there.
func (s *Store) Flush(context.Context) error { return nil }

// Counts returns the number of rows of each table.
func (s *Store) Counts(context.Context) (map[string]int64, error) {
	n := map[string]int64{}
	for name, rows := range s.Tables() {
		n[name] = int64(len(rows))
	}
	return n, nil
}

// Owners calls f with the rows of a table that are there and have an owner, of a span.
func (s *Store) Owners(_ context.Context, id model.TableID, in span.Span, f func(model.Row) error) error {
	at := model.Tables[id].TimeColumn()
	return s.owned(id, func(r model.Row) error {
		if !r[at].IsNull() && !in.Covers(span.Span{From: r[at].Num, To: r[at].Num}) {
			return nil
		}
		return f(r)
	})
}

// owned calls f with the rows of a table that are there and have an owner.
func (s *Store) owned(id model.TableID, f func(model.Row) error) error {
	t := model.Tables[id]
	for _, r := range s.Tables()[t.Name] {
		if !t.Owned(r) {
			continue
		}
		if err := f(r); err != nil {
			return err
		}
	}
	return nil
}

// Queries tells of none.
func (s *Store) Queries() sink.Queries { return sink.Queries{} }

// Find calls f with the rows that a query asks for.
func (s *Store) Find(_ context.Context, id model.TableID, q model.OwnerQuery, f func(model.Row) error) error {
	t := model.Tables[id]
	if t.Owner.Kind == "" {
		return nil
	}
	wanted := map[model.OwnerKey]bool{}
	for _, o := range q.Owners {
		if t.Owner.Account == "" {
			o.Account = ""
		}
		wanted[o] = true
	}
	return s.owned(id, func(r model.Row) error {
		account, sid := t.OwnerKey(r)
		if !wanted[model.OwnerKey{Account: account, SID: sid}] || !q.Holds(t, r) {
			return nil
		}
		return f(r)
	})
}

// Rows calls f with whole rows.
func (s *Store) Rows(_ context.Context, id model.TableID, column string, texts []string, f func(model.Row) error) error {
	t := model.Tables[id]
	for _, r := range s.Tables()[t.Name] {
		if column != "" && !slices.Contains(texts, t.Get(r, column).Str) {
			continue
		}
		if err := f(r); err != nil {
			return err
		}
	}
	return nil
}

// Shape returns what was remembered last.
func (s *Store) Shape(context.Context) (sink.Shape, error) { return s.shape, nil }

// SetShape remembers a shape.
func (s *Store) SetShape(_ context.Context, shape sink.Shape) error { s.shape = shape; return nil }

// Rewrite refuses: nothing that is tested over memory rewrites rows.
func (s *Store) Rewrite(context.Context, sink.Rewriting) error { return sink.ErrNoRewrite }

// OtherJobs tells whether the store was said to be shared.
func (s *Store) OtherJobs(context.Context) (bool, error) { return s.Shared, nil }

// ID returns what tells the store from all others of the process.
func (s *Store) ID(context.Context) (string, error) { return s.id, nil }

// Close does nothing: the tables can be read afterwards.
func (s *Store) Close(context.Context) error { return nil }

// Tables returns the rows that are there.
func (s *Store) Tables() Tables {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := Tables{}
	for _, c := range s.known {
		if !c.Delete {
			t[c.Of().Name] = append(t[c.Of().Name], c.Row)
		}
	}
	for name, rows := range t {
		keys := model.Lookup(name).Keys()
		slices.SortFunc(rows, func(a, b model.Row) int {
			for _, k := range keys {
				if c := cmp.Or(strings.Compare(a[k].Str, b[k].Str), cmp.Compare(a[k].Num, b[k].Num)); c != 0 {
					return c
				}
			}
			return 0
		})
	}
	return t
}

// Tables holds rows by the name of their table, in order of their keys.
type Tables map[string][]model.Row

// Diff returns how the tables differ, empty when no cell does.
func Diff(want, got Tables, ignore ...string) string {
	for _, t := range model.Tables {
		if d := diff(t, want[t.Name], got[t.Name], ignore); d != "" {
			return t.Name + " (-want +got):\n" + d
		}
	}
	return ""
}

func diff(t *model.Table, want, got []model.Row, ignore []string) string {
	if len(want) == len(got) {
		same := true
		for i := range want {
			for j := range want[i] {
				same = same && (want[i][j] == got[i][j] || slices.Contains(ignore, t.Columns[j].Name))
			}
		}
		if same {
			return ""
		}
	}
	return gocmp.Diff(byKey(t, want, ignore), byKey(t, got, ignore))
}

func byKey(t *model.Table, rows []model.Row, ignore []string) map[string]map[string]string {
	m := map[string]map[string]string{}
	for _, r := range rows {
		var key []string
		for _, i := range t.Keys() {
			key = append(key, r[i].String())
		}
		cells := Cells(t, r)
		for _, c := range ignore {
			delete(cells, c)
		}
		m[strings.Join(key, " ")] = cells
	}
	return m
}

// Cells returns the cells of a row that are not null, as text.
func Cells(t *model.Table, r model.Row) map[string]string {
	m := map[string]string{}
	for i, v := range r {
		if !v.IsNull() {
			m[t.Columns[i].Name] = v.String()
		}
	}
	return m
}

// Rows returns the rows of a table as Cells.
func (t Tables) Rows(table string) []map[string]string {
	var rows []map[string]string
	for _, r := range t[table] {
		rows = append(rows, Cells(model.Lookup(table), r))
	}
	return rows
}

// Show returns the cells of a table under the named columns, a text for each row in order of keys;
// null is a dash.
func (t Tables) Show(table, columns string) []string {
	var rows []string
	for _, r := range t[table] {
		var cells []string
		for _, c := range strings.Fields(columns) {
			cells = append(cells, text(model.Lookup(table).Get(r, c)))
		}
		rows = append(rows, strings.Join(cells, " | "))
	}
	return rows
}

// Engagements tells the engagements in short, by start, end and id: Q[start,end,outcome] for a
// queue, A[start,end,wait,invitation,engagement,wrap-up] for an agent, I[start,end,outcome] for an
// invitation. All times are in seconds, starts and ends since Start; a dash is null. Behind stands
// what is out of the ordinary: the status, and whether the row is inferred.
func (t Tables) Engagements() []string {
	e := &model.Engagements
	rows := slices.Clone(t[e.Name])
	start, end, id := e.Col("start_time"), e.Col("end_time"), e.Col("engagement_id")
	slices.SortFunc(rows, func(a, b model.Row) int {
		return cmp.Or(cmp.Compare(a[start].Num, b[start].Num), cmp.Compare(a[end].Num, b[end].Num), strings.Compare(a[id].Str, b[id].Str))
	})
	var all []string
	for _, r := range rows {
		columns := "outcome_type"
		if e.Get(r, "engagement_type").Str == "Agent" {
			columns = "wait_time_seconds invitation_time_seconds engagement_time_seconds wrap_up_time_seconds"
		}
		s := e.Get(r, "engagement_type").Str[:1] + "[" + since(r[start]) + "," + since(r[end])
		for _, c := range strings.Fields(columns) {
			s += "," + text(e.Get(r, c))
		}
		s += "]"
		if status := e.Get(r, "status").Str; status != "Completed" {
			s += " " + status
		}
		if e.Get(r, "inferred").Num != 0 {
			s += " inferred"
		}
		all = append(all, s)
	}
	return all
}

// Activities tells the agent status in short: agent, quarter hour, activity, seconds, availability.
func (t Tables) Activities() []string {
	var all []string
	for _, r := range t[model.AgentStatus.Name] {
		c := Cells(&model.AgentStatus, r)
		all = append(all, c["agent_id"]+" "+c["interval_start"][11:16]+" "+c["activity"]+" "+c["seconds"]+" "+c["availability"])
	}
	slices.Sort(all)
	return all
}

func since(v model.Value) string {
	if v.IsNull() {
		return "-"
	}
	return strconv.FormatFloat(float64(v.Num-Start)/1000, 'f', -1, 64)
}

func text(v model.Value) string {
	if v.IsNull() {
		return "-"
	}
	return v.String()
}

// JSON returns the rows of a table, a JSON object a line.
func (t Tables) JSON(table string) []byte {
	m := model.Lookup(table)
	var b bytes.Buffer
	for _, r := range t[table] {
		line := []byte{'{'}
		for i, c := range m.Columns {
			if i > 0 {
				line = append(line, ", "...)
			}
			line = strconv.AppendQuote(line, c.Name)
			line = append(line, ": "...)
			line = r[i].AppendJSON(line)
		}
		b.Write(append(line, "}\n"...))
	}
	return b.Bytes()
}
