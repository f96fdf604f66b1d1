package doctor_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/bigquery"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	_ "github.com/duckdb/duckdb-go/v2" // the driver
	"github.com/google/go-cmp/cmp"
	events "github.com/twilio/twilio-go/rest/events/v1"

	"flexbeam/internal/doctor"
	"flexbeam/internal/eventstreams"
	"flexbeam/internal/filelock"
	"flexbeam/internal/finding"
	"flexbeam/internal/testkit/bigquerylocal"
	"flexbeam/internal/testkit/kinesisfake"
	"flexbeam/internal/testkit/twiliolocal"
	"flexbeam/internal/twilio"
	"flexbeam/pipeline/io/kinesisio"
)

const other = "AC00000000000000000000000000000009"

func TestAHealthyInstallationHasNoFinding(t *testing.T) {
	i := install(t, services{})
	duck, states := i.in.Sinks[0], i.in.States
	i.bigquery(t, bigquerylocal.Options{}, "")
	i.in.Sinks = append(i.in.Sinks, duck, doctor.Sink{URI: "jsonl:" + filepath.Join(i.dir, "rows")}, doctor.Sink{URI: "duckdb:" + filepath.Join(i.dir, "new.duckdb")})
	i.in.States = append(states, doctor.State{Dir: filepath.Join(i.dir, "not", "there", "yet"), Sink: duck.URI, Streams: i.in.Streams})
	r := doctor.Examine(t.Context(), i.in, i.options)
	if len(r.Findings) > 0 {
		t.Errorf("%+v", r.Findings)
	}
	if len(r.Checks) < 12 {
		t.Errorf("%d checks: %+v", len(r.Checks), r.Checks)
	}
}

func TestAJobThatRunsIsNoFinding(t *testing.T) {
	i := install(t, services{})
	_, id := template()
	i.run(t, id, stream, time.Now())
	if r := doctor.Examine(t.Context(), i.in, i.options); len(r.Findings) > 0 {
		t.Errorf("%+v", r.Findings)
	}
}

// Without a source the streams are those that setup had Event Streams write to.
func TestTheStreamsOfEventStreamsAreLookedAt(t *testing.T) {
	i := install(t, services{})
	i.in = doctor.Input{Accounts: i.in.Accounts, OfSinks: true, KinesisEndpoint: i.kinesis.URL}
	r := doctor.Examine(t.Context(), i.in, i.options)
	looked := slices.ContainsFunc(r.Checks, func(c doctor.Check) bool { return c.Name == "stream "+stream })
	if len(r.Findings) > 0 || !looked {
		t.Errorf("%+v, %+v", r.Findings, r.Checks)
	}
	i.retain(t, 24)
	if got := names(doctor.Examine(t.Context(), i.in, i.options)); !slices.Equal(got, []string{"stream-retention"}) {
		t.Errorf("%q", got)
	}
}

