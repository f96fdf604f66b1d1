package simulate

// activity is one state of an agent. Agents on duty leave Available for a pause in proportion to
// the shares.
type activity struct {
	name      string
	available bool
	share     float64 // of the pauses, in percent
	median    int64   // length
}

const (
	offline = iota
	available
	firstPause
)

const lunch = firstPause + 1

var activities = [...]activity{
	offline:        {name: "Offline"},
	available:      {name: "Available", available: true},
	firstPause:     {name: "Break", share: 55, median: 9 * minute},
	lunch:          {name: "Lunch", share: 15, median: 38 * minute},
	firstPause + 2: {name: "Meeting", share: 15, median: 32 * minute},
	firstPause + 3: {name: "Training", share: 8, median: 45 * minute},
	firstPause + 4: {name: "Unavailable", share: 7, median: 4 * minute},
}

var pauses = newLottery(activities[:], func(a activity) float64 { return a.share })
