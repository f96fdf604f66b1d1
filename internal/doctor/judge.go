package doctor

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"flexbeam/internal/eventstreams"
	"flexbeam/internal/finding"
	"flexbeam/pipeline/io/kinesisio"
	"flexbeam/pipeline/source/kinesis"
)

// judge adds what follows from the facts of several checks.
func (e *examination) judge() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, f := range e.streams {
		if f.missing {
			e.missingStream(f)
		}
	}
	for _, v := range e.surveys {
		e.subscriptions(v)
	}
	e.strangers()
	for _, s := range e.states {
		e.ownership(s)
		e.lag(s)
	}
	e.locks()
}

// missingStream tells of a stream that is not there: it may be in another region.
func (e *examination) missingStream(f streamFacts) {
	s := f.stream
	for _, v := range e.surveys {
		for _, k := range v.state.Sinks {
			if arn := k.Target.Stream; k.Kind == "kinesis" && nameOf(arn) == s.ShortName() && regionOf(arn) != s.Region {
				e.found(finding.Newf("stream-region", e.whereIs(s), "write kinesis:"+s.ShortName()+"?region="+regionOf(arn)+", or its ARN",
					"there is none of that name here; Event Streams writes to %s", arn))
				return
			}
		}
	}
	e.found(finding.New("stream-missing", e.whereIs(s), "there is no stream of that name in this region and account", "make it: aws kinesis create-stream --stream-name "+s.ShortName()+"; or name another: aws kinesis list-streams"))
}

// streamsOf returns the streams into which the events of an account shall go.
func (e *examination) streamsOf(a *Account) []kinesisio.Stream {
	if len(a.Streams) > 0 {
		return a.Streams
	}
	return e.Streams
}

// writesTo tells whether a sink writes to one of some streams. A stream whose ARN is not known is told
// by its name, and its region as far as that is known; one of another server than AWS by its name
// alone, since that server has an account and a region of its own.
func (e *examination) writesTo(k eventstreams.Sink, streams []kinesisio.Stream) bool {
	return k.Kind == "kinesis" && slices.ContainsFunc(streams, func(s kinesisio.Stream) bool {
		if s.Endpoint != "" && !strings.Contains(s.Endpoint, ".amazonaws.com") {
			return nameOf(k.Target.Stream) == s.ShortName()
		}
		arn, anyRegion := s.ARN, s.Region == ""
		for _, f := range e.streams {
			if f.stream.ID() == s.ID() {
				arn, anyRegion = cmp.Or(f.arn, arn), anyRegion || f.missing // of a wrong region is told by itself
			}
		}
		if arn != "" {
			return k.Target.Stream == arn
		}
		return nameOf(k.Target.Stream) == s.ShortName() && (anyRegion || regionOf(k.Target.Stream) == s.Region)
	})
}

const taskRouterEvents = "com.twilio.taskrouter."

// taskRouterTypes returns how many of the types of a sink are TaskRouter's.
func taskRouterTypes(k eventstreams.Sink) (n int) {
	for name := range k.Types {
		if strings.HasPrefix(name, taskRouterEvents) {
			n++
		}
	}
	return n
}

// setup is the command that mends a subscription.
func setup(k eventstreams.Sink) string {
	if k.Target.Stream == "" {
		return "flexbeam setup --stream ARN --role ARN --external-id ID --yes"
	}
	return "flexbeam setup --stream " + k.Target.Stream + " --role " + k.Target.Role + " --external-id ID --yes, with the external id in the role's trust policy"
}

// subscriptions judges what an account has of Event Streams.
func (e *examination) subscriptions(v survey) {
	a, streams := v.account, e.streamsOf(v.account)
	var into []eventstreams.Sink // with a subscription to TaskRouter's events
	var elsewhere []string
	for _, k := range v.state.Sinks {
		ours := e.writesTo(k, streams) || len(streams) == 0 && k.Ours
		switch n := taskRouterTypes(k); {
		case ours && k.Subscription == "":
			e.found(finding.Newf("sink-orphaned", a.known(), "remove it: twilio api:events:v1:sinks:remove --sid "+k.SID+"; or give it a subscription: "+setup(k),
				"the sink %s, which writes to %s, has no subscription", k.SID, k.Target.Stream))
		case n == 0:
		case ours || len(streams) == 0 && k.Kind == "kinesis":
			into = append(into, k)
			e.sinkWorks(a, k)
		default:
			elsewhere = append(elsewhere, fmt.Sprintf("the %s sink %s", k.Kind, k.SID))
		}
	}
	if len(into) == 0 {
		what := "no subscription brings TaskRouter's events into " + ids(streams)
		if len(elsewhere) > 0 {
			what += "; they go to " + strings.Join(elsewhere, ", ")
		}
		e.found(finding.New("subscription-missing", a.known(), what, "flexbeam setup --stream "+e.arnOf(streams)+" says how"))
		return
	}
	for _, k := range elsewhere {
		e.found(finding.New("subscription-elsewhere", a.known(), "TaskRouter's events also go to "+k, "leave it if something else reads them there"))
	}
	e.types(v, into)
}

