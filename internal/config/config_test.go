package config

import (
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/golden"
)

const (
	account = "AC0123456789abcdef0123456789abcdef"
	planted = "plantedSecret0123456789"
)

// oneAccount begins a file with a whole account.
const oneAccount = "accounts:\n- account: " + account + "\n  key: SK0123456789abcdef0123456789abcdef\n  secret: env:A\n"

func TestAFileIsReadWithAllThatItHolds(t *testing.T) {
	f, err := Parse("flexbeam.yaml", []byte(Example))
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Accounts) != 2 || f.Accounts[1].Parallel != 10 || f.Accounts[0].Streams[0].TwilioExternalID != "flexbeam-write" {
		t.Errorf("%+v", f.Accounts)
	}
	if a, ok := f.Account("americas"); !ok || a.Streams[0].Stream != "flex-americas" {
		t.Errorf("%+v", a)
	}
	if _, ok := f.Account("nobody"); ok {
		t.Error("an account is found that is not there")
	}
	if time.Duration(f.Turns.Every) != 5*time.Minute || f.Sink(f.Run.Sink) != "bigquery:my-project.flex" || f.Sink("jsonl:out") != "jsonl:out" {
		t.Errorf("%+v %+v", f.Turns, f.Run)
	}
	if p := f.Position("run.state"); p.Line == 0 || p.Column != 10 {
		t.Errorf("run.state stands at %+v", p)
	}
	want := []Setting{
		{"model.offline_activities", "hide-activity", []string{"Offline", "Logged Out"}},
		{"model.customer_left_reasons", "customer-left-reason", []string{"hangup", "customer hung up"}},
		{"turns.text", "turns-text", []string{"apart"}}, {"turns.text_sink", "turns-text-sink", []string{"bigquery:my-project.flex_texts"}},
		{"run.sink", "sink", []string{"warehouse"}}, {"run.max_dead_letters", "max-dead-letters", []string{"0.5%"}},
		{"run.flush_every", "flush-every", []string{"2s"}}, {"run.state", "state", []string{"/var/lib/flexbeam"}},
		{"run.metrics_addr", "metrics-addr", []string{"0.0.0.0:9464"}}, {"run.log_format", "log-format", []string{"json"}},
	}
	if d := cmp.Diff(want, f.Settings()); d != "" {
		t.Error(d)
	}
	if got := f.References(); len(got) != 3 || got[2].Key != "model.contact_key" {
		t.Errorf("%+v", got)
	}
}

func TestAFaultNamesItsPlaceAndWhatToDo(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"an unknown key", "run:\n  flush-every: 2s\n", "f:2:3: run.flush-every: is not a key here: did you mean flush_every?"},
		{"a key like no other", "xyzzy: 1\n", "f:1:1: xyzzy: is not a key here: there are accounts, sinks, model, turns, run"},
		{"a key of an element", oneAccount + "  secretz: env:B\n", "f:5:3: accounts[0].secretz: is not a key here: did you mean secret?"},
		{"a key that is missing", "accounts:\n- account: " + account + "\n  secret: env:A\n", "f:2:3: accounts[0].key: is missing: write such as SK0123456789abcdef0123456789abcdef"},
		{"a key that stands twice", "run:\n  state: a\n  state: b\n", "f:3:3: run.state: stands here and in line 2: leave one out"},
		{"a key without a value", "run:\n  state:\n", "f:2:9: run.state: is empty: give it a value, or leave the key out"},
		{"an empty text", "run:\n  state: ' '\n", "f:2:10: run.state: is empty: write such as calls.state, or leave the key out"},
		{"a value in place of a list", "model:\n  offline_activities: Offline\n", "f:2:23: model.offline_activities: is a single value: write a list, each element behind a dash"},
		{"a list in place of keys", "run: [a]\n", "f:1:6: run: is a list: write keys and values, each on a line of its own"},
		{"keys in place of a value", "run:\n  state: {a: b}\n", "f:2:10: run.state: is keys and values: write a single value"},
		{"a word that is not known", "turns:\n  fetch: some\n", "f:2:10: turns.fetch: is not known: write one of missing, all, none"},
		{"no time", "run:\n  flush_every: 2\n", "f:2:16: run.flush_every: is no time above 0: write such as 2s"},
		{"no boolean", "run:\n  at_once: yes\n", "f:2:12: run.at_once: is neither true nor false"},
		{"no number", oneAccount + "  parallel: 0\n", "f:5:13: accounts[0].parallel: is no whole number that will do: write such as 20"},
		{"a wrong SID", "accounts:\n- account: AC1\n  key: SK0123456789abcdef0123456789abcdef\n  secret: env:A\n", "f:2:12: accounts[0].account: does not have the right form: write such as AC0123456789abcdef0123456789abcdef"},
		{"an account twice", oneAccount + strings.TrimPrefix(oneAccount, "accounts:\n"), "f:5:12: accounts[1].account: is that of accounts[0].account, too: each account stands once"},
		{"a workspace twice", oneAccount + "  workspaces: [WS0123456789abcdef0123456789abcdef, WS0123456789abcdef0123456789abcdef]\n",
			"f:5:52: accounts[0].workspaces[1]: is that of accounts[0].workspaces[0], too: a workspace belongs to one account"},
		{"half a role", oneAccount + "  streams:\n  - stream: s\n    twilio_role: arn:aws:iam::1:role/x\n", "f:6:5: accounts[0].streams[0]: twilio_role and twilio_external_id go together: give both, or none"},
		{"texts apart and nowhere", "turns:\n  text: apart\n", "f:2:9: turns.text: apart needs turns.text_sink: write such as text_sink: duckdb:texts.duckdb"},
		{"a sink for texts that stay", "turns: {text: none, text_sink: 'jsonl:x'}\n", "f:1:32: turns.text_sink: is for text: apart alone: say that, or leave it out"},
		{"a column twice", "model:\n  columns:\n  - {column: engagements.language, before: [a]}\n  - {column: engagements.language, behind: [b]}\n",
			"f:4:14: model.columns[1].column: is that of model.columns[0].column, too: a column stands once"},
		{"a path that is none", "model:\n  columns:\n  - {column: engagements.language, before: [a..b]}\n", `f:3:5: model.columns[0]: the attribute path cannot be read: "a..b"`},
		{"no YAML", "run: {\n", "the file is no YAML"},
		{"two documents", "run: {}\n---\nrun: {}\n", "the file has several documents: leave out what is behind ---"},
	}
	for _, test := range tests {
		_, err := Parse("f", []byte(test.text))
		var faults Faults
		if !errors.As(err, &faults) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v\nwant %s", test.name, err, test.want)
		}
	}
}

