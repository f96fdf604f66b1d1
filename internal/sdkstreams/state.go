package sdkstreams

import (
	"fmt"
	"sync"

	fnpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/fnexecution_v1"
	"google.golang.org/grpc"
)

// stateStream answers requests for states, by itself or by the runner.
type stateStream struct {
	grpc.ClientStream
	worker  *worker
	answers chan *fnpb.StateResponse // for the harness
	sending sync.Mutex               // one message is sent at a time

	mu      sync.Mutex
	waiting map[string]func(*fnpb.StateResponse) // by the ID of a request: is told its answer
	writes  int                                  // requests of our own so far
	ended   chan struct{}                        // closed when nothing more is received
	err     error                                // why
}

func newStateStream(s grpc.ClientStream, w *worker) *stateStream {
	t := &stateStream{
		ClientStream: s, worker: w, answers: make(chan *fnpb.StateResponse, 16),
		waiting: map[string]func(*fnpb.StateResponse){}, ended: make(chan struct{}),
	}
	go t.receive()
	return t
}

// SendMsg sends a request of the harness, or answers it.
func (s *stateStream) SendMsg(m any) error {
	r, ok := m.(*fnpb.StateRequest)
	if !ok {
		return s.send(m)
	}
	answer, note := s.worker.handle(s, r)
	if answer != nil {
		answer.Id = r.GetId()
		s.answer(answer)
		return nil
	}
	if note != nil {
		s.await(r.GetId(), func(a *fnpb.StateResponse) { note(a); s.answer(a) })
	}
	return s.send(m)
}

// RecvMsg receives an answer for the harness.
func (s *stateStream) RecvMsg(m any) error {
	to, ok := m.(*fnpb.StateResponse)
	if !ok {
		return fmt.Errorf("a stream of states has no %T", m)
	}
	select {
	case a := <-s.answers:
		to.Id, to.Error, to.Response = a.Id, a.Error, a.Response
		return nil
	case <-s.ended:
		return s.err
	}
}

func (s *stateStream) send(m any) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	return s.ClientStream.SendMsg(m)
}

// answer gives an answer to the harness.
func (s *stateStream) answer(a *fnpb.StateResponse) {
	select {
	case s.answers <- a:
	case <-s.ended:
	}
}

// await has the answer to a request told to f.
func (s *stateStream) await(id string, f func(*fnpb.StateResponse)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting[id] = f
}

// receive receives what the runner answers, until the stream ends.
func (s *stateStream) receive() {
	for {
		a := new(fnpb.StateResponse)
		if err := s.ClientStream.RecvMsg(a); err != nil {
			s.err = err
			close(s.ended)
			return
		}
		s.mu.Lock()
		f := s.waiting[a.GetId()]
		delete(s.waiting, a.GetId())
		s.mu.Unlock()
		if f == nil {
			f = s.answer
		}
		f(a)
	}
}

// write tells the runner what a bundle has written, and returns once it has all of that.
func (s *stateStream) write(instruction string, cells []*cell) error {
	var requests []*fnpb.StateRequest
	for _, c := range cells {
		requests = append(requests, c.writes(instruction)...)
	}
	refusals := make(chan string, len(requests)) // an empty one for a request that was granted
	for _, r := range requests {
		s.mu.Lock()
		s.writes++
		r.Id = fmt.Sprint("w", s.writes) // those of the harness begin with another letter
		s.waiting[r.Id] = func(a *fnpb.StateResponse) { refusals <- a.GetError() }
		s.mu.Unlock()
		if err := s.send(r); err != nil {
			return fmt.Errorf("send to the runner: %w", err)
		}
	}
	var failed error
	for range requests {
		select {
		case text := <-refusals:
			if text != "" {
				failed = fmt.Errorf("the runner refuses: %s", text)
			}
		case <-s.ended:
			return fmt.Errorf("receive from the runner: %w", s.err)
		}
	}
	return failed
}

// writes returns the requests that tell the runner the value of a state.
func (c *cell) writes(instruction string) (all []*fnpb.StateRequest) {
	if !c.empty {
		all = append(all, &fnpb.StateRequest{InstructionId: instruction, StateKey: c.key, Request: &fnpb.StateRequest_Clear{Clear: &fnpb.StateClearRequest{}}})
	}
	if len(c.value) > 0 {
		all = append(all, &fnpb.StateRequest{InstructionId: instruction, StateKey: c.key, Request: &fnpb.StateRequest_Append{Append: &fnpb.StateAppendRequest{Data: c.value}}})
	}
	return all
}
