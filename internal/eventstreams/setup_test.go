package eventstreams_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	events "github.com/twilio/twilio-go/rest/events/v1"

	"flexbeam/internal/eventstreams"
	"flexbeam/internal/testkit/twiliolocal"
	"flexbeam/internal/twilio"
)

var target = eventstreams.Target{
	Stream: "arn:aws:kinesis:eu-west-1:123456789012:stream/flex-events", Role: "arn:aws:iam::123456789012:role/twilio", ExternalID: "x",
}

func local(t *testing.T) (*twiliolocal.Server, *twilio.Client) {
	t.Helper()
	s := twiliolocal.New(twiliolocal.Options{})
	c, err := twilio.New(twilio.Config{Account: s.Account(), Key: s.Key(), Secret: twilio.NewSecret(s.Secret()), Transport: s, Attempts: 2})
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

// plan looks, and plans for a target.
func plan(t *testing.T, c *twilio.Client, to eventstreams.Target) (eventstreams.State, eventstreams.Plan) {
	t.Helper()
	s, err := eventstreams.Look(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return s, s.Plan(to)
}

// apply applies a plan with a tester to which a test event comes, and returns what was said.
func apply(t *testing.T, c *twilio.Client, p eventstreams.Plan) (said []string, err error) {
	t.Helper()
	comes := func(_ context.Context, _ string, send func() error) error { return send() }
	err = p.Apply(t.Context(), c, comes, func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) })
	return said, err
}

func TestAnAccountIsSetUpOnce(t *testing.T) {
	s, c := local(t)
	_, p := plan(t, c, target)
	lines := strings.Join(p.Lines(), "\n")
	for _, want := range []string{"create a sink that writes to " + target.Stream, "37 event types at schema version 4: reservation.*, task-queue.*, task.*, worker.*, workflow.*", "send a test event"} {
		if !strings.Contains(lines, want) {
			t.Errorf("the plan does not say %q:\n%s", want, lines)
		}
	}
	if s.Calls("/Sinks") != 1 {
		t.Error("a plan changes something")
	}
	if said, err := apply(t, c, p); err != nil || len(said) != 3 {
		t.Fatal(said, err)
	}
	state, p := plan(t, c, target)
	if !p.Empty() || len(p.Lines()) != 0 || len(state.Sinks) != 1 || len(state.Sinks[0].Types) != 37 || state.Sinks[0].Target != target {
		t.Errorf("the second plan is not empty: %v, %+v", p.Lines(), state)
	}
	for name := range state.Sinks[0].Types {
		if strings.Contains(name, "ratelimit") {
			t.Error(name)
		}
	}
}

func TestWhatIsMissingIsAdded(t *testing.T) {
	_, c := local(t)
	_, p := plan(t, c, target)
	if _, err := apply(t, c, p); err != nil {
		t.Fatal(err)
	}
	state, _ := plan(t, c, target)
	api, u := c.Events(t.Context()), state.Sinks[0].Subscription
	if err := api.DeleteSubscribedEvent(u, "com.twilio.taskrouter.task.created"); err != nil {
		t.Fatal(err)
	}
	if _, err := api.UpdateSubscribedEvent(u, "com.twilio.taskrouter.task.updated", (&events.UpdateSubscribedEventParams{}).SetSchemaVersion(3)); err != nil {
		t.Fatal(err)
	}
	_, p = plan(t, c, target)
	if lines := p.Lines(); len(lines) != 2 || !strings.HasSuffix(lines[0], "task.created") || !strings.HasSuffix(lines[1], "task.updated") {
		t.Errorf("%q", lines)
	}
	if _, err := apply(t, c, p); err != nil {
		t.Fatal(err)
	}
	if _, p = plan(t, c, target); !p.Empty() {
		t.Error(p.Lines())
	}
}

func TestATypeThatIsRefusedIsLeftOut(t *testing.T) {
	s, c := local(t)
	_, p := plan(t, c, target)
	for _, name := range p.Add[:2] {
		s.SetTypeStatus(name, "discontinued") // since it was planned
	}
	said, err := apply(t, c, p)
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(said, "\n"); strings.Count(text, "is left out") != 2 || !strings.Contains(text, p.Add[0]) {
		t.Error(text)
	}
	state, p := plan(t, c, target)
	if !p.Empty() || len(state.Sinks[0].Types) != 35 {
		t.Error(p.Lines(), len(state.Sinks[0].Types))
	}
}

// TestAnotherStreamMakesANewPair also ends the setup before the test event, and goes on.
func TestAnotherStreamMakesANewPair(t *testing.T) {
	_, c := local(t)
	_, p := plan(t, c, target)
	if _, err := apply(t, c, p); err != nil {
		t.Fatal(err)
	}
	other := target
	other.Stream += "2"
	_, p = plan(t, c, other)
	silent := errors.New("nothing comes")
	err := p.Apply(t.Context(), c, func(context.Context, string, func() error) error { return silent }, func(string, ...any) {})
	state, _ := plan(t, c, other)
	if !errors.Is(err, silent) || len(state.Sinks) != 2 {
		t.Fatalf("the old pair is gone before a test event has come: %v, %+v", err, state.Sinks)
	}
	_, p = plan(t, c, other)
	if lines := p.Lines(); len(lines) != 3 || lines[0] != "send a test event and wait for it in the stream" {
		t.Errorf("the old pair would be removed without a test event: %q", lines)
	}
	if err := p.Apply(t.Context(), c, func(context.Context, string, func() error) error { return silent }, func(string, ...any) {}); !errors.Is(err, silent) {
		t.Error(err)
	}
	if _, err := apply(t, c, p); err != nil {
		t.Fatal(err)
	}
	state, p = plan(t, c, other)
	if !p.Empty() || len(state.Sinks) != 1 || state.Sinks[0].Target != other {
		t.Errorf("%v, %+v", p.Lines(), state.Sinks)
	}
}

