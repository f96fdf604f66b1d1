package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"flexbeam/internal/finding"
	"flexbeam/internal/testkit/kinesisfake"
	"flexbeam/internal/testkit/twiliolocal"
)

// From two credentials to first rows: what setup has made, doctor finds nothing wrong with, and a job
// runs with. Then a fault is planted, and told to people and to programs.
func TestDoctorFollowsSetupAndFindsWhatIsWrongLater(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "local")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "awsSecretOfDoctor")
	streams := kinesisfake.New(kinesisfake.Options{Region: "eu-west-1", Account: "123456789012"})
	if err := streams.Start(); err != nil {
		t.Fatal(err)
	}
	defer streams.Close()
	streams.CreateStream("flex-events", 2)
	client, name := streams.Client(), "flex-events"
	retain := func(hours int32) {
		t.Helper()
		if _, err := client.IncreaseStreamRetentionPeriod(t.Context(), &kinesis.IncreaseStreamRetentionPeriodInput{StreamName: &name, RetentionPeriodHours: &hours}); err != nil {
			t.Fatal(err)
		}
	}
	retain(48)
	const secret = "secretOfDoctor"
	server := twiliolocal.New(twiliolocal.Options{Secret: secret, FlexService: twiliolocal.DefaultChatService, Deliver: func(arn string, record []byte) {
		key := "k"
		_, _ = client.PutRecord(context.Background(), &kinesis.PutRecordInput{StreamARN: &arn, PartitionKey: &key, Data: record})
	}})
	server.AddWorker("WS00000000000000000000000000000001", twiliolocal.Worker{SID: "WK00000000000000000000000000000001"})
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	t.Setenv("TWILIO_ACCOUNT_SID", server.Account())
	t.Setenv("TWILIO_API_KEY", server.Key())
	t.Setenv("TWILIO_API_SECRET", secret)
	ends := []string{"--endpoint=" + server.URL, "--kinesis-endpoint=" + streams.URL}

	r := call(t, append([]string{"doctor"}, ends...)...)
	if r.code != 1 || !strings.Contains(r.out, "subscription-missing") || !strings.Contains(r.out, "fix: flexbeam setup") {
		t.Fatalf("before setup: exit %d:\n%s%s", r.code, r.out, r.errors)
	}
	oneLine(t, r.errors, "flexbeam doctor: 1 fault was found")
	const arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/flex-events"
	r = call(t, append([]string{"setup", "--stream=" + arn, "--role=arn:aws:iam::123456789012:role/twilio", "--external-id=x", "--yes"}, ends...)...)
	if r.code != 0 {
		t.Fatal(r.errors)
	}
	dir := t.TempDir()
	job := []string{"--source=kinesis:" + arn + "?endpoint=" + streams.URL, "--sink=duckdb:" + filepath.Join(dir, "calls.duckdb"), "--state=" + filepath.Join(dir, "calls.state"), "--endpoint=" + server.URL}
	for _, args := range [][]string{ends, job} {
		r = call(t, append([]string{"doctor"}, args...)...)
		if r.code != 0 || r.errors != "" || !strings.Contains(r.out, "nothing was found in ") || !strings.Contains(r.out, "ok  stream flex-events\n") {
			t.Errorf("behind setup, %v: exit %d:\n%s%s", args, r.code, r.out, r.errors)
		}
	}
	server.SetSinkStatus(onlySink(t, server), "failed")
	r = call(t, append([]string{"doctor", "--json"}, job...)...)
	var report struct {
		Version, Faults int
		OK              bool
		Checks          []struct{ Name string }
		Findings        []finding.Finding
	}
	if err := json.Unmarshal([]byte(r.out), &report); err != nil {
		t.Fatalf("%v: %s", err, r.out)
	}
	if r.code != 1 || report.Version != 1 || report.OK || report.Faults != 1 || len(report.Findings) != 1 || report.Findings[0].Name != "sink-failed" || len(report.Checks) < 7 {
		t.Errorf("exit %d: %s", r.code, r.out)
	}
	t.Setenv("TWILIO_API_SECRET", "anotherSecretOfDoctor")
	r = call(t, append([]string{"doctor"}, job...)...)
	if r.code != 1 || strings.Count(r.out, "credentials-refused") != 1 || strings.Contains(r.out+r.errors, "ecretOfDoctor") {
		t.Errorf("exit %d:\n%s%s", r.code, r.out, r.errors)
	}
}

