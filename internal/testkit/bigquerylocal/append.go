package bigquerylocal

import (
	"fmt"
	"io"
	"time"

	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// maxRequest is the largest AppendRows request, bytes
// (https://cloud.google.com/bigquery/quotas#write-api-limits).
const maxRequest = 10 << 20

func (s *Server) newGRPC() *grpc.Server {
	options := []grpc.ServerOption{grpc.MaxRecvMsgSize(2*maxRequest + 1<<20)}
	if s.options.MaxConnectionAge > 0 {
		options = append(options, grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionAge: s.options.MaxConnectionAge, MaxConnectionAgeGrace: s.options.Grace}))
	}
	g := grpc.NewServer(options...)
	storagepb.RegisterBigQueryWriteServer(g, &s.write)
	storagepb.RegisterBigQueryReadServer(g, &s.read)
	return g
}

// A connection is one AppendRows call.
type connection struct {
	service     *writeService
	current     string
	writers     map[string]*writer
	descriptors map[string]*descriptorpb.DescriptorProto // by stream: the one that was sent last, also with a request that failed
}

// A writer is a write stream as one connection uses it: clients send stream, schema and
// interpretations only where they change.
type writer struct {
	table      *table
	stream     *stream // nil: the default stream
	name       string
	descriptor *descriptorpb.DescriptorProto
	plan       *plan
	version    int // of the schema that the client was told
	changes    int // 0 nothing appended yet, 1 changes, -1 plain rows
	cells      []cell
	key        []byte
	partition  partitioning
}

// AppendRows appends rows to streams, answering each request in order.
func (w *writeService) AppendRows(bs storagepb.BigQueryWrite_AppendRowsServer) error {
	c := &connection{service: w, writers: map[string]*writer{}, descriptors: map[string]*descriptorpb.DescriptorProto{}}
	defer c.close()
	for {
		r, err := bs.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		resp, end := c.handle(r)
		if end != nil {
			return end
		}
		if err := bs.Send(resp); err != nil {
			return err
		}
	}
}

// handle answers a request, or ends the connection with an error.
func (c *connection) handle(r *storagepb.AppendRowsRequest) (*storagepb.AppendRowsResponse, error) {
	name := r.GetWriteStream()
	if name == "" {
		if name = c.current; name == "" {
			return nil, status.Error(codes.InvalidArgument, "The first request of a connection must have a write_stream")
		}
		if len(c.writers) > 1 {
			return nil, status.Error(codes.InvalidArgument, "write_stream must be set in every request of a connection that writes to several streams")
		}
	}
	m := streamPath.FindStringSubmatch(name)
	if m == nil {
		return nil, status.Errorf(codes.InvalidArgument, "write_stream %q is not projects/{project}/datasets/{dataset}/tables/{table}/streams/{stream}", name)
	}
	n := tableName{m[2], m[3], m[4]}
	c.current = name
	if d := r.GetProtoRows().GetWriterSchema().GetProtoDescriptor(); d != nil {
		c.descriptors[name] = d
	}
	var refuse func(int, map[string]any) string
	var lose error
	stale, goAway := false, false
	for _, f := range c.service.server.strike("AppendRows", n.dataset+"."+n.table) {
		switch f.Kind {
		case Slow:
			time.Sleep(f.Delay)
		case Reply:
			return failed(name, status.Error(f.Code, f.Message)), nil
		case Break:
			return nil, status.Error(f.Code, f.Message)
		case Lose:
			lose = status.Error(f.Code, f.Message)
		case GoAway:
			goAway = true
		case RefuseRows:
			refuse = f.Refuse
		case StaleSchema:
			stale = true
		}
	}
	resp, err := c.append(r, name, n, m[5] == defaultStream, refuse, stale)
	if err != nil {
		resp = failed(name, err)
	}
	if goAway {
		c.service.server.grpc.goAway()
	}
	if lose != nil {
		return nil, lose
	}
	return resp, nil
}

