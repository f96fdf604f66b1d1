package bigquerylocal

import (
	"time"

	"google.golang.org/grpc/codes"

	"flexbeam/internal/testkit/fault"
)

// A FaultKind is what goes wrong.
type FaultKind uint8

const (
	// Reply answers with an error and does nothing.
	Reply FaultKind = iota
	// Break ends the stream (of REST: the TCP connection) without an answer, and does nothing.
	Break
	// Lose does what was asked and then ends the stream (of REST: answers with the error), so that
	// the reply is lost.
	Lose
	// GoAway does what was asked, and tells all gRPC connections to go away; their streams end
	// after Options.Grace.
	GoAway
	// Slow waits for Delay and then goes on.
	Slow
	// RefuseRows refuses the rows of an append for which Refuse returns a message.
	RefuseRows
	// StaleSchema judges an append by the schema that the table had before its last change, as a
	// server does that has not heard of it yet.
	StaleSchema
)

// A Fault is one disturbance and when it happens. Calls that match Method and Table are counted;
// the fault strikes the first one after Skip, and then every Every-th, until it struck Times times.
// So the same calls meet the same faults.
type Fault struct {
	Kind   FaultKind
	Method string // such as AppendRows, CreateWriteStream, tables.get, jobs.insert, jobs.upload, jobs.run; any when empty
	Table  string // DATASET.TABLE; any when empty
	Skip   int    // calls that pass before the first strike
	Every  int    // strikes each Every-th call from then on; 1 when 0
	Times  int    // strikes in all; 1 when 0, without end when negative

	Code    codes.Code // of gRPC; Unavailable when OK
	Status  int        // of REST; 503 when 0
	Reason  string     // of REST; by the status when empty: rateLimitExceeded of 403 and 429, backendError of 500 and more
	Message string     // of the error; one that tells of an injected fault when empty
	Delay   time.Duration

	// Refuse says why a row is refused, and "" of rows that are not. Values are as in Server.Rows.
	Refuse func(index int, row map[string]any) string
}

// An Injection is a fault that was scheduled.
type Injection = fault.Injection[Fault]

// Fault schedules a fault.
func (s *Server) Fault(f Fault) *Injection {
	if f.Code == codes.OK {
		f.Code = codes.Unavailable
	}
	if f.Status == 0 {
		f.Status = 503
	}
	if f.Reason == "" {
		f.Reason = "backendError"
		if f.Status == 403 || f.Status == 429 {
			f.Reason = "rateLimitExceeded"
		}
	}
	if f.Message == "" {
		f.Message = "injected fault"
		if f.Code == codes.ResourceExhausted {
			f.Message = "Exceeds 'AppendRows throughput' quota, injected fault"
		}
	}
	count := max(f.Times, 0) // where a Schedule has no bound
	if f.Times == 0 {
		count = 1
	}
	return s.faults.Inject(f, fault.Schedule{Skip: f.Skip, Count: count, Every: f.Every})
}

// strike counts a call and returns the faults that strike it.
func (s *Server) strike(method, table string) []*Fault {
	return s.faults.Strike(func(f *Fault) bool {
		return (f.Method == "" || f.Method == method) && (f.Table == "" || f.Table == table)
	})
}
