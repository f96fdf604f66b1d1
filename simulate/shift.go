package simulate

// shifts are the working hours of the agents of a centre, in UTC, and the share of the agents that
// has each.
var shifts = []struct {
	start int64
	share float64
}{
	{6 * hour, 15},
	{7*hour + 30*minute, 20},
	{9 * hour, 30},
	{11 * hour, 14},
	{13*hour + 30*minute, 13},
	{22 * hour, 8},
}

const (
	shiftLength   = 8*hour + 30*minute
	attendance    = 0.85 // share of the agents that come on a working day
	weekendAttend = 0.45
)

// shiftOf spreads any first n agents evenly over the shifts.
func shiftOf(i int) int {
	const golden = 0.6180339887498949
	f := float64(i+1) * golden
	f = (f - float64(int64(f))) * 100
	for k, s := range shifts {
		if f < s.share {
			return k
		}
		f -= s.share
	}
	return len(shifts) - 1
}

// onDuty is the share of the agents that is expected at work.
func onDuty(ms int64) float64 {
	t := ms % (24 * hour)
	sum := 0.0
	for _, s := range shifts {
		if since := (t - s.start + 24*hour) % (24 * hour); since < shiftLength {
			sum += s.share / 100
		}
	}
	if isWeekend(ms) {
		return sum * weekendAttend
	}
	return sum * attendance
}