func failed(name string, err error) *storagepb.AppendRowsResponse {
	return &storagepb.AppendRowsResponse{WriteStream: name, Response: &storagepb.AppendRowsResponse_Error{Error: status.Convert(err).Proto()}}
}

// writer returns the writer of a stream, made at the first request for it.
func (c *connection) writer(name string, n tableName, isDefault bool) (*writer, error) {
	if w := c.writers[name]; w != nil {
		if w.stream != nil {
			_, err := c.service.stream(name)
			return w, err
		}
		t, err := c.service.table(n)
		if err != nil {
			return nil, err
		}
		if t != w.table { // dropped and made anew
			c.forget(w)
			w.table, w.plan, w.changes = t, nil, 0
		}
		return w, nil
	}
	w := &writer{name: name}
	if isDefault {
		t, err := c.service.table(n)
		if err != nil {
			return nil, err
		}
		w.table = t
	} else {
		st, err := c.service.stream(name)
		if err != nil {
			return nil, err
		}
		w.table, w.stream = st.table, st
	}
	for _, other := range c.writers {
		if other.stream != nil || w.stream != nil {
			return nil, status.Error(codes.InvalidArgument, "A connection can be shared between default streams only")
		}
	}
	return w, nil
}

// append does what a request asks for.
func (c *connection) append(r *storagepb.AppendRowsRequest, name string, n tableName, isDefault bool, refuse func(int, map[string]any) string, stale bool) (*storagepb.AppendRowsResponse, error) {
	if size := proto.Size(r); size > maxRequest {
		return nil, status.Errorf(codes.InvalidArgument, "AppendRows request too large: %d limit %d", size, maxRequest)
	}
	w, err := c.writer(name, n, isDefault)
	if err != nil {
		return nil, err
	}
	if r.GetArrowRows() != nil {
		return nil, status.Error(codes.Unimplemented, "The local BigQuery service does not know Arrow rows: send protocol buffers")
	}
	for field, v := range r.GetMissingValueInterpretations() {
		// No column has a default here, so both interpretations give null.
		if v == storagepb.AppendRowsRequest_MISSING_VALUE_INTERPRETATION_UNSPECIFIED {
			return nil, status.Errorf(codes.InvalidArgument, "missing_value_interpretations of field %s is unspecified", field)
		}
	}
	t := w.table
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := w.prepare(c.descriptors[name], stale); err != nil {
		return nil, err
	}
	c.writers[name] = w
	resp := &storagepb.AppendRowsResponse{WriteStream: name}
	if w.version == 0 {
		w.version = t.version
	} else if w.version != t.version {
		w.version, resp.UpdatedSchema = t.version, t.schema.storage()
	}

	rows := r.GetProtoRows().GetRows().GetSerializedRows()
	if len(rows) == 0 {
		return nil, status.Error(codes.InvalidArgument, "Rows must be specified")
	}
	if err := w.allowed(r); err != nil {
		return nil, err
	}
	st := w.stream
	if st != nil {
		st.mu.Lock()
		defer st.mu.Unlock()
		if err := st.offset(r.GetOffset()); err != nil {
			return nil, err
		}
	}
	if w.plan.changes {
		resp.RowErrors = w.change(rows, refuse, &c.service.server.options)
	} else {
		resp.RowErrors = w.plain(rows, refuse, &c.service.server.options)
	}
	if len(resp.RowErrors) > 0 {
		// No row of the request is written when one is refused.
		resp.Response = failed(name, status.Errorf(codes.InvalidArgument, "Errors found while processing rows. Please refer to the row_errors field for details. Entity: %s", name)).Response
		return resp, nil
	}
	c.service.server.appended.Add(int64(len(rows)))
	result := &storagepb.AppendRowsResponse_AppendResult{}
	if st != nil {
		result.Offset = wrapperspb.Int64(st.next)
		st.next += int64(len(rows))
	}
	resp.Response = &storagepb.AppendRowsResponse_AppendResult_{AppendResult: result}
	return resp, c.service.relieve(t)
}

