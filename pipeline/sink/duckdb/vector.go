package duckdb

import (
	"math"
	"unsafe"

	bindings "github.com/duckdb/duckdb-go-bindings"

	"flexbeam/schemas/model"
)

// vectorSize is how many rows a DuckDB vector has; openStore checks it.
const vectorSize = 2048

// A vector is the memory of one output vector.
type vector struct {
	data  unsafe.Pointer
	valid *[vectorSize / 64]uint64
}

func (v vector) null(i int) { v.valid[i>>6] &^= 1 << (i & 63) }

func (v vector) number(i int, n int64)  { (*[vectorSize]int64)(v.data)[i] = n }
func (v vector) boolean(i int, b int64) { (*[vectorSize]byte)(v.data)[i] = byte(b) }

// inlined is the length up to which DuckDB keeps a string in place of the pointer to it.
const inlined = 12

// text writes a string as DuckDB has it in vectors: length, the first four bytes, and a pointer;
// short ones whole. The bytes of s are not copied: they must stay where they are until the query
// ends.
func (v vector) text(i int, s string) {
	t := &(*[vectorSize]struct {
		length uint32
		short  [inlined]byte
	})(v.data)[i]
	t.length = uint32(len(s))
	t.short = [inlined]byte{}
	if len(s) <= inlined {
		copy(t.short[:], s)
		return
	}
	copy(t.short[:4], s)
	*(*uintptr)(unsafe.Pointer(&t.short[4])) = uintptr(unsafe.Pointer(unsafe.StringData(s)))
}

// at returns a number.
func (v vector) at(i int) int64 { return (*[vectorSize]int64)(v.data)[i] }

// string returns a copy of a text.
func (v vector) string(i int) string {
	t := &(*[vectorSize]bindings.StringT)(v.data)[i]
	return bindings.StringTData(t)
}

// fill writes the wanted columns of the rows into the chunk.
func (s *scan) fill(chunk bindings.DataChunk, rows []int32) {
	b := s.batch
	number, key, rowid := len(b.table.Columns), len(b.table.Columns)+1, len(b.table.Columns)+2
	vectors := make([]vector, len(s.wants))
	of := make([]int, len(b.table.Columns)+3) // the vector of a column, plus one
	for j, c := range s.wants {
		v := bindings.DataChunkGetVector(chunk, bindings.IdxT(j))
		bindings.VectorEnsureValidityWritable(v)
		vectors[j] = vector{bindings.VectorGetData(v), (*[vectorSize / 64]uint64)(bindings.VectorGetValidity(v))}
		for k := range vectors[j].valid {
			vectors[j].valid[k] = math.MaxUint64
		}
		of[c] = j + 1
	}
	for i, r := range rows {
		p := &b.rows[r]
		rest := p.row
		for c := 0; c <= s.last; c++ {
			var v model.Value
			v, rest = cell(rest)
			j := of[c]
			if j == 0 {
				continue
			}
			out := vectors[j-1]
			switch v.Type {
			case model.Null:
				out.null(i)
			case model.String, model.Bytes:
				out.text(i, v.Str)
			case model.Timestamp:
				out.number(i, micros(v.Num))
			case model.Bool:
				out.boolean(i, v.Num)
			default:
				out.number(i, v.Num)
			}
		}
		if j := of[number]; j > 0 {
			vectors[j-1].number(i, int64(r))
		}
		if j := of[key]; j > 0 {
			vectors[j-1].text(i, b.keyText(r))
		}
		if j := of[rowid]; j > 0 {
			vectors[j-1].number(i, b.located[r])
		}
	}
	bindings.DataChunkSetSize(chunk, bindings.IdxT(len(rows)))
}

// micros turns milliseconds into DuckDB's microseconds; what is out of its range becomes infinite.
func micros(ms int64) int64 {
	switch {
	case ms > math.MaxInt64/1000:
		return math.MaxInt64
	case ms < -math.MaxInt64/1000:
		return -math.MaxInt64
	}
	return ms * 1000
}
