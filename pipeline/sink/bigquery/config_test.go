package bigquery

import (
	"errors"
	"strings"
	"testing"
	"time"

	"flexbeam/pipeline/sink"
)

func TestAURIIsReadOrRefusedWithAnExample(t *testing.T) {
	tests := []struct {
		rest string
		want string // in the error; empty: it is read
	}{
		{"my-project.flex", ""},
		{"example.com:my-project.flex", ""},
		{"p.d?location=EU&quota_project=q&mode=load&schema=none&max_staleness=5m&pii_dataset=d2&staging=gs://b/f/&retry=1m&timeout=5s", ""},
		{"p.d?policy_tag=projects/p/locations/eu/taxonomies/1/policyTags/2", ""},
		{"p.d?endpoint=http://127.0.0.1:9050&grpc_endpoint=127.0.0.1:9060", ""},
		{"d", "write bigquery:PROJECT.DATASET"},
		{"p.", "a dataset of letters"},
		{"P$.d", "a project's id"},
		{"p.d-x", "letters, digits and underscores"},
		{"p.d?mode=fast", "write such as mode=load"},
		{"p.d?schema=drop", "write such as schema=none"},
		{"p.d?max_staleness=-1s", "write such as max_staleness=15m"},
		{"p.d?max_staleness=48h", "write such as max_staleness=15m"},
		{"p.d?staging=/folder", "write such as staging=gs://BUCKET/FOLDER"},
		{"p.d?endpoint=http://user:secret@host", "write such as endpoint="},
		{"p.d?endpoint=http://127.0.0.1:9050", "endpoint without grpc_endpoint"},
		{"p.d?key_file=secret.json", `unknown option "key_file": there are location, quota_project`},
		{"p.d?a=%zz", "options"},
	}
	for _, test := range tests {
		_, err := parseConfig(test.rest)
		switch {
		case test.want == "":
			if err != nil {
				t.Errorf("%s: %v", test.rest, err)
			}
		case err == nil || !strings.Contains(err.Error(), test.want) || !errors.Is(err, sink.ErrURI):
			t.Errorf("%s: %v, want %q", test.rest, err, test.want)
		}
	}
}

func TestOptionsMeanWhatTheySay(t *testing.T) {
	p, err := parseConfig("p.d?staging=gs://bucket/folder/sub/&pii_dataset=private&max_staleness=0s&schema=none")
	if err != nil {
		t.Fatal(err)
	}
	if p.bucket != "bucket" || p.prefix != "folder/sub" || p.staleness != 0 || p.apply || p.plain() {
		t.Errorf("%+v", p)
	}
	if p, err = parseConfig("p.d"); err != nil || p.staleness >= 0 || !p.apply || p.mode != modeAuto || p.retry != 10*time.Minute {
		t.Errorf("%+v", p)
	}
	for table, want := range map[*table]string{tables[0]: "`p.d.engagements`", deletesTable: "`p.private.flexbeam_deletes`", deadLettersTable: "`p.private.dead_letters`"} {
		p.personal = "private"
		if got := p.sql(table.name); got != want {
			t.Errorf("%s is %s, want %s", table.name, got, want)
		}
	}
	if got := p.sql("conversations"); got != "`p.d.conversations`" {
		t.Error(got)
	}
}
