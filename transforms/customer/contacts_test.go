package customer

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"flexbeam/internal/scratch"
	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// sightedIn returns a sighting of a contact by an event, with the region as that which differs.
func sightedIn(contact, id string, version int64, region string) Sighted {
	r := model.Customers.NewRow()
	Row(r, contact, Profile{Kind: Phone, Region: region}, version, version)
	return Sight(id, r)
}

// open opens a store for values on disk.
func open(t *testing.T) *scratch.Store {
	t.Helper()
	s, err := scratch.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// In any order the last change that is written of a contact, of equal versions the later, is the greatest by version, event and row.
func TestTheOrderOfSightingsDecidesNothing(t *testing.T) {
	files := open(t)
	rapid.Check(t, func(rt *rapid.T) {
		type sighting struct {
			Contact, ID string
			Version     int64
			Region      string
		}
		all := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) sighting {
			pick := rapid.IntRange(0, 2)
			return sighting{string(rune('a' + pick.Draw(rt, "contact"))), "EV" + string(rune('0'+pick.Draw(rt, "id"))), int64(pick.Draw(rt, "version")), string(rune('x' + pick.Draw(rt, "region")))}
		}), 1, 20).Draw(rt, "sightings")
		store := func(all []sighting) map[string]string {
			c := NewContacts(files)
			stored, versions := map[string]string{}, map[string]int64{}
			for _, s := range all {
				b, err := c.Take(sightedIn(s.Contact, s.ID, s.Version, s.Region), 1, nil)
				if err != nil {
					rt.Fatal(err)
				}
				err = change.Block(b).Each(func(c change.Change) error {
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
			return stored
		}
		if d := cmp.Diff(store(all), store(rapid.Permutation(all).Draw(rt, "order"))); d != "" {
			rt.Fatalf("another order gives other rows:\n%s", d)
		}
	})
}

func TestContactsThatAreNotSeenAreForgotten(t *testing.T) {
	files := open(t)
	c := NewContacts(files)
	taken := func(s Sighted, now int64) bool {
		b, err := c.Take(s, now, nil)
		if err != nil {
			t.Fatal(err)
		}
		return len(b) > 0
	}
	old, young := sightedIn("a", "EV1", 1, "x"), sightedIn("b", "EV2", 2, "x")
	if !taken(old, 10) || !taken(young, 20) || taken(old, 11) {
		t.Error("a sighting is taken once")
	}
	c.Forget(20)
	if !taken(old, 21) || taken(young, 21) {
		t.Error("only what was not seen since is forgotten")
	}
	if n, bytes := c.Size(); n != 2 || bytes == 0 {
		t.Errorf("%d contacts have %d bytes", n, bytes)
	}
	c.Forget(100)
	live, _ := files.Size()
	if n, bytes := c.Size(); n != 0 || bytes != 0 || live != 0 {
		t.Errorf("%d contacts have %d bytes, of %d on disk", n, bytes, live)
	}
}
