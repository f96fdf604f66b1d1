package storagewrite_test

import (
	"math"
	"testing"
	"time"

	"cloud.google.com/go/bigquery"
	"cloud.google.com/go/civil"
	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/passert"
	"github.com/google/go-cmp/cmp"

	"flexbeam/pipeline/io/storagewrite"
	"flexbeam/runners/prism"
)

func TestAPipelineWritesAndGivesBackWhatIsRefused(t *testing.T) {
	s := serve(t)
	b, err := s.encoder.Encode(map[string]any{"amount": 7})
	must(t, err)
	bad := storagewrite.Mutation{Row: b, Sequence: []uint64{3}}
	p, root := beam.NewPipelineWithRoot()
	mutations := beam.Create(root, s.upsert("a", 1, 1), s.upsert("b", 1, 1), s.remove("b", 2), s.upsert("a", 2, 2), bad)
	refused := storagewrite.Write(root, name, s.encoder.Descriptor(), mutations, s.options()...)
	passert.Equals(root, refused, storagewrite.Refused{Mutation: bad, Reason: "Field id is REQUIRED and has no value in the row"})
	must(t, prism.Run(t.Context(), p))
	if d := cmp.Diff(map[string]int64{"a": 2}, s.amounts()); d != "" {
		t.Error(d)
	}
}

func TestABundleThatIsDoneAgainChangesNothing(t *testing.T) {
	s := serve(t)
	for range 2 {
		p, root := beam.NewPipelineWithRoot()
		storagewrite.Write(root, name, s.encoder.Descriptor(), beam.Create(root, s.upsert("a", 1, 1), s.upsert("a", 2, 2), s.remove("b", 1)), s.options()...)
		must(t, prism.Run(t.Context(), p))
	}
	if d := cmp.Diff(map[string]int64{"a": 2}, s.amounts()); d != "" {
		t.Error(d)
	}
}

func TestWritePanicsWhereAnOptionIsNotValid(t *testing.T) {
	s := serve(t)
	for name, write := range map[string]func(beam.Scope, beam.PCollection){
		"table":      func(r beam.Scope, c beam.PCollection) { storagewrite.Write(r, "orders", s.encoder.Descriptor(), c) },
		"descriptor": func(r beam.Scope, c beam.PCollection) { storagewrite.Write(r, name, nil, c) },
		"retry": func(r beam.Scope, c beam.PCollection) {
			storagewrite.Write(r, name, s.encoder.Descriptor(), c, storagewrite.WriteRetry(-1))
		},
		"timeout": func(r beam.Scope, c beam.PCollection) {
			storagewrite.Write(r, name, s.encoder.Descriptor(), c, storagewrite.WriteTimeout(0))
		},
		"in flight": func(r beam.Scope, c beam.PCollection) {
			storagewrite.Write(r, name, s.encoder.Descriptor(), c, storagewrite.WriteInFlight(1))
		},
		"connections": func(r beam.Scope, c beam.PCollection) {
			storagewrite.Write(r, name, s.encoder.Descriptor(), c, storagewrite.WriteConnections(0))
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			_, root := beam.NewPipelineWithRoot()
			write(root, beam.Create(root, s.upsert("a", 1)))
		}()
	}
}

func TestAnEncoderWritesAllItsTypes(t *testing.T) {
	s := serve(t)
	_, err := s.Query(project, "CREATE TABLE shop.types (s STRING NOT NULL, b BYTES, i INT64, f FLOAT64, o BOOL, t TIMESTAMP, d DATE, PRIMARY KEY (s) NOT ENFORCED)")
	must(t, err)
	e, err := storagewrite.NewEncoder(bigquery.Schema{{Name: "s", Type: bigquery.StringFieldType, Required: true}, {Name: "b", Type: bigquery.BytesFieldType},
		{Name: "i", Type: bigquery.IntegerFieldType}, {Name: "f", Type: bigquery.FloatFieldType}, {Name: "o", Type: bigquery.BooleanFieldType},
		{Name: "t", Type: bigquery.TimestampFieldType}, {Name: "d", Type: bigquery.DateFieldType}})
	must(t, err)
	at := time.Date(2026, 3, 2, 1, 2, 3, 456789000, time.UTC)
	want := map[string]any{"s": "ž", "b": []byte{0, 255}, "i": int64(math.MinInt64), "f": 0.1, "o": false, "t": at, "d": civil.Date{Year: 2026, Month: 3, Day: 2}}
	row, err := e.Encode(want)
	must(t, err)
	w, err := storagewrite.NewWriter(project, s.options()...)
	must(t, err)
	defer w.Close(t.Context())
	table, err := w.Table("local-project.shop.types", e.Descriptor(), none(t))
	must(t, err)
	must(t, table.Write(t.Context(), storagewrite.Mutation{Row: row}))
	must(t, w.Flush(t.Context()))
	rows, err := s.Rows(project, "shop", "types")
	must(t, err)
	want["d"] = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	if d := cmp.Diff([]map[string]any{want}, rows); d != "" {
		t.Error(d)
	}
	for _, bad := range []map[string]any{{"nope": 1}, {"s": 1}, {"i": "1"}, {"b": "text"}, {"f": int64(1)}, {"s": struct{}{}}} {
		if _, err := e.Encode(bad); err == nil {
			t.Errorf("%v is encoded", bad)
		}
	}
	if _, err := storagewrite.NewEncoder(bigquery.Schema{{Name: "r", Type: bigquery.RecordFieldType}}); err == nil {
		t.Error("a record has an encoder")
	}
}
