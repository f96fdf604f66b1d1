package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"flexbeam/internal/span"
	"flexbeam/internal/testkit/history"
	"flexbeam/pipeline/sink"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// stores are the sinks memory:NAME.
var stores sync.Map

var lastStore atomic.Int64

// memory returns the URI of a sink.
func memory(s sink.Sink) string {
	name := fmt.Sprint("s", lastStore.Add(1))
	stores.Store(name, s)
	return "memory:" + name
}

var (
	errWrite = errors.New("the disk is full")
	errFlush = errors.New("the disk is on fire")
	errClose = errors.New("the disk is gone")
	errKeys  = errors.New("the disk cannot be read")
)

// faulty is a sink that fails in one of its methods.
type faulty struct {
	*history.Store
	write, flush, close error
}

func (f faulty) Write(ctx context.Context, b change.Block) error {
	if f.write != nil {
		return f.write
	}
	return f.Store.Write(ctx, b)
}
func (f faulty) Flush(context.Context) error { return f.flush }
func (f faulty) Close(context.Context) error { return f.close }

// unreadable is a sink that cannot say what it holds.
type unreadable struct{ *history.Store }

func (unreadable) Owners(context.Context, model.TableID, span.Span, func(model.Row) error) error {
	return errKeys
}

// stuck is a sink whose writes hold on until the test lets them go.
type stuck struct {
	*history.Store
	writing chan<- struct{}
	release <-chan struct{}
}

func (s stuck) Write(ctx context.Context, b change.Block) error {
	select {
	case s.writing <- struct{}{}:
	default:
	}
	<-s.release
	return s.Store.Write(ctx, b)
}

func init() {
	sink.Register("memory", func(_ context.Context, name string, _ sink.Options) (sink.Sink, error) {
		s, ok := stores.Load(name)
		if !ok {
			return nil, fmt.Errorf("memory: no store %s", name)
		}
		return s.(sink.Sink), nil
	})
}
