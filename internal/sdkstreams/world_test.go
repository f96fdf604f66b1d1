package sdkstreams

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	fnpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/fnexecution_v1"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/util/grpcx"
	"google.golang.org/grpc"
)

// A world is a runner that keeps bags, and a harness that is connected to it as Beam's is.
type world struct {
	t *testing.T

	mu       sync.Mutex
	bags     map[string][]byte // by the key of the transform
	requests []string          // for states, in order
	refuse   bool              // writes
	elements []*fnpb.Elements

	instructions chan *fnpb.InstructionRequest
	results      chan *fnpb.InstructionResponse

	control fnpb.BeamFnControl_ControlClient
	states  fnpb.BeamFnState_StateClient
	data    fnpb.BeamFnData_DataClient
	asked   int
}

type controlServer struct {
	fnpb.UnimplementedBeamFnControlServer
	*world
}

type stateServer struct {
	fnpb.UnimplementedBeamFnStateServer
	*world
}

type dataServer struct {
	fnpb.UnimplementedBeamFnDataServer
	*world
}

// newWorld connects both sides. most is how many bytes of states are kept beyond bundles.
func newWorld(t *testing.T, most int) *world {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	must(t, err)
	w := &world{t: t, bags: map[string][]byte{}, instructions: make(chan *fnpb.InstructionRequest), results: make(chan *fnpb.InstructionResponse, 16)}
	s := grpc.NewServer()
	fnpb.RegisterBeamFnControlServer(s, controlServer{world: w})
	fnpb.RegisterBeamFnStateServer(s, stateServer{world: w})
	fnpb.RegisterBeamFnDataServer(s, dataServer{world: w})
	go func() { _ = s.Serve(l) }() // until it is stopped
	ctx, stop := context.WithCancel(context.WithValue(context.Background(), workerKey{}, newWorker(most)))
	cc, err := grpcx.Dial(ctx, l.Addr().String(), time.Minute)
	must(t, err)
	t.Cleanup(func() { stop(); s.Stop(); _ = cc.Close() })
	w.control, err = fnpb.NewBeamFnControlClient(cc).Control(ctx)
	must(t, err)
	w.states, err = fnpb.NewBeamFnStateClient(cc).State(ctx)
	must(t, err)
	w.data, err = fnpb.NewBeamFnDataClient(cc).Data(ctx)
	must(t, err)
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Control sends instructions and takes what comes of them.
func (s controlServer) Control(c fnpb.BeamFnControl_ControlServer) error {
	go func() {
		for r := range s.instructions {
			_ = c.Send(r)
		}
	}()
	for {
		r, err := c.Recv()
		if err != nil {
			return err
		}
		s.results <- r
	}
}

// State answers requests for bags.
func (s stateServer) State(c fnpb.BeamFnState_StateServer) error {
	for {
		r, err := c.Recv()
		if err != nil {
			return err
		}
		if err := c.Send(s.answer(r)); err != nil {
			return err
		}
	}
}

func (w *world) answer(r *fnpb.StateRequest) *fnpb.StateResponse {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := string(r.GetStateKey().GetBagUserState().GetKey())
	a := &fnpb.StateResponse{Id: r.GetId()}
	switch q := r.GetRequest().(type) {
	case *fnpb.StateRequest_Get:
		w.requests = append(w.requests, "get "+key)
		a.Response = &fnpb.StateResponse_Get{Get: &fnpb.StateGetResponse{Data: w.bags[key]}}
		return a
	case *fnpb.StateRequest_Clear:
		w.requests = append(w.requests, "clear "+key)
		if !w.refuse {
			delete(w.bags, key)
		}
	case *fnpb.StateRequest_Append:
		w.requests = append(w.requests, fmt.Sprintf("append %s %s", key, q.Append.GetData()))
		if !w.refuse {
			w.bags[key] = append(w.bags[key], q.Append.GetData()...)
		}
	}
	if w.refuse {
		a.Error = "no"
	}
	return a
}

// Data takes elements and timers.
func (s dataServer) Data(c fnpb.BeamFnData_DataServer) error {
	for {
		e, err := c.Recv()
		if err != nil {
			return err
		}
		s.mu.Lock()
		s.elements = append(s.elements, e)
		s.mu.Unlock()
	}
}

// begin begins a bundle, as the runner does.
func (w *world) begin(id string, token string) {
	w.t.Helper()
	r := &fnpb.ProcessBundleRequest{}
	if token != "" {
		r.CacheTokens = []*fnpb.ProcessBundleRequest_CacheToken{{
			Type:  &fnpb.ProcessBundleRequest_CacheToken_UserState_{UserState: &fnpb.ProcessBundleRequest_CacheToken_UserState{}},
			Token: []byte(token),
		}}
	}
	w.instructions <- &fnpb.InstructionRequest{InstructionId: id, Request: &fnpb.InstructionRequest_ProcessBundle{ProcessBundle: r}}
	got, err := w.control.Recv()
	must(w.t, err)
	if got.GetInstructionId() != id {
		w.t.Fatalf("instruction %s instead of %s", got.GetInstructionId(), id)
	}
}

// end ends a bundle, as the harness does, and returns what the runner is told of it.
func (w *world) end(id, failure string) string {
	w.t.Helper()
	must(w.t, w.control.Send(&fnpb.InstructionResponse{InstructionId: id, Error: failure}))
	select {
	case r := <-w.results:
		if r.GetInstructionId() != id {
			w.t.Fatalf("the result of %s instead of %s", r.GetInstructionId(), id)
		}
		return r.GetError()
	case <-time.After(time.Minute):
		w.t.Fatal("the bundle does not end")
		return ""
	}
}

// ask asks for a state, as the harness does.
func (w *world) ask(bundle, key string, r *fnpb.StateRequest) (*fnpb.StateResponse, error) {
	w.t.Helper()
	w.asked++
	r.Id, r.InstructionId = fmt.Sprint("r", w.asked), bundle
	r.StateKey = &fnpb.StateKey{Type: &fnpb.StateKey_BagUserState_{BagUserState: &fnpb.StateKey_BagUserState{TransformId: "t", UserStateId: "s", Key: []byte(key)}}}
	must(w.t, w.states.Send(r))
	a, err := w.states.Recv()
	if err != nil {
		return nil, err
	}
	if a.GetId() != r.Id {
		w.t.Fatalf("the answer to %s instead of %s", a.GetId(), r.Id)
	}
	if a.GetError() != "" {
		return nil, errors.New(a.GetError())
	}
	return a, nil
}

func (w *world) get(bundle, key string) string {
	w.t.Helper()
	a, err := w.ask(bundle, key, &fnpb.StateRequest{Request: &fnpb.StateRequest_Get{Get: &fnpb.StateGetRequest{}}})
	must(w.t, err)
	return string(a.GetGet().GetData())
}

func (w *world) clear(bundle, key string) {
	w.t.Helper()
	_, err := w.ask(bundle, key, &fnpb.StateRequest{Request: &fnpb.StateRequest_Clear{Clear: &fnpb.StateClearRequest{}}})
	must(w.t, err)
}

func (w *world) add(bundle, key, data string) {
	w.t.Helper()
	_, err := w.ask(bundle, key, &fnpb.StateRequest{Request: &fnpb.StateRequest_Append{Append: &fnpb.StateAppendRequest{Data: []byte(data)}}})
	must(w.t, err)
}

// set writes a value as the harness does: in three requests.
func (w *world) set(bundle, key, value string) {
	w.t.Helper()
	w.clear(bundle, key)
	w.add(bundle, key, value[:1])
	w.add(bundle, key, value[1:])
}

// asks returns the requests that have come to the runner since the last call.
func (w *world) asks() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.requests
	w.requests = nil
	return all
}

// sends returns the messages of elements and timers, once there are n.
func (w *world) sends(n int) []*fnpb.Elements {
	w.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		w.mu.Lock()
		all := w.elements
		w.mu.Unlock()
		if len(all) >= n {
			return all
		}
	}
	w.t.Fatalf("fewer than %d messages", n)
	return nil
}