// onlySink returns the SID of the only sink of a local Twilio.
func onlySink(t *testing.T, s *twiliolocal.Server) string {
	t.Helper()
	r := call(t, "setup", "--remove", "--endpoint="+s.URL)
	_, sid, ok := strings.Cut(r.out, "remove the sink ")
	if !ok {
		t.Fatal(r.out, r.errors)
	}
	sid, _, _ = strings.Cut(sid, ",")
	return sid
}

func TestDoctorTellsOfMistakesInWhatItIsGiven(t *testing.T) {
	for _, name := range []string{"TWILIO_ACCOUNT_SID", "TWILIO_API_KEY", "TWILIO_API_SECRET"} {
		t.Setenv(name, "")
	}
	dir := t.TempDir()
	secret := write(t, filepath.Join(dir, "secret"), "fileSecretOfDoctor")
	tests := []struct {
		args []string
		code int
		want string // in the report, or in the error
	}{
		{nil, 2, "there is nothing to look at"},
		{[]string{"--timeout=0s"}, 2, "--timeout 0s"},
		{[]string{"--sink=duckdb:" + filepath.Join(dir, "calls.duckdb")}, 0, "nothing was found"},
		{[]string{"--source=kinesis:"}, 1, "config-source"},
		{[]string{"--source=kinesis:flex-events?start=never"}, 1, "config-source"},
		{[]string{"--source=file:" + filepath.Join(dir, "none*.ndjson")}, 1, "config-source"},
		{[]string{"--source=ftp:events"}, 1, "config-source"},
		{[]string{"--source=file:" + secret, "--turns=every"}, 1, "config-turns"},
		{[]string{"--sink=duckdb:x?writers=none"}, 1, "config-sink"},
		{[]string{"--source=taskrouter:WS00000000000000000000000000000001"}, 1, "credentials-missing"},
		{[]string{"--account=AC00000000000000000000000000000001"}, 1, "credentials-missing"},
		{[]string{"--account=AC00000000000000000000000000000001", "--key=SK00000000000000000000000000000001"}, 1, "secret-unreadable"},
		{[]string{"--account=AC00000000000000000000000000000001", "--key=SK00000000000000000000000000000001", "--secret=fileSecretOfDoctor"}, 1, "secret-unreadable"},
		{[]string{"--account=AC00000000000000000000000000000001", "--key=SK00000000000000000000000000000001", "--secret=file:" + secret, "--region=au1"}, 1, "twilio-region"},
		{[]string{"--account=AC0000", "--key=SK00000000000000000000000000000001", "--secret=file:" + secret}, 1, "secret-readable"},
	}
	for _, tt := range tests {
		r := call(t, append([]string{"doctor"}, tt.args...)...)
		if r.code != tt.code || !strings.Contains(r.out+r.errors, tt.want) || strings.Contains(r.out+r.errors, "fileSecretOfDoctor") {
			t.Errorf("%v: exit %d:\n%s%s", tt.args, r.code, r.out, r.errors)
		}
	}
}

// A job has a DuckDB file to itself: that another process holds it is told, with its number.
func TestDoctorTellsWhoHoldsADuckDBFile(t *testing.T) {
	file, writer := startWriter(t, "rest:")
	r := call(t, "doctor", "--sink=duckdb:"+file)
	if r.code != 1 || !strings.Contains(r.out, "sink-locked") || !strings.Contains(r.out, "process "+writer) {
		t.Errorf("exit %d:\n%s%s", r.code, r.out, r.errors)
	}
	r = call(t, "run", "--source=file:"+write(t, filepath.Join(t.TempDir(), "day.ndjson"), "{}\n"), "--sink=duckdb:"+file)
	oneLine(t, r.errors, "another process has it open: end that one, or write into another file (it is process "+writer+")")
	if strings.Contains(r.errors, "ATTACH") || strings.Contains(r.errors, "IO Error") {
		t.Errorf("it shows internals: %s", r.errors)
	}
}

