package storagewrite

import (
	"errors"
	"testing"

	"flexbeam/internal/testkit/golden"
)

func TestElementsAreEncodedAsTheyWere(t *testing.T) {
	m := Mutation{Row: []byte("row"), Sequence: []uint64{1, 1 << 40}, Delete: true}
	refused, err := encodeRefused(Refused{Mutation: m, Reason: "why"})
	if err != nil {
		t.Fatal(err)
	}
	golden.Encodings(t, golden.Encoding{Name: "mutation", Bytes: encodeMutation(m)}, golden.Encoding{Name: "refused", Bytes: refused})
	if _, err := decodeMutation([]byte{form + 1, 0, 0}); !errors.Is(err, errForm) {
		t.Errorf("a mutation in another form: %v", err)
	}
	if _, err := decodeRefused([]byte{form + 1, '{', '}'}); !errors.Is(err, errForm) {
		t.Errorf("a refused one in another form: %v", err)
	}
}
