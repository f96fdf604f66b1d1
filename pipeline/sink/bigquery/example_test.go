package bigquery_test

import (
	"context"
	"fmt"
	"strings"

	"flexbeam/internal/testkit/bigquerylocal"
	"flexbeam/pipeline/sink"
	_ "flexbeam/pipeline/sink/bigquery"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// A row is written twice; the greater version stays. Against Google the URI ends behind the dataset.
func Example() {
	ctx := context.Background()
	local, err := bigquerylocal.Start(bigquerylocal.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer local.Close()

	s, err := sink.Open(ctx, "bigquery:local-project.flex?max_staleness=0s&endpoint="+strings.TrimSuffix(local.RESTEndpoint, "/bigquery/v2/")+"&grpc_endpoint="+local.GRPCEndpoint, sink.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	var b change.Block
	for version, name := range []string{"Alena", "Alena Novak"} {
		r := model.Agents.NewRow()
		for column, v := range map[string]model.Value{
			"account_sid": model.Text("AC1"), "agent_id": model.Text("WK1"), "agent_name": model.Text(name),
			"state": model.Text("Active"), "agent_type": model.Text("User"), "row_version": model.Integer(int64(version)),
		} {
			r[model.Agents.Col(column)] = v
		}
		b = b.Append(change.Change{Table: model.AgentsID, Row: r})
	}
	if err := s.Write(ctx, b); err != nil {
		fmt.Println(err)
	}
	if err := s.Close(ctx); err != nil {
		fmt.Println(err)
	}

	rows, err := local.Rows("local-project", "flex", "agents")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range rows {
		fmt.Println(r["agent_id"], r["agent_name"])
	}
	// Output: WK1 Alena Novak
}
