package sdkstreams

import (
	"fmt"
	"sync"

	fnpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/fnexecution_v1"
	"google.golang.org/grpc"
)

// controlStream tells which bundles run. A bundle has ended for the runner once that knows its states.
type controlStream struct {
	grpc.ClientStream
	worker *worker
	mu     sync.Mutex // one message is sent at a time
}

// RecvMsg receives an instruction.
func (s *controlStream) RecvMsg(m any) error {
	if err := s.ClientStream.RecvMsg(m); err != nil {
		return err
	}
	if r, ok := m.(*fnpb.InstructionRequest); ok && r.GetProcessBundle() != nil {
		s.worker.begin(r.GetInstructionId(), r.GetProcessBundle())
	}
	return nil
}

// SendMsg sends the answer to an instruction: that to a bundle whose states are to be written first in its
// own time, since others wait behind it. Where that cannot be sent the stream has ended, as RecvMsg tells.
func (s *controlStream) SendMsg(m any) error {
	r, ok := m.(*fnpb.InstructionResponse)
	if !ok {
		return s.send(m)
	}
	b := s.worker.end(r.GetInstructionId())
	if b == nil || r.GetError() != "" || len(b.cells) == 0 {
		return s.send(m)
	}
	go func() {
		if err := s.worker.commit(b); err != nil {
			r = &fnpb.InstructionResponse{InstructionId: r.GetInstructionId(), Error: fmt.Sprintf("the states of a bundle could not be written: %v", err)}
		}
		_ = s.send(r)
	}()
	return nil
}

func (s *controlStream) send(m any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ClientStream.SendMsg(m)
}
