package eventstreams

import (
	"context"
	"errors"
	"fmt"

	events "github.com/twilio/twilio-go/rest/events/v1"

	"flexbeam/internal/twilio"
)

// A Tester waits until a test event of an account arrives in a stream. send sends one, and may be
// called again while none has come.
type Tester func(ctx context.Context, account string, send func() error) error

// Apply does what a plan says, in its order, and tells say of each step and of what was left out. What
// a step before an error did stays, and the error says so: Look and Plan again tell what is left.
func (p Plan) Apply(ctx context.Context, c *twilio.Client, test Tester, say func(format string, args ...any)) error {
	removes := p.Sink.SID == nothing
	err := p.apply(ctx, c, test, say)
	switch {
	case err == nil:
		return nil
	case removes:
		return fmt.Errorf("%w: run the same command again: it removes the rest", err)
	case p.Sink.SID == "":
		return fmt.Errorf("%w: nothing was made", err)
	}
	made := "the sink " + p.Sink.SID
	if p.Sink.Subscription != "" {
		made += " and its subscription " + p.Sink.Subscription
	}
	if len(p.Remove) > 0 {
		made += ", and what was there before,"
	}
	return fmt.Errorf("%w; what is there stays: %s: run the same command again to go on, or flexbeam setup --remove --yes to remove it", err, made)
}

// apply does what a plan says, and notes in it what was made.
func (p *Plan) apply(ctx context.Context, c *twilio.Client, test Tester, say func(format string, args ...any)) error {
	api, tests := c.Events(ctx), p.Tests()
	if p.Sink.SID == "" {
		config := any(map[string]any{"arn": p.Target.Stream, "role_arn": p.Target.Role, "external_id": p.Target.ExternalID})
		params := &events.CreateSinkParams{SinkConfiguration: &config}
		sink, err := api.CreateSink(params.SetDescription(untested).SetSinkType("kinesis"))
		if err != nil {
			return fmt.Errorf("create the sink: %w", err)
		}
		p.Sink.SID = twilio.String(sink.Sid)
		say("created the sink %s", p.Sink.SID)
	}
	if len(p.Add) > 0 && p.Sink.Subscription == "" {
		if err := p.subscribe(api, say); err != nil {
			return err
		}
	}
	if err := p.types(api, say); err != nil {
		return err
	}
	if tests {
		err := test(ctx, c.Account(), func() error {
			_, err := api.CreateSinkTest(p.Sink.SID)
			return err
		})
		if err != nil {
			return fmt.Errorf("no test event came through the sink %s: %w", p.Sink.SID, err)
		}
		if _, err := api.UpdateSink(p.Sink.SID, (&events.UpdateSinkParams{}).SetDescription(tested)); err != nil {
			return fmt.Errorf("note that the sink %s works: %w", p.Sink.SID, err)
		}
		say("a test event came through the sink %s", p.Sink.SID)
	}
	return p.remove(api, say)
}

// subscribe creates the subscription with all types, or if one of them is refused with the first that
// is not. p.Add is what is left.
func (p *Plan) subscribe(api *events.ApiService, say func(string, ...any)) error {
	create := func(types []string) error {
		var all []any
		for _, name := range types {
			all = append(all, map[string]any{"type": name, "schema_version": p.Newest})
		}
		params := &events.CreateSubscriptionParams{}
		made, err := api.CreateSubscription(params.SetDescription(tested).SetSinkSid(p.Sink.SID).SetTypes(all))
		if err == nil {
			p.Sink.Subscription = twilio.String(made.Sid)
			say("created the subscription %s of %d event types", p.Sink.Subscription, len(types))
		}
		return err
	}
	err := create(p.Add)
	if err == nil {
		p.Add = nil
		return nil
	}
	for errors.Is(err, twilio.ErrRequest) && len(p.Add) > 0 {
		first := p.Add[0]
		p.Add = p.Add[1:]
		if err = create([]string{first}); err == nil {
			return nil
		}
		say("Twilio refuses the event type %s: it is left out", first)
	}
	return fmt.Errorf("create the subscription: %w", err)
}

// types subscribes to types, one by one, and raises their schema versions. A type that is refused is
// left out.
func (p Plan) types(api *events.ApiService, say func(string, ...any)) error {
	for _, name := range p.Add {
		_, err := api.CreateSubscribedEvent(p.Sink.Subscription, (&events.CreateSubscribedEventParams{}).SetType(name).SetSchemaVersion(p.Newest))
		switch {
		case errors.Is(err, twilio.ErrRequest):
			say("Twilio refuses the event type %s: it is left out", name)
		case err != nil:
			return fmt.Errorf("subscribe to %s: %w", name, err)
		default:
			say("subscribed to %s", name)
		}
	}
	for _, name := range p.Update {
		_, err := api.UpdateSubscribedEvent(p.Sink.Subscription, name, (&events.UpdateSubscribedEventParams{}).SetSchemaVersion(p.Newest))
		if err != nil {
			return fmt.Errorf("raise the schema version of %s: %w", name, err)
		}
		say("raised %s to schema version %d", name, p.Newest)
	}
	return nil
}

// remove removes pairs: the subscription first, since a sink that is in use stays. What is gone already
// is no error.
func (p Plan) remove(api *events.ApiService, say func(string, ...any)) error {
	for _, k := range p.Remove {
		if k.Subscription != "" {
			if err := api.DeleteSubscription(k.Subscription); err != nil && !errors.Is(err, twilio.ErrNotFound) {
				return fmt.Errorf("remove the subscription %s: %w", k.Subscription, err)
			}
			say("removed the subscription %s", k.Subscription)
		}
		if err := api.DeleteSink(k.SID); err != nil && !errors.Is(err, twilio.ErrNotFound) {
			return fmt.Errorf("remove the sink %s: %w", k.SID, err)
		}
		say("removed the sink %s", k.SID)
	}
	return nil
}
