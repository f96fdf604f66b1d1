package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"flexbeam/internal/config"
	"flexbeam/internal/testkit/twiliolocal"
	"flexbeam/pipeline/source"
	"flexbeam/simulate/chat"
)

// completed returns the flags of run as a command line, the environment and a configuration give them.
func completed(t *testing.T, text string, args ...string) (*runFlags, error) {
	t.Helper()
	path := write(t, filepath.Join(t.TempDir(), "flexbeam.yaml"), text)
	f, a := newRunFlags(), newApp(&bytes.Buffer{}, &bytes.Buffer{})
	cmd := &cobra.Command{}
	f.add(cmd)
	if err := cmd.ParseFlags(append([]string{"--config", path}, args...)); err != nil {
		t.Fatal(err)
	}
	file, err := f.config.load()
	if err == nil {
		err = a.configure(cmd, file)
	}
	if err == nil {
		err = f.complete(cmd, file)
	}
	return f, err
}

func TestAFlagCountsBeforeTheEnvironmentAndThatBeforeTheFile(t *testing.T) {
	const file = "run: {source: 'file:a', sink: 'jsonl:a', state: a, flush_every: 1s, runner: prism}\nmodel: {offline_activities: [A]}\n"
	tests := []struct {
		environment map[string]string
		args        []string
		want        string
	}{
		{nil, nil, "file:a jsonl:a a 1s prism [A]"},
		{map[string]string{"FLEXBEAM_SINK": "jsonl:b", "FLEXBEAM_FLUSH_EVERY": "2s", "FLEXBEAM_HIDE_ACTIVITY": "B,C", "FLEXBEAM_STATE": ""}, nil, "file:a jsonl:b a 2s prism [B C]"},
		{map[string]string{"FLEXBEAM_SINK": "jsonl:b", "FLEXBEAM_FLUSH_EVERY": "2s"}, []string{"--sink=jsonl:c", "--state=c", "--hide-activity=D", "--hide-activity=E"}, "file:a jsonl:c c 2s prism [D E]"},
	}
	for _, test := range tests {
		t.Run(test.want, func(t *testing.T) {
			for name, value := range test.environment {
				t.Setenv(name, value)
			}
			f, err := completed(t, file, test.args...)
			if err != nil {
				t.Fatal(err)
			}
			o := f.options
			got := strings.Join([]string{o.Source, o.Sink, o.State, o.FlushEvery.String(), o.Runner, "[" + strings.Join(o.Hidden, " ") + "]"}, " ")
			if got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestAFileAloneSaysWhatAJobReadsAndWrites(t *testing.T) {
	f, err := completed(t, config.Example)
	if err != nil {
		t.Fatal(err)
	}
	o := f.options
	if want := "kinesis:arn:aws:kinesis:eu-west-1:123456789012:stream/flex-emea?start=&region=,flex-americas?start=trim-horizon&region=us-east-1"; o.Source != want {
		t.Errorf("reads %s\nwant  %s", o.Source, want)
	}
	if _, err := source.Open(o.Source, o.Accounts...); err != nil {
		t.Error(err)
	}
	if o.Sink != "bigquery:my-project.flex" || o.TextSink != "bigquery:my-project.flex_texts" || o.Turns != "missing?every=5m0s" || len(o.Columns) != 1 {
		t.Errorf("%+v", o)
	}
	if len(o.Accounts) != 2 || o.Accounts[1].ChatService != "IS89abcdef0123456789abcdef01234567" || o.Accounts[0].Secret != "env:TWILIO_EMEA_SECRET" {
		t.Errorf("%+v", o.Accounts)
	}
	f, err = completed(t, "sinks: {only: 'jsonl:x'}\nrun: {source: 'file:a'}\n")
	if err != nil || f.options.Sink != "jsonl:x" || f.options.Turns != "" {
		t.Errorf("the only sink: %+v, %v", f.options, err)
	}
}

func TestCredentialsOfTheEnvironmentCountForTheirAccount(t *testing.T) {
	const text = "accounts:\n- {account: AC0123456789abcdef0123456789abcdef, key: SK0123456789abcdef0123456789abcdef, secret: 'env:A', region: ie1}\n"
	file, err := config.Parse("f", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TWILIO_API_KEY", "SKother")
	t.Setenv("TWILIO_API_SECRET", "x")
	for sid, want := range map[string][]source.Account{
		"":                                   {{SID: "AC0123456789abcdef0123456789abcdef", Key: "SK0123456789abcdef0123456789abcdef", Secret: "env:A", Region: "ie1"}},
		"AC0123456789abcdef0123456789abcdef": {{SID: "AC0123456789abcdef0123456789abcdef", Key: "SKother", Secret: "env:TWILIO_API_SECRET", Region: "ie1"}},
		"ACother": {
			{SID: "AC0123456789abcdef0123456789abcdef", Key: "SK0123456789abcdef0123456789abcdef", Secret: "env:A", Region: "ie1"},
			{SID: "ACother", Key: "SKother", Secret: "env:TWILIO_API_SECRET"},
		},
	} {
		t.Setenv("TWILIO_ACCOUNT_SID", sid)
		if d := cmp.Diff(want, accountsOf(file)); d != "" {
			t.Errorf("%q: %s", sid, d)
		}
	}
	if got := accountsOf(&config.File{}); got != nil {
		t.Errorf("without a file: %+v", got)
	}
}

// Every option of run can stand in a file, but for those that are for once.
func TestEveryFlagOfRunHasAKeyOrIsForOnce(t *testing.T) {
	once := strings.Fields("config reshape rekey add-stream turns contact-key contact-key-file flink-savepoint flink-allow-less from to time-zone " +
		"dry-run dataflow-endpoint dataflow-gcs-endpoint dataflow-update dataflow-rename dataflow-detach dataflow-template help")
	keys := append(config.Flags(), once...)
	cmd := newRun(newApp(&bytes.Buffer{}, &bytes.Buffer{}))
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !slices.Contains(keys, f.Name) {
			t.Errorf("--%s has no key in a configuration", f.Name)
		}
	})
	root := newRoot(newApp(&bytes.Buffer{}, &bytes.Buffer{}))
	for _, name := range config.Flags() {
		if cmd.Flags().Lookup(name) == nil && root.PersistentFlags().Lookup(name) == nil {
			t.Errorf("a key stands for --%s, which run does not have", name)
		}
	}
}

func TestFaultsOfTheConfigurationAreTold(t *testing.T) {
	dir := t.TempDir()
	day := write(t, filepath.Join(dir, "day.ndjson"), "{}\n")
	file := func(text string) string { return write(t, filepath.Join(dir, "f.yaml"), text) }
	args := []string{"run", "--source=file:" + day, "--sink=jsonl:" + filepath.Join(dir, "out")}
	for text, want := range map[string]string{
		"run: {flush-every: 2s}":                            "f.yaml:1:7: run.flush-every: is not a key here: did you mean flush_every?",
		"run: {runner: spark}":                              "f.yaml:1:15: run.runner: choose one of auto, direct, prism",
		"model: {contact_key: 'env:NOT_SET_ANYWHERE'}":      "f.yaml:1:22: model.contact_key: the secret cannot be read: the environment variable NOT_SET_ANYWHERE is not set",
		"model: {columns: [{column: engagements.x}]}":       `f.yaml:1:19: model.columns[0]: the column takes no attribute paths of your own: the table engagements has no column "x"`,
		"turns: {text: none, text_sink: 'jsonl:elsewhere'}": "f.yaml:1:32: turns.text_sink: is for text: apart alone",
	} {
		r := call(t, append(args, "--config="+file(text))...)
		if r.code == 0 {
			t.Errorf("%s: it runs", text)
		}
		oneLine(t, r.errors, want)
	}
	if r := call(t, append(args, "--config="+dir+"/none.yaml")...); r.code != 1 {
		t.Errorf("exit %d", r.code)
	} else {
		oneLine(t, r.errors, "none.yaml: no such file")
	}
	t.Setenv(configVariable, file("run: {runner: spark}"))
	oneLine(t, call(t, args...).errors, "run.runner")
	t.Setenv("FLEXBEAM_RUNNER", "spark")
	oneLine(t, call(t, append(args, "--config="+file(""))...).errors, "FLEXBEAM_RUNNER: choose one of")
	t.Setenv("FLEXBEAM_RUNNER", "")
	r := call(t, "config", "check", "--config="+file("run: {a: 1, b: 2}"))
	if r.code != 1 || strings.Count(r.out, "\n") != 2 || !strings.Contains(r.out, "f.yaml:1:13: run.b: ") {
		t.Errorf("exit %d:\n%s", r.code, r.out)
	}
	oneLine(t, r.errors, "the configuration has 2 faults")
}

// Everything that is wrong with a file is told at once, with its place, and the exit status is that of a
// file that is wrong, not of a command line.
func TestCheckTellsOfEverythingThatIsWrong(t *testing.T) {
	dir := t.TempDir()
	account := "accounts:\n- account: AC0123456789abcdef0123456789abcdef\n  key: SK0123456789abcdef0123456789abcdef\n  secret: env:A\n  streams:\n"
	for _, test := range []struct {
		text string
		want []string
	}{
		{"sinks:\n  a: excel:" + plantedSecret + "\n  b: duckdb:x?writers=none\n  c: jsonl:out\nrun:\n  sink: d\n  source: ftp:x\n  as_of: soon\n  max_dead_letters: many\n  metrics_addr: here\n  runner: spark\n", []string{
			"f.yaml:2:6: sinks.a: names no sink: write such as duckdb:FILE", "f.yaml:3:6: sinks.b: duckdb: not a sink URI: option writers=none: write a number from 1 to 64",
			"f.yaml:6:9: run.sink: is neither a URI nor the name of a sink: sinks has a, b, c", "f.yaml:7:11: run.source: names no source: write such as file:PATTERN",
			"f.yaml:8:10: run.as_of: --as-of \"soon\" is no time", "f.yaml:9:21: run.max_dead_letters: --max-dead-letters", "f.yaml:10:17: run.metrics_addr: --metrics-addr", "f.yaml:11:11: run.runner: choose one of auto",
		}},
		{account + "  - stream: s\n    region: eu-west-1\n    start: at:soon\nsinks: {a: 'excel:x'}\nrun:\n  flush_every: 0s\n  as_of: soon\n", []string{
			"f.yaml:8:12: accounts[0].streams[0].start: want a time like", "f.yaml:9:12: sinks.a: names no sink", "f.yaml:11:16: run.flush_every: is no time above 0", "f.yaml:12:10: run.as_of: --as-of",
		}},
		{account + "  - stream: 'arn:aws:x'\nrun: {source: 'kinesis:s?start=at:soon'}\n", []string{"f.yaml:6:5: accounts[0].streams[0]: kinesis: stream", "f.yaml:7:15: run.source: kinesis: stream \"s\": option start=at:soon"}},
	} {
		r := call(t, "config", "check", "--config="+write(t, filepath.Join(dir, "f.yaml"), test.text))
		if lines := strings.Count(r.out, "\n"); r.code != 1 || strings.Contains(r.out+r.errors, plantedSecret) || lines < 1 {
			t.Errorf("exit %d, %d lines:\n%s", r.code, lines, r.out)
		}
		for _, want := range test.want {
			if !strings.Contains(r.out, want) {
				t.Errorf("%q is missing in:\n%s", want, r.out)
			}
		}
		oneLine(t, r.errors, "fault")
	}
	file := "--config=" + write(t, filepath.Join(dir, "f.yaml"), "run: {runner: prism}\n")
	for _, args := range [][]string{{"--as-of=soon"}, {"--metrics-addr="}} {
		if r := call(t, append([]string{"config", "check", file}, args...)...); r.code != 2 {
			t.Errorf("%v: exit %d: %s", args, r.code, r.errors)
		}
	}
	if r := call(t, "config", "check", "--config="+dir+"/none.yaml"); r.code != 1 {
		t.Errorf("exit %d: %s", r.code, r.errors)
	}
	if r := call(t, "run", "--source=file:"+dir+"/f.yaml", "--sink=jsonl:"+dir, "--config="+write(t, filepath.Join(dir, "g.yaml"), "run: {as_of: soon}\n")); r.code != 2 {
		t.Errorf("exit %d", r.code)
	} else {
		oneLine(t, r.errors, "g.yaml:1:14: run.as_of: --as-of \"soon\" is no time")
	}
}

// A secret in the wrong place is in nothing that a command prints.
func TestASecretInTheWrongPlaceIsNotShown(t *testing.T) {
	dir := t.TempDir()
	day := "--source=file:" + write(t, filepath.Join(dir, "day.ndjson"), "{}\n")
	out := "--sink=jsonl:" + filepath.Join(dir, "out")
	file := write(t, filepath.Join(dir, "f.yaml"), "run: {source: 'kinesis:s?region=eu-west-1&endpoint=http://me:"+plantedSecret+"@127.0.0.1:1', sink: 'jsonl:x'}\n")
	t.Setenv(source.KeyVariable, "SK0123456789abcdef0123456789abcdef")
	t.Setenv(source.SecretVariable, "x")
	t.Setenv(source.AccountVariable, plantedSecret)
	for _, args := range [][]string{
		{"config", "check", "--config=" + file}, {"run", "--config=" + file}, {"doctor", "--config=" + file}, {"run", "--config=" + file, "--log-level=info"},
		{"run", day, out, "--turns=all?account=" + plantedSecret}, {"run", day, out, "--turns=all?key=" + plantedSecret}, {"run", day, out, "--turns=missing"},
		{"run", "--source=kinesis:s?secret=" + plantedSecret, out}, {"run", "--source=kinesis:s?token=" + plantedSecret + "&region=%zz", out}, {"run", "--source=taskrouter:WS00000000000000000000000000000001", out},
		{"run", day, "--sink=postgres://me:" + plantedSecret + "@host/db"}, {"setup", "--remove"}, {"doctor", day, out}, {"setup", "--account=" + plantedSecret, "--remove"},
	} {
		if r := call(t, args...); r.code == 0 && args[0] != "config" || strings.Contains(r.out+r.errors, plantedSecret) {
			t.Errorf("%v: exit %d: %s%s", args, r.code, r.out, r.errors)
		}
	}
}

func TestHalfOfTheCredentialsIsToldOf(t *testing.T) {
	dir := t.TempDir()
	args := []string{"run", "--progress=none", "--source=file:" + write(t, filepath.Join(dir, "day.ndjson"), "{}\n"), "--sink=jsonl:" + filepath.Join(dir, "out")}
	for _, test := range []struct{ sid, key, secret, turns, want string }{
		{twiliolocal.DefaultAccount, twiliolocal.DefaultKey, "", "", "not_set=TWILIO_API_SECRET"},
		{twiliolocal.DefaultAccount, "", "", "", "TWILIO_API_KEY TWILIO_API_SECRET"},
		{twiliolocal.DefaultAccount, twiliolocal.DefaultKey, "", "none", ""},
		{"", "", "", "", ""},
	} {
		t.Setenv(source.AccountVariable, test.sid)
		t.Setenv(source.KeyVariable, test.key)
		t.Setenv(source.SecretVariable, test.secret)
		more := args
		if test.turns != "" {
			more = append(more, "--turns="+test.turns)
		}
		r := call(t, more...)
		if said := strings.Contains(r.errors, "credentials is not set"); r.code != 0 || said != (test.want != "") || !strings.Contains(r.errors, test.want) {
			t.Errorf("%+v: exit %d: %s", test, r.code, r.errors)
		}
	}
}

// What a variable stands for is in the docs; one that nothing reads is told of.
func TestVariablesAreReadOrToldOf(t *testing.T) {
	t.Setenv("FLEXBEAM_TURNS", "none")
	f, err := completed(t, "turns: {fetch: all}\n", "--source=file:a", "--sink=jsonl:a")
	if err != nil || f.options.Turns != "none" {
		t.Errorf("%q, %v", f.options.Turns, err)
	}
	dir := t.TempDir()
	args := []string{"run", "--progress=none", "--source=file:" + write(t, filepath.Join(dir, "day.ndjson"), "{}\n"), "--sink=jsonl:" + filepath.Join(dir, "out")}
	if r := call(t, args...); strings.Contains(r.errors, "nothing reads") {
		t.Error(r.errors)
	}
	t.Setenv("FLEXBEAM_FROM", "yesterday")
	if r := call(t, args...); !strings.Contains(r.errors, "nothing reads") || !strings.Contains(r.errors, "variable=FLEXBEAM_FROM flag=--from") {
		t.Error(r.errors)
	}
	docs := string(config.Docs())
	for _, name := range variables() {
		if !strings.Contains(docs, "`"+config.Variable(name)+"`") {
			t.Errorf("docs/configuration.md does not name %s", config.Variable(name))
		}
	}
}

func TestCheckSaysWhatAJobWouldDo(t *testing.T) {
	dir := t.TempDir()
	path := write(t, filepath.Join(dir, "flexbeam.yaml"), config.Example)
	r := call(t, "config", "check", "--config="+path)
	if r.code != 0 || r.errors != "" {
		t.Fatalf("exit %d: %s", r.code, r.errors)
	}
	for _, want := range []string{
		"emea (AC0123456789abcdef0123456789abcdef)", "secret env:TWILIO_EMEA_SECRET", "kinesis:arn:aws", "bigquery:my-project.flex", "apart, in bigquery:my-project.flex_texts",
		"missing?every=5m0s", "engagements.language: conversations.lang, the built-in paths, language", "Offline, Logged Out",
	} {
		if !strings.Contains(r.out, want) {
			t.Errorf("%q is missing in:\n%s", want, r.out)
		}
	}
	day := write(t, filepath.Join(dir, "day.ndjson"), "{}\n")
	t.Setenv("A_SECRET", plantedSecret)
	t.Setenv("A_KEY", plantedSecret)
	path = write(t, filepath.Join(dir, "small.yaml"), "accounts:\n- {account: AC0123456789abcdef0123456789abcdef, key: SK0123456789abcdef0123456789abcdef, secret: 'env:A_SECRET'}\nmodel: {contact_key: 'env:A_KEY'}\nrun: {source: 'file:"+day+"', sink: 'jsonl:out'}\n")
	r = call(t, "config", "check", "--resolve", "--config="+path)
	if r.code != 0 || !strings.Contains(r.out, "accounts[0].secret: found") || !strings.Contains(r.out, "the source: found") || strings.Contains(r.out+r.errors, plantedSecret) {
		t.Errorf("exit %d: %s%s", r.code, r.out, r.errors)
	}
	t.Setenv("A_SECRET", "")
	r = call(t, "config", "check", "--resolve", "--config="+path)
	if r.code != 1 || !strings.Contains(r.out, "small.yaml:2:98: accounts[0].secret: the secret cannot be read: the environment variable A_SECRET is not set") {
		t.Errorf("exit %d: %s", r.code, r.out)
	}
	oneLine(t, r.errors, "the configuration has one fault")
}

const plantedSecret = "plantedSecret0123456789"

func TestTwoContactKeysThatDifferAreRefused(t *testing.T) {
	dir := t.TempDir()
	day := write(t, filepath.Join(dir, "day.ndjson"), "{}\n")
	key := write(t, filepath.Join(dir, "key"), plantedSecret+"\n")
	other := write(t, filepath.Join(dir, "other"), "another\n")
	file := write(t, filepath.Join(dir, "f.yaml"), "model: {contact_key: 'file:"+other+"'}\n")
	t.Setenv("FLEXBEAM_CONTACT_KEY", plantedSecret)
	args := []string{"run", "--progress=none", "--source=file:" + day, "--sink=jsonl:" + filepath.Join(dir, "out")}
	tests := []struct {
		more []string
		code int
		want string
	}{
		{[]string{"--contact-key-file=" + other}, 2, "hold two contact keys that differ"},
		{[]string{"--contact-key=file:" + other}, 2, "hold two contact keys that differ"},
		{[]string{"--contact-key=file:" + key, "--contact-key-file=" + key}, 2, "both name a contact key"},
		{[]string{"--contact-key=" + plantedSecret}, 2, "a secret is named by a reference"},
		{[]string{"--contact-key=file:" + key}, 0, ""},
		{[]string{"--contact-key-file=" + key}, 0, ""},
		{[]string{"--config=" + file}, 0, ""}, // the environment counts before the file, so it is the same key
	}
	for _, test := range tests {
		r := call(t, append(args, test.more...)...)
		if r.code != test.code || strings.Contains(r.errors, plantedSecret) {
			t.Errorf("%v: exit %d: %s", test.more, r.code, r.errors)
		}
		if test.want != "" {
			oneLine(t, r.errors, test.want)
		}
	}
}

func TestTheReferenceOfTheConfigurationIsAsItIsGenerated(t *testing.T) {
	for file, args := range map[string][]string{"configuration.md": {"config", "docs"}, "flexbeam.schema.json": {"config", "schema"}} {
		want, err := os.ReadFile(filepath.Join("..", "..", "docs", file))
		if err != nil {
			t.Fatal(err)
		}
		if r := call(t, args...); r.out != string(want) {
			t.Errorf("docs/%s is not what flexbeam %s prints: make docs", file, strings.Join(args, " "))
		}
	}
	if r := call(t, "config", "example"); r.out != config.Example {
		t.Error("flexbeam config example prints something else")
	}
	var schema map[string]any
	if err := json.Unmarshal(config.Schema(), &schema); err != nil {
		t.Error(err)
	}
	if regexp.MustCompile(`\{\{\w+\}\}`).Match(config.Docs()) {
		t.Error("a part of docs/configuration.md is not filled in")
	}
}

// A secret that a configuration leads to is in no log, no error, no table, no dead letter and no state,
// whether its job succeeds or not.
func TestASecretOfTheConfigurationIsShownNowhere(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	if r := call(t, "simulate", "--tasks=40", "--form=rest", "--dirty=0.05", "--out="+in("day.ndjson")); r.code != 0 {
		t.Fatal(r.errors)
	}
	day, err := os.ReadFile(in("day.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	chats := chat.Read(day)
	server := twiliolocal.New(twiliolocal.Options{Account: chats[0].Account, Secret: plantedSecret})
	for _, c := range chats {
		c.AddTo(server)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	server.Inject(twiliolocal.Fault{Status: 403, Path: "/Participants", Probability: 0.5, Seed: 1})
	secrets := t.TempDir()
	const plantedKey, wrong = "plantedKey9876543210", "wrongSecret0123456789"
	good, bad := write(t, filepath.Join(secrets, "good"), plantedSecret), write(t, filepath.Join(secrets, "bad"), wrong)
	key := write(t, filepath.Join(secrets, "key"), plantedKey)
	file := func(reference, more string) string {
		return write(t, in("flexbeam.yaml"), "accounts:\n- account: "+server.Account()+"\n  key: "+server.Key()+"\n  secret: "+reference+"\n  endpoint: "+server.URL+
			"\n  workspaces: [WS00000000000000000000000000000001]\n  streams: [{stream: 'arn:aws:kinesis:eu-west-1:123456789012:stream/s', twilio_role: 'arn:aws:iam::123456789012:role/t', twilio_external_id: x}]\n"+
			"model: {contact_key: 'file:"+key+"'}\nrun: {source: 'file:"+in("day.ndjson")+"', sink: 'jsonl:"+in("out")+"', log_level: debug, log_format: json}\n"+more)
	}
	steps := []struct {
		reference string
		args      []string
		code      int
	}{
		{"file:" + good, []string{"run"}, 0},
		{"file:" + good, []string{"run", "--mode=stream", "--turns=all", "--sink=jsonl:" + in("stream")}, 0},
		{"file:" + bad, []string{"run", "--turns=all"}, 0}, // what is not fetched is a dead letter
		{"file:" + bad, []string{"run", "--source=taskrouter:*?from=24h"}, 1},
		{"file:" + bad, []string{"setup", "--yes"}, 1},
		{plantedSecret, []string{"run"}, 2}, // the secret in the place of its reference
		{plantedSecret, []string{"config", "check"}, 1},
		{"file:" + good, []string{"config", "check", "--resolve"}, 0},
		{"file:" + good, []string{"run", "--source=taskrouter:WS1?secret=" + plantedSecret}, 2},
		{"file:" + good, []string{"run", "--turns=all?secret=" + plantedSecret}, 2},
		{"file:" + good, []string{"setup", "--secret=" + plantedSecret}, 1},
		{"file:" + good, []string{"erase", "--contact=+15550100", "--dry-run"}, 0},
	}
	for _, step := range steps {
		r := call(t, append(step.args, "--config="+file(step.reference, ""))...)
		if r.code != step.code {
			t.Errorf("%v with %s: exit %d: %.2000s", step.args, step.reference, r.code, r.errors)
		}
		for _, secret := range []string{plantedSecret, plantedKey, wrong} {
			if strings.Contains(r.out+r.errors, secret) {
				t.Errorf("%v with %s shows a secret", step.args, step.reference)
			}
		}
	}
	write(t, in("flexbeam.yaml"), "")
	letters := 0
	for _, name := range []string{"out", "stream"} {
		err = filepath.Walk(in(name), func(path string, info os.FileInfo, err error) error {
			if err != nil || info.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			letters += bytes.Count(b, []byte("turns_incomplete"))
			for _, secret := range []string{plantedSecret, plantedKey, wrong} {
				if bytes.Contains(b, []byte(secret)) {
					t.Errorf("%s holds a secret", path)
				}
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	if letters == 0 {
		t.Error("no dead letter tells of Twilio's refusals")
	}
}

func TestSetupGoesThroughTheAccountsOfAConfiguration(t *testing.T) {
	for _, name := range []string{source.AccountVariable, source.KeyVariable, source.SecretVariable} {
		t.Setenv(name, "")
	}
	t.Setenv("A_SECRET", twiliolocal.DefaultSecret)
	text := "accounts:\n"
	for i, name := range []string{"one", "two"} {
		s := twiliolocal.New(twiliolocal.Options{Account: fmt.Sprintf("AC%032d", i+1)})
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		text += "- {name: " + name + ", account: " + s.Account() + ", key: " + s.Key() + ", secret: 'env:A_SECRET', endpoint: '" + s.URL + "', streams: [" +
			"{stream: 'arn:aws:kinesis:eu-west-1:123456789012:stream/" + name + "', twilio_role: 'arn:aws:iam::123456789012:role/twilio', twilio_external_id: x}]}\n"
	}
	path := write(t, filepath.Join(t.TempDir(), "flexbeam.yaml"), text)
	r := call(t, "setup", "--config="+path)
	for _, want := range []string{"in the account AC00000000000000000000000000000001", "stream/one", "in the account AC00000000000000000000000000000002", "stream/two", "nothing was done"} {
		if r.code != 0 || !strings.Contains(r.out, want) {
			t.Errorf("exit %d: %q is missing in %s%s", r.code, want, r.out, r.errors)
		}
	}
	r = call(t, "setup", "--config="+path, "--account=two")
	if r.code != 0 || strings.Contains(r.out, "stream/one") || !strings.Contains(r.out, "stream/two") {
		t.Errorf("exit %d: %s%s", r.code, r.out, r.errors)
	}
	oneLine(t, call(t, "setup", "--config="+path, "--account=three").errors, "has no such account")
	r = call(t, "setup", "--config="+path, "--remove")
	if r.code != 0 || strings.Count(r.out, "nothing is to be done") != 2 {
		t.Errorf("exit %d: %s%s", r.code, r.out, r.errors)
	}
}

func TestAJobSaysThatItFetchesTranscriptsUnasked(t *testing.T) {
	t.Setenv(source.AccountVariable, twiliolocal.DefaultAccount)
	t.Setenv(source.KeyVariable, twiliolocal.DefaultKey)
	t.Setenv(source.SecretVariable, plantedSecret)
	dir := t.TempDir()
	day := write(t, filepath.Join(dir, "day.ndjson"), "{}\n")
	args := []string{"run", "--progress=none", "--source=file:" + day, "--sink=jsonl:" + filepath.Join(dir, "out")}
	const said = "transcripts of conversations are fetched for " + twiliolocal.DefaultAccount
	for _, test := range []struct {
		more []string
		want bool
	}{{nil, true}, {[]string{"--turns=none"}, false}, {[]string{"--turns=all"}, false}} {
		r := call(t, append(args, test.more...)...)
		if r.code != 0 || strings.Contains(r.errors, said) != test.want {
			t.Errorf("%v: exit %d: %s", test.more, r.code, r.errors)
		}
	}
	if r := call(t, append(args, "--log-format=json")...); !strings.Contains(r.errors, `"msg":"transcripts are fetched"`) {
		t.Error(r.errors)
	}
}
