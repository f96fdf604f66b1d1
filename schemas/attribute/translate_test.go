package attribute_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"flexbeam/schemas/attribute"
)

// Snapshots of one tree say in another what both have a path for, and nothing beside it.
func TestATranslatedSnapshotSaysWhatBothTreesHave(t *testing.T) {
	paths := []string{"from", "who.name", "who.address.city", "of.*.media[]", "list[]", "n"}
	texts := []string{"from", "who.name", "who.address.city", "n"}
	keys := rapid.SampledFrom([]string{"from", "who", "of", "list", "n", "other"})
	draw := func(t *rapid.T, name string) *attribute.Tree { // some of the paths in any order
		some := rapid.Permutation(paths).Draw(t, name)
		return attribute.NewTree(some[:rapid.IntRange(1, len(some)).Draw(t, "paths")]...)
	}
	has := func(t *attribute.Tree, path string) (id attribute.ID, ok bool) {
		defer func() { ok = recover() == nil }()
		return t.ID(path), true
	}
	rapid.Check(t, func(t *rapid.T) {
		from, to := draw(t, "from"), draw(t, "to")
		translate := attribute.Translate(from, to)
		whole, got, want := attribute.NewParser(from), attribute.NewOverlay(to), attribute.NewOverlay(from)
		for range rapid.IntRange(1, 3).Draw(t, "snapshots") {
			text, err := json.Marshal(rapid.MapOf(keys, values(3)).Draw(t, "attributes"))
			if err != nil {
				t.Fatal(err)
			}
			s, ok := whole.Append(nil, text)
			if !ok {
				t.Fatalf("%s is not parsable", text)
			}
			want.Add(attribute.Snapshot(s))
			got.Add(translate(attribute.Snapshot(s)))
		}
		for _, path := range texts {
			at, ok := has(to, path)
			if !ok {
				continue
			}
			said := ""
			if id, ok := has(from, path); ok {
				said = want.Text(id)
			}
			if got.Text(at) != said || got.Has(at) != (said != "") {
				t.Fatalf("%s is %q, want %q", path, got.Text(at), said)
			}
		}
		if at, ok := has(to, "list"); ok {
			var said []attribute.Medium
			if id, ok := has(from, "list"); ok {
				said = want.Media(id)
			}
			if d := cmp.Diff(said, got.Media(at)); d != "" {
				t.Fatalf("list (-want +got):\n%s", d)
			}
		}
		if _, ok := has(to, "of.*.media"); ok {
			if d := cmp.Diff(want.MediaOf("WR1"), got.MediaOf("WR1")); d != "" {
				t.Fatalf("media of WR1 (-want +got):\n%s", d)
			}
		}
	})
}

func TestASnapshotTranslatedToItsOwnTreeStaysAsItIs(t *testing.T) {
	p, same := attribute.NewParser(tree), attribute.Translate(tree, tree)
	rapid.Check(t, func(t *rapid.T) {
		text, err := json.Marshal(rapid.MapOf(rapid.SampledFrom([]string{"from", "who", "of", "list", "n"}), values(3)).Draw(t, "attributes"))
		if err != nil {
			t.Fatal(err)
		}
		s, _ := p.Append(nil, text)
		if got := same(attribute.Snapshot(s)); string(got) != string(s) {
			t.Fatalf("%q becomes %q", s, got)
		}
	})
}
