package attribute_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"flexbeam/schemas/attribute"
)

// values draws JSON values that use the names of the tree, and others, at any depth.
func values(depth int) *rapid.Generator[any] {
	leaves := []any{"a", "b", " c ", "", " ", nil, 0, 7.5, true, false, []any{}, []any{"x", "", 3}, map[string]any{}}
	names := []string{"from", "who", "name", "address", "city", "of", "WR1", "media", "list", "n", "type", "url", "other"}
	if depth == 0 {
		return rapid.SampledFrom(leaves)
	}
	return rapid.Custom(func(t *rapid.T) any {
		switch rapid.IntRange(0, 4).Draw(t, "kind") {
		case 0, 1:
			return any(rapid.MapOfN(rapid.SampledFrom(names), values(depth-1), 0, 5).Draw(t, "object"))
		case 2:
			return any(rapid.SliceOfN(values(depth-1), 0, 3).Draw(t, "array"))
		}
		return rapid.SampledFrom(leaves).Draw(t, "leaf")
	})
}

func TestAnOverlayIsADeepMergeOfTheWholeObjects(t *testing.T) {
	keys := rapid.SampledFrom([]string{"from", "who", "of", "list", "n", "other"})
	rapid.Check(t, func(t *rapid.T) {
		o := attribute.NewOverlay(tree)
		p := attribute.NewParser(tree)
		want := map[string]any{}
		for range rapid.IntRange(1, 4).Draw(t, "snapshots") {
			text, err := json.Marshal(rapid.MapOf(keys, values(3)).Draw(t, "attributes"))
			if err != nil {
				t.Fatal(err)
			}
			s, ok := p.Append(nil, text)
			if !ok {
				t.Fatalf("%s is not parsable", text)
			}
			o.Add(attribute.Snapshot(s))
			m, _ := object(string(text))
			merge(want, m)
		}
		for _, path := range []string{"from", "who", "who.name", "who.address", "who.address.city", "n", "of"} {
			if got, want := o.Text(tree.ID(path)), words(get(want, path)); got != want {
				t.Fatalf("%s is %q, want %q", path, got, want)
			}
		}
		if d := cmp.Diff(media(want["list"]), o.Media(tree.ID("list"))); d != "" {
			t.Fatal(d)
		}
		of, _ := want["of"].(map[string]any)
		in, _ := of["WR1"].(map[string]any)
		if d := cmp.Diff(media(in["media"]), o.MediaOf("WR1")); d != "" {
			t.Fatal(d)
		}
	})
}
