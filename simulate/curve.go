package simulate

import "math"

// hourly is the weight of each hour of a working day in arriving contacts.
var hourly = [24]float64{
	0.5, 0.4, 0.4, 0.4, 0.5, 0.8, 1.6, 3.0, 5.2, 7.5, 8.5, 8.5,
	8.0, 8.5, 8.0, 7.0, 5.5, 3.6, 2.6, 1.8, 1.4, 1.2, 0.9, 0.7,
}

// weekend is what remains of the weight on Saturday and Sunday.
const weekend = 0.5

// dayWeight is the weight of a whole working day.
var dayWeight = func() (sum float64) {
	for _, w := range hourly {
		sum += w
	}
	return sum
}()

// weight is the arrival weight per hour at a time, in UTC.
func weight(ms int64) float64 {
	w := hourly[ms/hour%24]
	if isWeekend(ms) {
		w *= weekend
	}
	return w
}

// isWeekend counts from 1970-01-01, a Thursday.
func isWeekend(ms int64) bool {
	d := (ms/(24*hour) + 4) % 7
	return d == 0 || d == 6
}

// weightBetween is the weight of a span of time.
func weightBetween(from, to int64) (sum float64) {
	for from < to {
		next := min((from/hour+1)*hour, to)
		sum += weight(from) * float64(next-from) / float64(hour)
		from = next
	}
	return sum
}

// weightAfter is the time at which an amount of weight has passed since from.
func weightAfter(from int64, amount float64) int64 {
	for {
		next := (from/hour + 1) * hour
		w := weight(from)
		step := w * float64(next-from) / float64(hour)
		if step >= amount {
			return from + int64(amount/w*float64(hour))
		}
		amount -= step
		from = next
	}
}

// arrivals gives the times of arriving contacts in order.
type arrivals struct {
	dice dice
	now  int64

	left   int     // arrivals still to come; negative: without end
	weight float64 // what remains of the window, for a fixed number
	mean   float64 // weight between two arrivals, without end
}

// next is the time of the next arrival; false when there is none.
func (a *arrivals) next() (int64, bool) {
	var gap float64
	switch {
	case a.left == 0:
		return 0, false
	case a.left > 0: // the smallest of what is left, uniform over the weight that is left
		gap = a.weight * (1 - math.Pow(1-a.dice.Float64(), 1/float64(a.left)))
		a.weight -= gap
		a.left--
	default:
		gap = a.dice.ExpFloat64() * a.mean
	}
	a.now = weightAfter(a.now, gap)
	return a.now, true
}
