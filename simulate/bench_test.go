package simulate

import (
	"context"
	"io"
	"testing"
)

func BenchmarkWrite(b *testing.B) {
	const events = 100_000
	for _, form := range []Form{Object, String, REST, Webhook, Mixed} {
		b.Run(string(form), func(b *testing.B) {
			c := DefaultConfig()
			c.Form, c.Events = form, events
			var n int64
			for b.Loop() {
				s, err := Write(context.Background(), c, io.Discard)
				if err != nil {
					b.Fatal(err)
				}
				n = s.Bytes
			}
			b.SetBytes(n)
			b.ReportMetric(float64(events*b.N)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64(n)/events, "B/event")
		})
	}
}
