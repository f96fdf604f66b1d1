package main

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"sort"
	"strconv"
	"strings"
)

// A sample is what the metrics were at one time, by name and labels as they are written.
type sample map[string]float64

// parse reads Prometheus' text format, as far as flexbeam writes it.
func parse(r io.Reader) (sample, error) {
	s := sample{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := lines.Text()
		at := strings.LastIndexByte(line, ' ')
		if at < 0 || line[0] == '#' {
			continue
		}
		v, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("metrics: %q: %w", line, err)
		}
		s[line[:at]] = v
	}
	return s, lines.Err()
}

// sum adds all series of a name whose labels contain a text.
func (s sample) sum(name, label string) (n float64) {
	for series, v := range s {
		if base, labels, _ := strings.Cut(series, "{"); base == name && strings.Contains(labels, label) {
			n += v
		}
	}
	return n
}

// read is how many records the job has read.
func (s sample) read() int { return int(s["flexbeam_records_total"]) }

// folded is how many events are part of rows that were given to the sink.
func (s sample) folded() int {
	return int(s["flexbeam_distinct_events_total"] + s["flexbeam_duplicates_total"])
}

func (s sample) cpu() float64 { return s["process_cpu_seconds_total"] }

// goes is how much memory Go's runtime has: what it took and has not given back, in bytes.
func (s sample) goes() float64 {
	return s["go_memstats_sys_bytes"] - s["go_memstats_heap_released_bytes"]
}

func (s sample) upserts() float64 { return s.sum("flexbeam_rows_total", `change="upsert"`) }

// quantile returns a quantile of what a histogram counted since an earlier sample, in seconds,
// between the bounds by proportion.
func (s sample) quantile(name string, since sample, q float64) float64 {
	type bucket struct{ le, count float64 }
	var all []bucket
	prefix := name + `_bucket{le="`
	for series, v := range s {
		if text, ok := strings.CutPrefix(series, prefix); ok {
			le, err := strconv.ParseFloat(strings.TrimSuffix(text, `"}`), 64)
			if err != nil {
				return math.NaN()
			}
			all = append(all, bucket{le, v - since[series]})
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].le < all[j].le })
	if len(all) == 0 || all[len(all)-1].count == 0 {
		return math.NaN()
	}
	want := q * all[len(all)-1].count
	var below bucket
	for _, b := range all {
		if b.count >= want {
			if math.IsInf(b.le, 1) {
				return below.le
			}
			return below.le + (b.le-below.le)*(want-below.count)/(b.count-below.count)
		}
		below = b
	}
	return below.le
}