// prepare sees to it that the writer has a plan for the newest descriptor of the client and the
// newest schema of the table.
func (w *writer) prepare(d *descriptorpb.DescriptorProto, stale bool) error {
	if d == nil {
		return status.Errorf(codes.InvalidArgument, "The first request of a connection to stream %s must have a writer schema", w.name)
	}
	if d != w.descriptor && (w.stream == nil || w.descriptor == nil) && !proto.Equal(d, w.descriptor) {
		plan, err := newPlan(proto.CloneOf(d), w.table.schema, w.table.name.table)
		if err != nil {
			return err
		}
		w.descriptor, w.plan = d, plan
	}
	if stale && w.table.stale != nil {
		if _, err := newPlan(proto.CloneOf(w.descriptor), w.table.stale, w.table.name.table); err != nil {
			return err
		}
	}
	if w.plan == nil || w.plan.schema != w.table.schema {
		plan, err := newPlan(proto.CloneOf(w.descriptor), w.table.schema, w.table.name.table)
		if err != nil {
			return err
		}
		w.plan = plan
	}
	w.partition = w.table.partitioning()
	if len(w.cells) != len(w.plan.schema.columns) {
		w.cells = make([]cell, len(w.plan.schema.columns))
	}
	return nil
}

// allowed refuses what change data capture and the default stream do not allow
// (https://cloud.google.com/bigquery/docs/change-data-capture#prerequisites and #limitations).
func (w *writer) allowed(r *storagepb.AppendRowsRequest) error {
	if w.stream == nil && r.GetOffset() != nil {
		return status.Error(codes.InvalidArgument, "Offset cannot be specified for the default stream")
	}
	if !w.plan.changes {
		if w.plan.hasSequence {
			return status.Errorf(codes.InvalidArgument, "%s needs %s", changeSequenceField, changeTypeField)
		}
		if w.changes > 0 {
			return status.Errorf(codes.InvalidArgument, "Rows with and without %s cannot be mixed on one connection", changeTypeField)
		}
		w.changes = -1
		return nil
	}
	if w.stream != nil {
		return status.Errorf(codes.InvalidArgument, "%s is supported on the default stream only", changeTypeField)
	}
	if len(w.plan.schema.keys) == 0 {
		return status.Errorf(codes.InvalidArgument, "%s needs a primary key: table %s has none", changeTypeField, w.table.name)
	}
	if w.changes < 0 {
		return status.Errorf(codes.InvalidArgument, "Rows with and without %s cannot be mixed on one connection", changeTypeField)
	}
	if w.changes == 0 {
		w.changes = 1
		w.table.changers++
	}
	return nil
}

// forget counts a writer out of those that send changes.
func (c *connection) forget(w *writer) {
	if w.changes > 0 {
		w.table.mu.Lock()
		w.table.changers--
		w.table.mu.Unlock()
	}
}

func (c *connection) close() {
	for _, w := range c.writers {
		c.forget(w)
	}
}

// offset checks where the client wants to append. The caller holds st.mu.
func (st *stream) offset(at *wrapperspb.Int64Value) error {
	if st.finalized {
		return storageError(codes.InvalidArgument, storagepb.StorageError_STREAM_FINALIZED, st.name, "Stream has been finalized and cannot be appended: %s", st.name)
	}
	if at == nil {
		return nil
	}
	switch o := at.GetValue(); {
	case o < st.next:
		return storageError(codes.AlreadyExists, storagepb.StorageError_OFFSET_ALREADY_EXISTS, st.name, "The offset is within stream, expected offset %d, received %d", st.next, o)
	case o > st.next:
		return storageError(codes.OutOfRange, storagepb.StorageError_OFFSET_OUT_OF_RANGE, st.name, "The offset is beyond stream, expected offset %d, received %d", st.next, o)
	}
	return nil
}

