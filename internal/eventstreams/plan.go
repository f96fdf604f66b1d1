package eventstreams

import (
	"fmt"
	"slices"
	"strings"
)

// A Plan is what is to be done so that events go to a target.
type Plan struct {
	Target Target
	Sink   Sink     // that is used; without a SID it is made
	Add    []string // types to subscribe to
	Update []string // types whose schema version is to be the newest
	Newest int      // schema version
	Remove []Sink   // pairs that are removed when the rest is done
}

// Plan says what is to be done so that events go to a target.
func (s State) Plan(t Target) Plan {
	p := Plan{Target: t, Newest: s.Newest}
	for _, k := range s.Sinks {
		// Twilio may not show the external id: then it is taken for the same.
		same := k.Target.Stream == t.Stream && k.Target.Role == t.Role && (k.Target.ExternalID == t.ExternalID || k.Target.ExternalID == "")
		if same && k.Status != "failed" && p.Sink.SID == "" {
			p.Sink = k
		} else {
			p.Remove = append(p.Remove, k)
		}
	}
	for _, name := range s.Types {
		switch version, ok := p.Sink.Types[name]; {
		case !ok:
			p.Add = append(p.Add, name)
		case version < s.Newest:
			p.Update = append(p.Update, name)
		}
	}
	return p
}

// Removal says what is to be done so that nothing of ours is left.
func (s State) Removal() Plan { return Plan{Remove: s.Sinks, Sink: Sink{SID: nothing}} }

// nothing stands for the SID of the sink in a plan that makes none.
const nothing = "-"

// Tests tells whether a test event is to come through the sink.
func (p Plan) Tests() bool { return p.Sink.SID == "" || p.Sink.Untested }

// Empty tells whether there is nothing to be done.
func (p Plan) Empty() bool {
	return !p.Tests() && len(p.Add) == 0 && len(p.Update) == 0 && len(p.Remove) == 0
}

// Lines say what the plan does, one step a line.
func (p Plan) Lines() (lines []string) {
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	if p.Sink.SID == "" {
		say("create a sink that writes to %s as %s", p.Target.Stream, p.Target.Role)
	}
	if p.Sink.SID == "" || p.Sink.SID != nothing && p.Sink.Subscription == "" {
		say("create a subscription of %d event types at schema version %d: %s", len(p.Add), p.Newest, groups(p.Add))
	} else if len(p.Add) > 0 {
		say("subscribe to %d more event types at schema version %d: %s", len(p.Add), p.Newest, strings.Join(p.Add, ", "))
	}
	if len(p.Update) > 0 {
		say("raise %d event types to schema version %d: %s", len(p.Update), p.Newest, strings.Join(p.Update, ", "))
	}
	if p.Tests() {
		say("send a test event and wait for it in the stream")
	}
	for _, k := range p.Remove {
		if k.Subscription != "" {
			say("remove the subscription %s", k.Subscription)
		}
		say("remove the sink %s, which writes to %s", k.SID, k.Target.Stream)
	}
	return lines
}

// groups returns the groups of event types, such as task.* and worker.*.
func groups(types []string) string {
	var all []string
	for _, name := range types {
		group, _, _ := strings.Cut(strings.TrimPrefix(name, "com.twilio.taskrouter."), ".")
		all = append(all, group+".*")
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), ", ")
}
