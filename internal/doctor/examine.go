package doctor

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"flexbeam/internal/finding"
	"flexbeam/internal/secret"
	"flexbeam/pipeline/io/kinesisio"
)

// Options say how checks run.
type Options struct {
	Timeout time.Duration // of each check; default 10 s

	Now  func() time.Time                 // this machine's clock; default time.Now
	Free func(dir string) (uint64, error) // bytes that are free where a directory is; default the system's answer
}

// A Check is one that was carried out.
type Check struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"` // how long it took
	Faults  int     `json:"faults"`  // that it found by itself

	// NotChecked says why what it is about could not be looked at; empty: it was.
	NotChecked string `json:"not_checked,omitempty"`
}

// A Report is what was looked at and what was found.
type Report struct {
	Checks   []Check           // in the order in which they began
	Findings []finding.Finding // the worst first
}

// MarshalJSON implements json.Marshaler. docs/doctor.md has the form; its version grows when a member
// changes its meaning or goes.
func (r Report) MarshalJSON() ([]byte, error) {
	const version = 1
	return json.Marshal(struct {
		Version  int               `json:"version"`
		OK       bool              `json:"ok"`
		Faults   int               `json:"faults"`
		Checks   []Check           `json:"checks"`
		Findings []finding.Finding `json:"findings"`
	}{version, r.Faults() == 0, r.Faults(), append([]Check{}, r.Checks...), append([]finding.Finding{}, r.Findings...)})
}

// Faults returns how many findings are to be mended.
func (r Report) Faults() (n int) {
	for _, f := range r.Findings {
		if f.Fault() {
			n++
		}
	}
	return n
}

// errSlow ends a check.
var errSlow = errors.New("there was no answer in time")

// An examination is one that runs.
type examination struct {
	Input
	Options

	running sync.WaitGroup
	mu      sync.Mutex
	report  Report
	secrets []string
	facts
}

// Examine looks at everything, and returns when all checks have ended, or ctx has.
func Examine(ctx context.Context, in Input, o Options) Report {
	e := &examination{Input: in, Options: o, secrets: in.Secrets}
	e.Timeout = cmp.Or(o.Timeout, 10*time.Second)
	if e.Now == nil {
		e.Now = time.Now
	}
	if e.Free == nil {
		e.Free = free
	}
	e.report.Findings = append(e.report.Findings, in.Found...)
	for i := range in.Accounts {
		e.account(ctx, &in.Accounts[i])
	}
	for _, s := range in.Streams {
		e.start(ctx, "stream "+s.ID(), func(ctx context.Context, r *result) { e.stream(ctx, s, r) })
	}
	for _, s := range in.Sinks {
		e.start(ctx, "sink "+place(s.URI), func(ctx context.Context, r *result) { e.sink(ctx, s, r) })
	}
	for _, s := range in.States {
		e.start(ctx, "state directory "+s.Dir, func(_ context.Context, r *result) { e.state(s, r) })
	}
	e.start(ctx, "temporary files", func(_ context.Context, r *result) { temporary(r) })
	for _, host := range e.hosts() {
		e.start(ctx, "clock against "+host.Host, func(ctx context.Context, r *result) { e.clock(ctx, host, r) })
	}
	e.running.Wait()
	if in.OfSinks && len(in.Streams) == 0 {
		e.streamsOfSinks(ctx)
		e.running.Wait()
	}
	e.start(ctx, "disks", func(_ context.Context, r *result) { e.disks(r) })
	e.running.Wait()
	e.judge()
	e.scrub()
	finding.Sort(e.report.Findings)
	return e.report
}

