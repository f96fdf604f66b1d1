package sdkstreams

import (
	"errors"
	"strconv"
	"strings"
	"sync"

	fnpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/fnexecution_v1"
)

// worker is what all streams of a worker share.
type worker struct {
	mu      sync.Mutex
	bundles map[string]*bundle // that run, by the ID of their instruction
	kept    *kept
}

func newWorker(most int) *worker {
	return &worker{bundles: map[string]*bundle{}, kept: newKept(most)}
}

// A bundle is what the transforms of one bundle have read, written and set.
type bundle struct {
	instruction string // its ID
	token       string // by which states are kept; "": beyond the bundle they are not
	cells       map[string]*cell
	timers      map[string]*fnpb.Elements_Timers // that are not sent yet, by transform and family
}

// A cell is a state as the bundle sees it.
type cell struct {
	key    *fnpb.StateKey
	stream *stateStream // by which the runner is told
	value  []byte       // never changed in place where it is kept
	dirty  bool         // the runner does not know the value
	empty  bool         // at the runner, as far as that is known
}

// begin notes that a bundle begins.
func (w *worker) begin(instruction string, r *fnpb.ProcessBundleRequest) {
	b := &bundle{instruction: instruction, cells: map[string]*cell{}, timers: map[string]*fnpb.Elements_Timers{}}
	for _, t := range r.GetCacheTokens() {
		if t.GetUserState() != nil {
			b.token = string(t.GetToken())
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bundles[instruction] = b
}

// end returns a bundle that has ended; nil if there is no such.
func (w *worker) end(instruction string) *bundle {
	w.mu.Lock()
	defer w.mu.Unlock()
	b := w.bundles[instruction]
	delete(w.bundles, instruction)
	return b
}

// handle does what a request asks for where the runner need not know of it, and returns the answer. Else
// the request goes to the runner, whose answer note is told, if there is one.
func (w *worker) handle(s *stateStream, r *fnpb.StateRequest) (answer *fnpb.StateResponse, note func(*fnpb.StateResponse)) {
	id, ok := idOf(r.GetStateKey())
	w.mu.Lock()
	defer w.mu.Unlock()
	b := w.bundles[r.GetInstructionId()]
	if b == nil || !ok {
		return nil, nil
	}
	c := b.cells[id]
	if c == nil {
		c = w.recall(b, id)
	}
	switch q := r.GetRequest().(type) {
	case *fnpb.StateRequest_Get:
		if len(q.Get.GetContinuationToken()) > 0 {
			return nil, nil
		}
		if c == nil {
			return nil, func(a *fnpb.StateResponse) { w.read(b, id, a) }
		}
		return &fnpb.StateResponse{Response: &fnpb.StateResponse_Get{Get: &fnpb.StateGetResponse{Data: c.value}}}, nil
	case *fnpb.StateRequest_Clear:
		empty := c != nil && c.empty
		b.cells[id] = &cell{key: r.GetStateKey(), stream: s, dirty: !empty, empty: empty}
		return &fnpb.StateResponse{Response: &fnpb.StateResponse_Clear{Clear: &fnpb.StateClearResponse{}}}, nil
	case *fnpb.StateRequest_Append:
		if c == nil || !c.dirty && len(c.value) > 0 {
			return nil, func(*fnpb.StateResponse) { w.forget(b, id) } // to what the runner has
		}
		c.key, c.stream, c.dirty = r.GetStateKey(), s, true
		c.value = append(c.value, q.Append.GetData()...)
		return &fnpb.StateResponse{Response: &fnpb.StateResponse_Append{Append: &fnpb.StateAppendResponse{}}}, nil
	}
	return nil, nil
}

// recall returns the cell of a state that was kept beyond an earlier bundle; nil if it was not.
func (w *worker) recall(b *bundle, id string) *cell {
	if b.token == "" {
		return nil
	}
	value, ok := w.kept.get(id, b.token)
	if !ok {
		return nil
	}
	c := &cell{value: value, empty: len(value) == 0}
	b.cells[id] = c
	return c
}

// read notes what the runner has told of a state, if that is all of it.
func (w *worker) read(b *bundle, id string, a *fnpb.StateResponse) {
	if a.GetError() != "" || len(a.GetGet().GetContinuationToken()) > 0 {
		return
	}
	data := a.GetGet().GetData()
	w.mu.Lock()
	defer w.mu.Unlock()
	b.cells[id] = &cell{value: data, empty: len(data) == 0}
}

// forget has a state asked for when it is next read.
func (w *worker) forget(b *bundle, id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(b.cells, id)
	w.kept.drop(id)
}

// commit tells the runner what a bundle has written, and keeps it. The bundle is no longer in use.
func (w *worker) commit(b *bundle) error {
	writes := map[*stateStream][]*cell{}
	for _, c := range b.cells {
		if c.dirty {
			writes[c.stream] = append(writes[c.stream], c)
		}
	}
	var err error
	for s, cells := range writes {
		err = errors.Join(err, s.write(b.instruction, cells))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, c := range b.cells {
		switch {
		case b.token != "" && err == nil:
			w.kept.put(id, b.token, c.value)
		case c.dirty: // nobody knows what the runner has, or may tell others of it
			w.kept.drop(id)
		}
	}
	return err
}

// idOf tells states apart within a bundle. It is false for what is no bag.
func idOf(k *fnpb.StateKey) (id string, ok bool) {
	bag := k.GetBagUserState()
	if bag == nil {
		return "", false
	}
	var b strings.Builder
	for _, part := range [...]string{bag.GetTransformId(), bag.GetUserStateId(), string(bag.GetWindow()), string(bag.GetKey())} {
		b.WriteByte(' ')
		b.WriteString(strconv.Itoa(len(part)))
		b.WriteByte(':')
		b.WriteString(part)
	}
	return b.String(), true
}
