package pipeline

import (
	"time"

	"flexbeam/pipeline/source"
	"flexbeam/schemas/event"
	"flexbeam/transforms/keyed"
)

// ranged tells whether the job writes rows of a time alone.
func (o Options) ranged() bool { return !o.From.IsZero() || !o.To.IsZero() }

// span returns the time whose events are of use: files and objects of before, as their folders tell, are
// not read. Of what came behind the range all is, since it tells which tasks have no newer events.
func (o Options) span() source.Span {
	if o.From.IsZero() {
		return source.Span{}
	}
	return source.Span{From: o.From.Add(-source.Reach)}
}

// checkRange refuses a range that is none, or that the source cannot be read for.
func (o Options) checkRange(src source.Source) error {
	_, able := src.(source.RangedSource)
	switch {
	case !o.ranged():
		return nil
	case o.From.IsZero():
		return usage("--to: from when on is missing: give --from too")
	case unbounded(src) || o.Mode == Stream:
		return usage("--from and --to: they are for jobs with an end: choose --mode batch, over files or taskrouter:WORKSPACE")
	case !able:
		return usage("--from and --to: the source %s cannot be read for a time alone", o.Source)
	case !o.To.IsZero() && !o.From.Before(o.To):
		return usage("--from %s is not before --to %s", o.From.Format(time.RFC3339), o.To.Format(time.RFC3339))
	}
	return nil
}

// within returns the source as it is read for the range of the options, which choose then what is
// written.
func (o *Options) within(src source.Source) (source.Source, error) {
	if !o.ranged() {
		return src, nil
	}
	if o.To.IsZero() {
		o.To = time.Now()
	}
	if !o.From.Before(o.To) {
		return nil, usage("--from %s lies in the future: write an earlier time", o.From.Format(time.RFC3339))
	}
	r, err := src.(source.RangedSource).Within(source.Range{From: o.From, To: o.To})
	if err != nil {
		return nil, usage("--from and --to: %w", err)
	}
	o.choice = &keyed.Choice{From: millis(o.From), To: millis(o.To), Since: millis(r.Since)}
	if !r.Whole {
		o.since = o.choice.Since
	}
	return r.Source, nil
}

func millis(t time.Time) event.Millis { return event.Millis(t.UnixMilli()) }
