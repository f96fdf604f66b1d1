package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"flexbeam/schemas/event"
	"flexbeam/transforms/decode"
)

// report prints the figures and the ratios that matter.
func report(w io.Writer, inputs []input, best map[cell]figure) {
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.AppendHeader(table.Row{"events", "bytes/event", "configuration", "wall s", "CPU s", "events/s", "MB/s", "peak MB", "x DuckDB SQL", "us/event less start-up"})
	for _, in := range inputs {
		for _, c := range configurations {
			f, ok := best[cell{c.name, in.events}]
			if !ok {
				continue
			}
			marginal := "" // what an event costs beyond the smallest input
			if small := inputs[0]; small.events < in.events {
				s := best[cell{c.name, small.events}]
				marginal = fmt.Sprintf("%.2f", float64((f.wall-s.wall).Microseconds())/float64(in.events-small.events))
			}
			sql := best[cell{"DuckDB SQL", in.events}]
			t.AppendRow(table.Row{in.events, in.bytes / int64(in.events), c.name, fmt.Sprintf("%.2f", f.wall.Seconds()), fmt.Sprintf("%.2f", f.cpu.Seconds()),
				fmt.Sprintf("%.0f", float64(in.events)/f.wall.Seconds()), fmt.Sprintf("%.0f", float64(in.bytes)/1e6/f.wall.Seconds()),
				f.peak >> 20, fmt.Sprintf("%.2f", sql.wall.Seconds()/f.wall.Seconds()), marginal})
		}
		t.AppendSeparator()
	}
	t.Render()
}

// decoder prints how fast one core decodes records.
func decoder(w io.Writer, path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if len(data) > 64<<20 {
		data = data[:bytes.LastIndexByte(data[:64<<20], '\n')+1]
	}
	d := decode.New()
	d.Place = func(text []byte) event.Place { return event.Place{File: path, Length: int64(len(text))} }
	var fastest time.Duration
	var v sum
	for range 5 {
		v = sum{}
		start := time.Now()
		for rest := data; len(rest) > 0; {
			i := bytes.IndexByte(rest, '\n')
			d.Line(rest[:i], &v)
			rest = rest[i+1:]
		}
		if e := time.Since(start); fastest == 0 || e < fastest {
			fastest = e
		}
	}
	_, err = fmt.Fprintf(w, "decode, one core: %.2f GB/s, %.0f events/s (best of 5)\n", float64(len(data))/1e9/fastest.Seconds(), float64(v.events)/fastest.Seconds())
	return err
}

type sum struct{ events int }

func (s *sum) Event(*event.Event)                         { s.events++ }
func (s *sum) Dropped()                                   {}
func (s *sum) Refused(*decode.Error, []byte, decode.Spot) {}
