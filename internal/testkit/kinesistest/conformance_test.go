package kinesistest

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/smithy-go"

	"flexbeam/internal/testkit/kinesisfake"
)

// A variant is a server with settings that a rule needs.
type variant int

const (
	plain   variant = iota
	limited         // throughput is limited
	hasty           // iterators expire after a second
	variants
)

// A candidate is a server that may have settings, and what it cannot show.
type candidate struct {
	name  string
	start func(testing.TB, variant) *Server // nil where the server has no such setting
	lacks map[string]string                 // rule to what happens instead
}

var candidates = []candidate{
	{
		name: "fake",
		start: func(t testing.TB, v variant) *Server {
			return StartFake(t, [variants]kinesisfake.Options{limited: {Limits: true}, hasty: {IteratorLifetime: time.Second}}[v])
		},
	},
	{
		name: "kinesis-local",
		start: func(t testing.TB, v variant) *Server {
			if v != plain {
				return nil
			}
			return StartKinesisLocal(t)
		},
		lacks: map[string]string{
			"an iterator of no server is InvalidArgumentException":           "status 500 without a type",
			"a sequence number of another shard is InvalidArgumentException": "ResourceNotFoundException",
			"more than 500 records are refused":                              "they are stored",
			"ShardFilter AT_TRIM_HORIZON lists the first shards":             "their children are listed too",
			"a subscription replays and ends with the children":              "the first frame is no initial-response, which the client requires",
			"a subscription pushes what comes":                               "as above",
			"a subscription resumes at the continuation":                     "as above",
			"an old iterator is ExpiredIteratorException":                    "five minutes, without a setting",
			"a shard takes in 1 MiB a second":                                "no limit",
			"a shard is read five times a second":                            "no limit",
		},
	},
	{
		name: "ferrokinesis",
		start: func(t testing.TB, v variant) *Server {
			return StartFerrokinesis(t, [variants][]string{limited: {"--enforce-limits", "true"}, hasty: {"--iterator-ttl-seconds", "1"}}[v]...)
		},
		lacks: map[string]string{
			"arrival times have milliseconds":                    "whole seconds",
			"MillisBehindLatest is above 0 while records wait":   "always 0",
			"shards are listed in pages":                         "NextToken without a stream names none",
			"ShardFilter AFTER_SHARD_ID lists later shards":      "filters are ignored",
			"ShardFilter AT_LATEST lists open shards":            "filters are ignored",
			"ShardFilter AT_TRIM_HORIZON lists the first shards": "filters are ignored",
			"the end of a closed shard names its children":       "only subscriptions name them",
			"an ON_DEMAND stream has four shards":                "there are no such streams",
			"a subscription replays and ends with the children":  "the children are named twice",
			"a subscription resumes at the continuation":         "the continuation lies before the records of its event",
			"a shard is read five times a second":                "no limit",
		},
	},
}

// TestServersFollowThePublishedRulesOrAreKnownNotTo is the conformance test of every server that
// tests rely on.
func TestServersFollowThePublishedRulesOrAreKnownNotTo(t *testing.T) {
	chosen := Chosen(t)
	for _, c := range candidates {
		if chosen[c.name] == nil {
			t.Logf("FLEXBEAM_TEST_KINESIS=%s leaves %s out", os.Getenv("FLEXBEAM_TEST_KINESIS"), c.name)
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			known := map[string]bool{}
			var servers [variants]*Server
			for _, r := range rules {
				known[r.name] = true
				if servers[r.on] == nil {
					if servers[r.on] = c.start(t, r.on); servers[r.on] == nil {
						servers[r.on] = servers[plain]
					}
				}
				t.Run(r.name, func(t *testing.T) {
					t.Logf("rule of %s", r.page)
					err := r.try(t, servers[r.on])
					switch why, excepted := c.lacks[r.name]; {
					case excepted && err == nil:
						t.Errorf("%s now follows this rule; take it off the table of what the server lacks", c.name)
					case excepted:
						t.Logf("known: %s (%v)", why, err)
					case err != nil:
						t.Errorf("%v", err)
					}
				})
			}
			for name := range c.lacks {
				if !known[name] {
					t.Errorf("the table of what %s lacks names no rule: %q", c.name, name)
				}
			}
		})
	}
}

// A rule is one promise of the service.
type rule struct {
	name string
	page string
	on   variant
	test func(*trial)
}

// A trial is a rule tried on a server.
type trial struct {
	t testing.TB
	s *Server
	c *kinesis.Client
}

// broken ends a trial.
type broken struct{ error }

// try returns why the server does not follow the rule, nil if it does.
func (r rule) try(t testing.TB, s *Server) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case broken:
			err = p.error
		default:
			panic(p)
		}
	}()
	r.test(&trial{t, s, s.Client()})
	return nil
}

// need ends the trial unless ok.
func (r *trial) need(ok bool, format string, args ...any) {
	if !ok {
		panic(broken{fmt.Errorf(format, args...)})
	}
}

// must ends the trial at an error.
func (r *trial) must(err error) {
	if err != nil {
		panic(broken{err})
	}
}

// fails ends the trial unless err is of the code.
func (r *trial) fails(err error, code string) {
	var e smithy.APIError
	r.need(errors.As(err, &e) && e.ErrorCode() == code, "want %s, got %v", code, err)
}
