// Package deadletter keeps records that could not be used: with their bytes, the reason and the
// place they came from. They are counted and never stop a job.
package deadletter

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"flexbeam/internal/telemetry"
	"flexbeam/internal/wire"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// The error classes that are not those of a single record.
const (
	Archive = "unreadable_archive" // a compressed file cannot be read to its end
	Late    = telemetry.Late       // an event came too late (contract, section 10)
	Gap     = telemetry.Gap        // records fell out of a stream's retention before they were read
)

// A Letter is one dead letter of a batch.
type Letter struct {
	Line     int64  // from the first line of the batch, which is 0
	Position string // names the record instead of its line, such as a sequence number
	Value    int    `json:",omitempty"` // the JSON values in front of it on its line, or in its record of a stream
	Index    int    // in an array, -1 outside of one
	Class    string
	Error    string
	Payload  []byte
	Received int64 `json:",omitempty"` // when the record arrived, ms since 1970; 0: not known
}

// Append adds a letter to a block of changes. firstLine is the number of the batch's first line.
func (l Letter) Append(b change.Block, source, name string, firstLine int64) change.Block {
	t := &model.DeadLetters
	r := t.NewRow()
	position := name + ":" + l.Position
	if l.Position == "" {
		position = name + ":" + strconv.FormatInt(firstLine+l.Line, 10)
	}
	if l.Value > 0 {
		position += "+" + strconv.Itoa(l.Value)
	}
	if l.Index >= 0 {
		position += ":" + strconv.Itoa(l.Index)
	}
	r[t.Col("source")] = model.Text(source)
	r[t.Col("position")] = model.Text(position)
	r[t.Col("error_class")] = model.Text(l.Class)
	r[t.Col("error")] = model.Text(l.Error)
	r[t.Col("payload")] = model.Blob(l.Payload)
	if l.Received != 0 {
		r[t.Col("received_at")] = model.Millis(l.Received)
	}
	r[t.Col("row_version")] = model.Integer(1)
	return b.Append(change.Change{Table: model.DeadLettersID, Row: r})
}

// ExampleOf returns the class of a row of dead_letters, and what is told of it as an example.
func ExampleOf(r model.Row) (class string, e telemetry.Example) {
	t := &model.DeadLetters
	return t.Get(r, "error_class").Str, telemetry.Example{Position: t.Get(r, "position").Str, Error: t.Get(r, "error").Str}
}

// A Note says how many lines a part of a file has, and which of them are dead letters. With the
// notes of all parts the lines can be numbered, though parts are read independently.
type Note struct {
	Source  string
	Part    int64
	Lines   int64
	Letters []Letter `json:",omitempty"`
}

// noteForm is the form of an encoded note: JSON.
const noteForm = 1

// Encode returns the note as an element of a pipeline.
func (n Note) Encode() []byte {
	b, err := json.Marshal(n)
	if err != nil { // a Note always marshals
		panic(err)
	}
	return append([]byte{noteForm}, b...)
}

// readNote reads what Encode wrote.
func readNote(b []byte) (n Note, err error) {
	r := wire.Read("a note of dead letters", noteForm, b)
	if err = r.Err(); err == nil {
		err = json.Unmarshal(r.Rest(), &n)
	}
	return n, err
}

func init() {
	beam.RegisterDoFn(&NumberFn{})
	register.Iter1[[]byte]()
	register.Emitter1[[]byte]()
}

// NumberFn numbers the lines of a file from the notes of all its parts and emits the dead letters
// as a block of changes.
type NumberFn struct{}

// ProcessElement takes the notes of one file.
func (fn *NumberFn) ProcessElement(_ context.Context, name string, notes func(*[]byte) bool, emit func([]byte)) error {
	var all []Note
	var b []byte
	for notes(&b) {
		n, err := readNote(b)
		if err != nil {
			return fmt.Errorf("dead letters of %s: %w", name, err)
		}
		all = append(all, n)
	}
	slices.SortFunc(all, func(a, b Note) int { return int(a.Part - b.Part) })
	line := int64(1)
	var block change.Block
	for _, n := range all {
		for _, l := range n.Letters {
			block = l.Append(block, n.Source, name, line)
		}
		line += n.Lines
	}
	if len(block) > 0 {
		emit(block)
	}
	return nil
}

// Number numbers the lines of files and returns the dead letters as blocks of changes.
func Number(s beam.Scope, notes beam.PCollection) beam.PCollection {
	s = s.Scope("deadletter.Number")
	return beam.ParDo(s, &NumberFn{}, beam.GroupByKey(s, notes))
}
