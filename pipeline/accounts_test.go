package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/history"
	"flexbeam/internal/testkit/twiliolocal"
	"flexbeam/pipeline/source"
	"flexbeam/runners/flink"
	"flexbeam/simulate"
	"flexbeam/simulate/chat"
)

// twoAccounts are two instances of Flex, each a Twilio of its own with its key, and their day.
type twoAccounts struct {
	path     string // of the day of both as a file
	servers  []*twiliolocal.Server
	accounts []source.Account
}

func newTwoAccounts(t *testing.T) twoAccounts {
	t.Helper()
	for _, name := range []string{source.AccountVariable, source.KeyVariable, source.SecretVariable} {
		t.Setenv(name, "")
	}
	c := simulate.DefaultConfig()
	c.Tasks, c.Seed, c.Accounts, c.Form = 120, 3, 2, simulate.REST
	day := written(t, c)
	of := map[string][]byte{}
	for line := range bytes.Lines(day) {
		var e struct {
			Account string `json:"account_sid"`
		}
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		of[e.Account] = append(of[e.Account], line...)
	}
	two := twoAccounts{path: filepath.Join(t.TempDir(), "day.ndjson")}
	if err := os.WriteFile(two.path, day, 0o600); err != nil {
		t.Fatal(err)
	}
	for sid, lines := range of {
		n := len(two.servers)
		s := twiliolocal.New(twiliolocal.Options{
			Account: sid, Key: fmt.Sprintf("SK%032d", n+1), Secret: fmt.Sprint(plantedSecret, n), Now: func() time.Time { return c.Start.Add(36 * time.Hour) },
		})
		if _, err := s.LoadEvents(bytes.NewReader(lines)); err != nil {
			t.Fatal(err)
		}
		for _, k := range chat.Read(lines) {
			k.AddTo(s)
		}
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		variable := fmt.Sprint("SECRET_OF_", n)
		t.Setenv(variable, s.Secret())
		two.servers = append(two.servers, s)
		two.accounts = append(two.accounts, source.Account{SID: sid, Key: s.Key(), Secret: "env:" + variable, Endpoint: s.URL, Workspaces: s.Workspaces()})
	}
	if len(two.servers) != 2 {
		t.Fatalf("the day has %d accounts", len(two.servers))
	}
	return two
}

// One job reads the logs of the workspaces of several accounts, each with the key of its account, and
// fetches the transcripts of all of them.
func TestOneJobServesSeveralAccounts(t *testing.T) {
	two := newTwoAccounts(t)
	run := func(uri, turns string) history.Tables {
		t.Helper()
		store := history.NewStore()
		j, err := New(Options{Source: uri, Sink: memory(store), Turns: turns, Accounts: two.accounts})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := j.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		return store.Tables()
	}
	want := run("file:"+two.path, "")
	accounts := map[string]int{}
	for _, r := range want.Rows("turns") {
		accounts[r["account_sid"]]++
	}
	if len(accounts) != 2 {
		t.Fatalf("turns of %v", accounts)
	}
	const window = "?from=2026-03-01T12:00:00Z&to=2026-03-03T12:00:00Z&window=1h&old=yes&snapshots=no"
	both := two.accounts[0].Workspaces[0] + "," + two.accounts[1].Workspaces[0]
	for _, uri := range []string{"taskrouter:*" + window, "taskrouter:" + both + window} {
		if d := history.Diff(want, run(uri, "missing"), "row_version"); d != "" {
			t.Errorf("%s: %.3000s", uri, d)
		}
	}
	calls := two.servers[1].Calls("/Messages")
	one := run("file:"+two.path, "all?account="+two.accounts[0].SID)
	for _, r := range one.Rows("turns") {
		if r["turn_type"] != "Recording" && r["account_sid"] != two.accounts[0].SID {
			t.Errorf("a turn of the other account: %v", r)
		}
	}
	if n := two.servers[1].Calls("/Messages") - calls; n > 0 {
		t.Errorf("%d calls for the other account", n)
	}
}

