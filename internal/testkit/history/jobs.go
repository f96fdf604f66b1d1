package history

import (
	"bytes"
	"context"
	"time"

	"flexbeam/pipeline/sink"
	"flexbeam/schemas/record"
)

// A Job is one of several jobs over a sink. It reads and folds in steps, so that a test can say
// which job does what behind what another one did. Its states are those of keyed/beamstate.
type Job struct {
	out    sink.Sink
	states *states
	lines  int
	passed time.Duration
}

// NewJob begins a job over a sink, that other jobs may have written to.
func NewJob(out sink.Sink, o Options) *Job {
	j := &Job{out: out}
	j.states = newStates(o, o.startAt(out, func() time.Time { return time.Now().Add(j.passed) }), func(b []byte) { must(out.Write(context.Background(), b)) })
	return j
}

// Read reads lines as one batch of a file, folds the keys whose timer is drawn, and flushes the sink.
// It takes a minute.
func (j *Job) Read(lines [][]byte, fire func() bool) {
	j.passed += time.Minute
	b := record.Batch{Source: "file", Name: "lines", FirstLine: int64(j.lines) + 1, Part: int64(j.lines)}
	for _, l := range lines {
		b.Data = append(append(b.Data, bytes.TrimSuffix(l, []byte{'\n'})...), '\n')
		j.lines++
	}
	if len(lines) > 0 {
		j.states.read(b)
	}
	for _, c := range j.states.cells {
		if c.set && fire() {
			j.states.fire(c)
		}
	}
	must(j.out.Flush(context.Background()))
}

// Waits tells whether a key waits to be folded.
func (j *Job) Waits() bool {
	for _, c := range j.states.cells {
		if c.set {
			return true
		}
	}
	return false
}

// End ends the job. The sink stays open.
func (j *Job) End() { j.states.job.End() }
