package twilio

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"flexbeam/internal/repeat"
)

// paceWindow is the time within which TaskRouter counts the calls of a resource.
const paceWindow = time.Second

// paces keep the calls of each resource of a workspace to what TaskRouter says is left of its limit.
type paces struct {
	mu  sync.Mutex
	all map[string]*pace // by workspace and resource
}

// A pace is that of one resource.
type pace struct {
	mu     sync.Mutex
	calls  int       // under way
	resume time.Time // before it no call is made
}

// of returns the pace of a resource. There are as many as resources that are called, few for each
// workspace.
func (p *paces) of(workspace, resource string) *pace {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := workspace + " " + resource
	if p.all == nil {
		p.all = map[string]*pace{}
	}
	if p.all[key] == nil {
		p.all[key] = &pace{}
	}
	return p.all[key]
}

// begin waits until a call may be made. Its end is told to done.
func (p *pace) begin(ctx context.Context) error {
	for {
		p.mu.Lock()
		wait := time.Until(p.resume)
		if wait <= 0 {
			p.calls++
			p.mu.Unlock()
			return nil
		}
		p.mu.Unlock()
		if err := repeat.Pause(ctx, wait); err != nil {
			return err
		}
	}
}

// done takes from an answer, nil if there was none, how many calls are left. Those under way will
// take theirs.
func (p *pace) done(header http.Header) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls--
	left, err := strconv.Atoi(header.Get("X-Rate-Limit-Remaining"))
	if err == nil && left <= p.calls {
		p.resume = time.Now().Add(paceWindow)
	}
}