func TestWhatIsWrongWithSeveralAccountsIsSaid(t *testing.T) {
	two := newTwoAccounts(t)
	for _, test := range []struct{ uri, turns, want string }{
		{"file:" + two.path, "all?key=SK00000000000000000000000000000001", "add account=AC"},
		{"taskrouter:WS00000000000000000000000000000077", "none", "the account is not known"},
		{"taskrouter:" + two.accounts[0].Workspaces[0] + ",WS1", "none", `"WS1" is no SID of a workspace`},
	} {
		_, err := New(Options{Source: test.uri, Sink: memory(history.NewStore()), Turns: test.turns, Accounts: two.accounts})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.uri, err)
		}
	}
	if _, err := New(Options{Source: "taskrouter:*", Sink: memory(history.NewStore())}); err == nil || !strings.Contains(err.Error(), "names a workspace") {
		t.Error(err)
	}
}

// Texts that are left out, or kept apart, are nowhere but where they belong; all else stays.
func TestTextsOfTurnsAreLeftOutOrKeptApart(t *testing.T) {
	c := newChatting(t)
	run := func(o Options) history.Tables {
		t.Helper()
		store := history.NewStore()
		o.Source, o.Sink, o.Turns = "file:"+c.path, memory(store), c.turns
		j, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := j.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		return store.Tables()
	}
	want := run(Options{})
	texts := want.Show("turn_contents", "turn_id text")
	if len(texts) == 0 {
		t.Fatal("there are no texts")
	}
	without := func(t history.Tables) history.Tables {
		all := history.Tables{}
		for name, rows := range t {
			if name != "turn_contents" && len(rows) > 0 {
				all[name] = rows
			}
		}
		return all
	}
	for _, mode := range []string{Batch, Stream} {
		none := run(Options{Text: TextNone, Mode: mode})
		if d := history.Diff(without(want), without(none), "row_version"); d != "" {
			t.Errorf("%s: left out, other rows differ: %.2000s", mode, d)
		}
		if len(none["turn_contents"]) != len(want["turn_contents"]) {
			t.Errorf("%s: %d rows of turn_contents, want %d", mode, len(none["turn_contents"]), len(want["turn_contents"]))
		}
		for _, r := range none.Rows("turn_contents") {
			if r["text"] != "" {
				t.Errorf("%s: a text is there: %v", mode, r)
			}
		}
		apart := history.NewStore()
		rest := run(Options{Text: TextApart, TextSink: memory(apart), Mode: mode})
		if d := history.Diff(without(want), without(rest), "row_version"); d != "" || len(rest["turn_contents"]) > 0 {
			t.Errorf("%s: apart, %d rows of turn_contents stand with the others: %.2000s", mode, len(rest["turn_contents"]), d)
		}
		tables := apart.Tables()
		if d := cmp.Diff(texts, tables.Show("turn_contents", "turn_id text")); d != "" || len(without(tables)) > 0 {
			t.Errorf("%s: apart: %s", mode, d)
		}
	}
	onFlink := Options{Source: "kinesis:s", Sink: "bigquery:p.d", Runner: Flink, Text: TextApart, TextSink: "duckdb:texts.duckdb", Flink: flink.NewOptions()}
	onFlink.Flink.Endpoint, onFlink.Flink.REST, onFlink.Flink.Environment, onFlink.Flink.Worker = "127.0.0.1:1", "127.0.0.1:2", flink.External, "127.0.0.1:3"
	if err := onFlink.checkFlink(); err == nil || !strings.Contains(err.Error(), "--turns-text-sink duckdb:texts.duckdb: it writes a file of this machine") {
		t.Error(err)
	}
	for _, o := range []Options{{Text: "some"}, {Text: TextApart}, {Text: TextNone, TextSink: "jsonl:x"}, {Text: TextApart, TextSink: "excel:x"}, {Text: TextApart, TextSink: "jsonl:same", Sink: "jsonl:same"}} {
		o.Source = "file:" + c.path
		if o.Sink == "" {
			o.Sink = memory(history.NewStore())
		}
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), "--turns-text") {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
