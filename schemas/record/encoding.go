package record

import (
	"fmt"

	"flexbeam/internal/wire"
)

// form is that of an encoded batch.
const form = 1

// Append returns the encoding of a batch, for where what decodes it is in another process.
func (b Batch) Append() []byte {
	w := wire.New(form, len(b.Data)+len(b.Progress)+len(b.Ends)*80+256)
	w.Text(b.Source, b.Name, b.Broken)
	w.Flag(b.Values)
	w.Flag(b.Plain)
	w.Number(b.LostFrom, b.LostTo, b.Offset, b.FirstLine, b.Part)
	w.Flag(b.Progress != nil)
	w.Bytes(b.Progress)
	w.Flag(b.Ends != nil)
	w.Number(int64(len(b.Ends)))
	w.Number(b.Ends...)
	w.Number(int64(len(b.Positions)))
	w.Text(b.Positions...)
	w.Number(int64(len(b.Arrivals)))
	w.Number(b.Arrivals...)
	return append(w, b.Data...)
}

// Read returns the batch that Append encoded, as slices of data. Errors wrap wire.ErrForm or
// wire.ErrCut.
func Read(data []byte) (b Batch, err error) {
	r := wire.Read("a batch of records", form, data)
	b.Source, b.Name, b.Broken = r.Text(), r.Text(), r.Text()
	b.Values, b.Plain = r.Flag(), r.Flag()
	b.LostFrom, b.LostTo, b.Offset, b.FirstLine, b.Part = r.Number(), r.Number(), r.Number(), r.Number(), r.Number()
	if has, progress := r.Flag(), r.Bytes(); has {
		b.Progress = progress
	}
	ended := r.Flag() // a batch without records of a source whose records are no lines
	b.Ends = numbers(r)
	if ended && b.Ends == nil {
		b.Ends = []int64{}
	}
	if n := r.Count(); n > 0 {
		b.Positions = make([]string, n)
		for i := range b.Positions {
			b.Positions[i] = r.Text()
		}
	}
	b.Arrivals = numbers(r)
	b.Data = r.Rest()
	if err := r.Err(); err != nil {
		return b, err
	}
	return b, b.check()
}

// check returns an error if the parts of a batch do not fit together.
func (b *Batch) check() error {
	n, at := len(b.Ends), int64(0)
	if len(b.Positions) != n || len(b.Arrivals) != n {
		return fmt.Errorf("a batch of records: %w: %d records, %d positions, %d arrivals", wire.ErrCut, n, len(b.Positions), len(b.Arrivals))
	}
	for _, end := range b.Ends {
		if end < at || end > int64(len(b.Data)) {
			return fmt.Errorf("a batch of records: %w: a record that ends at byte %d", wire.ErrCut, end)
		}
		at = end
	}
	if b.Ends != nil && at != int64(len(b.Data)) {
		return fmt.Errorf("a batch of records: %w: %d bytes behind the last record", wire.ErrCut, int64(len(b.Data))-at)
	}
	return nil
}

func numbers(r *wire.Reader) []int64 {
	n := r.Count()
	if n == 0 {
		return nil
	}
	all := make([]int64, n)
	for i := range all {
		all[i] = r.Number()
	}
	return all
}