func rowError(i int, message string) *storagepb.RowError {
	return &storagepb.RowError{Index: int64(i), Code: storagepb.RowError_FIELDS_ERROR, Message: message}
}

// judge reads and checks a row into w.cells.
func (w *writer) judge(i int, data []byte, refuse func(int, map[string]any) string, o *Options) (changeMark, string) {
	mark, err := w.plan.read(data, w.cells)
	if err == nil {
		err = w.plan.check(w.cells)
	}
	if err != nil {
		return mark, err.Error()
	}
	if p := w.partition; p.column >= 0 && !o.AnyDay && w.cells[p.column].set {
		k := w.table.schema.columns[p.column].kind
		if reason := p.outside(w.table, k, p.time(k, &w.cells[p.column]), o.Now()); reason != "" {
			return mark, reason
		}
	}
	if refuse != nil {
		return mark, refuse(i, w.plan.values(w.cells))
	}
	return mark, ""
}

// plain appends rows that are no changes.
func (w *writer) plain(rows [][]byte, refuse func(int, map[string]any) string, o *Options) (errs []*storagepb.RowError) {
	add := make([]row, 0, len(rows))
	for i, data := range rows {
		if _, refused := w.judge(i, data, refuse, o); refused != "" {
			errs = append(errs, rowError(i, refused))
			continue
		}
		add = append(add, row{plan: w.plan, data: data})
	}
	if len(errs) > 0 {
		return errs
	}
	if st := w.stream; st != nil && st.typ != storagepb.WriteStream_COMMITTED {
		st.rows = append(st.rows, add...)
		return nil
	}
	w.table.append(add)
	return nil
}

// change applies rows that are changes.
func (w *writer) change(rows [][]byte, refuse func(int, map[string]any) string, o *Options) (errs []*storagepb.RowError) {
	type applied struct {
		sequence sequence
		deleted  bool
		from, to int
	}
	all := make([]applied, 0, len(rows))
	apart := w.table.apart(o.AnyPartition)
	keys := w.key[:0]
	for i, data := range rows {
		mark, refused := w.judge(i, data, refuse, o)
		var a applied
		if refused == "" {
			a, refused = applied{deleted: mark.kind == "DELETE", from: len(keys)}, mark.check()
		}
		if refused != "" {
			errs = append(errs, rowError(i, refused))
			continue
		}
		if mark.hasSequence {
			var err error
			if a.sequence, err = parseSequence(mark.sequence); err != nil {
				errs = append(errs, rowError(i, err.Error()))
				continue
			}
		}
		keys = w.plan.appendKey(keys, w.cells)
		if apart >= 0 {
			keys = append(keys, w.partition.id(w.table.schema.columns[apart].kind, &w.cells[apart])...)
		}
		a.to = len(keys)
		all = append(all, a)
	}
	w.key = keys
	if len(errs) > 0 {
		return errs
	}
	now := o.Now()
	w.table.upserted = true
	for i, a := range all {
		w.table.apply(keys[a.from:a.to], a.sequence, a.deleted, row{plan: w.plan, data: rows[i]}, now, o.DeleteMemory)
	}
	return nil
}

// check tells what is wrong with the change type of a row.
func (m *changeMark) check() string {
	switch {
	case !m.hasKind:
		return changeTypeField + " has no value in the row: UPSERT and DELETE are allowed"
	case m.kind != "UPSERT" && m.kind != "DELETE":
		return fmt.Sprintf("%s %q is not known: UPSERT and DELETE are allowed", changeTypeField, m.kind)
	}
	return ""
}

// values returns cells as Server.Rows does.
func (p *plan) values(cells []cell) map[string]any {
	v := make(map[string]any, len(cells))
	for i := range cells {
		c := &p.schema.columns[i]
		v[c.name] = c.kind.value(&cells[i])
	}
	return v
}
