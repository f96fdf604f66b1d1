package taskrouter

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Of events that windows and whole tasks both have, each is given once.
func TestAnEventIsGivenOnce(t *testing.T) {
	read := func(text string) records {
		t.Helper()
		r, err := readRecords([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	given := map[string]bool{}
	first := read("{\"sid\":\"EV1\"}\n{\"sid\":\"EV2\"}\n{\"sid\":\"EV1\"}\n").without(given)
	second := read("{\"sid\":\"EV2\"}\n{\"sid\":\"EV3\",\"x\":1}\n{}\n{}\n").without(given)
	for _, test := range []struct {
		got  records
		data string
		sids []string
	}{
		{first, "{\"sid\":\"EV1\"}\n{\"sid\":\"EV2\"}\n", []string{"EV1", "EV2"}},
		{second, "{\"sid\":\"EV3\",\"x\":1}\n{}\n{}\n", []string{"EV3", "", ""}},
	} {
		if string(test.got.data) != test.data || !cmp.Equal(test.got.sids, test.sids) || len(test.got.ends) != len(test.sids) || test.got.ends[len(test.sids)-1] != int64(len(test.data)) {
			t.Errorf("%q, %v, %v", test.got.data, test.got.sids, test.got.ends)
		}
	}
}
