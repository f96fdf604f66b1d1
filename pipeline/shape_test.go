package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flexbeam/pipeline/sink"
	_ "flexbeam/pipeline/sink/jsonl"
	"flexbeam/schemas/model"
)

// The fingerprints tell apart what shapes rows, and nothing else; the key itself cannot be read
// from them.
func TestFingerprintsFollowTheKeyAndTheOptionsThatShapeRows(t *testing.T) {
	plain := Options{}
	plain.defaults()
	same := plain
	same.Hidden, same.Mode, same.AtOnce, same.State = []string{"offline", "OFFLINE"}, Stream, true, "dir"
	if plain.shape() != same.shape() {
		t.Error("the case of an activity, or what shapes no row, counts")
	}
	if want := "95218f961637e08e8a581341a037e262"; plain.shape().Options != want {
		t.Errorf("the fingerprint of a job without options is %s: sinks of earlier versions remember %s", plain.shape().Options, want)
	}
	seen := map[sink.Shape]bool{plain.shape(): true}
	for _, change := range []func(*Options){
		func(o *Options) { o.ContactKey = "k" }, func(o *Options) { o.ContactKey = "no contact key" },
		func(o *Options) { o.Hidden = []string{} }, func(o *Options) { o.LeftReasons = []string{"Offline"} },
		func(o *Options) { o.Text = TextNone }, func(o *Options) { o.Text = TextApart },
		func(o *Options) { o.Columns = []model.Extra{{Column: "engagements.language", Before: []string{"a"}}} },
		func(o *Options) { o.Columns = []model.Extra{{Column: "engagements.language", Behind: []string{"a"}}} },
	} {
		o := plain
		change(&o)
		if s := o.shape(); seen[s] || strings.Contains(s.ContactKey, o.ContactKey) && o.ContactKey != "" && len(o.ContactKey) > 1 {
			t.Errorf("%+v has the fingerprints %+v", o, s)
		} else {
			seen[s] = true
		}
	}
}

// A job whose rows would not fit those of its sink is refused, and says what to do.
func TestAJobOfAnotherShapeIsRefused(t *testing.T) {
	dir := t.TempDir()
	events := filepath.Join(dir, "events.ndjson")
	if err := os.WriteFile(events, []byte("{}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out")
	run := func(change func(*Options)) error {
		o := Options{Source: "file:" + events, Sink: "jsonl:" + out, Log: slog.New(slog.DiscardHandler)}
		change(&o)
		j, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		_, err = j.Run(context.Background())
		return err
	}
	hiding := func(o *Options) { o.Hidden = []string{"Break"} }
	for _, step := range []struct {
		name   string
		change func(*Options)
		want   error
		says   string
	}{
		{"the first job", func(*Options) {}, nil, ""},
		{"another of the same", func(*Options) {}, nil, ""},
		{"one with a key", func(o *Options) { o.ContactKey = "k" }, errNoKey, "new sink"},
		{"one with a key that reshapes", func(o *Options) { o.ContactKey, o.Reshape = "k", true }, errNoKey, "new sink"},
		{"one that hides something else", hiding, errOtherOptions, "--reshape"},
		{"one that reshapes", func(o *Options) { hiding(o); o.Reshape = true }, nil, ""},
		{"the next like it", hiding, nil, ""},
		{"one like the first", func(*Options) {}, errOtherOptions, "--reshape"},
	} {
		err := run(step.change)
		if !errors.Is(err, step.want) || err != nil && !strings.Contains(err.Error(), step.says) {
			t.Errorf("%s: %v, want %v", step.name, err, step.want)
		}
	}
}
