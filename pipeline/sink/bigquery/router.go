package bigquery

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"cloud.google.com/go/bigquery"

	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// A router stores the changes of each table by its regime: through a streamer, or a loader.
type router struct {
	sink *Writer

	regimes []atomic.Pointer[regime] // by table; nil: no row was written yet
	stream  atomic.Pointer[streamer] // nil: no table is streamed to yet
	load    atomic.Pointer[loader]

	entering sync.Mutex
}

func newRouter(w *Writer) *router {
	return &router{sink: w, regimes: make([]atomic.Pointer[regime], len(tables))}
}

// regime returns the regime of a table, which it enters when its first row comes.
func (r *router) regime(ctx context.Context, t *table) (regime, error) {
	if g := r.regimes[t.id].Load(); g != nil {
		return *g, nil
	}
	return r.enter(ctx, t, r.sink.wanted())
}

// again returns the regime that a table of load jobs has now, since another job may have streamed to it
// meanwhile.
func (r *router) again(ctx context.Context, t *table) (regime, error) {
	g, _, err := r.sink.enter(ctx, t, byLoad)
	if err != nil || g == byLoad {
		return g, err
	}
	return r.enter(ctx, t, byStream)
}

// enter lets a table enter its regime. The table of deletes is streamed to as soon as any other one
// is, and is entered before it, so that no delete is forgotten.
func (r *router) enter(ctx context.Context, t *table, wanted regime) (regime, error) {
	r.entering.Lock()
	defer r.entering.Unlock()
	if g := r.regimes[t.id].Load(); g != nil && (*g == wanted || *g == byStream) {
		return *g, nil
	}
	g, meta, err := r.prepare(ctx, t, wanted)
	if err != nil {
		return "", err
	}
	if greatest, merged := mergedVersion(meta); merged && g == byStream {
		r.stream.Load().known.of[t.id].merged.Store(&greatest)
	}
	r.regimes[t.id].Store(&g)
	return g, nil
}

// prepare enters a table and the table of deletes, and makes what its regime needs.
func (r *router) prepare(ctx context.Context, t *table, wanted regime) (regime, *bigquery.TableMetadata, error) {
	g, meta, err := r.sink.enter(ctx, t, wanted)
	if err != nil {
		return "", nil, err
	}
	deletes := r.regimes[deletesTable.id].Load()
	if t != deletesTable && (deletes == nil || g == byStream && *deletes != byStream) {
		d, _, err := r.sink.enter(ctx, deletesTable, g)
		if err != nil {
			return "", nil, err
		}
		r.regimes[deletesTable.id].Store(&d)
		deletes = &d
	}
	if r.stream.Load() == nil && (g == byStream || deletes != nil && *deletes == byStream) {
		s, err := newStreamer(r)
		if err != nil {
			return "", nil, err
		}
		if err := s.known.readDeleted(ctx); err != nil {
			return "", nil, errors.Join(err, s.close(ctx))
		}
		r.stream.Store(s)
	}
	if r.load.Load() == nil && g == byLoad {
		l, err := newLoader(r)
		if err != nil {
			return "", nil, err
		}
		r.load.Store(l)
	}
	return g, meta, nil
}

// write stores the changes of a block.
func (r *router) write(ctx context.Context, b change.Block) error {
	if s := r.stream.Load(); s != nil {
		if err := s.begin(ctx); err != nil {
			return err
		}
	}
	return b.Each(func(c change.Change) error {
		g, err := r.regime(ctx, tables[c.Table])
		switch {
		case err != nil:
			return err
		case g == byStream:
			return r.stream.Load().change(ctx, c, b)
		}
		return r.load.Load().change(ctx, c)
	})
}

// letter stores a dead letter for a row that was refused.
func (r *router) letter(ctx context.Context, letter model.Row) error {
	r.sink.letters.Add(1)
	g, err := r.regime(ctx, deadLettersTable)
	if err != nil {
		return err
	}
	if g == byLoad {
		return r.load.Load().change(ctx, change.Change{Table: model.DeadLettersID, Row: letter})
	}
	return r.stream.Load().store(ctx, letter)
}

// flush returns when all changes are stored. What is streamed may have dead letters that are
// loaded, and what is loaded may have to be streamed in the end.
func (r *router) flush(ctx context.Context) error {
	for {
		if s := r.stream.Load(); s != nil {
			if err := s.flush(ctx); err != nil {
				return err
			}
		}
		l := r.load.Load()
		if l == nil {
			return nil
		}
		streamed, err := l.flush(ctx)
		if err != nil || !streamed {
			return err
		}
	}
}

func (r *router) close(ctx context.Context) error {
	err := r.flush(ctx)
	if s := r.stream.Load(); s != nil {
		if e := s.close(ctx); err == nil {
			err = e
		}
	}
	if l := r.load.Load(); l != nil {
		err = errors.Join(err, l.close())
	}
	return err
}
