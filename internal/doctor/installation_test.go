package doctor_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/bigquery"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	events "github.com/twilio/twilio-go/rest/events/v1"

	"flexbeam/internal/doctor"
	"flexbeam/internal/eventstreams"
	"flexbeam/internal/testkit/bigquerylocal"
	"flexbeam/internal/testkit/kinesisfake"
	"flexbeam/internal/testkit/twiliolocal"
	"flexbeam/internal/twilio"
	"flexbeam/pipeline/io/kinesisio"
	"flexbeam/pipeline/sink"
	_ "flexbeam/pipeline/sink/bigquery"
	_ "flexbeam/pipeline/sink/duckdb"
	_ "flexbeam/pipeline/sink/jsonl"
	"flexbeam/schemas/record"
	"flexbeam/transforms/keyed/local"
)

const (
	workspace = "WS00000000000000000000000000000001"
	stream    = "flex-events"
	planted   = "plantedSecret0123456789"
)

var target = eventstreams.Target{
	Stream: "arn:aws:kinesis:eu-west-1:123456789012:stream/" + stream, Role: "arn:aws:iam::123456789012:role/twilio", ExternalID: "x",
}

// An installation is one in which nothing is wrong: an account that setup was run for, a stream with an
// event, a DuckDB file, and the state directory of its job.
type installation struct {
	twilio  *twiliolocal.Server
	kinesis *kinesisfake.Server
	client  *twilio.Client // of the account
	in      doctor.Input
	options doctor.Options
	dir     string
	state   *local.Store // while the job runs
}

// Services that a fault is planted in have other options.
type services struct {
	twilio  twiliolocal.Options
	kinesis kinesisfake.Options
}

func install(t *testing.T, o services) *installation {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local-secret", "AWS_SESSION_TOKEN": "", "AWS_REGION": "", "AWS_DEFAULT_REGION": "", "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
	i := &installation{dir: t.TempDir(), options: doctor.Options{Timeout: 20 * time.Second}}
	o.twilio.Secret = planted
	if o.twilio.FlexService == "" {
		o.twilio.FlexService = twiliolocal.DefaultChatService
	}
	i.twilio = twiliolocal.New(o.twilio)
	must(t, i.twilio.Start())
	t.Cleanup(func() { _ = i.twilio.Close() })
	o.kinesis.Region, o.kinesis.Account = "eu-west-1", "123456789012"
	i.kinesis = kinesisfake.New(o.kinesis)
	must(t, i.kinesis.Start())
	t.Cleanup(i.kinesis.Close)
	i.fill(t)
	i.in.Accounts = []doctor.Account{{
		SID: i.twilio.Account(), Key: i.twilio.Key(), Secret: secret(planted), Endpoint: i.twilio.URL, Workspaces: []string{workspace}, Turns: true, Events: true,
	}}
	var err error
	i.in.Streams, err = kinesisio.Identify([]kinesisio.Stream{{Name: stream, Region: "eu-west-1", Endpoint: i.kinesis.URL}})
	must(t, err)
	i.store(t)
	return i
}

// fill makes what is in the services.
func (i *installation) fill(t *testing.T) {
	i.twilio.AddWorker(workspace, twiliolocal.Worker{SID: "WK00000000000000000000000000000001", Attributes: "{}"})
	var err error
	i.client, err = twilio.New(twilio.Config{Account: i.twilio.Account(), Key: i.twilio.Key(), Secret: twilio.NewSecret(planted), Transport: i.twilio})
	must(t, err)
	i.setup(t, target)
	i.kinesis.CreateStream(stream, 2)
	i.retain(t, 168)
	i.put(t, i.twilio.Account())
}

// setup does what flexbeam setup does.
func (i *installation) setup(t *testing.T, to eventstreams.Target) {
	t.Helper()
	state, err := eventstreams.Look(t.Context(), i.client)
	must(t, err)
	comes := func(_ context.Context, _ string, send func() error) error { return send() }
	must(t, state.Plan(to).Apply(t.Context(), i.client, comes, func(string, ...any) {}))
}

// ours returns the sink that setup made.
func (i *installation) ours(t *testing.T) eventstreams.Sink {
	t.Helper()
	state, err := eventstreams.Look(t.Context(), i.client)
	must(t, err)
	if len(state.Sinks) == 0 {
		t.Fatal("there is no sink")
	}
	return state.Sinks[0]
}

// sinkTo makes a sink by hand, with a subscription of some types.
func (i *installation) sinkTo(t *testing.T, kind string, config map[string]any, types ...string) {
	t.Helper()
	api := i.client.Events(t.Context())
	made, err := api.CreateSink((&events.CreateSinkParams{}).SetDescription("by hand").SetSinkType(kind).SetSinkConfiguration(config))
	must(t, err)
	var all []any
	for _, name := range types {
		all = append(all, map[string]any{"type": name, "schema_version": 4})
	}
	if all != nil {
		_, err = api.CreateSubscription((&events.CreateSubscriptionParams{}).SetDescription("by hand").SetSinkSid(*made.Sid).SetTypes(all))
		must(t, err)
	}
}

