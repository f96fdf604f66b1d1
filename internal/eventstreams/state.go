package eventstreams

import (
	"context"
	"fmt"
	"strings"

	events "github.com/twilio/twilio-go/rest/events/v1"
	"golang.org/x/sync/errgroup"

	"flexbeam/internal/twilio"
)

// Mark begins the description of every sink that Apply makes.
const Mark = "flexbeam"

// The descriptions of a sink through which no test event has come yet, and of one that works.
const (
	untested = Mark + ": TaskRouter events, not tested yet"
	tested   = Mark + ": TaskRouter events"
)

// schema is that of TaskRouter's events. Rate limits have another one.
const schema = "TaskRouter.WDSEvent"

// A Target is where events shall go.
type Target struct {
	Stream     string // ARN of the Kinesis stream
	Role       string // ARN of the role that Twilio takes on
	ExternalID string // that the role asks for
}

// RateLimits is the type of the events that tell of TaskRouter's rate limits. No rule reads them.
const RateLimits = "com.twilio.apiusage.taskrouter.ratelimits"

// A Sink is one of Event Streams, with its subscription.
type Sink struct {
	SID, Status  string
	Kind         string // such as kinesis or webhook
	Ours         bool   // Apply made it
	Untested     bool   // no test event has come through it yet
	Target       Target
	Subscription string         // SID; empty: there is none
	Types        map[string]int // that are subscribed to, with their schema versions
}

// A State is what an account has of Event Streams.
type State struct {
	Account string
	Types   []string // of TaskRouter that can be subscribed to, in order
	Newest  int      // schema version
	Sinks   []Sink   // the oldest first
}

// Look reads what an account has, of sinks ours.
func Look(ctx context.Context, c *twilio.Client) (State, error) {
	return survey(ctx, c, func(k Sink) bool { return k.Ours && k.Kind == "kinesis" })
}

// Survey reads what an account has, with the sinks of others.
func Survey(ctx context.Context, c *twilio.Client) (State, error) {
	return survey(ctx, c, func(Sink) bool { return true })
}

// survey reads what an account has, of sinks those that are wanted.
func survey(ctx context.Context, c *twilio.Client, wanted func(Sink) bool) (s State, err error) {
	s.Account = c.Account()
	of, size := schema, 100
	err = each(ctx, c, func(ctx context.Context) (*events.ListEventTypeResponse, error) {
		return c.Events(ctx).PageEventType(&events.ListEventTypeParams{SchemaId: &of, PageSize: &size}, "", "")
	}, func(p *events.ListEventTypeResponse) *string {
		for _, t := range p.Types {
			if twilio.String(t.Status) == "available" {
				s.Types = append(s.Types, twilio.String(t.Type))
			}
		}
		return p.Meta.NextPageUrl
	})
	if err != nil {
		return s, err
	}
	newest, err := c.Events(ctx).FetchSchema(schema)
	if err != nil {
		return s, err
	}
	s.Newest = newest.LatestVersion
	if len(s.Types) == 0 || s.Newest == 0 {
		return s, fmt.Errorf("no event type of %s can be subscribed to in the account %s: is it in another region?", schema, s.Account)
	}
	err = each(ctx, c, func(ctx context.Context) (*events.ListSinkResponse, error) {
		return c.Events(ctx).PageSink(&events.ListSinkParams{PageSize: &size}, "", "")
	}, func(p *events.ListSinkResponse) *string {
		for _, k := range p.Sinks {
			sink := Sink{
				SID: twilio.String(k.Sid), Status: twilio.String(k.Status), Kind: twilio.String(k.SinkType), Ours: strings.HasPrefix(twilio.String(k.Description), Mark),
				Untested: twilio.String(k.Description) == untested, Target: targetOf(k.SinkConfiguration), Types: map[string]int{},
			}
			if wanted(sink) {
				s.Sinks = append(s.Sinks, sink)
			}
		}
		return p.Meta.NextPageUrl
	})
	if err != nil {
		return s, err
	}
	return s, s.subscriptions(ctx, c)
}

// subscriptions reads the subscriptions of the sinks.
func (s *State) subscriptions(ctx context.Context, c *twilio.Client) error {
	size := 100
	err := each(ctx, c, func(ctx context.Context) (*events.ListSubscriptionResponse, error) {
		return c.Events(ctx).PageSubscription(&events.ListSubscriptionParams{PageSize: &size}, "", "")
	}, func(p *events.ListSubscriptionResponse) *string {
		for _, u := range p.Subscriptions {
			for i := range s.Sinks {
				if s.Sinks[i].SID == twilio.String(u.SinkSid) {
					s.Sinks[i].Subscription = twilio.String(u.Sid)
				}
			}
		}
		return p.Meta.NextPageUrl
	})
	if err != nil {
		return err
	}
	var g errgroup.Group
	g.SetLimit(atOnce)
	for i := range s.Sinks {
		if s.Sinks[i].Subscription != "" {
			g.Go(func() error { return s.Sinks[i].types(ctx, c) })
		}
	}
	return g.Wait()
}

// atOnce is how many subscriptions are read at the same time.
const atOnce = 5

// types reads the types that the subscription of a sink has.
func (k *Sink) types(ctx context.Context, c *twilio.Client) error {
	size := 100
	return each(ctx, c, func(ctx context.Context) (*events.ListSubscribedEventResponse, error) {
		return c.Events(ctx).PageSubscribedEvent(k.Subscription, &events.ListSubscribedEventParams{PageSize: &size}, "", "")
	}, func(p *events.ListSubscribedEventResponse) *string {
		for _, t := range p.Types {
			k.Types[twilio.String(t.Type)] = t.SchemaVersion
		}
		return p.Meta.NextPageUrl
	})
}

// each reads a list. take takes a page and returns the link to the next one.
func each[P any](ctx context.Context, c *twilio.Client, first func(context.Context) (*P, error), take func(*P) *string) error {
	for _, err := range twilio.Pages(ctx, c, first, take) {
		if err != nil {
			return err
		}
	}
	return nil
}

// targetOf reads the configuration of a Kinesis sink.
func targetOf(config *any) (t Target) {
	if config == nil {
		return t
	}
	members, _ := (*config).(map[string]any)
	get := func(name string) string {
		value, _ := members[name].(string)
		return value
	}
	return Target{get("arn"), get("role_arn"), get("external_id")}
}