// ids names streams.
func ids(streams []kinesisio.Stream) string {
	if len(streams) == 0 {
		return "a Kinesis stream"
	}
	var names []string
	for _, s := range streams {
		names = append(names, s.ID())
	}
	return strings.Join(names, " or ")
}

// arnOf returns the ARN of the first of some streams that is known.
func (e *examination) arnOf(streams []kinesisio.Stream) string {
	for _, s := range streams {
		if s.ARN != "" {
			return s.ARN
		}
		for _, f := range e.streams {
			if f.arn != "" && f.stream.ID() == s.ID() {
				return f.arn
			}
		}
	}
	return "ARN"
}

// sinkWorks tells of a sink that does not work, or of which nobody knows.
func (e *examination) sinkWorks(a *Account, k eventstreams.Sink) {
	if k.Status == "failed" {
		e.found(finding.Newf("sink-failed", a.known(), "mend the role and its trust policy, then: "+setup(k), "Twilio has given up to write through the sink %s to %s", k.SID, k.Target.Stream))
	} else if k.Untested {
		e.found(finding.Newf("sink-untested", a.known(), setup(k), "no test event has come through the sink %s to %s", k.SID, k.Target.Stream))
	}
	if _, ok := k.Types[eventstreams.RateLimits]; ok {
		e.found(finding.Newf("subscription-ratelimits", a.known(), "twilio api:events:v1:subscriptions:subscribed-events:remove --subscription-sid "+k.Subscription+" --type "+eventstreams.RateLimits,
			"the subscription %s has events of rate limits", k.Subscription))
	}
}

// types tells of event types that are missing, old or come twice.
func (e *examination) types(v survey, into []eventstreams.Sink) {
	a := v.account
	var missing, old, double []string
	for _, name := range v.state.Types {
		newest, times := 0, map[string]int{}
		for _, k := range into {
			if version, ok := k.Types[name]; ok {
				newest = max(newest, version)
				times[k.Target.Stream]++
			}
		}
		switch {
		case newest == 0:
			missing = append(missing, strings.TrimPrefix(name, taskRouterEvents))
		case newest < v.state.Newest:
			old = append(old, strings.TrimPrefix(name, taskRouterEvents))
		}
		if slices.ContainsFunc(slices.Collect(maps.Values(times)), func(n int) bool { return n > 1 }) {
			double = append(double, strings.TrimPrefix(name, taskRouterEvents))
		}
	}
	fix := setup(into[0])
	if len(missing) > 0 {
		e.found(finding.Newf("subscription-types", a.known(), fix, "the subscription %s lacks %s", into[0].Subscription, some(missing)))
	}
	if len(old) > 0 {
		e.found(finding.Newf("subscription-schema", a.known(), fix, "the subscription %s has a schema version below %d of %s", into[0].Subscription, v.state.Newest, some(old)))
	}
	if len(double) > 0 {
		var sids []string
		for _, k := range into {
			sids = append(sids, k.Subscription)
		}
		e.found(finding.Newf("subscription-double", a.known(), "remove all but one: twilio api:events:v1:subscriptions:remove --sid DF…", "the subscriptions %s have the same event types: %s", strings.Join(sids, " and "), some(double)))
	}
}

// some lists event types, a few by name.
func some(names []string) string {
	const most = 6
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more event types", strings.Join(names[:most], ", "), len(names)-most)
}

var accountSID = regexp.MustCompile(`^AC[0-9a-f]{32}$`)

