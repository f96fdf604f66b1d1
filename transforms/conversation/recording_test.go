package conversation_test

import (
	"testing"

	"pgregory.net/rapid"

	"flexbeam/internal/testkit/history"
	"flexbeam/schemas/turn"
)

// A recording whose link is gone from the engagement leaves no turn, whoever wrote it.
func TestTheTurnOfARecordingGoesWithItsLink(t *testing.T) {
	events := history.Parse(`
		0    entered channel=voice ta={"conversations":{"media":[{"type":"VoiceRecording","url":"https://rec"}]}}
		10   accepted WR1 channel=voice
		12   accepted WR2 channel=voice
		40   completed WR1 channel=voice
		50   completed WR2 channel=voice ta={"reservation_attributes":{"WR2":{"media":[{"type":"VoiceRecording","url":"https://second"}]}}}
		60   task.completed channel=voice
		90   task.updated ta={"conversations":{"media":[]}}`)
	rapid.Check(t, func(rt *rapid.T) {
		d := history.NewDice(rt)
		lines := history.Lines(events, history.Forms(d, history.Streamed))
		s := &service{Dice: d, known: map[string]turn.Transcript{}, begun: map[string]bool{}}
		o := history.Options{Transcripts: s, Store: history.NewStore(), Cut: func() bool { return d.OneIn(1) }}
		want, _ := history.Batch(lines, 1, history.Options{Transcripts: s})
		for _, some := range [][][]byte{lines[:len(lines)-1], lines} {
			switch d.N(3) {
			case 0:
				history.Batch(some, 2, o)
			case 1:
				history.Stream(some, o)
			default:
				begin := history.At(0)
				history.Live(some, history.LiveOptions{
					Options: o, Dice: d, Finally: begin + 3_600_000, Arrival: func(i int) int64 { return begin + int64(i)*1000 },
				})
			}
		}
		if n := len(want["turns"]); n != 1 {
			rt.Fatalf("%d recordings", n)
		}
		if diff := history.Diff(turnsOf(want), turnsOf(o.Store.Tables())); diff != "" {
			rt.Fatal(diff)
		}
	})
}
