package duckdb

/*
#include <stdint.h>

typedef void (*flexbeam_callback)(void *);
typedef void (*flexbeam_scan_callback)(void *, void *);

extern void flexbeamBind(void *);
extern void flexbeamInit(void *);
extern void flexbeamScan(void *, void *);
extern void flexbeamForget(void *);

static void *flexbeam_pointer(uintptr_t h) { return (void *)h; }
*/
import "C"

import (
	"fmt"
	"runtime/cgo"
	"sync/atomic"
	"unsafe"

	bindings "github.com/duckdb/duckdb-go-bindings"

	"flexbeam/schemas/model"
)

// The columns that a batch has beyond those of its table.
const (
	numberColumn = "batch_number" // index in the batch
	keyColumn    = "batch_key"    // the key as text
	rowidColumn  = "batch_rowid"  // the rowid of what it replaces, where that is known
)

var vectorTypes = [...]bindings.Type{
	model.String: bindings.TypeVarchar, model.Timestamp: bindings.TypeTimestampTZ, model.Float: bindings.TypeDouble,
	model.Int: bindings.TypeBigInt, model.Bool: bindings.TypeBoolean, model.Bytes: bindings.TypeBlob,
}

// name is how SQL calls the batch.
func (b *batch) name() string { return fmt.Sprintf("batch_%d_%s", b.shard, b.table.Name) }

// register makes the batch readable in SQL as a table function without parameters. It gives the
// rows that are selected when a query runs. The returned function ends it, after the database is
// closed.
func (b *batch) register(conn bindings.Connection) (forget func(), err error) {
	h := cgo.NewHandle(b)
	f := bindings.CreateTableFunction()
	defer bindings.DestroyTableFunction(&f)
	bindings.TableFunctionSetName(f, b.name())
	bindings.TableFunctionSetExtraInfo(f, C.flexbeam_pointer(C.uintptr_t(h)), nil)
	bindings.TableFunctionSetBind(f, unsafe.Pointer(C.flexbeam_callback(C.flexbeamBind)))
	bindings.TableFunctionSetInit(f, unsafe.Pointer(C.flexbeam_callback(C.flexbeamInit)))
	bindings.TableFunctionSetFunction(f, unsafe.Pointer(C.flexbeam_scan_callback(C.flexbeamScan)))
	bindings.TableFunctionSupportsProjectionPushdown(f, true)
	if bindings.RegisterTableFunction(conn, f) == bindings.StateError {
		h.Delete()
		return nil, fmt.Errorf("duckdb: register the table function of %s: refused", b.table.Name)
	}
	return h.Delete, nil
}

// A scan is one reading of a batch.
type scan struct {
	batch *batch
	wants []int // for each output vector, the column of the table; len(Columns) is the number, one more the key, two the rowid
	last  int   // the last column of the table that is wanted
	next  atomic.Int64
}

func fromPointer[T any](p unsafe.Pointer) T { return cgo.Handle(uintptr(p)).Value().(T) }

//export flexbeamBind
func flexbeamBind(p unsafe.Pointer) {
	info := bindings.BindInfo{Ptr: p}
	b := fromPointer[*batch](bindings.BindGetExtraInfo(info))
	column := func(name string, id bindings.Type) {
		t := bindings.CreateLogicalType(id)
		bindings.BindAddResultColumn(info, name, t)
		bindings.DestroyLogicalType(&t)
	}
	for _, c := range b.table.Columns {
		column(c.Name, vectorTypes[c.Type])
	}
	column(numberColumn, bindings.TypeBigInt)
	column(keyColumn, bindings.TypeVarchar)
	column(rowidColumn, bindings.TypeBigInt)
	bindings.BindSetCardinality(info, bindings.IdxT(len(b.selected)), true)
}

//export flexbeamInit
func flexbeamInit(p unsafe.Pointer) {
	info := bindings.InitInfo{Ptr: p}
	b := fromPointer[*batch](bindings.InitGetExtraInfo(info))
	s := &scan{batch: b, last: -1}
	for i := range bindings.InitGetColumnCount(info) {
		c := int(bindings.InitGetColumnIndex(info, i))
		if c > len(b.table.Columns)+2 { // DuckDB's row id, when it wants no column
			c = len(b.table.Columns)
		}
		s.wants = append(s.wants, c)
		if c < len(b.table.Columns) {
			s.last = max(s.last, c)
		}
	}
	bindings.InitSetMaxThreads(info, 1)
	bindings.InitSetInitData(info, C.flexbeam_pointer(C.uintptr_t(cgo.NewHandle(s))), unsafe.Pointer(C.flexbeam_callback(C.flexbeamForget)))
}

//export flexbeamForget
func flexbeamForget(p unsafe.Pointer) { cgo.Handle(uintptr(p)).Delete() }

//export flexbeamScan
func flexbeamScan(p, out unsafe.Pointer) {
	s := fromPointer[*scan](bindings.FunctionGetInitData(bindings.FunctionInfo{Ptr: p}))
	n := int64(bindings.VectorSize())
	to := s.next.Add(n)
	rows := s.batch.selected
	from := min(to-n, int64(len(rows)))
	s.fill(bindings.DataChunk{Ptr: out}, rows[from:min(to, int64(len(rows)))])
}
