package history

import (
	"math/rand/v2"

	"pgregory.net/rapid"
)

// Dice are drawn from. Their draws are even, where rapid's own favour small numbers.
type Dice struct{ flip func() bool }

// NewDice returns dice of a drawn seed, for what a history meets on its way: it does not shrink.
func NewDice(t *rapid.T) Dice {
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
	return Dice{func() bool { return r.Uint64()&1 == 1 }}
}

// Heads are dice that say yes to everything.
var Heads = Dice{func() bool { return true }}

var coin = rapid.Bool()

// coins are dice that shrink to the first choice.
func coins(t *rapid.T) Dice { return Dice{func() bool { return coin.Draw(t, "") }} }

// N draws a number from 0 to n-1.
func (d Dice) N(n int) int {
	x := 0
	for bits := n - 1; bits > 0; bits >>= 1 {
		x <<= 1
		if d.flip() {
			x |= 1
		}
	}
	return x % max(n, 1)
}

// OneIn is true once in 2^bits draws.
func (d Dice) OneIn(bits int) bool {
	for range bits {
		if !d.flip() {
			return false
		}
	}
	return true
}

// Often is true but once in 2^bits draws.
func (d Dice) Often(bits int) bool { return !d.OneIn(bits) }

// Shuffled returns the elements in a drawn order.
func Shuffled[T any](d Dice, s []T) []T {
	s = append([]T(nil), s...)
	for i := len(s) - 1; i > 0; i-- {
		j := i - d.N(i+1)
		s[i], s[j] = s[j], s[i]
	}
	return s
}

// pick draws an element.
func pick[T any](d Dice, s []T) T { return s[d.N(len(s))] }

// Forms is a form for Lines: one of the given ones, drawn for each event.
func Forms(d Dice, of []Form) func(int) Form { return func(int) Form { return pick(d, of) } }
