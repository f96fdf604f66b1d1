package agent

import (
	"context"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"flexbeam/schemas/attribute"
	"flexbeam/schemas/change"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/schemas/record"
)

func init() {
	beam.RegisterDoFn(&snapshotFn{})
	register.Emitter1[[]byte]()
}

// Snapshots makes of each record.Agent a block of changes with its row. The row has row_version 0:
// every event of the worker tells more (contract, section 3).
// columns is the Text of the attributes of the job.
func Snapshots(s beam.Scope, columns string, agents beam.PCollection) beam.PCollection {
	return beam.ParDo(s.Scope("agent.Snapshots"), &snapshotFn{Columns: columns}, agents)
}

// snapshotFn makes rows of snapshots.
type snapshotFn struct {
	Columns string `json:",omitempty"`

	folder *Folder
	parser *attribute.Parser
}

// Setup makes what rows are folded with.
func (fn *snapshotFn) Setup() error {
	a, err := model.ReadAttributes(fn.Columns)
	if err != nil {
		return err
	}
	fn.folder, fn.parser = NewFolder(a), attribute.NewParser(a.Worker())
	return nil
}

// ProcessElement makes the row of an agent.
func (fn *snapshotFn) ProcessElement(_ context.Context, a record.Agent, emit func([]byte)) {
	e := &event.Event{Kind: event.OtherWorker, Time: event.Millis(a.Updated)}
	e.Text[event.AccountSID], e.Text[event.WorkerSID], e.Text[event.WorkerName] = a.Account, a.SID, a.Name
	if b, ok := fn.parser.Append(nil, []byte(a.Attributes)); ok {
		e.WorkerAttributes, e.HasWorkerAttrs = attribute.Snapshot(b), true
	}
	row := fn.folder.Fold(a.Account, a.SID, []*event.Event{e})
	row[col.version] = model.Integer(0)
	emit(change.Block(nil).Append(change.Change{Table: model.AgentsID, Row: row}))
}
