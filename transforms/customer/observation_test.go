package customer

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"flexbeam/schemas/change"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/keyed"
)

// rules returns the kind of contacts and its rules.
func rules(t testing.TB) (*keyed.Kind, keyed.Logic) {
	t.Helper()
	kind, logics, err := Spec().Logics(1, keyed.Env{})
	if err != nil {
		t.Fatal(err)
	}
	return kind, logics[0]
}

// observed returns an observation of a contact by an event. Its row has the id as the country,
// behind words that sort against it.
func observed(contact, eventID string, version int64) keyed.Input {
	r := model.Customers.NewRow()
	Row(r, contact, Profile{Kind: Phone, State: against[eventID], Country: eventID}, 5, version)
	return Observe(eventID, r, 1000)
}

var against = map[string]string{"EV1": "CC", "EV2": "BB", "EV3": "AA"}

// countries processes a contact and returns the countries of the rows that this gives.
func countries(t testing.TB, kind *keyed.Kind, l keyed.Logic, s *keyed.State) (all []string) {
	t.Helper()
	var out keyed.Output
	if next, done, err := kind.Process(l, s, keyed.None, &out); err != nil || done || next == keyed.None {
		t.Fatalf("next %d, done %t, %v", next, done, err)
	}
	err := out.Changes.Each(func(c change.Change) error {
		all = append(all, c.Row[col.country].Str)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestTheNewestObservationOfAContactStays(t *testing.T) {
	kind, l := rules(t)
	tests := []struct {
		name string
		in   []keyed.Input
		want string
	}{
		{"the greater version", []keyed.Input{observed("+1", "EV1", 7), observed("+1", "EV2", 6)}, "EV1"},
		{"whatever comes first", []keyed.Input{observed("+1", "EV2", 6), observed("+1", "EV1", 7)}, "EV1"},
		{"of equal versions the greater id", []keyed.Input{observed("+1", "EV2", 7), observed("+1", "EV1", 7)}, "EV2"},
		{"several", []keyed.Input{observed("+1", "EV1", 6), observed("+1", "EV2", 7), observed("+1", "EV3", 8)}, "EV3"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := keyed.NewState()
			for i := range test.in {
				if late, err := kind.Add(l, s, &test.in[i]); err != nil || late != nil {
					t.Fatalf("late %v, %v", late, err)
				}
			}
			if d := cmp.Diff([]string{test.want}, countries(t, kind, l, s)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if again := countries(t, kind, l, s); again != nil {
				t.Errorf("with nothing new the rows are %v", again)
			}
		})
	}
}

// In any order, and however often the contact is processed meanwhile, the last change that is
// written of a contact, of equal versions the later, is the greatest by version, event and row.
func TestTheOrderOfObservationsDecidesNothing(t *testing.T) {
	kind, l := rules(t)
	rapid.Check(t, func(rt *rapid.T) {
		type observation struct {
			Contact, ID string
			Version     int64
			Region      string
		}
		all := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) observation {
			pick := rapid.IntRange(0, 2)
			return observation{string(rune('a' + pick.Draw(rt, "contact"))), "EV" + string(rune('0'+pick.Draw(rt, "id"))), int64(pick.Draw(rt, "version")), string(rune('x' + pick.Draw(rt, "region")))}
		}), 1, 20).Draw(rt, "observations")
		store := func(all []observation, label string) map[string]string {
			states := map[string]*keyed.State{}
			stored, versions := map[string]string{}, map[string]int64{}
			process := func(s *keyed.State) {
				var out keyed.Output
				if _, _, err := kind.Process(l, s, keyed.None, &out); err != nil {
					rt.Fatal(err)
				}
				err := out.Changes.Each(func(c change.Change) error {
					contact := c.Row[col.contact].Str
					if c.Version() >= versions[contact] {
						stored[contact], versions[contact] = c.Row[col.region].Str, c.Version()
					}
					return nil
				})
				if err != nil {
					rt.Fatal(err)
				}
			}
			for _, o := range all {
				r := model.Customers.NewRow()
				Row(r, o.Contact, Profile{Kind: Phone, Region: o.Region}, event.Millis(o.Version), o.Version)
				in := Observe(o.ID, r, 1)
				if in.Key != o.Contact {
					rt.Fatalf("an observation of %q is for the key %q", o.Contact, in.Key)
				}
				if states[in.Key] == nil {
					states[in.Key] = keyed.NewState()
				}
				if _, err := kind.Add(l, states[in.Key], &in); err != nil {
					rt.Fatal(err)
				}
				if rapid.Bool().Draw(rt, label) {
					process(states[in.Key])
				}
			}
			for _, s := range states {
				process(s)
			}
			return stored
		}
		if d := cmp.Diff(store(all, "process"), store(rapid.Permutation(all).Draw(rt, "order"), "process again")); d != "" {
			rt.Fatalf("another order gives other rows:\n%s", d)
		}
	})
}

