package event

// A Group holds the events of one task or worker.
type Group struct {
	Account string
	SID     string // of the task or worker
	Events  []*Event
}

// Groups sorts events into groups by account and the SID in the given field. The groups point into events.
func Groups(events []Event, by Field) []Group {
	type key struct{ account, sid string }
	var groups []Group
	at := make(map[key]int32, len(events)/4+1)
	of := make([]int32, len(events))
	var sizes []int32
	for i := range events {
		k := key{events[i].Text[AccountSID], events[i].Text[by]}
		g, ok := at[k]
		if !ok {
			g = int32(len(groups))
			at[k] = g
			groups = append(groups, Group{Account: k.account, SID: k.sid})
			sizes = append(sizes, 0)
		}
		of[i] = g
		sizes[g]++
	}
	all := make([]*Event, len(events))
	from := int32(0)
	for g := range groups {
		groups[g].Events = all[from : from : from+sizes[g]]
		from += sizes[g]
	}
	for i := range events {
		g := &groups[of[i]]
		g.Events = append(g.Events, &events[i])
	}
	return groups
}

// Key returns the key of a task or worker in a pipeline.
func Key(account, sid string) string { return account + "\x00" + sid }
