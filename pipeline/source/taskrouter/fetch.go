package taskrouter

import (
	"context"
	"errors"
	"fmt"
	"time"

	taskrouter "github.com/twilio/twilio-go/rest/taskrouter/v1"

	"flexbeam/internal/twilio"
)

const (
	pageSize  = 1000 // events of a page, as many as there may be
	mostPages = 5    // of a window that can still be halved
)

// A fetcher reads windows, several at the same time.
type fetcher struct {
	plan   Plan
	client *twilio.Client
	keep   *keeper
}

// A fetched window is one that was read, or why it was not.
type fetched struct {
	window  window
	records records
	err     error
}

// errFull says that a window holds more than mostPages.
var errFull = errors.New("the window is full")

// patience is how many windows may fail one after the other before none is halved any more: then it
// is not the windows that are at fault.
const patience = 10

// each calls emit with the records of every window, in the order in which they are read. Windows that
// are kept are read from there.
func (f *fetcher) each(ctx context.Context, emit func(records) error) error {
	all := window{f.plan.From, f.plan.To}
	kept, err := f.keep.list(all)
	if err != nil {
		return err
	}
	for _, w := range kept {
		r, err := f.keep.load(w)
		if err == nil {
			err = emit(r)
		}
		if err != nil {
			return err
		}
	}
	var todo []window
	for _, gap := range all.gaps(kept) {
		todo = append(todo, windows(gap.from, gap.to, f.plan.Window)...)
	}
	return f.fetch(ctx, todo, emit)
}

// fetch reads windows. Only this goroutine emits.
func (f *fetcher) fetch(ctx context.Context, todo []window, emit func(records) error) (err error) {
	ctx, stop := context.WithCancel(ctx)
	out := make(chan fetched, f.plan.Parallel)
	running, failures := 0, 0
	defer func() {
		stop()
		for ; running > 0; running-- {
			<-out
		}
	}()
	for len(todo) > 0 || running > 0 {
		for ; running < f.plan.Parallel && len(todo) > 0; running++ {
			w := todo[0]
			todo = todo[1:]
			go func() {
				r, err := f.window(ctx, w)
				out <- fetched{w, r, err}
			}()
		}
		got := <-out
		running--
		a, b, shorter := got.window.halves()
		switch failed := got.err != nil && !errors.Is(got.err, errFull); {
		case got.err == nil:
			failures = 0
			if err := f.keep.save(got.window, got.records); err != nil {
				return err
			}
			if err := emit(got.records); err != nil {
				return err
			}
		case failed && (!halvable(got.err) || !shorter || failures >= patience+f.plan.Parallel):
			return fmt.Errorf("read the events of %s from %s to %s: %w", f.plan.Workspace, at(got.window.from), at(got.window.to), got.err)
		default:
			if failed {
				failures++
			}
			todo = append([]window{a, b}, todo...)
		}
	}
	return ctx.Err()
}

// halvable tells whether a shorter window may succeed where one has failed.
func halvable(err error) bool {
	return errors.Is(err, twilio.ErrUnavailable) || errors.Is(err, twilio.ErrBroken)
}

// window reads the events of a window. It returns errFull if they are too many and the window can be
// halved.
func (f *fetcher) window(ctx context.Context, w window) (r records, err error) {
	_, _, halvable := w.halves()
	return f.events(ctx, w, &taskrouter.ListEventParams{}, halvable)
}

// events reads the events of a window that other parameters choose. It returns errFull if there are more than mostPages
// and it may be.
func (f *fetcher) events(ctx context.Context, w window, params *taskrouter.ListEventParams, halvable bool) (r records, err error) {
	from, to, size := time.Unix(w.from, 0).UTC(), time.Unix(w.to, 0).UTC(), pageSize
	params.StartDate, params.EndDate, params.PageSize = &from, &to, &size
	pages := twilio.Pages(ctx, f.client, func(ctx context.Context) (*taskrouter.ListEventResponse, error) {
		return f.client.TaskRouter(ctx).PageEvent(f.plan.Workspace, params, "", "")
	}, func(p *taskrouter.ListEventResponse) *string { return p.Meta.NextPageUrl })
	n := 0
	for page, err := range pages {
		if err != nil {
			return records{}, err
		}
		for i := range page.Events {
			if err := r.add(&page.Events[i]); err != nil {
				return records{}, err
			}
		}
		if n++; n == mostPages && halvable && page.Meta.NextPageUrl != nil {
			return records{}, errFull
		}
	}
	return r, nil
}
