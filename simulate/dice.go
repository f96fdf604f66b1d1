package simulate

import (
	"math"
	"math/rand/v2"
)

// Times inside the package are milliseconds.
const (
	second int64 = 1000
	minute       = 60 * second
	hour         = 60 * minute
)

// Random sources, one for each part.
const (
	centreDice uint64 = iota + 1
	deliveryDice
	formDice
	lineDice
)

// dice is one seeded random source.
type dice struct{ *rand.Rand }

func newDice(seed, part uint64) dice {
	return dice{rand.New(rand.NewPCG(mix(seed), mix(seed^part<<32)))}
}

func (d dice) chance(p float64) bool { return p > 0 && d.Float64() < p }

// between is uniform in [lo, hi].
func (d dice) between(lo, hi int64) int64 { return lo + d.Int64N(hi-lo+1) }

// exp has an exponential distribution with the given mean.
func (d dice) exp(mean int64) int64 { return int64(d.ExpFloat64() * float64(mean)) }

// skewed has a log-normal distribution around the median, cut at lo and hi.
func (d dice) skewed(median int64, sigma float64, lo, hi int64) int64 {
	v := int64(float64(median) * math.Exp(sigma*d.NormFloat64()))
	return min(max(v, lo), hi)
}

func (d dice) id() sid128               { return sid128{d.Uint64(), d.Uint64()} }
func (d dice) sid(prefix string) string { return d.id().text(prefix) }

func pick[T any](d dice, list []T) T { return list[d.IntN(len(list))] }

// lottery draws an index in proportion to shares.
type lottery []float64

func newLottery[T any](rows []T, share func(T) float64) lottery {
	l := make(lottery, len(rows))
	sum := 0.0
	for i, r := range rows {
		sum += share(r)
		l[i] = sum
	}
	return l
}

func (l lottery) draw(d dice) int {
	v := d.Float64() * l[len(l)-1]
	for i, sum := range l {
		if v < sum {
			return i
		}
	}
	return len(l) - 1
}
