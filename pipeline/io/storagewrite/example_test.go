package storagewrite_test

import (
	"context"
	"fmt"
	"log"

	"cloud.google.com/go/bigquery"
	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/x/debug"

	"flexbeam/internal/testkit/bigquerylocal"
	"flexbeam/pipeline/io/storagewrite"
	"flexbeam/runners/prism"
)

var accounts = bigquery.Schema{
	{Name: "id", Type: bigquery.StringFieldType, Required: true},
	{Name: "balance", Type: bigquery.IntegerFieldType},
}

// startBank returns a local BigQuery with the table local-project.bank.accounts.
func startBank() *bigquerylocal.Server {
	s, err := bigquerylocal.Start(bigquerylocal.Options{})
	if err == nil {
		err = s.CreateDataset("local-project", "bank")
	}
	if err == nil {
		_, err = s.Query("local-project", "CREATE TABLE bank.accounts (id STRING NOT NULL, balance INT64, PRIMARY KEY (id) NOT ENFORCED)")
	}
	if err != nil {
		log.Fatal(err)
	}
	return s
}

// The second mutation of an account is newer, whatever their order. Against Google the two last
// options are left out.
func ExampleWrite() {
	local := startBank()
	defer local.Close()
	encoder, err := storagewrite.NewEncoder(accounts)
	if err != nil {
		log.Fatal(err)
	}
	var mutations []any
	for i, row := range []map[string]any{{"id": "alice", "balance": 10}, {"id": "alice", "balance": 25}, {"id": "bob", "balance": 5}} {
		b, err := encoder.Encode(row)
		if err != nil {
			log.Fatal(err)
		}
		mutations = append(mutations, storagewrite.Mutation{Row: b, Sequence: []uint64{uint64(i)}})
	}

	p, s := beam.NewPipelineWithRoot()
	refused := storagewrite.Write(s, "local-project.bank.accounts", encoder.Descriptor(), beam.Create(s, mutations...),
		storagewrite.WriteEndpoint(local.GRPCEndpoint), storagewrite.WritePlaintext())
	debug.Print(s, refused)
	if err := prism.Run(context.Background(), p); err != nil {
		log.Fatal(err)
	}
	show(local)
	// Output:
	// alice 25
	// bob 5
}

// A program without a pipeline.
func ExampleNewWriter() {
	local := startBank()
	defer local.Close()
	ctx := context.Background()
	encoder, err := storagewrite.NewEncoder(accounts)
	if err != nil {
		log.Fatal(err)
	}
	w, err := storagewrite.NewWriter("local-project", storagewrite.WriteEndpoint(local.GRPCEndpoint), storagewrite.WritePlaintext())
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close(ctx)
	table, err := w.Table("local-project.bank.accounts", encoder.Descriptor(), func(refused []storagewrite.Refused) error {
		return fmt.Errorf("refused: %s", refused[0].Reason)
	})
	if err != nil {
		log.Fatal(err)
	}
	row, err := encoder.Encode(map[string]any{"id": "carol", "balance": 1})
	if err != nil {
		log.Fatal(err)
	}
	if err := table.Write(ctx, storagewrite.Mutation{Row: row, Sequence: []uint64{1}}); err != nil {
		log.Fatal(err)
	}
	if err := w.Flush(ctx); err != nil {
		log.Fatal(err)
	}
	show(local)
	// Output: carol 1
}

func show(local *bigquerylocal.Server) {
	rows, err := local.Query("local-project", "SELECT id, balance FROM bank.accounts ORDER BY id")
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range rows {
		fmt.Println(r["id"], r["balance"])
	}
}
