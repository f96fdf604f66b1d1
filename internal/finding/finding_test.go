package finding_test

import (
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/finding"
)

func TestNamesAreStableWordsAndMeaningsAreSentences(t *testing.T) {
	name, seen := regexp.MustCompile(`^[a-z]+(-[a-z]+)+$`), map[string]bool{}
	for _, k := range finding.Kinds {
		if seen[k.Name] || !name.MatchString(k.Name) {
			t.Errorf("%s: words with hyphens, once", k.Name)
		}
		seen[k.Name] = true
		if !strings.HasSuffix(k.Means, ".") || strings.ContainsAny(k.Means, "|\n") {
			t.Errorf("%s: no sentence of a table: %q", k.Name, k.Means)
		}
		if k.Severity != finding.Error && k.Severity != finding.Warning && k.Severity != finding.Note {
			t.Errorf("%s: severity %q", k.Name, k.Severity)
		}
	}
}

func TestTheWorstComesFirst(t *testing.T) {
	all := []finding.Finding{
		finding.New("subscription-elsewhere", "b", "", ""), finding.New("disk-space", "b", "", ""), finding.New("stream-key", "s", "", ""),
		finding.New("disk-space", "a", "", ""), finding.New("chat-service", "c", "", ""),
	}
	finding.Sort(all)
	var got []string
	for _, f := range all {
		got = append(got, f.Name+" "+f.Where)
	}
	want := []string{"stream-key s", "chat-service c", "disk-space a", "disk-space b", "subscription-elsewhere b"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if all[4].Fault() || !all[0].Fault() || !all[1].Fault() {
		t.Error("notes are no faults, all else is")
	}
}

var update = flag.Bool("update", false, "write the table of docs/doctor.md anew")

func TestDoctorsPageListsEveryFinding(t *testing.T) {
	const page = "../../docs/doctor.md"
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(b), "<!-- findings: ")
	mark, rest, ok2 := strings.Cut(rest, "\n")
	got, tail, ok3 := strings.Cut(rest, "<!-- end of findings -->")
	if !ok || !ok2 || !ok3 {
		t.Fatal("docs/doctor.md has no place for the findings")
	}
	if *update {
		text := head + "<!-- findings: " + mark + "\n" + finding.Docs() + "<!-- end of findings -->" + tail
		if err := os.WriteFile(page, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(finding.Docs(), got); diff != "" {
		t.Errorf("docs/doctor.md is not what the table says; make it anew with: go test ./internal/finding -update\n%s", diff)
	}
}
