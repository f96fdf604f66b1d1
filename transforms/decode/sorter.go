package decode

import (
	"strconv"

	"flexbeam/schemas/event"
	"flexbeam/schemas/record"
	"flexbeam/transforms/keyed"
)

// A sorter sorts the events of one collector by kind and key.
type sorter struct {
	batch *record.Batch
	kinds []sorted
}

// sorted is what a sorter has of a kind.
type sorted struct {
	kind    *keyed.Kind
	buckets []event.Builder   // none: by key
	keys    map[string]*group // else nil
}

// group is what a sorter has of a key.
type group struct {
	builder event.Builder
	in      keyed.Input
}

// begin makes a sorter ready for a batch.
func (s *sorter) begin(b *record.Batch) {
	s.batch = b
	for k := range s.kinds {
		if len(s.kinds[k].buckets) == 0 {
			s.kinds[k].keys = map[string]*group{}
		}
	}
}

// take takes an event of the collector. Its texts are copied.
func (s *sorter) take(c *collector, e *event.Event) {
	for k := range s.kinds {
		z := &s.kinds[k]
		sid, ok := z.kind.Route(e)
		switch {
		case !ok:
		case z.keys == nil:
			z.buckets[keyed.BucketOf(sid, len(z.buckets))].Add(e, z.kind.Part)
		default:
			z.add(c, s.batch, e, sid)
		}
	}
}

// add adds an event to its key.
func (z *sorted) add(c *collector, b *record.Batch, e *event.Event, sid string) {
	key := event.Key(e.Text[event.AccountSID], sid)
	g := z.keys[key]
	if g == nil {
		g = &group{in: keyed.Input{Kind: z.kind.ID, Key: key, Time: keyed.None, Source: b.Source, Name: b.Name, Arrival: keyed.None}}
		z.keys[key] = g
	}
	g.builder.Add(e, z.kind.Part)
	if b.Arrivals == nil {
		g.in.Events = append(g.in.Events, z.kind.Info(e, keyed.None))
		g.in.Time = max(g.in.Time, keyed.Millis(e.Time))
		return
	}
	line := int64(c.first) + c.line
	arrival := keyed.Millis(b.Arrivals[line])
	info := z.kind.Info(e, arrival)
	g.in.Events = append(g.in.Events, info)
	g.in.Time = max(g.in.Time, arrival)
	if !info.Owned { // no dead letter of this kind tells of it
		g.in.Records = append(g.in.Records, keyed.Record{})
		return
	}
	text, at := c.decoder.Record()
	position := b.Positions[line]
	if at.Value > 0 {
		position += "+" + strconv.Itoa(at.Value)
	}
	g.in.Records = append(g.in.Records, keyed.Record{Position: position, Index: at.Index, Text: text})
}

// inputs appends one input for each key, or bucket, of what all sorters have of a kind. It empties
// them.
func (z *sorted) inputs(others []*sorted, b *record.Batch, to []keyed.Input) []keyed.Input {
	if z.keys == nil {
		for bucket := range z.buckets {
			if block := z.bucket(others, bucket); len(block) > 0 {
				to = append(to, keyed.Input{Kind: z.kind.ID, Bucket: bucket, Block: block})
			}
		}
		return to
	}
	all := append([]*sorted{z}, others...)
	for i, one := range all {
		for key, g := range one.keys {
			in := g.in
			in.Block = g.builder.Append(nil)
			for _, other := range all[i+1:] {
				o := other.keys[key]
				if o == nil {
					continue
				}
				in.Block = o.builder.Append(in.Block)
				in.Time = max(in.Time, o.in.Time)
				in.Events = append(in.Events, o.in.Events...)
				in.Records = append(in.Records, o.in.Records...)
				delete(other.keys, key)
			}
			to = append(to, in)
		}
	}
	return to
}

// bucket returns what all sorters have in a bucket.
func (z *sorted) bucket(others []*sorted, bucket int) event.Block {
	size := z.buckets[bucket].Size() + 8
	for _, o := range others {
		size += o.buckets[bucket].Size() + 8
	}
	var block event.Block
	for _, b := range append([]*sorted{z}, others...) {
		builder := &b.buckets[bucket]
		if builder.Len() == 0 {
			continue
		}
		if block == nil {
			block = make(event.Block, 0, size)
		}
		block = builder.Append(block)
		builder.Reset()
	}
	return block
}