// A fault is planted in an installation in which nothing is wrong, and found by its name: it and
// nothing else.
func TestPlantedFaultsAreFoundByName(t *testing.T) {
	type plant func(t *testing.T, i *installation)
	account := func(f func(a *doctor.Account)) plant {
		return func(_ *testing.T, i *installation) { f(&i.in.Accounts[0]) }
	}
	strike := func(f twiliolocal.Fault) plant { return func(_ *testing.T, i *installation) { i.twilio.Inject(f) } }
	kinesisSays := func(operation, code string) plant {
		return func(_ *testing.T, i *installation) {
			i.kinesis.Inject(kinesisfake.Fault{Operation: operation, Error: code})
		}
	}
	sinkIs := func(uri func(dir string) string) plant {
		return func(_ *testing.T, i *installation) { i.in.Sinks[0].URI, i.in.States = uri(i.dir), nil }
	}
	write := func(t *testing.T, path, text string) string {
		must(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	atAWS := func(region string) plant {
		return func(t *testing.T, i *installation) {
			i.in.Streams[0].Endpoint, i.in.Streams[0].Region, i.options.Timeout = "", region, 3*time.Second
			t.Setenv("AWS_ACCESS_KEY_ID", "")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "")
		}
	}
	columns := func(change func(s bigquery.Schema) bigquery.Schema, options string) plant {
		return func(t *testing.T, i *installation) {
			table := agents(t, i.bigquery(t, bigquerylocal.Options{}, options))
			meta, err := table.Metadata(t.Context())
			must(t, err)
			must(t, table.Delete(t.Context()))
			must(t, table.Create(t.Context(), &bigquery.TableMetadata{Schema: change(meta.Schema), TableConstraints: meta.TableConstraints, Labels: map[string]string{"managed_by": "flexbeam"}}))
		}
	}
	label := func(regime, options string) plant {
		return func(t *testing.T, i *installation) {
			var change bigquery.TableMetadataToUpdate
			change.SetLabel("flexbeam_regime", regime)
			_, err := agents(t, i.bigquery(t, bigquerylocal.Options{}, options)).Update(t.Context(), change, "")
			must(t, err)
		}
	}
	tests := []struct {
		want     string
		services services
		plant    plant
	}{
		{want: "credentials-missing", plant: account(func(a *doctor.Account) { a.Key = "" })},
		{want: "secret-unreadable", plant: account(func(a *doctor.Account) {
			a.Secret = func(context.Context) (twilio.Secret, error) { return twilio.ReadSecret("env:FLEXBEAM_NOT_SET") }
		})},
		{want: "credentials-form", plant: account(func(a *doctor.Account) { a.SID = "AC12" })},
		{want: "credentials-form", plant: account(func(a *doctor.Account) { a.Secret = secret(planted + "\nTWILIO=1") })},
		{want: "credentials-refused", plant: account(func(a *doctor.Account) { a.Secret = secret("anotherSecret") })},
		{want: "credentials-account", plant: func(_ *testing.T, i *installation) { i.in.Accounts[0].SID, i.in.Streams, i.in.States = other, nil, nil }},
		{want: "credentials-rights", plant: strike(twiliolocal.Fault{Path: "/v1/Sinks", Status: 403})},
		{want: "credentials-rights", plant: strike(twiliolocal.Fault{Path: "/Events?", Status: 403})},
		{want: "twilio-region", plant: account(func(a *doctor.Account) { a.Region = "au1" })},
		{want: "twilio-unreachable", plant: strike(twiliolocal.Fault{Path: "/v1/Configuration", Status: 503, HTML: true})},
		{want: "twilio-throttled", plant: strike(twiliolocal.Fault{Path: "/v1/Schemas", Status: 429, RetryAfter: "7200"})},
		{want: "workspace-missing", plant: account(func(a *doctor.Account) { a.Workspaces = []string{"WS00000000000000000000000000000002"} })},
		{want: "workspace-none", plant: func(t *testing.T, i *installation) {
			empty := twiliolocal.New(twiliolocal.Options{Secret: planted})
			must(t, empty.Start())
			t.Cleanup(func() { _ = empty.Close() })
			i.in.Accounts[0].Endpoint, i.in.Accounts[0].Events = empty.URL, false
		}},
		{want: "chat-service", services: services{twilio: twiliolocal.Options{FlexService: "IS00000000000000000000000000000005"}}},
		{want: "chat-service-missing", plant: account(func(a *doctor.Account) { a.Service = "IS00000000000000000000000000000006" })},

		{want: "subscription-missing", plant: func(t *testing.T, i *installation) {
			state, err := eventstreams.Look(t.Context(), i.client)
			must(t, err)
			must(t, state.Removal().Apply(t.Context(), i.client, nil, func(string, ...any) {}))
		}},
		{want: "subscription-types", plant: func(t *testing.T, i *installation) {
			must(t, i.client.Events(t.Context()).DeleteSubscribedEvent(i.ours(t).Subscription, "com.twilio.taskrouter.task-queue.entered"))
		}},
		{want: "subscription-schema", plant: func(t *testing.T, i *installation) {
			_, err := i.client.Events(t.Context()).UpdateSubscribedEvent(i.ours(t).Subscription, "com.twilio.taskrouter.task.updated", (&events.UpdateSubscribedEventParams{}).SetSchemaVersion(3))
			must(t, err)
		}},
		{want: "subscription-ratelimits", plant: func(t *testing.T, i *installation) {
			_, err := i.client.Events(t.Context()).CreateSubscribedEvent(i.ours(t).Subscription, (&events.CreateSubscribedEventParams{}).SetType(eventstreams.RateLimits))
			must(t, err)
		}},
		{want: "subscription-double", plant: func(t *testing.T, i *installation) {
			i.sinkTo(t, "kinesis", map[string]any{"arn": target.Stream, "role_arn": target.Role, "external_id": "y"}, "com.twilio.taskrouter.task.created")
		}},
		{want: "subscription-elsewhere", plant: func(t *testing.T, i *installation) {
			i.sinkTo(t, "webhook", map[string]any{"destination": "https://example.com/", "method": "POST", "batch_events": true}, "com.twilio.taskrouter.task.created")
		}},
		{want: "sink-failed", plant: func(t *testing.T, i *installation) { i.twilio.SetSinkStatus(i.ours(t).SID, "failed") }},
		{want: "sink-untested", plant: func(t *testing.T, i *installation) {
			_, err := i.client.Events(t.Context()).UpdateSink(i.ours(t).SID, (&events.UpdateSinkParams{}).SetDescription("flexbeam: TaskRouter events, not tested yet"))
			must(t, err)
		}},
		{want: "sink-orphaned", plant: func(t *testing.T, i *installation) {
			i.sinkTo(t, "kinesis", map[string]any{"arn": target.Stream, "role_arn": target.Role, "external_id": "y"})
		}},
		{want: "account-unknown", plant: func(t *testing.T, i *installation) { i.put(t, other) }},

		{want: "aws-region", plant: atAWS("")},
		{want: "aws-credentials", plant: atAWS("eu-west-1")},
		{want: "aws-credentials-refused", plant: kinesisSays("DescribeStreamSummary", "UnrecognizedClientException")},
		{want: "aws-role", plant: func(t *testing.T, i *installation) {
			t.Setenv("AWS_ENDPOINT_URL_STS", i.kinesis.URL)
			i.in.Streams[0].RoleARN = "arn:aws:iam::123456789012:role/reader"
		}},
		{want: "stream-missing", plant: func(t *testing.T, i *installation) {
			i.setup(t, eventstreams.Target{Stream: target.Stream + "-2", Role: target.Role, ExternalID: "x"})
			i.in.Streams[0].Name, i.in.Streams[0].As, i.in.States = stream+"-2", stream+"-2", nil
		}},
		{want: "stream-region", plant: func(t *testing.T, i *installation) {
			i.setup(t, eventstreams.Target{Stream: strings.Replace(target.Stream, "eu-west-1", "us-east-1", 1) + "-2", Role: target.Role, ExternalID: "x"})
			i.in.Streams[0].Name, i.in.Streams[0].As, i.in.States = stream+"-2", stream+"-2", nil
		}},
		{want: "stream-rights", plant: kinesisSays("GetRecords", "AccessDeniedException")},
		{want: "stream-rights", plant: kinesisSays("DescribeStreamSummary", "AccessDeniedException")},
		{want: "stream-key", plant: kinesisSays("GetRecords", "KMSAccessDeniedException")},
		{want: "stream-retention", plant: func(t *testing.T, i *installation) { i.retain(t, 24) }},
		{want: "stream-records", plant: func(t *testing.T, i *installation) {
			i.kinesis.CreateStream("logs", 1)
			i.kinesis.PutTexts("logs", "k", "a line of a log", "another one")
			i.in.Streams[0].Name, i.in.Streams[0].As, i.in.Accounts, i.in.States = "logs", "logs", nil, nil
			hours, name := int32(168), "logs"
			_, err := i.kinesis.Client().IncreaseStreamRetentionPeriod(t.Context(), &kinesis.IncreaseStreamRetentionPeriodInput{StreamName: &name, RetentionPeriodHours: &hours})
			must(t, err)
		}},
		{want: "stream-unreachable", plant: func(t *testing.T, i *installation) { i.in.Streams[0].Endpoint = nowhere(t) }},
		{want: "stream-lag", plant: func(t *testing.T, i *installation) {
			_, id := template()
			i.run(t, id, stream, time.Now().Add(-time.Hour))
		}},
		{want: "stream-lag", plant: func(t *testing.T, i *installation) {
			_, id := template()
			i.run(t, id, stream, time.Now().Add(-100*time.Hour))
			i.stop(t)
		}},
		{want: "stream-gap", plant: func(t *testing.T, i *installation) {
			_, id := template()
			i.run(t, id, stream, time.Now().Add(-200*time.Hour))
			i.stop(t)
		}},

		{want: "bigquery-credentials", plant: func(t *testing.T, i *installation) {
			t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(i.dir, "none.json"))
			i.in.Sinks[0].URI, i.in.States, i.options.Timeout = "bigquery:local-project.flex", nil, 3*time.Second
		}},
		{want: "bigquery-dataset", plant: func(t *testing.T, i *installation) {
			i.bigquery(t, bigquerylocal.Options{}, "&schema=none")
			i.in.Sinks[0].URI = strings.Replace(i.in.Sinks[0].URI, ".flex?", ".felx?", 1)
		}},
		{want: "bigquery-location", plant: func(t *testing.T, i *installation) { i.bigquery(t, bigquerylocal.Options{}, "&location=EU") }},
		{want: "bigquery-rights", plant: func(t *testing.T, i *installation) {
			i.bigquery(t, bigquerylocal.Options{Denied: []string{"bigquery.tables.updateData"}}, "")
		}},
		{want: "bigquery-rights", plant: func(t *testing.T, i *installation) {
			i.bigquery(t, bigquerylocal.Options{}, "").Fault(bigquerylocal.Fault{Kind: bigquerylocal.Reply, Method: "jobs.insert", Status: 403, Reason: "accessDenied", Times: -1})
		}},
		{want: "bigquery-regime", plant: label("cdc", "&mode=load")},
		{want: "bigquery-regime", plant: label("sometimes", "")},
		{want: "bigquery-columns", plant: columns(func(s bigquery.Schema) bigquery.Schema {
			return slices.DeleteFunc(s, func(f *bigquery.FieldSchema) bool { return f.Name == "location" })
		}, "&schema=none")},
		{want: "bigquery-table", plant: columns(func(s bigquery.Schema) bigquery.Schema {
			for _, f := range s {
				if f.Name == "location" {
					f.Type = bigquery.IntegerFieldType
				}
			}
			return s
		}, "")},
		{want: "bigquery-unreachable", plant: func(t *testing.T, i *installation) {
			i.bigquery(t, bigquerylocal.Options{}, "").Fault(bigquerylocal.Fault{Kind: bigquerylocal.Reply, Method: "datasets.get", Status: 500, Times: -1})
		}},

		{want: "duckdb-place", plant: sinkIs(func(dir string) string { return "duckdb:" + filepath.Join(dir, "none", "calls.duckdb") })},
		{want: "duckdb-foreign", plant: func(t *testing.T, i *installation) {
			i.in.Sinks[0].URI, i.in.States = "duckdb:"+write(t, filepath.Join(i.dir, "notes.txt"), "these are notes, and no database"), nil
		}},
		{want: "duckdb-writable", plant: sinkIs(func(string) string { return "duckdb:/proc/self/calls.duckdb" })}, // where nobody may make a file
		{want: "duckdb-tables", plant: func(t *testing.T, i *installation) {
			file := filepath.Join(i.dir, "older.duckdb")
			db, err := sql.Open("duckdb", file)
			must(t, err)
			_, err = db.Exec("CREATE TABLE customers (contact_id VARCHAR PRIMARY KEY)")
			must(t, err)
			must(t, db.Close())
			i.in.Sinks[0].URI, i.in.States = "duckdb:"+file, nil
		}},
		{want: "jsonl-directory", plant: func(t *testing.T, i *installation) {
			i.in.Sinks[0].URI, i.in.States = "jsonl:"+filepath.Join(write(t, filepath.Join(i.dir, "file"), ""), "rows"), nil
		}},
		{want: "sink-locked", plant: func(t *testing.T, i *installation) {
			dir := filepath.Join(i.dir, "rows")
			must(t, os.Mkdir(dir, 0o700))
			lock, err := filelock.Take(filepath.Join(dir, ".lock"), 0o600)
			must(t, err)
			t.Cleanup(func() { _ = lock.Close() })
			i.in.Sinks[0].URI, i.in.States = "jsonl:"+dir, nil
		}},
		{want: "sink-key", plant: func(_ *testing.T, i *installation) { key := "another"; i.in.Sinks[0].ContactKey = &key }},
		{want: "config-sink", plant: sinkIs(func(string) string { return "parquet:rows" })},
		{want: "config-sink", plant: sinkIs(func(string) string { return "bigquery:flex" })},

		{want: "state-directory", plant: func(t *testing.T, i *installation) { i.in.States[0].Dir = write(t, filepath.Join(i.dir, "file"), "") }},
		{want: "state-damaged", plant: func(t *testing.T, i *installation) {
			write(t, filepath.Join(i.in.States[0].Dir, "state"), "this is no log of a state")
		}},
		{want: "state-sink", plant: func(t *testing.T, i *installation) { must(t, os.Remove(filepath.Join(i.dir, "calls.duckdb"))) }},
		{want: "state-streams", plant: func(t *testing.T, i *installation) {
			must(t, os.RemoveAll(i.in.States[0].Dir))
			_, id := template()
			i.run(t, id, "other-events", time.Now())
			i.stop(t)
		}},
		{want: "clock-skew", plant: func(_ *testing.T, i *installation) {
			i.in.Streams, i.in.States, i.in.Sinks = nil, nil, nil
			i.options.Now = func() time.Time { return time.Now().Add(-10 * time.Minute) }
		}},
		{want: "disk-space", plant: func(_ *testing.T, i *installation) {
			i.options.Free = func(dir string) (uint64, error) {
				if dir == os.TempDir() {
					return 10 << 30, nil
				}
				return 100 << 20, nil
			}
			i.in.States = nil
		}},
		{want: "disk-temporary", plant: func(t *testing.T, i *installation) {
			t.Setenv("TMPDIR", filepath.Join(i.dir, "none"))
		}},
	}
	found := map[string]bool{}
	for _, test := range tests {
		t.Run(test.want, func(t *testing.T) {
			i := install(t, test.services)
			if test.plant != nil {
				test.plant(t, i)
			}
			r := doctor.Examine(t.Context(), i.in, i.options)
			if got := names(r); !slices.Equal(got, []string{test.want}) {
				t.Errorf("found %q: %+v", got, r.Findings)
			}
			for _, f := range r.Findings {
				if f.What == "" || f.Where == "" || f.Fix == "" || strings.Contains(f.What+f.Fix, "\n") {
					t.Errorf("it does not say what, where and how it is mended, in one line: %+v", f)
				}
			}
			noSecret(t, r)
			found[test.want] = true
		})
	}
	if len(found) < 25 {
		t.Errorf("%d faults were planted", len(found))
	}
}

