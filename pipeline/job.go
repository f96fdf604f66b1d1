package pipeline

import (
	"fmt"
	"sync/atomic"
	"time"

	"flexbeam/internal/telemetry"
	"flexbeam/pipeline/source"
	"flexbeam/schemas/model"
)

var lastJob atomic.Int64

// A Job is a job that is ready to run.
type Job struct {
	id        string
	options   Options
	source    source.Source
	count     *telemetry.Counters
	savepoint atomic.Pointer[string]
	heals     *heals        // of a job that heals; else nil
	lookEvery time.Duration // how often a job over a stream looks for what of its source is over, and tells of what is missing
}

// New checks the options and returns a job. Errors that wrap ErrUsage or source.ErrNoInput are the
// caller's to mend.
func New(o Options) (*Job, error) {
	src, err := o.check()
	if err != nil {
		return nil, err
	}
	if src, err = o.within(src); err != nil {
		return nil, err
	}
	return newJob(o, src)
}

// newJob returns a job over a source.
func newJob(o Options, src source.Source) (_ *Job, err error) {
	o.defaults()
	j := &Job{id: fmt.Sprintf("job-%d-%d", time.Now().UnixNano(), lastJob.Add(1)), source: src, lookEvery: time.Hour}
	if o.Mode == Auto {
		o.Mode = Batch
	}
	if j.Live() {
		o.Mode = Stream
	}
	if o.FlushEvery == 0 {
		o.FlushEvery = 5 * time.Second
		if j.Live() {
			o.FlushEvery = time.Second
		}
	}
	if o.transcripts, err = o.parseTurns(src); err != nil {
		return nil, err
	}
	if o.attributes, err = model.NewAttributes(o.Columns); err != nil {
		return nil, usage("the configuration: %w", err)
	}
	o.Runner = o.runner(needs(o.Mode, j.Live())).Name
	j.options = o
	j.count = telemetry.New(time.Now)
	bytes, _ := src.Size()
	j.count.BytesTotal.Store(bytes)
	j.count.Unbounded.Store(j.Live())
	if j.Live() && j.keeps() {
		j.count.OnCluster()
	}
	return j, nil
}

// Counters returns the job's counters, which move while it runs.
func (j *Job) Counters() *telemetry.Counters { return j.count }

// Live tells whether the job's source has no end.
func (j *Job) Live() bool { return unbounded(j.source) }

// asksTwilio tells whether the source reads from Twilio, or Options.Turns says what is fetched.
func (j *Job) asksTwilio() bool {
	_, asks := j.source.(source.AccountSource)
	return asks || j.options.Turns != ""
}

// LackingCredentials returns the environment variables without which the job fetches no transcripts, where
// others of the account's credentials are set and nothing says that none are wanted.
func (j *Job) LackingCredentials() []string {
	if j.asksTwilio() || j.options.transcripts.Fetches() {
		return nil
	}
	a := source.EnvironmentAccount()
	if a.SID+a.Key+a.Secret == "" {
		return nil
	}
	return a.Lacks()
}

// UnaskedTranscripts returns the SIDs of the accounts whose transcripts the job fetches only because
// there are credentials: neither Options.Turns nor the source asks for them.
func (j *Job) UnaskedTranscripts() (accounts []string) {
	if j.asksTwilio() {
		return nil
	}
	for _, a := range j.options.transcripts.Accounts {
		accounts = append(accounts, a.SID)
	}
	return accounts
}
