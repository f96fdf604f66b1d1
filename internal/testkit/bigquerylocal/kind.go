package bigquerylocal

import (
	"strings"

	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A kind is the type of a column.
type kind uint8

const (
	kindString kind = iota
	kindBytes
	kindInt
	kindFloat
	kindBool
	kindTimestamp
	kindDate
)

// kinds says of each kind how REST and SQL name it, what holds it in DuckDB, and which protocol
// buffer types may carry it (https://cloud.google.com/bigquery/docs/supported-data-types, without
// the wrapper messages).
var kinds = [...]struct {
	rest, sql, duckdb string
	storage           storagepb.TableFieldSchema_Type
	protos            []protoreflect.Kind
}{
	kindString: {"STRING", "STRING", "VARCHAR", storagepb.TableFieldSchema_STRING, []protoreflect.Kind{protoreflect.StringKind}},
	kindBytes:  {"BYTES", "BYTES", "BLOB", storagepb.TableFieldSchema_BYTES, []protoreflect.Kind{protoreflect.BytesKind, protoreflect.StringKind}},
	kindInt: {"INTEGER", "INT64", "BIGINT", storagepb.TableFieldSchema_INT64,
		[]protoreflect.Kind{protoreflect.Int64Kind, protoreflect.Int32Kind, protoreflect.Uint32Kind}},
	kindFloat: {"FLOAT", "FLOAT64", "DOUBLE", storagepb.TableFieldSchema_DOUBLE, []protoreflect.Kind{protoreflect.DoubleKind, protoreflect.FloatKind}},
	kindBool: {"BOOLEAN", "BOOL", "BOOLEAN", storagepb.TableFieldSchema_BOOL,
		[]protoreflect.Kind{protoreflect.BoolKind, protoreflect.Int32Kind, protoreflect.Int64Kind, protoreflect.Uint32Kind, protoreflect.Uint64Kind}},
	kindTimestamp: {"TIMESTAMP", "TIMESTAMP", "TIMESTAMPTZ", storagepb.TableFieldSchema_TIMESTAMP,
		[]protoreflect.Kind{protoreflect.Int64Kind, protoreflect.Int32Kind, protoreflect.Uint32Kind}},
	kindDate: {"DATE", "DATE", "DATE", storagepb.TableFieldSchema_DATE, []protoreflect.Kind{protoreflect.Int32Kind, protoreflect.Int64Kind}},
}

// kindNamed returns the kind that REST or SQL calls by this name.
func kindNamed(name string) (kind, bool) {
	for k := range kinds {
		if strings.EqualFold(name, kinds[k].rest) || strings.EqualFold(name, kinds[k].sql) {
			return kind(k), true
		}
	}
	return 0, false
}

// kindOfDuckDB returns the kind of a column that DuckDB describes. Sums of BIGINT are HUGEINT there
// and INT64 in BigQuery.
func kindOfDuckDB(name string) (kind, bool) {
	switch name {
	case "HUGEINT", "INTEGER", "SMALLINT", "TINYINT", "UINTEGER":
		return kindInt, true
	case "FLOAT":
		return kindFloat, true
	case "SQLNULL", "NULL", `"NULL"`:
		return kindInt, true // an untyped NULL is INT64
	case "TIMESTAMP WITH TIME ZONE":
		return kindTimestamp, true
	}
	if strings.HasPrefix(name, "DECIMAL(") {
		return kindFloat, true
	}
	for k := range kinds {
		if name == kinds[k].duckdb {
			return kind(k), true
		}
	}
	return 0, false
}

// The bounds of TIMESTAMP, microseconds since the Unix epoch, and DATE, days since it: years 1 to 9999.
const (
	minMicros = -62135596800000000
	maxMicros = 253402300799999999
	minDays   = -719162
	maxDays   = 2932896
)
