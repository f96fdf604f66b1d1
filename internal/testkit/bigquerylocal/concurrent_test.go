package bigquerylocal_test

import (
	"fmt"
	"sync"
	"testing"

	"cloud.google.com/go/bigquery"
	"cloud.google.com/go/bigquery/storage/managedwriter"
	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/bigquerylocal"
)

// Writers, readers and changes of the schema at once neither lose rows nor wait for each other forever.
func TestEverythingMayHappenAtOnce(t *testing.T) {
	b := start(t, bigquerylocal.Options{WaitingBytes: 1000})
	table := b.table("people", people(), "id")
	b.table("log", people())
	f, g := newForm(t, changes(people())), newForm(t, people())
	const writers, appends = 3, 20
	var wg sync.WaitGroup
	work := func(what func(i int) error) {
		wg.Go(func() {
			for i := range appends {
				if err := what(i); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for w := range writers {
		upserts := b.stream("people", managedwriter.DefaultStream, f)
		work(func(i int) error {
			id := fmt.Sprint(i)
			return second(b.send(upserts, f.row("id", id, "name", fmt.Sprint(w), "_CHANGE_TYPE", "UPSERT", "_CHANGE_SEQUENCE_NUMBER", fmt.Sprint(w))))
		})
		rows := b.stream("log", managedwriter.CommittedStream, g)
		work(func(int) error { return second(b.send(rows, g.row("id", "a"), g.row("id", "b"))) })
	}
	work(func(int) error {
		return second(b.tryQuery("SELECT COUNT(*) FROM calls.people AS p LEFT JOIN calls.log AS l USING (id)"))
	})
	work(func(int) error { return second(table.Metadata(b.ctx)) })
	work(func(i int) error {
		u := bigquery.TableMetadataToUpdate{}
		u.SetLabel("round", fmt.Sprint(i))
		if i == appends/2 {
			u.Schema = append(people(), &bigquery.FieldSchema{Name: "more", Type: bigquery.StringFieldType})
		}
		return second(table.Update(b.ctx, u, ""))
	})
	work(func(i int) error {
		made := b.client.Dataset(datasetID).Table(fmt.Sprint("made_", i))
		if err := made.Create(b.ctx, &bigquery.TableMetadata{Schema: people()}); err != nil {
			return err
		}
		return made.Delete(b.ctx)
	})
	wg.Wait()
	want := []string{fmt.Sprintf(`[%d,%d]`, appends, appends)}
	if d := cmp.Diff(want, b.query("SELECT COUNT(*), COUNTIF(name = '2') FROM calls.people")); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{fmt.Sprintf(`[%d]`, 2*writers*appends)}, b.query("SELECT COUNT(*) FROM calls.log")); d != "" {
		t.Error(d)
	}
}
