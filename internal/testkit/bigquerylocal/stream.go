package bigquerylocal

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"sync"
	"time"

	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// A writeService is the service google.cloud.bigquery.storage.v1.BigQueryWrite
// (https://cloud.google.com/bigquery/docs/reference/storage/rpc/google.cloud.bigquery.storage.v1).
type writeService struct {
	storagepb.UnimplementedBigQueryWriteServer
	server *Server

	mu      sync.Mutex
	streams map[string]*stream
	created int
}

// A stream is a write stream that a client created. Rows of PENDING and BUFFERED streams wait here
// for their commit or flush.
type stream struct {
	name  string
	typ   storagepb.WriteStream_Type
	table *table
	made  time.Time

	mu        sync.Mutex
	next      int64 // offset of the next row
	rows      []row // PENDING, BUFFERED: rows not visible yet
	flushed   int64 // BUFFERED: rows made visible
	finalized bool
	committed time.Time
}

var (
	tablePath  = regexp.MustCompile(`^projects/([^/]+)/datasets/([^/]+)/tables/([^/]+)$`)
	streamPath = regexp.MustCompile(`^(projects/([^/]+)/datasets/([^/]+)/tables/([^/]+))/(?:streams/)?([^/]+)$`)
)

const defaultStream = "_default"

// table returns the table of a path, which must be one that rows can be appended to.
func (w *writeService) table(n tableName) (*table, error) {
	t, err := w.server.catalog.table(n)
	if err != nil {
		return nil, storageError(codes.NotFound, storagepb.StorageError_TABLE_NOT_FOUND, n.path(), "Requested entity was not found: %v", err)
	}
	if t.isView() {
		return nil, status.Errorf(codes.InvalidArgument, "%s is a view: rows can be appended to tables only", n)
	}
	return t, nil
}

// stream returns a created stream.
func (w *writeService) stream(name string) (*stream, error) {
	w.mu.Lock()
	st := w.streams[name]
	w.mu.Unlock()
	if st == nil {
		return nil, storageError(codes.NotFound, storagepb.StorageError_STREAM_NOT_FOUND, name, "Requested entity was not found: stream %s", name)
	}
	st.table.mu.Lock()
	gone := st.table.gone
	st.table.mu.Unlock()
	if gone {
		return nil, storageError(codes.NotFound, storagepb.StorageError_TABLE_NOT_FOUND, st.table.name.path(), "Requested entity was not found: table of stream %s", name)
	}
	return st, nil
}

// disturb lets the faults of a unary call strike. after is not nil when the call must be done and
// then fail.
func (w *writeService) disturb(method string, n tableName) (before, after error) {
	for _, f := range w.server.strike(method, n.dataset+"."+n.table) {
		switch f.Kind {
		case Slow:
			time.Sleep(f.Delay)
		case Reply, Break:
			return status.Error(f.Code, f.Message), nil
		case Lose:
			after = status.Error(f.Code, f.Message)
		case GoAway:
			w.server.grpc.goAway()
		}
	}
	return nil, after
}

// CreateWriteStream makes a stream of type COMMITTED, PENDING or BUFFERED.
func (w *writeService) CreateWriteStream(_ context.Context, r *storagepb.CreateWriteStreamRequest) (*storagepb.WriteStream, error) {
	m := tablePath.FindStringSubmatch(r.GetParent())
	if m == nil {
		return nil, status.Errorf(codes.InvalidArgument, "parent %q is not projects/{project}/datasets/{dataset}/tables/{table}", r.GetParent())
	}
	n := tableName{m[1], m[2], m[3]}
	before, after := w.disturb("CreateWriteStream", n)
	if before != nil {
		return nil, before
	}
	typ := r.GetWriteStream().GetType()
	switch typ {
	case storagepb.WriteStream_COMMITTED, storagepb.WriteStream_PENDING, storagepb.WriteStream_BUFFERED:
	default:
		return nil, storageError(codes.InvalidArgument, storagepb.StorageError_INVALID_STREAM_TYPE, r.GetParent(), "stream type %s cannot be created: choose COMMITTED, PENDING or BUFFERED", typ)
	}
	t, err := w.table(n)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.created++
	st := &stream{name: fmt.Sprintf("%s/streams/local-%d", n.path(), w.created), typ: typ, table: t, made: w.server.options.Now()}
	if w.streams == nil {
		w.streams = map[string]*stream{}
	}
	w.streams[st.name] = st
	w.mu.Unlock()
	if after != nil {
		return nil, after
	}
	p := w.describe(st)
	t.mu.Lock()
	p.TableSchema = t.schema.storage()
	t.mu.Unlock()
	return p, nil
}

