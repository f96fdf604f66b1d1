package jsonl

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"flexbeam/schemas/model"
)

// Keys come in order however they are added, forgotten and added again between two looks.
func TestKeysComeInOrderAndOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		of := newTable(&model.Agents)
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			key := rapid.StringMatching(`[a-e]{1,2}`).Draw(rt, "key")
			switch rapid.IntRange(0, 4).Draw(rt, "what") {
			case 0:
				of.settle(key, entry{version: 9, gone: true, forgets: true})
			case 1:
				got := of.inOrder()
				if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
					rt.Fatalf("%q", got)
				}
			default:
				of.settle(key, entry{version: 1})
			}
		}
		got := slices.DeleteFunc(slices.Clone(of.inOrder()), func(k string) bool { _, there := of.entries[k]; return !there })
		if d := cmp.Diff(slices.Sorted(maps.Keys(of.entries)), got); d != "" && len(of.entries) > 0 {
			rt.Fatalf("(-want +got):\n%s", d)
		}
	})
}
