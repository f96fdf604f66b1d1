package bigquerylocal

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// A readService is the service google.cloud.bigquery.storage.v1.BigQueryRead with rows in Avro. A
// session has one stream, whose rows are those of the table when the session was made.
type readService struct {
	storagepb.UnimplementedBigQueryReadServer
	server *Server

	mu       sync.Mutex
	sessions map[string]*readSession // by the name of the stream
	made     int
}

type readSession struct {
	rows  *result
	avro  *storagepb.AvroSchema
	until time.Time
}

// sessionLife is how long a session can be read
// (https://cloud.google.com/bigquery/docs/reference/storage#limitations).
const sessionLife = 6 * time.Hour

var projectPath = regexp.MustCompile(`^projects/([^/]+)$`)

// CreateReadSession takes the rows of a table.
func (r *readService) CreateReadSession(ctx context.Context, q *storagepb.CreateReadSessionRequest) (*storagepb.ReadSession, error) {
	want := q.GetReadSession()
	m := tablePath.FindStringSubmatch(want.GetTable())
	p := projectPath.FindStringSubmatch(q.GetParent())
	switch {
	case m == nil:
		return nil, status.Errorf(codes.InvalidArgument, "table %q is not projects/{project}/datasets/{dataset}/tables/{table}", want.GetTable())
	case p == nil:
		return nil, status.Errorf(codes.InvalidArgument, "parent %q is not projects/{project}", q.GetParent())
	case want.GetDataFormat() != storagepb.DataFormat_AVRO:
		return nil, status.Errorf(codes.InvalidArgument, "The local BigQuery service does not know the data format %s: ask for AVRO", want.GetDataFormat())
	}
	rows, err := r.rows(ctx, tableName{m[1], m[2], m[3]}, want.GetReadOptions())
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	schema, err := avroSchema(rows)
	if err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	s := &readSession{rows: rows, avro: &storagepb.AvroSchema{Schema: schema}, until: r.server.options.Now().Add(sessionLife)}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.made++
	name := fmt.Sprintf("projects/%s/locations/%s/sessions/local-%d", p[1], strings.ToLower(r.server.options.Location), r.made)
	if r.sessions == nil {
		r.sessions = map[string]*readSession{}
	}
	r.sessions[name+"/streams/0"] = s
	return &storagepb.ReadSession{Name: name, Table: want.GetTable(), DataFormat: storagepb.DataFormat_AVRO, ExpireTime: timestamppb.New(s.until), ReadOptions: want.GetReadOptions(),
		Schema: &storagepb.ReadSession_AvroSchema{AvroSchema: s.avro}, Streams: []*storagepb.ReadStream{{Name: name + "/streams/0"}}, EstimatedRowCount: int64(len(rows.rows))}, nil
}

// rows reads the columns and rows that a session is about.
func (r *readService) rows(ctx context.Context, n tableName, o *storagepb.ReadSession_TableReadOptions) (*result, error) {
	t, err := r.server.catalog.table(n)
	if err != nil {
		return nil, err
	}
	if t.isView() {
		return nil, invalid("request failed: The following are not supported: views: %s", n)
	}
	t.mu.Lock()
	s := t.schema
	t.mu.Unlock()
	columns, err := s.selected(strings.Join(o.GetSelectedFields(), ","))
	if err != nil {
		return nil, err
	}
	for i, c := range columns {
		columns[i] = "`" + strings.Trim(c, `"`) + "`"
	}
	sql := fmt.Sprintf("SELECT %s FROM `%s.%s.%s`", strings.Join(columns, ", "), n.project, n.dataset, n.table)
	if where := o.GetRowRestriction(); where != "" {
		sql += " WHERE " + where
	}
	st, err := r.server.translate(sql, setting{project: n.project}, false)
	if err != nil {
		return nil, err
	}
	return r.server.run(ctx, st)
}

// rowsPerAnswer is how many rows one ReadRowsResponse has.
const rowsPerAnswer = 1000

// ReadRows sends the rows of a stream from an offset on.
func (r *readService) ReadRows(q *storagepb.ReadRowsRequest, to storagepb.BigQueryRead_ReadRowsServer) error {
	r.mu.Lock()
	s := r.sessions[q.GetReadStream()]
	r.mu.Unlock()
	switch {
	case s == nil || r.server.options.Now().After(s.until):
		return status.Errorf(codes.NotFound, "Requested entity was not found: stream %s", q.GetReadStream())
	case q.GetOffset() < 0 || q.GetOffset() > int64(len(s.rows.rows)):
		return status.Errorf(codes.OutOfRange, "offset %d is beyond the %d rows of the stream", q.GetOffset(), len(s.rows.rows))
	}
	for at := int(q.GetOffset()); at < len(s.rows.rows); {
		end := min(at+rowsPerAnswer, len(s.rows.rows))
		var b []byte
		for _, row := range s.rows.rows[at:end] {
			for i, v := range row {
				b = appendAvro(b, s.rows.kinds[i], v)
			}
		}
		n := int64(end - at)
		err := to.Send(&storagepb.ReadRowsResponse{Rows: &storagepb.ReadRowsResponse_AvroRows{AvroRows: &storagepb.AvroRows{SerializedBinaryRows: b}}, RowCount: n,
			Schema: &storagepb.ReadRowsResponse_AvroSchema{AvroSchema: s.avro}, Stats: &storagepb.StreamStats{Progress: &storagepb.StreamStats_Progress{
				AtResponseStart: float64(at) / float64(len(s.rows.rows)), AtResponseEnd: float64(end) / float64(len(s.rows.rows))}}})
		if err != nil {
			return err
		}
		at = end
	}
	return nil
}

// avroTypes are the types of values
// (https://cloud.google.com/bigquery/docs/reference/storage#avro_schema_details).
var avroTypes = [...]any{kindString: "string", kindBytes: "bytes", kindInt: "long", kindFloat: "double", kindBool: "boolean",
	kindTimestamp: map[string]string{"type": "long", "logicalType": "timestamp-micros"}, kindDate: map[string]string{"type": "int", "logicalType": "date"}}

func avroSchema(r *result) (string, error) {
	type field struct {
		Name string `json:"name"`
		Type any    `json:"type"`
	}
	all := make([]field, len(r.fields))
	for i, f := range r.fields {
		all[i] = field{f.Name, []any{"null", avroTypes[r.kinds[i]]}}
	}
	b, err := json.Marshal(map[string]any{"type": "record", "name": "__root__", "fields": all})
	return string(b), err
}

// appendAvro appends a value that may be null
// (https://avro.apache.org/docs/1.11.1/specification/#binary-encoding).
func appendAvro(b []byte, k kind, v any) []byte {
	if v == nil {
		return binary.AppendVarint(b, 0)
	}
	b = binary.AppendVarint(b, 1)
	switch v := v.(type) {
	case string:
		return append(binary.AppendVarint(b, int64(len(v))), v...)
	case []byte:
		return append(binary.AppendVarint(b, int64(len(v))), v...)
	case int64:
		return binary.AppendVarint(b, v)
	case float64:
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	case bool:
		if v {
			return append(b, 1)
		}
		return append(b, 0)
	case time.Time:
		if k == kindDate {
			return binary.AppendVarint(b, int64(math.Floor(float64(v.Unix())/86400)))
		}
		return binary.AppendVarint(b, v.UnixMicro())
	}
	return b
}