// names returns the names of what was found, each once.
func names(r doctor.Report) (all []string) {
	for _, f := range r.Findings {
		if !slices.Contains(all, f.Name) {
			all = append(all, f.Name)
		}
	}
	return all
}

func noSecret(t *testing.T, r doctor.Report) {
	t.Helper()
	b, err := json.Marshal(r)
	must(t, err)
	for _, secret := range []string{planted, "anotherSecret", "local-secret"} {
		if strings.Contains(string(b), secret) {
			t.Errorf("a secret is shown: %s", b)
		}
	}
}

// nowhere is an address at which nothing listens.
func nowhere(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, l.Close())
	return "http://" + l.Addr().String()
}

// A service that does not answer at all is told of, and so is all that is wrong elsewhere.
func TestAServiceThatHangsHidesNoOther(t *testing.T) {
	i := install(t, services{})
	i.options.Timeout = time.Second
	i.kinesis.Inject(kinesisfake.Fault{Operation: "DescribeStreamSummary", Delay: time.Hour})
	i.twilio.Inject(twiliolocal.Fault{Path: "/v1/Configuration", Delay: time.Hour})
	i.in.Accounts[0].Workspaces = []string{"WS00000000000000000000000000000002"}
	must(t, os.WriteFile(filepath.Join(i.dir, "calls.duckdb"), []byte("no database, but text"), 0o600))
	want := []string{"twilio-unreachable", "workspace-missing", "stream-unreachable", "duckdb-foreign"}
	r := doctor.Examine(t.Context(), i.in, i.options)
	if diff := cmp.Diff(want, names(r)); diff != "" {
		t.Errorf("%s\n%+v", diff, r.Findings)
	}
}

