package kinesisfake

import (
	"crypto/md5"
	"encoding/json"
	"math/big"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func drawSequence(t *rapid.T, label string) sequence {
	return sequence{
		created: rapid.Uint64Max(msMask).Draw(t, label+".created"),
		place:   rapid.Uint64Max(placeMask).Draw(t, label+".place"),
		ms:      rapid.Uint64Max(msMask).Draw(t, label+".ms"),
		shard:   rapid.Uint64Max(shardMask).Draw(t, label+".shard"),
		behind:  rapid.Bool().Draw(t, label+".behind"),
	}
}

func TestSequenceNumbersHave56DigitsAndReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := drawSequence(t, "q")
		s := q.String()
		if len(s) != 56 {
			t.Fatalf("%s has %d digits", s, len(s))
		}
		n, _ := new(big.Int).SetString(s, 10)
		if n.BitLen() != 186 {
			t.Fatalf("%s has %d bits", s, n.BitLen())
		}
		got, ok := parseSequence(s)
		if !ok || got != q {
			t.Fatalf("%+v reads back as %+v", q, got)
		}
	})
}

func TestSequenceNumbersGrowByShardThenByPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawSequence(t, "a"), drawSequence(t, "b")
		if a.created > b.created {
			a, b = b, a
		}
		if a.created == b.created && a.place >= b.place {
			return
		}
		if a.String() >= b.String() {
			t.Fatalf("%s is not before %s", a, b)
		}
	})
}

func TestHashKeysFollowTheMD5Digest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.String().Draw(t, "key")
		d := md5.Sum([]byte(key))
		if want, got := new(big.Int).SetBytes(d[:]).String(), hashOf(key).String(); want != got {
			t.Fatalf("%q hashes to %s, want %s", key, got, want)
		}
	})
}

// TestReshardingAlwaysCoversTheRing splits, merges and spreads at random.
func TestReshardingAlwaysCoversTheRing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		st := &stream{wake: make(chan struct{})}
		st.addShard(hashKey{}, maxHashKey, 1)
		for now := int64(2); now < 2+int64(rapid.IntRange(1, 12).Draw(t, "steps")); now++ {
			i := rapid.IntRange(0, len(st.open)-1).Draw(t, "shard")
			switch h := st.open[i]; rapid.IntRange(0, 2).Draw(t, "step") {
			case 0:
				if h.first != h.last {
					st.split(h, middle(h.first, h.last), now)
				}
			case 1:
				if i+1 < len(st.open) {
					st.merge(h, st.open[i+1], now)
				}
			case 2:
				n := rapid.IntRange(1, 9).Draw(t, "n")
				st.spread(n, now)
				if len(st.open) != n {
					t.Fatalf("%d shards are open, want %d", len(st.open), n)
				}
			}
			from := hashKey{}
			for _, h := range st.open {
				if h.first != from {
					t.Fatalf("%s starts at %s, want %s", h.id, h.first, from)
				}
				from = h.last.next()
			}
			if from != (hashKey{}) {
				t.Fatalf("the last shard ends before %s", from)
			}
			for _, h := range st.shards {
				for _, c := range h.children {
					if h.ending().String() >= c.starting().String() {
						t.Fatalf("%s ends at %s, behind the start of its child", h.id, h.ending())
					}
				}
			}
		}
	})
}

// FuzzPutRecords compares the parser with encoding/json.
func FuzzPutRecords(f *testing.F) {
	f.Add([]byte(`{"StreamName":"s","Records":[{"Data":"eA==","PartitionKey":"k","ExplicitHashKey":"7"}]}`))
	f.Add([]byte(` {"Records":[ {"PartitionKey":"\u00e4","Data":"eA\u003d\u003d"} , {"Data":"","PartitionKey":"k"}],"X":[1,{"a":null}]} `))
	f.Add([]byte(`{"Records":[{"Data":"?","PartitionKey":"k"}]}`))
	f.Add([]byte(`{"Records":{},"StreamName":7}`))
	f.Add([]byte(`{"Records":[1]}`))
	f.Add([]byte(`{"Records":[{"Data":"eA==","data":"eHh4","partitionKey":"other","PartitionKey":"k"}],"records":[]}`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parsePut(b, false)
		if err != nil {
			return
		}
		if !json.Valid(b) {
			t.Fatalf("%q is accepted, but is no JSON", b)
		}
		if !utf8.Valid(b) {
			return // encoding/json reads other bytes for those that are no UTF-8
		}
		records := members(t, b)
		if len(records) != len(p.entries) {
			return // Records twice
		}
		st := &stream{}
		h := st.addShard(hashKey{}, maxHashKey, 1)
		for i := range p.entries {
			st.store(h, &p.entries[i], 1, nil)
			var want, got struct {
				Data         []byte
				PartitionKey string
			}
			for name, to := range map[string]any{"Data": &want.Data, "PartitionKey": &want.PartitionKey} {
				if err := json.Unmarshal(records[i][name], to); err != nil {
					t.Fatalf("record %d: %s: %v", i, name, err)
				}
			}
			if err := json.Unmarshal(h.records[i].text, &got); err != nil {
				t.Fatalf("record %d is no JSON: %v: %s", i, err, h.records[i].text)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Fatalf("record %d (-want +got):\n%s", i, d)
			}
			if n := len(want.Data) + len(want.PartitionKey); n != h.records[i].size {
				t.Fatalf("record %d has %d bytes, want %d", i, h.records[i].size, n)
			}
		}
	})
}

// members returns the members of the records of a request. Their names count as they are written, while
// fields of structs also take those of another case.
func members(t *testing.T, b []byte) (records []map[string]json.RawMessage) {
	var request map[string]json.RawMessage
	if err := json.Unmarshal(b, &request); err != nil {
		t.Fatal(err)
	}
	if text := request["Records"]; len(text) > 0 && text[0] == '[' {
		if err := json.Unmarshal(text, &records); err != nil {
			t.Fatal(err)
		}
	}
	return records
}
