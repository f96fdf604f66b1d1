package keyed

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/cespare/xxhash/v2"

	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
)

// PriorRows knows which rows a sink held when a job began: those that earlier jobs left. A fold compares its
// rows with them as with those that it emitted itself, so that what is no longer right is deleted. In memory
// is a hash for each key that has rows; the rows are looked up when the key is first processed.
type PriorRows struct {
	find   FindRows
	noted  map[model.TableID][]uint64 // hashes of owners, sorted once
	sorted sync.Once
}

// FindRows calls f with the rows of a table that belong to some owners, as sink.Sink's Find does.
type FindRows func(ctx context.Context, t model.TableID, owners []model.OwnerKey, f func(model.Row) error) error

// NewPriorRows returns a PriorRows that looks rows up with find. All rows are noted before any is asked for.
func NewPriorRows(find FindRows) *PriorRows {
	return &PriorRows{find: find, noted: map[model.TableID][]uint64{}}
}

// Note remembers that the sink holds a row: its key cells and those of its owner.
func (p *PriorRows) Note(t model.TableID, r model.Row) {
	h := xxhash.Sum64String(event.Key(model.Tables[t].OwnerKey(r)))
	if n := len(p.noted[t]); n == 0 || p.noted[t][n-1] != h {
		p.noted[t] = append(p.noted[t], h)
	}
}

// Keys returns how many keys of a kind have rows: the most that one of its tables knows.
func (p *PriorRows) Keys(kind string) (n int) {
	if p == nil {
		return 0
	}
	p.sort()
	for _, t := range model.OwnedTables() {
		if model.Tables[t].Owner.Kind == kind {
			n = max(n, len(p.noted[t]))
		}
	}
	return n
}

func (p *PriorRows) sort() {
	p.sorted.Do(func() {
		for t := range p.noted {
			slices.Sort(p.noted[t])
			p.noted[t] = slices.Clip(slices.Compact(p.noted[t]))
		}
	})
}

// A Keyed is a state with its key.
type Keyed struct {
	Key   string // event.Key
	State *State
}

// Adopt makes the rows that the sink holds of some keys of a kind count as emitted before, for those states
// that were not processed yet. p may be nil: then the sink holds none.
func (p *PriorRows) Adopt(ctx context.Context, k *Kind, states []Keyed) error {
	if p == nil {
		return nil
	}
	p.sort()
	for _, t := range model.OwnedTables() {
		if table := model.Tables[t]; table.Owner.Kind == k.Name && len(p.noted[t]) > 0 {
			if err := p.adopt(ctx, table, states); err != nil {
				return fmt.Errorf("look up which rows of %s the sink holds: %w", table.Name, err)
			}
		}
	}
	return nil
}

func (p *PriorRows) adopt(ctx context.Context, t *model.Table, states []Keyed) error {
	var owners []model.OwnerKey
	of := map[string][]*State{}
	for _, s := range states {
		if s.State.Folds > 0 {
			continue
		}
		account, sid, _ := strings.Cut(s.Key, "\x00")
		if t.Owner.Account == "" {
			account = ""
		}
		key := event.Key(account, sid)
		if _, ok := slices.BinarySearch(p.noted[t.ID], xxhash.Sum64String(key)); !ok {
			continue
		}
		if of[key] == nil {
			owners = append(owners, model.OwnerKey{Account: account, SID: sid})
		}
		of[key] = append(of[key], s.State)
	}
	if len(owners) == 0 {
		return nil
	}
	return p.find(ctx, t.ID, owners, func(r model.Row) error {
		row := emitted{table: t.ID, key: string(t.AppendKey(nil, r)), left: true}
		for _, s := range of[event.Key(t.OwnerKey(r))] {
			s.emitted = append(s.emitted, row)
		}
		return nil
	})
}