// retain changes how many hours the stream keeps records for.
func (i *installation) retain(t *testing.T, hours int32) {
	name, c := stream, i.kinesis.Client()
	if hours == 24 {
		_, err := c.DecreaseStreamRetentionPeriod(t.Context(), &kinesis.DecreaseStreamRetentionPeriodInput{StreamName: &name, RetentionPeriodHours: &hours})
		must(t, err)
		return
	}
	_, _ = c.IncreaseStreamRetentionPeriod(t.Context(), &kinesis.IncreaseStreamRetentionPeriodInput{StreamName: &name, RetentionPeriodHours: &hours}) // it may be under way
}

// put puts an event of an account into the stream.
func (i *installation) put(_ *testing.T, account string) {
	data := fmt.Sprintf(`{"account_sid":%q,"sid":"EV1","payload":{"sid":"EV1","account_sid":%[1]q,"task_sid":"WT1","timestamp":%q}}`, account, time.Now().UTC().Format(time.RFC3339))
	text, _ := json.Marshal(data)
	i.kinesis.PutTexts(stream, "k", `{"specversion":"1.0","id":"1","type":"com.twilio.taskrouter.task.created","data":`+string(text)+`}`)
}

// template is a DuckDB file with all tables, and its identity.
var template = sync.OnceValues(func() ([]byte, string) {
	dir, err := os.MkdirTemp("", "doctor")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "calls.duckdb")
	s, err := sink.Open(context.Background(), "duckdb:"+file, sink.Options{})
	if err != nil {
		panic(err)
	}
	id, err := s.ID(context.Background())
	if err == nil {
		err = s.SetShape(context.Background(), sink.Shape{ContactKey: "none", Options: "o"})
	}
	if err == nil {
		err = s.Close(context.Background())
	}
	b, err2 := os.ReadFile(file)
	if err != nil || err2 != nil {
		panic(fmt.Sprint(err, err2))
	}
	return b, id
})

// store makes the DuckDB file, and the state directory of its job, which has read up to now and runs no
// longer.
func (i *installation) store(t *testing.T) {
	t.Helper()
	b, id := template()
	file := filepath.Join(i.dir, "calls.duckdb")
	must(t, os.WriteFile(file, b, 0o600))
	none := "none"
	i.in.Sinks = []doctor.Sink{{URI: "duckdb:" + file, ContactKey: &none}}
	i.run(t, id, stream, time.Now())
	i.stop(t)
}

// run has a job run that has read a stream up to a time.
func (i *installation) run(t *testing.T, id, stream string, upTo time.Time) {
	t.Helper()
	i.in.States = []doctor.State{{Dir: filepath.Join(i.dir, "state"), Sink: i.in.Sinks[0].URI, Streams: i.in.Streams}}
	var err error
	i.state, _, err = local.Open(local.Options{Dir: i.in.States[0].Dir, Sink: local.Sink{ID: id, Name: i.in.Sinks[0].URI}})
	must(t, err)
	for n := range 2 {
		position, _ := json.Marshal(kinesisio.Position{Sequence: "1", UpTo: upTo.UnixMilli()})
		i.state.SetPosition(record.Key("kinesis:"+stream, fmt.Sprintf("shardId-%012d", n)), position)
	}
	must(t, i.state.Checkpoint(func() error { return nil }))
	t.Cleanup(func() { i.stop(t) })
}

// stop ends the job.
func (i *installation) stop(t *testing.T) {
	if i.state != nil {
		must(t, i.state.Close())
		i.state = nil
	}
}

// bigquery has the job write to a local BigQuery that has all tables, and returns it.
func (i *installation) bigquery(t *testing.T, o bigquerylocal.Options, options string) *bigquerylocal.Server {
	t.Helper()
	s, err := bigquerylocal.Start(o)
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	uri := "bigquery:local-project.flex?retry=1s&endpoint=" + strings.TrimSuffix(s.RESTEndpoint, "/bigquery/v2/") + "&grpc_endpoint=" + s.GRPCEndpoint
	open, err := sink.Open(t.Context(), uri, sink.Options{})
	if o.Denied == nil {
		must(t, err)
		must(t, open.Close(t.Context()))
	}
	i.in.Sinks = []doctor.Sink{{URI: uri + options}}
	i.in.States = nil
	return s
}

// agents returns the table of agents in a local BigQuery.
func agents(t *testing.T, s *bigquerylocal.Server) *bigquery.Table {
	t.Helper()
	c, err := bigquery.NewClient(t.Context(), "local-project", s.ClientOptions()...)
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c.Dataset("flex").Table("agents")
}

func secret(text string) func(context.Context) (twilio.Secret, error) {
	return func(context.Context) (twilio.Secret, error) { return twilio.NewSecret(text), nil }
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
