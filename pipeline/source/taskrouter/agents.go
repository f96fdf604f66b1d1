package taskrouter

import (
	"context"
	"errors"
	"fmt"

	taskrouter "github.com/twilio/twilio-go/rest/taskrouter/v1"
	"golang.org/x/sync/errgroup"

	"flexbeam/internal/twilio"
	"flexbeam/schemas/record"
)

// agents returns the workers of the workspace other than those that are named. Lists show no
// attributes, so each is read by itself where they are missing.
func (f *fetcher) agents(ctx context.Context, named map[string]bool) (found []record.Agent, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("read the workers of %s: %w", f.plan.Workspace, err)
		}
	}()
	size := pageSize
	pages := twilio.Pages(ctx, f.client, func(ctx context.Context) (*taskrouter.ListWorkerResponse, error) {
		return f.client.TaskRouter(ctx).PageWorker(f.plan.Workspace, &taskrouter.ListWorkerParams{PageSize: &size}, "", "")
	}, func(p *taskrouter.ListWorkerResponse) *string { return p.Meta.NextPageUrl })
	var all []*taskrouter.TaskrouterV1Worker
	for page, err := range pages {
		if err != nil {
			return nil, err
		}
		for i := range page.Workers {
			if w := &page.Workers[i]; w.Sid != nil && !named[*w.Sid] {
				named[*w.Sid] = true // a list that changes meanwhile may show one twice
				all = append(all, w)
			}
		}
	}
	if err := f.attributes(ctx, all); err != nil {
		return nil, err
	}
	for _, w := range all {
		if w == nil {
			continue
		}
		a := record.Agent{Account: f.plan.Account, SID: *w.Sid}
		for to, from := range map[*string]*string{&a.Name: w.FriendlyName, &a.Attributes: w.Attributes} {
			if from != nil {
				*to = *from
			}
		}
		switch {
		case w.DateUpdated != nil:
			a.Updated = w.DateUpdated.UnixMilli()
		case w.DateCreated != nil:
			a.Updated = w.DateCreated.UnixMilli()
		}
		found = append(found, a)
	}
	return found, nil
}

// attributes fills in the attributes of workers that lack them. A worker that is gone becomes nil.
func (f *fetcher) attributes(ctx context.Context, all []*taskrouter.TaskrouterV1Worker) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(f.plan.Parallel)
	for i, w := range all {
		if w.Attributes != nil {
			continue
		}
		group.Go(func() error {
			whole, err := f.client.TaskRouter(ctx).FetchWorker(f.plan.Workspace, *w.Sid)
			if errors.Is(err, twilio.ErrNotFound) {
				whole, err = nil, nil
			}
			all[i] = whole
			return err
		})
	}
	return group.Wait()
}