func TestContactsThatAreNotSeenForADayAreForgotten(t *testing.T) {
	kind, l := rules(t)
	s := keyed.NewState()
	at := func(arrival keyed.Millis, id string, version int64) {
		t.Helper()
		in := observed("+1", id, version)
		in.Arrival, in.Time = arrival, arrival
		if late, err := kind.Add(l, s, &in); err != nil || late != nil {
			t.Fatalf("late %v, %v", late, err)
		}
	}
	process := func(now keyed.Millis) (rows int, next keyed.Millis, done bool) {
		t.Helper()
		var out keyed.Output
		next, done, err := kind.Process(l, s, now, &out)
		if err != nil {
			t.Fatal(err)
		}
		return len(out.Changes), next, done
	}
	at(keyed.Hour, "EV1", 1)
	if rows, next, done := process(2 * keyed.Hour); rows == 0 || next != 25*keyed.Hour || done {
		t.Errorf("%d bytes of rows, next %d, done %t", rows, next, done)
	}
	at(2*keyed.Hour, "EV1", 1) // it is seen again, so it is kept for longer
	if rows, next, done := process(25 * keyed.Hour); rows != 0 || next != 26*keyed.Hour || done {
		t.Errorf("an hour before: %d bytes of rows, next %d, done %t", rows, next, done)
	}
	if _, _, done := process(26 * keyed.Hour); !done {
		t.Error("a day later the contact is still known")
	}
	// A contact that is back begins anew, and nothing of it is late.
	s = keyed.NewState()
	at(30*keyed.Hour, "EV1", 1)
	at(60*keyed.Hour, "EV1", 1)
	if rows, _, _ := process(60 * keyed.Hour); rows == 0 {
		t.Error("a contact that was forgotten gives no row")
	}
}

func TestObservationsOfAnotherTableAreRefused(t *testing.T) {
	kind, l := rules(t)
	for name, c := range map[string]change.Change{
		"an agent": {Table: model.AgentsID, Row: model.Agents.NewRow()},
		"a delete": {Table: model.CustomersID, Delete: true, Row: model.Customers.NewRow()},
	} {
		in := keyed.Input{Kind: kind.ID, Key: "+1", Value: change.Block([]byte{2, 1, 'e'}).Append(c)}
		if _, err := kind.Add(l, keyed.NewState(), &in); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// FuzzParse: whatever the bytes, reading them gives an error or an observation, whose state gives
// rows of customers and lives through its encoding.
func FuzzParse(f *testing.F) {
	f.Add(observed("+1", "EV1", 7).Value, observed("+1", "EV2", 8).Value)
	f.Add([]byte{1, 'e', 200}, []byte{2, 1, 'e'})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, []byte{})
	f.Fuzz(func(t *testing.T, first, second []byte) {
		kind, l := rules(t)
		s := keyed.NewState()
		for _, b := range [][]byte{first, second} {
			o, parsed := parse(b)
			in := keyed.Input{Kind: kind.ID, Key: "+1", Value: b, Arrival: 1, Time: 1}
			_, err := kind.Add(l, s, &in)
			if (parsed == nil) != (err == nil) || err != nil && !errors.Is(err, ErrCorrupt) {
				t.Fatalf("parse says %v, Add %v", parsed, err)
			}
			if err == nil && s.Value == nil {
				t.Fatalf("nothing is known behind %+v", o)
			}
		}
		again, err := keyed.ReadState(s.Append(nil))
		if err != nil || !bytes.Equal(again.Value, s.Value) || again.Dirty != s.Dirty {
			t.Fatalf("%+v becomes %+v, %v", s, again, err)
		}
		if s.Value == nil {
			return
		}
		known, err := parse(s.Value)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range [][]byte{first, second} {
			if o, err := parse(b); err == nil && o.newerThan(known) {
				t.Fatalf("%+v is newer than what is known, %+v", o, known)
			}
		}
		var out keyed.Output
		if _, _, err := kind.Process(l, s, keyed.None, &out); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(out.Changes, known.row) {
			t.Fatalf("the changes are %x, want %x", out.Changes, known.row)
		}
	})
}
