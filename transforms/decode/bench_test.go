package decode_test

import (
	"bytes"
	"context"
	"testing"

	"flexbeam/schemas/event"
	"flexbeam/simulate"
	"flexbeam/transforms/decode"
)

// nobody takes what a decoder finds.
type nobody struct{ decode.Visitor }

func (nobody) Event(*event.Event) {}
func (nobody) Dropped()           {}

// BenchmarkLine decodes ordinary lines: a day of one record a line, in one form after the other.
func BenchmarkLine(b *testing.B) {
	for _, form := range []simulate.Form{simulate.Object, simulate.String, simulate.REST, simulate.Webhook} {
		b.Run(string(form), func(b *testing.B) {
			c := simulate.DefaultConfig()
			c.Seed, c.Tasks, c.Form = 7, 500, form
			var data bytes.Buffer
			if _, err := simulate.Write(context.Background(), c, &data); err != nil {
				b.Fatal(err)
			}
			lines := bytes.Split(bytes.TrimSpace(data.Bytes()), []byte{'\n'})
			d := decode.New()
			d.Place = func(text []byte) event.Place { return event.Place{File: "f", Length: int64(len(text))} }
			b.SetBytes(int64(data.Len()))
			b.ReportAllocs()
			for b.Loop() {
				for _, line := range lines {
					d.Line(line, nobody{})
				}
			}
		})
	}
}