func (w *writeService) describe(st *stream) *storagepb.WriteStream {
	st.mu.Lock()
	defer st.mu.Unlock()
	p := &storagepb.WriteStream{Name: st.name, Type: st.typ, CreateTime: timestamppb.New(st.made), WriteMode: storagepb.WriteStream_INSERT, Location: w.server.options.Location}
	switch {
	case st.typ == storagepb.WriteStream_COMMITTED:
		p.CommitTime = p.CreateTime
	case !st.committed.IsZero():
		p.CommitTime = timestamppb.New(st.committed)
	}
	return p
}

// GetWriteStream describes a stream. The default stream, which every table has, is COMMITTED and as
// old as its table.
func (w *writeService) GetWriteStream(_ context.Context, r *storagepb.GetWriteStreamRequest) (*storagepb.WriteStream, error) {
	m := streamPath.FindStringSubmatch(r.GetName())
	if m == nil {
		return nil, status.Errorf(codes.InvalidArgument, "name %q is not projects/{project}/datasets/{dataset}/tables/{table}/streams/{stream}", r.GetName())
	}
	n := tableName{m[2], m[3], m[4]}
	if before, after := w.disturb("GetWriteStream", n); before != nil || after != nil {
		return nil, firstError(before, after)
	}
	var p *storagepb.WriteStream
	var t *table
	if m[5] == defaultStream {
		var err error
		if t, err = w.table(n); err != nil {
			return nil, err
		}
		made := timestamppb.New(time.UnixMilli(t.meta.CreationTime))
		p = &storagepb.WriteStream{Name: n.path() + "/streams/" + defaultStream, Type: storagepb.WriteStream_COMMITTED, CreateTime: made, CommitTime: made,
			WriteMode: storagepb.WriteStream_INSERT, Location: w.server.options.Location}
	} else {
		st, err := w.stream(r.GetName())
		if err != nil {
			return nil, err
		}
		t, p = st.table, w.describe(st)
	}
	if r.GetView() == storagepb.WriteStreamView_FULL {
		t.mu.Lock()
		p.TableSchema = t.schema.storage()
		t.mu.Unlock()
	}
	return p, nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// FinalizeWriteStream ends the appends to a stream.
func (w *writeService) FinalizeWriteStream(_ context.Context, r *storagepb.FinalizeWriteStreamRequest) (*storagepb.FinalizeWriteStreamResponse, error) {
	m := streamPath.FindStringSubmatch(r.GetName())
	if m == nil {
		return nil, status.Errorf(codes.InvalidArgument, "name %q is not a write stream", r.GetName())
	}
	before, after := w.disturb("FinalizeWriteStream", tableName{m[2], m[3], m[4]})
	if before != nil {
		return nil, before
	}
	if m[5] == defaultStream {
		return nil, storageError(codes.InvalidArgument, storagepb.StorageError_INVALID_STREAM_TYPE, r.GetName(), "Finalize is not supported on the default stream")
	}
	st, err := w.stream(r.GetName())
	if err != nil {
		return nil, err
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	st.finalized = true
	if after != nil {
		return nil, after
	}
	return &storagepb.FinalizeWriteStreamResponse{RowCount: st.next}, nil
}

// BatchCommitWriteStreams makes the rows of finalized PENDING streams of one table visible, all or
// none. What keeps a stream from being committed is told in StreamErrors, without a commit time.
func (w *writeService) BatchCommitWriteStreams(_ context.Context, r *storagepb.BatchCommitWriteStreamsRequest) (*storagepb.BatchCommitWriteStreamsResponse, error) {
	m := tablePath.FindStringSubmatch(r.GetParent())
	if m == nil {
		return nil, status.Errorf(codes.InvalidArgument, "parent %q is not projects/{project}/datasets/{dataset}/tables/{table}", r.GetParent())
	}
	n := tableName{m[1], m[2], m[3]}
	before, after := w.disturb("BatchCommitWriteStreams", n)
	if before != nil {
		return nil, before
	}
	t, err := w.table(n)
	if err != nil {
		return nil, err
	}
	if len(r.GetWriteStreams()) == 0 {
		return nil, status.Error(codes.InvalidArgument, "write_streams is empty")
	}
	resp := &storagepb.BatchCommitWriteStreamsResponse{}
	refuse := func(name string, code storagepb.StorageError_StorageErrorCode, message string) {
		resp.StreamErrors = append(resp.StreamErrors, &storagepb.StorageError{Code: code, Entity: name, ErrorMessage: message})
	}
	var streams []*stream
	listed := map[*stream]bool{}
	for _, name := range r.GetWriteStreams() {
		st, err := w.stream(name)
		if err != nil {
			refuse(name, storagepb.StorageError_STREAM_NOT_FOUND, "the stream does not exist")
			continue
		}
		if listed[st] {
			continue
		}
		listed[st] = true
		streams = append(streams, st)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, st := range streams {
		name := st.name
		st.mu.Lock()
		defer st.mu.Unlock()
		switch {
		case st.table != t:
			return nil, status.Errorf(codes.InvalidArgument, "stream %s is not of table %s", name, n)
		case st.typ != storagepb.WriteStream_PENDING:
			refuse(name, storagepb.StorageError_INVALID_STREAM_TYPE, "only PENDING streams are committed")
		case !st.committed.IsZero():
			refuse(name, storagepb.StorageError_STREAM_ALREADY_COMMITTED, "the stream is committed already")
		case !st.finalized:
			refuse(name, storagepb.StorageError_INVALID_STREAM_STATE, "the stream is not finalized")
		}
	}
	if len(resp.StreamErrors) > 0 {
		return resp, nil
	}
	now := w.server.options.Now()
	for _, st := range streams {
		t.append(st.rows)
		st.rows, st.committed = nil, now
	}
	if err := w.relieve(t); err != nil {
		return nil, err
	}
	if after != nil {
		return nil, after
	}
	resp.CommitTime = timestamppb.New(now)
	return resp, nil
}

// FlushRows makes the rows of a BUFFERED stream up to and including an offset visible.
func (w *writeService) FlushRows(_ context.Context, r *storagepb.FlushRowsRequest) (*storagepb.FlushRowsResponse, error) {
	m := streamPath.FindStringSubmatch(r.GetWriteStream())
	if m == nil {
		return nil, status.Errorf(codes.InvalidArgument, "write_stream %q is not a write stream", r.GetWriteStream())
	}
	before, after := w.disturb("FlushRows", tableName{m[2], m[3], m[4]})
	if before != nil {
		return nil, before
	}
	if m[5] == defaultStream {
		return nil, storageError(codes.InvalidArgument, storagepb.StorageError_INVALID_STREAM_TYPE, r.GetWriteStream(), "FlushRows is not supported on the default stream")
	}
	st, err := w.stream(r.GetWriteStream())
	if err != nil {
		return nil, err
	}
	st.table.mu.Lock() // before st.mu, as everywhere
	defer st.table.mu.Unlock()
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.typ != storagepb.WriteStream_BUFFERED {
		return nil, storageError(codes.InvalidArgument, storagepb.StorageError_INVALID_STREAM_TYPE, st.name, "FlushRows needs a BUFFERED stream, this one is %s", st.typ)
	}
	offset := r.GetOffset().GetValue()
	if r.GetOffset() == nil {
		offset = st.next - 1
	}
	if offset >= st.next || offset < 0 {
		return nil, storageError(codes.OutOfRange, storagepb.StorageError_OFFSET_OUT_OF_RANGE, st.name, "offset %d is beyond the %d rows of the stream", offset, st.next)
	}
	if n := offset + 1 - st.flushed; n > 0 {
		st.table.append(st.rows[:n])
		if err := w.relieve(st.table); err != nil {
			return nil, err
		}
		st.rows, st.flushed = st.rows[n:], offset+1
	}
	if after != nil {
		return nil, after
	}
	return &storagepb.FlushRowsResponse{Offset: offset}, nil
}

// relieve settles a table that has too many rows waiting. The caller holds t.mu.
func (w *writeService) relieve(t *table) error {
	if t.bytes < cmp.Or(w.server.options.WaitingBytes, pendingLimit) {
		return nil
	}
	if err := w.server.warehouse.begin(t); err != nil {
		return status.Error(codes.Internal, err.Error())
	}
	return nil
}
