package bigquerylocal_test

import (
	"encoding/json"
	"fmt"
	"sort"
	"testing"

	"cloud.google.com/go/bigquery"
	"cloud.google.com/go/bigquery/storage/managedwriter"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"flexbeam/internal/testkit/bigquerylocal"
)

// Whatever comes in which order, read at whichever moments, a table is what the plainest possible
// store has: a map from the key to its newest change.
func TestATableIsAMapOfItsNewestChanges(t *testing.T) {
	for _, waiting := range []int{0, 1} { // bytes: until a reader comes, or not at all
		t.Run(fmt.Sprintf("%d bytes wait", waiting), func(t *testing.T) {
			tableIsAMap(t, start(t, bigquerylocal.Options{WaitingBytes: waiting}))
		})
	}
}

func tableIsAMap(t *testing.T, b *bench) {
	schema := bigquery.Schema{{Name: "a", Type: bigquery.StringFieldType}, {Name: "b", Type: bigquery.IntegerFieldType, Required: true}, {Name: "v", Type: bigquery.IntegerFieldType}}
	f := newForm(t, changes(schema))
	n := 0
	rapid.Check(t, func(r *rapid.T) {
		n++
		name := fmt.Sprintf("t%d", n)
		b.table(name, schema, "a", "b")
		m := b.stream(name, managedwriter.DefaultStream, f)
		type key struct {
			a any
			b int64
		}
		type newest struct {
			sequence int
			value    int64 // 0: deleted
		}
		want := map[key]newest{}
		value := int64(0)
		if rapid.Bool().Draw(r, "loaded before") {
			b.query("INSERT INTO calls." + name + " (a, b, v) VALUES ('x', 0, -1), (NULL, 1, -2)")
			want[key{"x", 0}], want[key{nil, 1}] = newest{-1, -1}, newest{-1, -2}
		}
		for range rapid.IntRange(1, 8).Draw(r, "requests") {
			var rows [][]byte
			for range rapid.IntRange(1, 4).Draw(r, "rows") {
				value++
				k := key{rapid.SampledFrom([]any{nil, "", "x"}).Draw(r, "a"), rapid.Int64Range(0, 1).Draw(r, "b")}
				v := newest{rapid.IntRange(0, 20).Draw(r, "sequence"), value}
				pairs := []any{"b", k.b, "v", value, "_CHANGE_SEQUENCE_NUMBER", fmt.Sprintf("%x", v.sequence)}
				if k.a != nil {
					pairs = append(pairs, "a", k.a)
				}
				kind := "UPSERT"
				if rapid.Bool().Draw(r, "delete") {
					kind, v.value = "DELETE", 0
				}
				rows = append(rows, f.row(append(pairs, "_CHANGE_TYPE", kind)...))
				if old, ok := want[k]; !ok || v.sequence >= old.sequence {
					want[k] = v
				}
			}
			b.must(second(b.send(m, rows...)))
			if !rapid.Bool().Draw(r, "read") {
				continue
			}
			var expected []string
			for k, v := range want {
				if v.value != 0 {
					row, _ := json.Marshal([]any{k.a, k.b, v.value})
					expected = append(expected, string(row))
				}
			}
			got := b.query("SELECT a, b, v FROM calls." + name)
			sort.Strings(expected)
			sort.Strings(got)
			if d := cmp.Diff(expected, got); d != "" {
				r.Fatal(d)
			}
		}
		_ = m.Close() // io.EOF is how it ends
		b.must(b.client.Dataset(datasetID).Table(name).Delete(b.ctx))
	})
}