// All accounts, streams and sinks of a configuration are looked at, each with its own credentials.
func TestDoctorLooksAtAWholeConfiguration(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "local")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "awsSecretOfDoctor")
	for _, name := range []string{"TWILIO_ACCOUNT_SID", "TWILIO_API_KEY", "TWILIO_API_SECRET"} {
		t.Setenv(name, "")
	}
	streams := kinesisfake.New(kinesisfake.Options{Region: "eu-west-1", Account: "123456789012"})
	if err := streams.Start(); err != nil {
		t.Fatal(err)
	}
	defer streams.Close()
	dir, text := t.TempDir(), "accounts:\n"
	var servers []*twiliolocal.Server
	for i, name := range []string{"emea", "apac"} {
		streams.CreateStream("flex-"+name, 1)
		stream, hours := "flex-"+name, int32(168)
		if _, err := streams.Client().IncreaseStreamRetentionPeriod(t.Context(), &kinesis.IncreaseStreamRetentionPeriodInput{StreamName: &stream, RetentionPeriodHours: &hours}); err != nil {
			t.Fatal(err)
		}
		variable, secret := "DOCTOR_SECRET_"+name, "secretOfDoctor"+name
		t.Setenv(variable, secret)
		s := twiliolocal.New(twiliolocal.Options{
			Account: fmt.Sprintf("AC%032x", i+1), Secret: secret, FlexService: twiliolocal.DefaultChatService, Deliver: func(arn string, record []byte) {
				key := "k"
				_, _ = streams.Client().PutRecord(context.Background(), &kinesis.PutRecordInput{StreamARN: &arn, PartitionKey: &key, Data: record})
			},
		})
		s.AddWorker(fmt.Sprintf("WS%032x", i+1), twiliolocal.Worker{SID: "WK00000000000000000000000000000001"})
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		servers = append(servers, s)
		arn := "arn:aws:kinesis:eu-west-1:123456789012:stream/flex-" + name
		r := call(t, "setup", "--stream="+arn, "--role=arn:aws:iam::123456789012:role/twilio", "--external-id=x", "--yes",
			"--account="+s.Account(), "--key="+s.Key(), "--secret=env:"+variable, "--endpoint="+s.URL, "--kinesis-endpoint="+streams.URL)
		if r.code != 0 {
			t.Fatal(r.errors)
		}
		text += fmt.Sprintf("  - name: %s\n    account: %s\n    key: %s\n    secret: env:%s\n    endpoint: %s\n    workspaces: [%s]\n    streams:\n      - stream: %s\n        endpoint: %s\n",
			name, s.Account(), s.Key(), variable, s.URL, fmt.Sprintf("WS%032x", i+1), arn, streams.URL)
	}
	text += "sinks:\n  calls: duckdb:" + filepath.Join(dir, "calls.duckdb") + "\n  rows: jsonl:" + filepath.Join(dir, "rows") + "\nrun:\n  sink: calls\n  state: " + filepath.Join(dir, "calls.state") + "\n"
	file := "--config=" + write(t, filepath.Join(dir, "flexbeam.yaml"), text)
	r := call(t, "doctor", file)
	if r.code != 0 || r.errors != "" {
		t.Errorf("exit %d:\n%s%s", r.code, r.out, r.errors)
	}
	for _, want := range []string{"(emea): Event Streams", "(apac): Event Streams", "stream flex-emea", "stream flex-apac", "sink duckdb:", "sink jsonl:", "state directory"} {
		if !strings.Contains(r.out, "ok  ") || !strings.Contains(r.out, want) {
			t.Errorf("it does not look at %q:\n%s", want, r.out)
		}
	}
	r = call(t, "setup", "--remove", "--yes", "--account="+servers[1].Account(), "--key="+servers[1].Key(), "--secret=env:DOCTOR_SECRET_apac", "--endpoint="+servers[1].URL)
	if r.code != 0 {
		t.Fatal(r.errors)
	}
	r = call(t, "doctor", file)
	if r.code != 1 || strings.Count(r.out, "subscription-missing") != 1 || !strings.Contains(r.out, "subscription-missing  account "+servers[1].Account()+" (apac)") || strings.Contains(r.out, "ecretOfDoctor") {
		t.Errorf("exit %d:\n%s%s", r.code, r.out, r.errors)
	}
	r = call(t, "doctor", "--config="+write(t, filepath.Join(dir, "wrong.yaml"), "accounts:\n  - account: AC12\nsink:\n"))
	if r.code != 1 || !strings.Contains(r.out, "config-file") || !strings.Contains(r.out, "wrong.yaml:2:") {
		t.Errorf("exit %d:\n%s%s", r.code, r.out, r.errors)
	}
	if r = call(t, "doctor", "--config="+filepath.Join(dir, "none.yaml")); r.code != 1 || !strings.Contains(r.out, "config-file") {
		t.Errorf("exit %d:\n%s%s", r.code, r.out, r.errors)
	}
}
