package attribute_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"flexbeam/schemas/attribute"
)

func TestAnExtendedTreeKeepsItsIDs(t *testing.T) {
	e, err := tree.Extend("who.email", "from.name", "who.name", "new", "deep.er.est")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"from", "who", "who.name", "who.address.city", "list", "n"} {
		if e.ID(path) != tree.ID(path) || e.Path(tree.ID(path)) != path {
			t.Errorf("%s is %d, and was %d", path, e.ID(path), tree.ID(path))
		}
	}
	if got, want := e.Len(), tree.Len()+6; got != want {
		t.Errorf("%d nodes, want %d", got, want)
	}
	defer func() {
		if recover() == nil {
			t.Error("the tree itself was changed")
		}
	}()
	tree.ID("new")
}

func TestPathsThatCannotBeAddedAreRefused(t *testing.T) {
	for _, path := range []string{"", ".a", "a.", "a..b", "a b", "of.WR1", "of.*", "list[]", "form{}.x"} {
		if _, err := tree.Extend(path); !errors.Is(err, attribute.ErrPath) {
			t.Errorf("%q: %v", path, err)
		}
	}
	var many []string
	for i := range 300 {
		many = append(many, strings.Repeat("x", i+1))
	}
	if _, err := tree.Extend(many...); !errors.Is(err, attribute.ErrPath) || !strings.Contains(err.Error(), "more than 255 paths") {
		t.Error(err)
	}
}

// An extended tree reads what a tree reads that was made of all the paths at once.
func TestAnExtendedTreeReadsLikeOneOfAllPaths(t *testing.T) {
	base := attribute.NewTree("from", "who.name", "n")
	own := []string{"who.address.city", "from.name", "other.type", "who.url"}
	extended, err := base.Extend(own...)
	if err != nil {
		t.Fatal(err)
	}
	whole := attribute.NewTree(append([]string{"from", "who.name", "n"}, own...)...)
	keys := rapid.SampledFrom([]string{"from", "who", "n", "other"})
	rapid.Check(t, func(t *rapid.T) {
		a, b := attribute.NewOverlay(extended), attribute.NewOverlay(whole)
		p, q := attribute.NewParser(extended), attribute.NewParser(whole)
		to := attribute.Translate(whole, extended)
		c := attribute.NewOverlay(extended)
		for range rapid.IntRange(1, 4).Draw(t, "snapshots") {
			text, err := json.Marshal(rapid.MapOf(keys, values(3)).Draw(t, "attributes"))
			if err != nil {
				t.Fatal(err)
			}
			x, _ := p.Append(nil, text)
			y, _ := q.Append(nil, text)
			a.Add(attribute.Snapshot(x))
			b.Add(attribute.Snapshot(y))
			c.Add(to(attribute.Snapshot(y)))
		}
		for _, path := range []string{"from", "from.name", "who.name", "who.address.city", "who.url", "n", "other.type"} {
			want := b.Text(whole.ID(path))
			if got := a.Text(extended.ID(path)); got != want {
				t.Fatalf("%s is %q, want %q", path, got, want)
			}
			if got := c.Text(extended.ID(path)); got != want {
				t.Fatalf("translated, %s is %q, want %q", path, got, want)
			}
		}
	})
}