// What could not be looked at is not told to be well.
func TestWhatCannotBeLookedAtIsNotChecked(t *testing.T) {
	i := install(t, services{})
	i.in.Accounts[0].Endpoint = nowhere(t)
	i.in.Streams = append(i.in.Streams, kinesisio.Stream{Name: "none", Region: "eu-west-1", Endpoint: i.kinesis.URL})
	i.kinesis.Inject(kinesisfake.Fault{Operation: "GetRecords", Stream: stream, Error: "ProvisionedThroughputExceededException"})
	why := map[string]string{
		"clock against " + strings.TrimPrefix(i.in.Accounts[0].Endpoint, "http://"): "connection refused",
		"stream none": "not there", "stream " + stream: "its records", "clock against " + strings.TrimPrefix(i.kinesis.URL, "http://"): "",
	}
	r := doctor.Examine(t.Context(), i.in, i.options)
	for _, c := range r.Checks {
		if want, ok := why[c.Name]; ok && (!strings.Contains(c.NotChecked, want) || (want == "") != (c.NotChecked == "")) {
			t.Errorf("%s: %q, want %q", c.Name, c.NotChecked, want)
		}
		delete(why, c.Name)
	}
	if len(why) > 0 {
		t.Errorf("not among the checks: %v", why)
	}
}

