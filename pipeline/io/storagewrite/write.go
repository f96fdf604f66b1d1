package storagewrite

import (
	"context"
	"fmt"
	"sync"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/graph/window"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
)

func init() {
	beam.RegisterDoFn(&writeFn{})
	register.Emitter1[Refused]()
}

// Write writes a PCollection<Mutation> to a table, named PROJECT.DATASET.TABLE, and returns a
// PCollection<Refused> of those that BigQuery does not take. The descriptor is that of the rows, as
// adapt.NormalizeDescriptor or an Encoder makes it.
//
// The output is in the global window, whatever that of the input is.
//
// Write takes a variable number of WriteOptionFn to configure the write operation:
//   - WriteEndpoint: the address of another service than Google's. Defaults to Google's.
//   - WritePlaintext: whether to connect without TLS and credentials. Defaults to false.
//   - WriteQuotaProject: the project that quota and cost are counted to. Defaults to that of the credentials.
//   - WriteAgent: how the program names itself to Google. Defaults to storagewrite.
//   - WriteConnections: the most connections of a DoFn. Defaults to 4.
//   - WriteInFlight: how many bytes may be unacknowledged. Defaults to 64 MiB.
//   - WriteRetry: how long a request is tried again. Defaults to 10 minutes.
//   - WriteTimeout: how long a single request may take. Defaults to 2 minutes.
//
// Write panics if an option, the table's name or the descriptor is not valid.
func Write(s beam.Scope, table string, descriptor *descriptorpb.DescriptorProto, mutations beam.PCollection, opts ...WriteOptionFn) beam.PCollection {
	s = s.Scope("storagewrite.Write")
	o, err := newWriteOption(opts)
	if err == nil {
		_, _, err = tablePath(table)
	}
	if err == nil {
		_, err = withChanges(table, descriptor)
	}
	var d []byte
	if err == nil {
		d, err = proto.Marshal(descriptor)
	}
	if err != nil {
		panic(fmt.Sprintf("storagewrite.Write: %v", err))
	}
	mutations = beam.WindowInto(s, window.NewGlobalWindows(), mutations)
	return beam.ParDo(s, &writeFn{Table: table, Descriptor: d, Option: *o}, mutations)
}

// writeFn writes mutations, and flushes at the end of a bundle.
type writeFn struct {
	Table      string
	Descriptor []byte
	Option     writeOption

	writer *Writer
	table  *Table

	mu      sync.Mutex
	refused []Refused

	mutations, bytes, refusals beam.Counter
}

// Setup makes the writer, which connects when the first rows are sent.
func (fn *writeFn) Setup() error {
	fn.mutations, fn.bytes = beam.NewCounter("storagewrite", "mutations"), beam.NewCounter("storagewrite", "bytes")
	fn.refusals = beam.NewCounter("storagewrite", "refused")
	d := &descriptorpb.DescriptorProto{}
	if err := proto.Unmarshal(fn.Descriptor, d); err != nil {
		return fmt.Errorf("read the descriptor of %s: %w", fn.Table, err)
	}
	_, project, err := tablePath(fn.Table)
	if err != nil {
		return err
	}
	if fn.writer, err = NewWriter(project, func(o *writeOption) error { *o = fn.Option; return nil }); err != nil {
		return err
	}
	fn.table, err = fn.writer.Table(fn.Table, d, func(refused []Refused) error {
		fn.mu.Lock()
		defer fn.mu.Unlock()
		fn.refused = append(fn.refused, refused...)
		return nil
	})
	return err
}

// ProcessElement writes a mutation.
func (fn *writeFn) ProcessElement(ctx context.Context, m Mutation, emit func(Refused)) error {
	fn.mutations.Inc(ctx, 1)
	fn.bytes.Inc(ctx, int64(len(m.Row)))
	fn.emit(ctx, emit)
	if err := fn.table.Write(ctx, m); err != nil {
		return fmt.Errorf("write to BigQuery: %w", err)
	}
	return nil
}

// FinishBundle returns when all mutations of the bundle are stored or refused.
func (fn *writeFn) FinishBundle(ctx context.Context, emit func(Refused)) error {
	if err := fn.writer.Flush(ctx); err != nil {
		return fmt.Errorf("write to BigQuery: %w", err)
	}
	fn.emit(ctx, emit)
	return nil
}

func (fn *writeFn) emit(ctx context.Context, emit func(Refused)) {
	fn.mu.Lock()
	refused := fn.refused
	fn.refused = nil
	fn.mu.Unlock()
	for _, r := range refused {
		fn.refusals.Inc(ctx, 1)
		emit(r)
	}
}

// Teardown ends the connections.
func (fn *writeFn) Teardown() error {
	if fn.writer == nil {
		return nil
	}
	return fn.writer.Close(context.Background())
}
