package bigquerylocal_test

import (
	"testing"

	"cloud.google.com/go/bigquery/storage/managedwriter"
	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/bigquerylocal"
)

// A change type makes an upsert or a delete of a row, a sequence number decides which one of a key
// stays, ties are settled by arrival: https://cloud.google.com/bigquery/docs/change-data-capture
func TestTheGreatestSequenceNumberOfAKeyStays(t *testing.T) {
	b := start(t, bigquerylocal.Options{})
	b.table("people", people(), "id")
	f := newForm(t, changes(people()))
	m := b.stream("people", managedwriter.DefaultStream, f)
	change := func(kind, id, name, sequence string) {
		t.Helper()
		if _, err := b.send(m, f.row("id", id, "name", name, "_CHANGE_TYPE", kind, "_CHANGE_SEQUENCE_NUMBER", sequence)); err != nil {
			t.Fatal(err)
		}
	}
	change("UPSERT", "a", "first", "1")
	change("UPSERT", "a", "second", "F")
	change("UPSERT", "a", "late", "2")
	change("UPSERT", "b", "numbers, not text: A0 is more than 9", "a0")
	change("UPSERT", "b", "9", "9")
	change("UPSERT", "c", "left section first", "2/0")
	change("UPSERT", "c", "1/F", "1/FFFFFFFFFFFFFFFF")
	change("UPSERT", "d", "tie", "7")
	change("UPSERT", "d", "tie, later", "7")
	change("UPSERT", "e", "", "5")
	change("DELETE", "e", "", "6")
	change("UPSERT", "e", "revived by nothing older", "5")
	change("DELETE", "f", "", "2")
	change("UPSERT", "f", "newer than the delete", "3")
	got := b.query("SELECT id, name FROM calls.people ORDER BY id")
	want := []string{`["a","second"]`, `["b","numbers, not text: A0 is more than 9"]`, `["c","left section first"]`, `["d","tie, later"]`, `["f","newer than the delete"]`}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	// Also after the rows were read.
	change("UPSERT", "e", "still dead", "5")
	change("UPSERT", "a", "still late", "E")
	change("DELETE", "d", "", "7")
	got = b.query("SELECT id, name FROM calls.people ORDER BY id")
	if d := cmp.Diff([]string{want[0], want[1], want[2], want[4]}, got); d != "" {
		t.Error(d)
	}
}
