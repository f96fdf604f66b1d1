package bigquerylocal_test

import (
	"fmt"
	"testing"
	"time"

	"cloud.google.com/go/bigquery"
	"cloud.google.com/go/bigquery/storage/managedwriter"

	"flexbeam/internal/testkit/bigquerylocal"
	"flexbeam/schemas/model"
)

// BenchmarkAppends sends rows of engagements, which has 53 columns, as they are and as changes: the
// rate of the service and of Google's client together, over rows that were encoded before.
func BenchmarkAppends(b *testing.B) {
	const rows, batch = 100_000, 500
	for _, kind := range []string{"plain", "changes"} {
		b.Run(kind, func(b *testing.B) {
			schema := engagements()
			if kind == "changes" {
				schema = changes(schema)
			}
			f := newForm(b, schema)
			var encoded [][]byte
			size := 0
			for i := range rows {
				encoded = append(encoded, engagement(f, i, kind == "changes"))
				size += len(encoded[i])
			}
			for b.Loop() {
				b.StopTimer()
				s := start(b, bigquerylocal.Options{})
				s.table("engagements", engagements(), "account_sid", "engagement_id")
				m := s.stream("engagements", managedwriter.DefaultStream, f)
				b.StartTimer()
				begin := time.Now()
				var all []*managedwriter.AppendResult
				for i := 0; i < rows; i += batch {
					r, err := m.AppendRows(s.ctx, encoded[i:i+batch])
					s.must(err)
					all = append(all, r)
				}
				for _, r := range all {
					_, err := r.GetResult(s.ctx)
					s.must(err)
				}
				taken := time.Since(begin)
				if got := s.query("SELECT COUNT(*) FROM calls.engagements"); got[0] != fmt.Sprintf("[%d]", rows) {
					b.Fatalf("%s rows", got[0])
				}
				b.ReportMetric(rows/taken.Seconds(), "rows/s")
				b.ReportMetric(float64(size)/taken.Seconds()/1e6, "MB/s")
				b.ReportMetric(rows/time.Since(begin).Seconds(), "rows/s-queried")
			}
		})
	}
}

func engagements() (s bigquery.Schema) {
	types := map[model.Type]bigquery.FieldType{model.String: bigquery.StringFieldType, model.Timestamp: bigquery.TimestampFieldType, model.Float: bigquery.FloatFieldType,
		model.Int: bigquery.IntegerFieldType, model.Bool: bigquery.BooleanFieldType, model.Bytes: bigquery.BytesFieldType}
	for _, c := range model.Engagements.Columns {
		s = append(s, &bigquery.FieldSchema{Name: c.Name, Type: types[c.Type], Required: c.Required})
	}
	return s
}

func engagement(f *form, i int, change bool) []byte {
	var pairs []any
	for n, c := range model.Engagements.Columns {
		switch {
		case c.Name == "engagement_id":
			pairs = append(pairs, c.Name, fmt.Sprintf("WR%032x", i))
		case !c.Required && n%4 == 3: // some are null
		case c.Type == model.String:
			pairs = append(pairs, c.Name, fmt.Sprintf("%s %d", c.Name, i%100))
		case c.Type == model.Timestamp:
			pairs = append(pairs, c.Name, int64(1767323045000000+i))
		case c.Type == model.Float:
			pairs = append(pairs, c.Name, float64(i)/1000)
		case c.Type == model.Int:
			pairs = append(pairs, c.Name, int64(i))
		case c.Type == model.Bool:
			pairs = append(pairs, c.Name, i%2 == 0)
		}
	}
	if change {
		pairs = append(pairs, "_CHANGE_TYPE", "UPSERT", "_CHANGE_SEQUENCE_NUMBER", fmt.Sprintf("%X", i))
	}
	return f.row(pairs...)
}