// strangers tells of events of accounts that no credentials belong to.
func (e *examination) strangers() {
	if len(e.Accounts) == 0 || slices.ContainsFunc(e.Accounts, func(a Account) bool { return !accountSID.MatchString(a.SID) }) {
		return // Twilio is not called at all, or the account is meant that is written wrongly
	}
	for _, f := range e.streams {
		for _, sid := range slices.Sorted(maps.Keys(f.accounts)) {
			known := sid == "" || slices.ContainsFunc(e.Accounts, func(a Account) bool { return a.SID == sid })
			if !known {
				e.found(finding.Newf("account-unknown", e.whereIs(f.stream), "add the account with an API key of it to flexbeam.yaml, or take its subscription off this stream",
					"there are events of the account %s, of which no credentials are known", sid))
			}
		}
	}
}

// ownership tells of a state directory that belongs to another sink or to other streams.
func (e *examination) ownership(f stateFacts) {
	owner, in := f.peeked.Owner, e.inspections[f.state.Sink]
	switch {
	case owner.ID == "" || f.state.Sink == "" || in.Holder != "": // nothing is known of one of them
	case in.ID != "" && in.ID != owner.ID, in.ID == "" && in.Findings == nil && in.Folders != nil:
		e.found(finding.Newf("state-sink", f.state.Dir, "name its own sink, or another state directory: --state DIR",
			"it belongs to %s, which is not what is at %s now", owner.Name, place(f.state.Sink)))
	}
	known, err := kinesis.Known(f.peeked.Positions)
	if err != nil {
		e.found(finding.New("state-damaged", f.state.Dir, err.Error(), "put back a copy of the directory"))
		return
	}
	for _, s := range f.state.Streams {
		if len(known) > 0 && !known[s.ID()] {
			e.found(finding.Newf("state-streams", f.state.Dir, "give "+s.ID()+" a state directory of its own, name the stream as before, or run once with --add-stream",
				"it holds the state of %s, and not of %s", strings.Join(slices.Sorted(maps.Keys(known)), ", "), s.ID()))
		}
	}
}

// farBehind is how far behind a job that runs is late, as the alert FlexbeamBehind has it.
const farBehind = 5 * time.Minute

// lag tells how far a job is behind its streams: what came before a position was read.
func (e *examination) lag(f stateFacts) {
	positions, err := kinesis.Positions(f.peeked.Positions)
	if err != nil {
		return // ownership has told
	}
	for _, s := range e.streams {
		oldest := int64(0)
		for key, at := range positions {
			if stream, shard, _ := strings.Cut(key, "/"); stream == s.stream.ID() && s.open[shard] && !at.Done && at.UpTo > 0 && (oldest == 0 || at.UpTo < oldest) {
				oldest = at.UpTo
			}
		}
		if oldest == 0 || s.retention == 0 {
			continue
		}
		behind := e.Now().Sub(time.UnixMilli(oldest))
		runs := f.peeked.Holder != ""
		switch {
		case behind > s.retention:
			e.found(finding.Newf("stream-gap", e.whereIs(s.stream), "start the job, then read the time that is missing from TaskRouter's log: docs/operations.md, FlexbeamGap",
				"the job has read up to %s, and the stream keeps records for %s", stamp(oldest), hours(s.retention)))
		case runs && behind > farBehind, behind > s.retention/2:
			fix := "start the job: what waits is read from where it stopped"
			if runs {
				fix = "see whether it catches up: docs/operations.md, FlexbeamBehind"
			}
			e.found(finding.Newf("stream-lag", e.whereIs(s.stream), fix, "the job has read up to %s, %v ago", stamp(oldest), behind.Round(time.Second)))
		}
	}
}

// stamp is a time in ms as people read it.
func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }

// locks tells of stores that a process has open which is not the job of a state directory.
func (e *examination) locks() {
	holders := map[string]bool{}
	for _, f := range e.states {
		holders[f.peeked.Holder] = f.peeked.Holder != ""
	}
	for _, s := range e.Sinks {
		in := e.inspections[s.URI]
		if in.Holder == "" || holders[in.Holder] || in.Holder == "?" && len(holders) > 0 && !holders[""] {
			continue
		}
		who := "another process"
		if in.Holder != "?" {
			who = "process " + in.Holder
		}
		e.found(finding.Newf("sink-locked", place(s.URI), "leave it if that is the live job, and name its --state; else end it, or write into another file", "%s has it open: no other job can write to it", who))
	}
}