func TestAFailedSinkIsReplaced(t *testing.T) {
	s, c := local(t)
	_, p := plan(t, c, target)
	if _, err := apply(t, c, p); err != nil {
		t.Fatal(err)
	}
	state, _ := plan(t, c, target)
	s.SetSinkStatus(state.Sinks[0].SID, "failed")
	_, p = plan(t, c, target)
	if _, err := apply(t, c, p); err != nil {
		t.Fatal(err)
	}
	after, p := plan(t, c, target)
	if !p.Empty() || len(after.Sinks) != 1 || after.Sinks[0].SID == state.Sinks[0].SID {
		t.Errorf("%v, %+v", p.Lines(), after.Sinks)
	}
}

func TestRemovalLeavesWhatIsOfOthers(t *testing.T) {
	_, c := local(t)
	api := c.Events(t.Context())
	config := map[string]any{"arn": target.Stream, "role_arn": target.Role, "external_id": "y"}
	if _, err := api.CreateSink((&events.CreateSinkParams{}).SetDescription("by hand").SetSinkType("kinesis").SetSinkConfiguration(config)); err != nil {
		t.Fatal(err)
	}
	_, p := plan(t, c, target)
	if _, err := apply(t, c, p); err != nil {
		t.Fatal(err)
	}
	state, _ := plan(t, c, target)
	removal := state.Removal()
	if lines := removal.Lines(); len(lines) != 2 {
		t.Errorf("%q", lines)
	}
	if _, err := apply(t, c, removal); err != nil {
		t.Fatal(err)
	}
	left, err := api.ListSink(nil)
	if err != nil || len(left) != 1 || *left[0].Description != "by hand" {
		t.Error(left, err)
	}
	if state, _ = plan(t, c, target); len(state.Sinks) != 0 || !state.Removal().Empty() {
		t.Errorf("%+v", state.Sinks)
	}
}

// silence is a stream of one shard into which nothing comes.
type silence struct{}

func (silence) ListShards(context.Context, *kinesis.ListShardsInput, ...func(*kinesis.Options)) (*kinesis.ListShardsOutput, error) {
	id := "shardId-000000000000"
	return &kinesis.ListShardsOutput{Shards: []types.Shard{{ShardId: &id}}}, nil
}

func (silence) GetShardIterator(context.Context, *kinesis.GetShardIteratorInput, ...func(*kinesis.Options)) (*kinesis.GetShardIteratorOutput, error) {
	return &kinesis.GetShardIteratorOutput{ShardIterator: new(string)}, nil
}

func (silence) GetRecords(context.Context, *kinesis.GetRecordsInput, ...func(*kinesis.Options)) (*kinesis.GetRecordsOutput, error) {
	return &kinesis.GetRecordsOutput{NextShardIterator: new(string)}, nil
}

// Whoever waits for a test event is told how it stands, and what was made if none comes.
func TestAWaitTellsHowItStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		sent := 0
		w := eventstreams.Wait{Tell: func(format string, args ...any) { told = append(told, fmt.Sprintf(format, args...)) }}
		err := w.For(t.Context(), silence{}, target.Stream, "AC1", func() error { sent++; return nil })
		if !errors.Is(err, eventstreams.ErrNone) || !strings.Contains(err.Error(), "within 5m0s") || sent < 5 || sent > 6 {
			t.Errorf("%d test events, %v", sent, err)
		}
		if len(told) < 15 || told[0] != "sent a test event, and waiting for it in the stream, up to 5m0s" || told[1] != "no test event yet after 15s" {
			t.Errorf("%q", told)
		}
	})
}

func TestWhatWasMadeIsToldWhereTheRestFails(t *testing.T) {
	_, c := local(t)
	silent := errors.New("nothing comes")
	fails := func(context.Context, string, func() error) error { return silent }
	_, p := plan(t, c, target)
	err := p.Apply(t.Context(), c, fails, func(string, ...any) {})
	state, p := plan(t, c, target)
	if len(state.Sinks) != 1 {
		t.Fatalf("%+v", state.Sinks)
	}
	made := "the sink " + state.Sinks[0].SID + " and its subscription " + state.Sinks[0].Subscription
	if !errors.Is(err, silent) || !strings.Contains(err.Error(), made) || !strings.Contains(err.Error(), "flexbeam setup --remove --yes") {
		t.Error(err)
	}
	if err = p.Apply(t.Context(), c, fails, func(string, ...any) {}); !errors.Is(err, silent) || !strings.Contains(err.Error(), made) {
		t.Errorf("the second time: %v", err)
	}
}

func TestPoliciesNameTheExternalID(t *testing.T) {
	for _, text := range []string{target.TrustPolicy(), target.Permissions()} {
		var policy map[string]any
		if err := json.Unmarshal([]byte(text), &policy); err != nil || policy["Version"] != "2012-10-17" {
			t.Error(text, err)
		}
	}
	if !strings.Contains(target.TrustPolicy(), `"sts:ExternalId": "x"`) || !strings.Contains(target.Permissions(), target.Stream) {
		t.Error(target.TrustPolicy(), target.Permissions())
	}
	if a, b := eventstreams.NewExternalID(), eventstreams.NewExternalID(); a == b || len(a) < 20 {
		t.Error(a, b)
	}
	for _, bad := range []eventstreams.Target{{Stream: "flex-events"}, {Stream: target.Stream, Role: "twilio"}} {
		if bad.Check() == nil {
			t.Error(bad)
		}
	}
	if err := target.Check(); err != nil {
		t.Error(err)
	}
}
