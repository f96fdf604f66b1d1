package simulate

import (
	"context"
	"fmt"
	"io"
)

// Each draws the records of a config and hands them to fn in order of arrival, on the caller's
// goroutine. It stops at the first error of fn and returns it wrapped; a canceled context likewise.
// The Stats tell what was done until then.
func Each(ctx context.Context, c Config, fn func(Record) error) (Stats, error) {
	if err := c.Validate(); err != nil {
		return Stats{}, err
	}
	s := newScale(c)
	out := newDelivery(s.Config, fn)
	centre := newCentre(s, out)
	err := centre.run(ctx)
	out.stats.Tasks = centre.tasks
	if err != nil {
		return out.stats, fmt.Errorf("simulate: draw: %w", err)
	}
	return out.stats, nil
}

// Write draws the records of a config into w, one a line. When it returns, w is no longer used.
func Write(ctx context.Context, c Config, w io.Writer) (Stats, error) {
	if err := c.Validate(); err != nil {
		return Stats{}, err
	}
	out := newSpool(w)
	stats, err := Each(ctx, c, func(r Record) error { return out.line(r.Text) })
	if closing := out.close(); err == nil && closing != nil {
		err = fmt.Errorf("simulate: write: %w", closing)
	}
	return stats, err
}
