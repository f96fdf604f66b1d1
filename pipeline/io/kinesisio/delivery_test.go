package kinesisio

import (
	"testing"

	"pgregory.net/rapid"
)

// act does something at random.
func (w *world) act() {
	actions := []func(){w.put, w.put, w.pass, w.pass, w.passLong, w.reshard, w.trouble, w.expire, w.restart, w.fail, w.round, w.round, w.round, w.round, w.round}
	names := []string{"put", "put", "pass", "pass", "passLong", "reshard", "trouble", "expire", "restart", "fail", "round", "round", "round", "round", "round"}
	i := rapid.IntRange(0, len(actions)-1).Draw(w.t, "action")
	w.t.Log(names[i])
	actions[i]()
}

func TestEveryRecordIsHandedOnOnceAndTheWatermarkWaitsForIt(t *testing.T) {
	for _, test := range []struct{ name, consumer string }{{"polling", ""}, {"fan-out", "beam"}} {
		t.Run(test.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				w := newWorld(t, rapid.IntRange(1, 2).Draw(t, "streams"), test.consumer)
				defer w.close()
				for range rapid.IntRange(5, 40).Draw(t, "actions") {
					w.act()
				}
				w.finish()
			})
		})
	}
}
