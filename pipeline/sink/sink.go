// Package sink is where changes go: the interface that every sink fills, and how one is opened from
// its URI.
//
// # What a sink promises
//
// Writes are at least once: a block may come again, whole or in other pieces, in this run or a
// later one. A sink settles them by key and version (contract, section 7): the change with the
// greatest row_version stays, of equal versions the one written later. A delete is remembered, so
// that an older upsert that comes later revives nothing. So after any replay the tables are the
// same, and a run over an existing store continues it. A delete that forgets (change.Change) is not
// remembered: its key is nowhere once it is flushed.
//
// Every sink passes the suite in sinktest.
package sink

import (
	"context"
	"errors"
	"strings"
	"sync"

	"flexbeam/internal/span"
	"flexbeam/internal/uri"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// A Sink settles changes in a store. Its methods may be called from several goroutines.
type Sink interface {
	// Write takes a block of changes and may return before they are stored. Blocks written one
	// after the other are settled in that order; between concurrent calls there is no order. The
	// block is not kept after return.
	Write(ctx context.Context, b change.Block) error

	// Flush returns when all changes of earlier Writes are stored and visible to readers.
	Flush(ctx context.Context) error

	// Counts returns the number of rows of each table by its name, after a Flush.
	Counts(ctx context.Context) (map[string]int64, error)

	// Owners calls f with the owners (model.Owner) of rows of a table, in no order and each at least
	// once: of the rows whose time (Table.TimeColumn) lies in a span, and of those that have none. The
	// row holds the cells of Table.OwnerColumns, and is valid until f returns: of Owner.Time the
	// latest that rows of the owner have in the span. A table without owners gives none. An error of f
	// ends Owners, which returns it. What was written and not flushed may be missing.
	Owners(ctx context.Context, t model.TableID, in span.Span, f func(model.Row) error) error

	// Find calls f with the rows that a query asks for, in no order; some thousands of owners may be
	// asked for at once. The row holds the cells that the query asks for, row_version among them, and is
	// valid until f returns. An owner that is named twice counts once. Where rows of the table do not
	// tell their account, the SID alone decides. A table without owners has no such rows. An error of
	// f ends Find, which returns it. What was written and not flushed may be missing.
	Find(ctx context.Context, t model.TableID, q model.OwnerQuery, f func(model.Row) error) error

	// Queries returns what the store was asked since the sink was opened, and what it bills for that.
	Queries() Queries

	// Rows calls f with whole rows of a table, in no order: with those in which the STRING column has
	// one of some thousands of texts, or with all rows if column is empty. A row is valid until f
	// returns, which must not call the sink. What was written and not flushed may be missing.
	Rows(ctx context.Context, t model.TableID, column string, texts []string, f func(model.Row) error) error

	// OtherJobs tells whether another job may have written to the store since this one opened it. A
	// store that is locked for as long as it is open says no.
	OtherJobs(ctx context.Context) (bool, error)

	// ID returns the identity of the store. It stays with the store when that is closed and opened
	// again, or moved; a new store of the same name has another. What a job keeps beside the store
	// belongs to that identity.
	ID(ctx context.Context) (string, error)

	// Shape returns what the store remembers of what shapes its rows; the zero Shape if nothing.
	Shape(ctx context.Context) (Shape, error)

	// SetShape has the store remember it, durably.
	SetShape(ctx context.Context, s Shape) error

	// Rewrite changes texts of rows in place, whatever their versions, then has the store remember
	// r.After. Nothing of an older row is kept, not even that its key is gone. Rewrite is called
	// before the first Write, and the sink is closed after it. If it ends early, by an error of ctx or
	// a kill, each row is whole, the old one or the new one, and the same call, after the store was
	// opened again, passes over the rows that are new. Until it is through, Shape returns r.During if
	// any row is new. A sink that cannot do it returns an error that wraps ErrNoRewrite, and changes
	// nothing.
	Rewrite(ctx context.Context, r Rewriting) error

	// Close flushes and releases the store. After an error of Write or Flush it releases the store
	// and leaves what was stored before readable.
	Close(ctx context.Context) error
}

// A Shape is fingerprints of what shapes rows, of at most 63 lower-case letters, digits and hyphens:
// jobs of other shapes would mix rows that do not fit together (contract, section 7). Where
// turn_contents is in a store of its own, Options says which (WithTexts).
type Shape struct {
	ContactKey string `json:"contact_key"` // of the key that hides contacts, or of there being none
	Options    string `json:"options"`     // of the options
}

// Queries is what a store was asked in SQL of its own, and charges for.
type Queries struct {
	Count  int64
	Billed int64 // bytes
}

// A Rewriting says what Sink.Rewrite does.
type Rewriting struct {
	Tables        []TableRewriting // of a table one
	During, After Shape            // what the store remembers meanwhile and at the end
}

// A TableRewriting says how the rows of one table change.
type TableRewriting struct {
	Table model.TableID
	Texts []string             // names of STRING columns, those of the key may be among them
	Empty string               // name of a column that becomes null; none if empty
	Text  func(cells []string) // changes the cells of Texts of one row, in their order; null is the empty text
}

// Apply changes a row.
func (r *TableRewriting) Apply(row model.Row) {
	t := model.Tables[r.Table]
	texts := make([]string, len(r.Texts))
	for i, name := range r.Texts {
		texts[i] = t.Get(row, name).Str
	}
	if r.Text != nil {
		r.Text(texts)
	}
	for i, name := range r.Texts {
		if c := t.Col(name); texts[i] != row[c].Str {
			row[c] = model.Text(texts[i])
		}
	}
	if r.Empty != "" {
		row[t.Col(r.Empty)] = model.Value{}
	}
}

// ErrNoRewrite says that a sink cannot rewrite rows.
var ErrNoRewrite = errors.New("rows cannot be changed in place there")

// Options say what a sink is opened for.
type Options struct {
	// Bounded says that the job has an end: a sink may then store changes otherwise than those of a
	// stream.
	Bounded bool

	// Resend says that rows are to be written anew also where the store has the same version of them:
	// they may have another shape. Without it the sink of a bounded job may leave such rows out.
	Resend bool

	// HidePayload says that the job writes dead letters without their record: those of rows that a
	// sink cannot store have none either.
	HidePayload bool

	// Texts is the URI of a sink of its own for turn_contents; empty: it is a table as any other.
	Texts string
}

// An Opener opens a sink from the part of its URI behind the scheme.
type Opener func(ctx context.Context, rest string, o Options) (Sink, error)

// The errors of Open. Both are usage errors.
var (
	ErrUnknown = errors.New("unknown sink")
	ErrURI     = errors.New("not a sink URI")
)

var registry = uri.Registry[Opener]{Plural: "sinks", ErrURI: ErrURI, ErrUnknown: ErrUnknown}

// Register makes a sink available under a scheme. Sinks register themselves in init, so a binary
// has those it imports.
func Register(scheme string, o Opener) { registry.Register(scheme, o) }

var forms sync.Map // by scheme

// RegisterForm makes it known how the part of a URI behind its scheme is checked without opening
// anything. Errors of f wrap ErrURI.
func RegisterForm(scheme string, f func(rest string) error) { forms.Store(scheme, f) }

// Check tells whether uri names a registered sink as that wants it, without opening it. Its errors wrap
// ErrUnknown or ErrURI.
func Check(uri string) error {
	_, rest, err := registry.Find(uri)
	if err != nil {
		return err
	}
	scheme, _, _ := strings.Cut(uri, ":")
	if f, ok := forms.Load(scheme); ok {
		return f.(func(string) error)(rest)
	}
	return nil
}

// Open opens the sink that uri names, such as duckdb:calls.duckdb or jsonl:out. It returns
// ErrUnknown or ErrURI when uri names none.
func Open(ctx context.Context, uri string, o Options) (Sink, error) {
	open, rest, err := registry.Find(uri)
	if err != nil {
		return nil, err
	}
	s, err := open(ctx, rest, o)
	if err != nil || o.Texts == "" {
		return s, err
	}
	return openApart(ctx, s, o)
}
