package customer

import (
	"context"
	"errors"
	"testing"

	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// sighted is a sighting of one event. Its row has the id as the country, behind words that sort against it.
func sighted(contact, eventID string, version int64) Sightings {
	r := model.Customers.NewRow()
	Row(r, contact, Profile{Kind: Phone, State: against[eventID], Country: eventID}, 5, version)
	return Sightings(nil).Append(eventID, r)
}

var against = map[string]string{"EV1": "CC", "EV2": "BB", "EV3": "AA"}

func TestTheNewestSightingOfAContactStays(t *testing.T) {
	tests := []struct {
		name string
		s    []Sightings
		want string
	}{
		{"the greater stamp", []Sightings{sighted("+1", "EV1", 7), sighted("+1", "EV2", 6)}, "EV1"},
		{"whatever comes first", []Sightings{sighted("+1", "EV2", 6), sighted("+1", "EV1", 7)}, "EV1"},
		{"of equal stamps the greater id", []Sightings{sighted("+1", "EV2", 7), sighted("+1", "EV1", 7)}, "EV2"},
		{"several in one", []Sightings{append(sighted("+1", "EV2", 7), sighted("+1", "EV3", 8)...)}, "EV3"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			all := test.s
			next := func(b *[]byte) bool {
				if len(all) == 0 {
					return false
				}
				*b, all = all[0], all[1:]
				return true
			}
			var got []string
			err := (&BatchFn{}).ProcessElement(context.Background(), 0, next, func(b []byte) {
				_ = change.Block(b).Each(func(c change.Change) error {
					got = append(got, c.Row[col.country].Str)
					return nil
				})
			})
			if err != nil || len(got) != 1 || got[0] != test.want {
				t.Errorf("got %v, %v; want %s", got, err, test.want)
			}
		})
	}
}

func TestSightingsOfAnotherTableAreRefused(t *testing.T) {
	one := change.Block(nil).Append(change.Change{Table: model.AgentsID, Row: model.Agents.NewRow()})
	s := append(Sightings{1, 'e', byte(len(one))}, one...)
	if err := newest(map[string]*best{}, s); !errors.Is(err, ErrCorrupt) {
		t.Errorf("got %v", err)
	}
}

// FuzzSightings: whatever the bytes, reading them gives an error or sightings, and sightings that were read can be written
// again and read the same.
func FuzzSightings(f *testing.F) {
	f.Add([]byte(append(sighted("+1", "EV1", 7), sighted("+2", "EV2", 8)...)))
	f.Add([]byte{1, 'e', 200})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		if newest(map[string]*best{}, b) != nil {
			return
		}
		var again Sightings
		err := Sightings(b).each(func(id string, block change.Block) error {
			return block.Each(func(c change.Change) error {
				again = again.Append(id, c.Row)
				return nil
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		before, after := map[string]*best{}, map[string]*best{}
		if err := errors.Join(newest(before, b), newest(after, again)); err != nil {
			t.Fatal(err)
		}
		for contact, x := range before {
			if y := after[contact]; y == nil || x.stamp != y.stamp || x.id != y.id {
				t.Fatalf("%q: %v and %v", contact, x, y)
			}
		}
		if len(before) != len(after) {
			t.Fatalf("%d contacts, then %d", len(before), len(after))
		}
	})
}