// streamsOfSinks looks at the streams that Event Streams writes to by what `flexbeam setup` made.
func (e *examination) streamsOfSinks(ctx context.Context) {
	var streams []kinesisio.Stream
	for _, v := range e.surveys {
		for _, k := range v.state.Sinks {
			known := slices.ContainsFunc(streams, func(s kinesisio.Stream) bool { return s.ARN == k.Target.Stream })
			if k.Ours && k.Kind == "kinesis" && k.Subscription != "" && !known {
				streams = append(streams, kinesisio.Stream{ARN: k.Target.Stream, Endpoint: e.KinesisEndpoint})
			}
		}
	}
	streams, err := kinesisio.Identify(streams)
	if err != nil {
		return // Twilio shows an ARN that is none: there is nothing to look at
	}
	e.Streams = streams
	for _, s := range streams {
		e.start(ctx, "stream "+s.ID(), func(ctx context.Context, r *result) { e.stream(ctx, s, r) })
	}
}

// A result takes what one check finds. It serves one goroutine.
type result struct {
	found      []finding.Finding
	notChecked string
}

func (r *result) add(f finding.Finding) { r.found = append(r.found, f) }

// skip says why something could not be looked at.
func (r *result) skip(why error) { r.notChecked = strings.Join(strings.Fields(why.Error()), " ") }

// start runs a check. One that does not end in time is left behind, and what it has found by then is
// lost: that it is slow is the finding.
func (e *examination) start(ctx context.Context, name string, f func(context.Context, *result)) {
	e.mu.Lock()
	n := len(e.report.Checks)
	e.report.Checks = append(e.report.Checks, Check{Name: name})
	e.mu.Unlock()
	e.running.Add(1)
	go func() {
		defer e.running.Done()
		began := time.Now()
		within, stop := context.WithTimeoutCause(ctx, e.Timeout, errSlow)
		defer stop()
		done := make(chan *result, 1)
		go func() {
			r := &result{}
			f(within, r)
			done <- r
		}()
		var r *result
		late := time.NewTimer(e.Timeout + grace)
		defer late.Stop()
		select {
		case r = <-done:
		case <-late.C:
			r = &result{}
			r.add(finding.Newf("check-failed", name, "run the command again; if it stays, report it with what --log-level debug shows", "it did not end within %v", e.Timeout))
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		c := &e.report.Checks[n]
		c.Seconds, c.NotChecked = time.Since(began).Round(time.Millisecond).Seconds(), r.notChecked
		for _, found := range r.found {
			if found.Fault() {
				c.Faults++
			}
		}
		e.report.Findings = append(e.report.Findings, r.found...)
	}()
}

// grace is how long a check that heeds its context may take to say that its time is over.
const grace = 2 * time.Second

// found adds a finding that follows from several checks.
func (e *examination) found(f finding.Finding) { e.report.Findings = append(e.report.Findings, f) }

// scrub takes secrets out of all findings, and drops those that say the same twice.
func (e *examination) scrub() {
	var pairs []string
	for _, s := range e.secrets {
		if len(s) >= 4 { // a shorter one would be found in any text
			pairs = append(pairs, s, secret.Hidden)
		}
	}
	clean := strings.NewReplacer(pairs...)
	seen := map[finding.Finding]bool{}
	var kept []finding.Finding
	for _, f := range e.report.Findings {
		for _, text := range []*string{&f.What, &f.Where, &f.Fix} {
			*text = secret.Redact(clean.Replace(*text))
		}
		if !seen[f] {
			seen[f] = true
			kept = append(kept, f)
		}
	}
	e.report.Findings = kept
	for i := range e.report.Checks {
		c := &e.report.Checks[i]
		c.Name, c.NotChecked = clean.Replace(c.Name), secret.Redact(clean.Replace(c.NotChecked))
	}
}

// hide notes a secret that no finding may show.
func (e *examination) hide(secret string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.secrets = append(e.secrets, secret)
}

// place returns the file, folder or dataset of a sink's URI with its scheme.
func place(uri string) string {
	place, _, _ := strings.Cut(uri, "?")
	return place
}

// inTime says of an error of a check whose time is over that it is.
func inTime(ctx context.Context, err error, limit time.Duration) error {
	if ctx.Err() != nil && errors.Is(context.Cause(ctx), errSlow) {
		return fmt.Errorf("%w: it had %v", errSlow, limit)
	}
	return err
}
