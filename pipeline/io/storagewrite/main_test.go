package storagewrite_test

import (
	"slices"
	"testing"
	"time"

	"cloud.google.com/go/bigquery"
	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"flexbeam/internal/testkit/bigquerylocal"
	"flexbeam/pipeline/io/storagewrite"
)

func TestMain(m *testing.M) {
	beam.Init()
	m.Run()
}

const (
	project = "local-project"
	name    = "local-project.shop.orders"
)

// orders is the schema of the table of all tests, with id as its key.
var orders = bigquery.Schema{
	{Name: "id", Type: bigquery.StringFieldType, Required: true},
	{Name: "amount", Type: bigquery.IntegerFieldType},
	{Name: "note", Type: bigquery.StringFieldType},
}

// A service is a local BigQuery with the table.
type service struct {
	testing.TB
	*bigquerylocal.Server
	encoder *storagewrite.Encoder
}

func serve(t testing.TB) *service {
	t.Helper()
	s, err := bigquerylocal.Start(bigquerylocal.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	must(t, s.CreateDataset(project, "shop"))
	_, err = s.Query(project, "CREATE TABLE shop.orders (id STRING NOT NULL, amount INT64, note STRING, PRIMARY KEY (id) NOT ENFORCED)")
	must(t, err)
	e, err := storagewrite.NewEncoder(orders)
	must(t, err)
	return &service{t, s, e}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// options lead to the service.
func (s *service) options(more ...storagewrite.WriteOptionFn) []storagewrite.WriteOptionFn {
	return append([]storagewrite.WriteOptionFn{storagewrite.WriteEndpoint(s.GRPCEndpoint), storagewrite.WritePlaintext(), storagewrite.WriteRetry(time.Minute)}, more...)
}

// writer returns a writer of the table, which is closed at the end of the test.
func (s *service) writer(refused func([]storagewrite.Refused) error, more ...storagewrite.WriteOptionFn) (*storagewrite.Writer, *storagewrite.Table) {
	s.Helper()
	w, err := storagewrite.NewWriter(project, s.options(more...)...)
	must(s, err)
	s.Cleanup(func() { w.Close(s.Context()) })
	t, err := w.Table(name, s.encoder.Descriptor(), refused)
	must(s, err)
	return w, t
}

func (s *service) upsert(id string, amount int, sequence ...uint64) storagewrite.Mutation {
	s.Helper()
	b, err := s.encoder.Encode(map[string]any{"id": id, "amount": amount})
	must(s, err)
	return storagewrite.Mutation{Row: b, Sequence: sequence}
}

func (s *service) remove(id string, sequence ...uint64) storagewrite.Mutation {
	m := s.upsert(id, 0, sequence...)
	m.Delete = true
	return m
}

// amounts returns what the table holds, by id.
func (s *service) amounts() map[string]int64 {
	s.Helper()
	rows, err := s.Rows(project, "shop", "orders")
	must(s, err)
	all := map[string]int64{}
	for _, r := range rows {
		if _, twice := all[r["id"].(string)]; twice {
			s.Errorf("%v is there twice", r["id"])
		}
		all[r["id"].(string)], _ = r["amount"].(int64)
	}
	return all
}

func none(t testing.TB) func([]storagewrite.Refused) error {
	return func(r []storagewrite.Refused) error {
		t.Errorf("refused: %+v", slices.Clone(r))
		return nil
	}
}