func TestAllFaultsAreToldInTheOrderOfTheirLines(t *testing.T) {
	_, err := Parse("f", []byte("turns:\n  fetch: some\nrun:\n  modes: batch\n  state: ''\naccounts:\n- {}\n"))
	var faults Faults
	if !errors.As(err, &faults) || len(faults) != 6 {
		t.Fatalf("%v", faults)
	}
	for i, f := range faults[1:] {
		if f.Line < faults[i].Line {
			t.Errorf("%s stands before %s", f, faults[i])
		}
	}
	if !strings.HasSuffix(err.Error(), "(and 5 more: flexbeam config check shows them)") {
		t.Error(err)
	}
}

func TestAFileWithoutAnythingIsRight(t *testing.T) {
	for _, text := range []string{"", "# a comment\n", "run: {}\n", "---\n"} {
		if f, err := Parse("f", []byte(text)); err != nil || len(f.Settings()) > 0 {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "missing.yaml")); !errors.Is(err, ErrRead) {
		t.Error(err)
	}
}

// TestAFaultNeverShowsAValue writes a secret into every key, where people may put it by mistake.
func TestAFaultNeverShowsAValue(t *testing.T) {
	var keys func(typ reflect.Type, before, indent string)
	keys = func(typ reflect.Type, before, indent string) {
		for _, f := range fieldsOf(typ) {
			part := typ.Field(f.index).Type
			text := before + indent + f.key + ":"
			for _, value := range []string{" " + planted, " [" + planted + "]", " {" + planted + ": " + planted + "}"} {
				if _, err := Parse("f", []byte(text+value+"\n")); err != nil && strings.Contains(strings.ReplaceAll(err.Error(), "."+planted, ""), planted) {
					t.Errorf("%s: the fault shows the value: %v", text, err)
				}
			}
			switch {
			case part.Kind() == reflect.Struct:
				keys(part, text+"\n", indent+"  ")
			case part.Kind() == reflect.Slice && part.Elem().Kind() == reflect.Struct:
				keys(part.Elem(), text+"\n"+indent+"- \n", indent+"  ")
			}
		}
	}
	keys(reflect.TypeFor[File](), "", "")
}

func TestEveryKeyIsDescribedAndStandsInTheExampleOrIsAFlag(t *testing.T) {
	var walk func(typ reflect.Type, path string)
	walk = func(typ reflect.Type, path string) {
		for _, f := range fieldsOf(typ) {
			part := typ.Field(f.index).Type
			if !strings.HasSuffix(f.doc, ".") {
				t.Errorf("%s%s: its description is no sentence: %q", path, f.key, f.doc)
			}
			if scalar := part.Kind() == reflect.String; scalar && f.example == "" && len(f.enum) == 0 {
				t.Errorf("%s%s has no example", path, f.key)
			}
			if f.example != "" && f.pattern != nil && !f.pattern.MatchString(f.example) {
				t.Errorf("%s%s: its example does not have its form", path, f.key)
			}
			if part.Kind() == reflect.Slice {
				part = part.Elem()
			}
			if part.Kind() == reflect.Struct {
				walk(part, path+f.key+".")
			}
		}
	}
	walk(reflect.TypeFor[File](), "")
}

func TestTheSchemaIsAsItWas(t *testing.T) {
	golden.Text(t, "../../docs/flexbeam.schema.json", string(Schema()))
}
