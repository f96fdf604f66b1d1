package sdkstreams

import (
	fnpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/fnexecution_v1"
	"google.golang.org/grpc"
)

// mostTimers is how many bytes of timers go in one message.
const mostTimers = 1 << 20

// dataStream gathers the timers that a bundle sets.
type dataStream struct {
	grpc.ClientStream
	worker *worker
}

// SendMsg sends elements or timers; timers that are not the last of their bundle perhaps later. The
// harness sends one message at a time.
func (s *dataStream) SendMsg(m any) error {
	if e, ok := m.(*fnpb.Elements); ok && len(e.GetData()) == 0 && len(e.GetTimers()) == 1 {
		if m = s.worker.gather(e); m == nil {
			return nil
		}
	}
	return s.ClientStream.SendMsg(m)
}

// gather returns what is to be sent when a bundle sends timers; nil: nothing yet.
func (w *worker) gather(e *fnpb.Elements) any {
	t := e.GetTimers()[0]
	id := t.GetTransformId() + "\x00" + t.GetTimerFamilyId()
	w.mu.Lock()
	defer w.mu.Unlock()
	b := w.bundles[t.GetInstructionId()]
	if b == nil {
		return e
	}
	all := b.timers[id]
	if t.GetIsLast() {
		if delete(b.timers, id); all != nil {
			return &fnpb.Elements{Timers: []*fnpb.Elements_Timers{all, t}}
		}
		return e
	}
	if all == nil {
		all = &fnpb.Elements_Timers{InstructionId: t.GetInstructionId(), TransformId: t.GetTransformId(), TimerFamilyId: t.GetTimerFamilyId()}
		b.timers[id] = all
	}
	if all.Timers = append(all.Timers, t.GetTimers()...); len(all.Timers) < mostTimers {
		return nil
	}
	delete(b.timers, id)
	return &fnpb.Elements{Timers: []*fnpb.Elements_Timers{all}}
}
