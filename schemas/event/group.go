package event

import "flexbeam/internal/parallel"

// A Group holds the events of one task or worker.
type Group struct {
	Account string
	SID     string // of the task or worker
	Events  []*Event
}

// Groups sorts events into groups by their account and the SID in the given field. The groups point
// into events, so the slice must stay as it is while they are used.
func Groups(events []Event, by Field) []Group {
	if len(events) > 0 && allOf(events, by) {
		g := Group{Account: events[0].Text[AccountSID], SID: events[0].Text[by], Events: make([]*Event, len(events))}
		for i := range events {
			g.Events[i] = &events[i]
		}
		return []Group{g}
	}
	return groups([][]Event{events}, by)
}

// allOf tells whether events are all of one group, as those of a key are.
func allOf(events []Event, by Field) bool {
	account, sid := events[0].Text[AccountSID], events[0].Text[by]
	for i := range events {
		if events[i].Text[AccountSID] != account || events[i].Text[by] != sid {
			return false
		}
	}
	return true
}

// Gather decodes all blocks that an iterator of a GroupByKey gives, and sorts their events into
// groups. It returns ErrCorrupt for what is no block.
func Gather(blocks func(*[]byte) bool, by Field) ([]Group, error) {
	var all []Block
	var b []byte
	for blocks(&b) {
		all = append(all, b)
		b = nil
	}
	events := make([][]Event, len(all))
	err := parallel.Do(parallel.Workers(), len(all), func(_, i int) (err error) {
		events[i], err = Decode(all[i], make([]Event, 0, len(all[i])/64+4))
		all[i] = nil
		return err
	})
	if err != nil {
		return nil, err
	}
	return groups(events, by), nil
}

func groups(parts [][]Event, by Field) []Group {
	type key struct{ account, sid string }
	n := 0
	for _, events := range parts {
		n += len(events)
	}
	var groups []Group
	at := make(map[key]int32, n/4+1)
	of := make([]int32, 0, n)
	var sizes []int32
	for _, events := range parts {
		for i := range events {
			k := key{events[i].Text[AccountSID], events[i].Text[by]}
			g, ok := at[k]
			if !ok {
				g = int32(len(groups))
				at[k] = g
				groups = append(groups, Group{Account: k.account, SID: k.sid})
				sizes = append(sizes, 0)
			}
			of = append(of, g)
			sizes[g]++
		}
	}
	all := make([]*Event, n)
	from := int32(0)
	for g := range groups {
		groups[g].Events = all[from : from : from+sizes[g]]
		from += sizes[g]
	}
	for _, events := range parts {
		for i := range events {
			g := &groups[of[i]]
			g.Events = append(g.Events, &events[i])
		}
		of = of[len(events):]
	}
	return groups
}

// Key returns the key of a task or worker in a pipeline.
func Key(account, sid string) string { return account + "\x00" + sid }
