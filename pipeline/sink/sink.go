// Package sink is where changes go: the interface that every sink fills, and how one is opened from its URI.
//
// # What a sink promises
//
// Writes are at least once: a block may come again, whole or in other pieces, in this run or a later one. A sink settles
// them by key and version (contract, section 7): the change with the greatest row_version stays, of equal versions the one
// written later. A delete is remembered, so that an older upsert that comes later revives nothing. So after any
// replay the tables are the same, and a run over an existing store continues it.
//
// Every sink passes the suite in sinktest.
package sink

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"sync"

	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// A Sink settles changes in a store. Its methods may be called from several goroutines.
type Sink interface {
	// Write takes a block of changes and may return before they are stored. Blocks written one after the other are
	// settled in that order; between concurrent calls there is no order. The block is not kept after return.
	Write(ctx context.Context, b change.Block) error

	// Flush returns when all changes of earlier Writes are stored and visible to readers.
	Flush(ctx context.Context) error

	// Counts returns the number of rows of each table by its name, after a Flush.
	Counts(ctx context.Context) (map[string]int64, error)

	// Close flushes and releases the store. After an error of Write or Flush it releases the store and leaves what was
	// stored before readable.
	Close(ctx context.Context) error
}

// A Keeper is a sink that can say what it holds. A job over a store that earlier jobs filled asks for it, so that rows of a
// task or worker that are no longer right are deleted, and not only overwritten where their keys come again.
type Keeper interface {
	// Keys calls f with every row that a table holds: its key cells and, of engagements, task_sid; of customers it calls f
	// with the isolated rows only. The row is valid until f returns.
	Keys(ctx context.Context, t model.TableID, f func(model.Row) error) error
}

// A Finder is a Keeper that can also say later what it holds of one task or worker. A job over a large store then remembers
// which tasks and workers have rows, and not the rows.
type Finder interface {
	Keeper
	// Find calls f as Keys does, with the rows of one task, or of one worker for agent_status. What was written and not
	// flushed may be missing.
	Find(ctx context.Context, t model.TableID, account, sid string, f func(model.Row) error) error
}

// An Identified is a sink whose store has an identity of its own, which stays with it when it is moved, and which a new one of the same name does not
// have. What a job keeps beside the store belongs to that one.
type Identified interface {
	ID(ctx context.Context) (string, error)
}

// Bulk is a sink that stores the changes of a bounded job otherwise than those of a stream.
type Bulk interface {
	// Bounded says, before the first Write, that the job has an end.
	Bounded()
}

// An Opener opens a sink from the part of its URI behind the scheme.
type Opener func(ctx context.Context, rest string) (Sink, error)

// The errors of Open. Both are usage errors.
var (
	ErrUnknown = errors.New("unknown sink")
	ErrURI     = errors.New("not a sink URI")
)

var (
	mu      sync.RWMutex
	openers = map[string]Opener{}
)

// Register makes a sink available under a scheme. Sinks register themselves in init, so a binary has those it imports.
func Register(scheme string, o Opener) {
	mu.Lock()
	defer mu.Unlock()
	openers[scheme] = o
}

// Schemes returns the registered schemes in order.
func Schemes() []string {
	mu.RLock()
	defer mu.RUnlock()
	var s []string
	for k := range openers {
		s = append(s, k)
	}
	sort.Strings(s)
	return s
}

// Check tells whether uri names a registered sink, without opening it.
func Check(uri string) error {
	_, _, err := split(uri)
	return err
}

// Open opens the sink that uri names, such as duckdb:calls.duckdb or jsonl:out.
func Open(ctx context.Context, uri string) (Sink, error) {
	o, rest, err := split(uri)
	if err != nil {
		return nil, err
	}
	return o(ctx, rest)
}

func split(uri string) (Opener, string, error) {
	scheme, rest, ok := strings.Cut(uri, ":")
	if !ok || rest == "" {
		return nil, "", fmt.Errorf("%w: %q: write SCHEME:PLACE with one of the schemes %s", ErrURI, uri, strings.Join(Schemes(), ", "))
	}
	mu.RLock()
	o := openers[scheme]
	mu.RUnlock()
	if o == nil {
		return nil, "", fmt.Errorf("%w: %q: this binary has the sinks %s", ErrUnknown, uri, strings.Join(Schemes(), ", "))
	}
	return o, rest, nil
}
