package pipeline

import (
	"context"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"flexbeam/pipeline/source"
	"flexbeam/pipeline/transcripts"
	"flexbeam/runners/dataflow"
	"flexbeam/runners/portable"
	"flexbeam/transforms/keyed"
)

// dataflowDefaults fills in the defaults of Dataflow.
func (o *Options) dataflowDefaults() {
	if reflect.ValueOf(o.Dataflow).IsZero() {
		o.Dataflow = dataflow.NewOptions()
	}
}

// checkDataflow refuses what a job on Dataflow cannot have.
func (o Options) checkDataflow(src source.Source, fetch transcripts.Config) error {
	if o.Runner != Dataflow {
		return nil
	}
	if err := o.Dataflow.Check(o.Mode == Stream || unbounded(src)); err != nil {
		return usage("%w", err)
	}
	switch {
	case o.State != "":
		return usage("--state: Dataflow keeps the state of the job while it runs: leave it out, and replace a running job with --dataflow-update")
	case o.AtOnce:
		return usage("--at-once: on Dataflow events are folded when the watermark has passed them: leave it out, or choose --runner prism")
	}
	if what, why := o.firstHere(src, onlyHere); why != "" {
		return usage("%s: it %s, and on Dataflow the job runs on other machines: choose another, or --runner prism", what, why)
	}
	accounts := fetch.Accounts
	if a, ok := src.(source.AccountSource); ok {
		accounts = append(slices.Clone(accounts), a.Accounts()...)
	}
	for _, account := range accounts {
		if err := o.checkReference(account.Secret); err != nil {
			return err
		}
	}
	return o.checkKey()
}

// firstHere returns the first of the places of the job that another process or machine cannot reach, as its
// flag and its URI, and why it cannot; empty if it can reach all of them.
func (o Options) firstHere(src source.Source, whyHere func(uri string) string) (what, why string) {
	for _, u := range [][2]string{{"--source", o.Source}, {"--sink", o.Sink}, {"--turns-text-sink", o.TextSink}} {
		if why := whyHere(u[1]); why != "" && !(u[0] == "--source" && elsewhere(src)) {
			return u[0] + " " + u[1], why
		}
	}
	return "", ""
}

// elsewhere tells whether a source of files says that none of them is on this machine.
func elsewhere(src source.Source) bool {
	s, ok := src.(source.LocalSource)
	return ok && !s.Local()
}

// loopback is an endpoint that only this machine has.
var loopback = regexp.MustCompile(`endpoint=(https?://)?(127\.|localhost|\[::1\])`)

// onlyHere returns why a source or a sink cannot be reached from another machine; empty if it can.
func onlyHere(uri string) string {
	scheme, rest, _ := strings.Cut(uri, ":")
	switch {
	case isFile(uri) != "":
		return isFile(uri)
	case loopback.MatchString(rest):
		return "has an endpoint on this machine"
	case scheme == "taskrouter" && strings.Contains(rest, "keep="):
		return "keeps what it has read in a folder of this machine"
	}
	return ""
}

// checkReference refuses a reference to a secret that a worker cannot follow.
func (o Options) checkReference(reference string) error {
	kind, place, _ := strings.Cut(reference, ":")
	if _, given := o.Dataflow.Secrets[place]; kind == "env" && given || kind != "env" && kind != "file" {
		return nil
	}
	name := place
	if kind == "file" {
		name = source.SecretVariable
	}
	return usage("an API key of Twilio has the secret %s, which the workers do not have: name it with --dataflow-secret %s=gcpsecretmanager://projects/PROJECT/secrets/NAME", reference, name)
}

// checkKey refuses a job that hashes contacts and whose workers would have no key.
func (o Options) checkKey() error {
	if _, given := o.Dataflow.Secrets[keyed.KeyVariable]; !given && o.ContactKey != "" {
		return usage("the contact key never travels with a job, so the workers need a reference to it: --dataflow-secret %s=gcpsecretmanager://projects/PROJECT/secrets/NAME", keyed.KeyVariable)
	} else if given && o.ContactKey == "" {
		return usage("--dataflow-secret %s: this process needs the key too, since the sink remembers its fingerprint: set %s or --contact-key-file", keyed.KeyVariable, keyed.KeyVariable)
	}
	return nil
}

// DescribeDataflow tells a person what the job would be on Dataflow, and returns an error if that
// would not take it or if something is in it that must not travel. It opens no sink, calls nobody and
// needs no credentials.
func (j *Job) DescribeDataflow(ctx context.Context, w io.Writer) error {
	p, s := beam.NewPipelineWithRoot()
	if err := j.build(s, nil); err != nil {
		return err
	}
	o := j.options.Dataflow
	plan, err := dataflow.NewPlan(ctx, p, o, j.options.Mode == Stream, j.forbidden()...)
	if plan == nil {
		return err
	}
	if e := plan.Describe(w, o, j.options.Source, j.options.Sink); e != nil {
		return e
	}
	return err
}

// forbidden returns what must not travel with the job.
func (j *Job) forbidden() []portable.Forbidden {
	return []portable.Forbidden{{What: "the contact key", Text: j.options.ContactKey}}
}