func TestAnExaminationEndsWithItsContext(t *testing.T) {
	i := install(t, services{})
	i.options.Timeout = time.Hour
	i.kinesis.Inject(kinesisfake.Fault{Operation: "DescribeStreamSummary", Delay: time.Hour})
	ctx, stop := context.WithCancelCause(t.Context())
	time.AfterFunc(50*time.Millisecond, func() { stop(errors.New("interrupted")) })
	doctor.Examine(ctx, i.in, i.options)
	if ctx.Err() == nil {
		t.Error("it has ended before")
	}
}

// Whatever a service or a file says, secrets are taken out of it.
func TestSecretsAreTakenOutOfFindings(t *testing.T) {
	in := doctor.Input{Secrets: []string{planted}, Found: []finding.Finding{finding.New("config-file", "file of "+planted, "the key is "+planted, "write "+planted)}}
	r := doctor.Examine(t.Context(), in, doctor.Options{})
	noSecret(t, r)
	if len(r.Findings) != 1 || !strings.Contains(r.Findings[0].What, "(hidden)") {
		t.Errorf("%+v", r.Findings)
	}
}

func TestTheReportIsJSONOfAFormThatStays(t *testing.T) {
	r := doctor.Report{Checks: []doctor.Check{{Name: "disks", Seconds: 0.5, Faults: 1}}, Findings: []finding.Finding{finding.New("disk-space", "/data", "little is left", "make room")}}
	got, err := json.Marshal(r)
	must(t, err)
	const want = `{"version":1,"ok":false,"faults":1,"checks":[{"name":"disks","seconds":0.5,"faults":1}],` +
		`"findings":[{"name":"disk-space","severity":"warning","what":"little is left","where":"/data","fix":"make room"}]}`
	if string(got) != want {
		t.Errorf("%s", got)
	}
	if got, err = json.Marshal(doctor.Report{}); err != nil || string(got) != `{"version":1,"ok":true,"faults":0,"checks":[],"findings":[]}` {
		t.Errorf("%s, %v", got, err)
	}
}
