package bigquery

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/bigquery"

	"flexbeam/pipeline/sink"
	"flexbeam/schemas/model"
)

// Nothing locks a dataset, so jobs tell each other of themselves in labels of the table engagements.
const (
	// presentLabel, with the id of a job behind it, says that the job writes to the dataset. Its
	// value is when the job last said so, in seconds since 1970.
	presentLabel = "flexbeam_job_"
	// openedLabel holds the id of the job that opened the dataset last.
	openedLabel = "flexbeam_opened"

	presentEvery = 10 * time.Minute // how often a job says that it is there
	presentFor   = 30 * time.Minute // how long that counts: a job that was killed says nothing more
	presenceAge  = 5 * time.Second  // how old what is known of other jobs may be
)

// presence knows whether other jobs write to the dataset.
type presence struct {
	id string // of this job in labels

	mu     sync.Mutex
	told   time.Time // when the job last said that it is there
	looked time.Time // when other jobs were last looked for
	others bool      // some were seen: what they have written stays, so this is never taken back
	age    time.Duration
}

func newPresence() *presence {
	return &presence{id: strconv.FormatUint(rand.Uint64(), 36), age: presenceAge}
}

// OtherJobs implements sink.Sink. A job that came less than presenceAge ago may be missed.
func (w *Writer) OtherJobs(ctx context.Context) (bool, error) {
	p := w.presence
	p.mu.Lock()
	defer p.mu.Unlock()
	if !w.config.apply || p.others {
		return p.others, nil
	}
	if now := time.Now(); now.Sub(p.looked) >= p.age {
		if err := w.lookForOthers(ctx, now, false); err != nil {
			return false, err
		}
	}
	return p.others, nil
}

// arrive tells other jobs of this one. p.mu may be free: nobody else knows the sink yet.
func (w *Writer) arrive(ctx context.Context) error { return w.lookForOthers(ctx, time.Now(), true) }

// lookForOthers notes whether there are other jobs, and says from time to time that this one is there.
func (w *Writer) lookForOthers(ctx context.Context, now time.Time, opens bool) error {
	p := w.presence
	t := tables[model.EngagementsID]
	meta, err := w.metadata(ctx, t)
	if err != nil {
		return err
	}
	var change bigquery.TableMetadataToUpdate
	stale := false
	for label, said := range meta.Labels {
		id, ok := strings.CutPrefix(label, presentLabel)
		if !ok || id == p.id {
			continue
		}
		seconds, err := strconv.ParseInt(said, 10, 64)
		if err == nil && now.Sub(time.Unix(seconds, 0)) < presentFor {
			p.others = true
			continue
		}
		change.DeleteLabel(label)
		stale = true
	}
	if !opens && meta.Labels[openedLabel] != p.id {
		p.others = true
	}
	p.looked = now
	if !opens && !stale && now.Sub(p.told) < presentEvery {
		return nil
	}
	if opens {
		change.SetLabel(openedLabel, p.id)
	}
	change.SetLabel(presentLabel+p.id, strconv.FormatInt(now.Unix(), 10))
	p.told = now
	return w.label(ctx, t, change)
}

// leave tells other jobs that this one is gone.
func (w *Writer) leave(ctx context.Context) error {
	var change bigquery.TableMetadataToUpdate
	change.DeleteLabel(presentLabel + w.presence.id)
	return w.label(ctx, tables[model.EngagementsID], change)
}

// The labels that hold a Shape.
const (
	keyLabel     = "flexbeam_contact_key"
	optionsLabel = "flexbeam_options"
)

// Shape implements sink.Sink.
func (w *Writer) Shape(ctx context.Context) (sink.Shape, error) {
	meta, err := w.metadata(ctx, tables[model.EngagementsID])
	if err != nil {
		return sink.Shape{}, err
	}
	return shapeOf(meta), nil
}

// shapeOf returns the Shape that the table of engagements holds.
func shapeOf(engagements *bigquery.TableMetadata) sink.Shape {
	return sink.Shape{ContactKey: engagements.Labels[keyLabel], Options: engagements.Labels[optionsLabel]}
}

// SetShape implements sink.Sink. With schema=none nothing is remembered.
func (w *Writer) SetShape(ctx context.Context, s sink.Shape) error {
	if !w.config.apply {
		return nil
	}
	var change bigquery.TableMetadataToUpdate
	change.SetLabel(keyLabel, s.ContactKey)
	change.SetLabel(optionsLabel, s.Options)
	return w.label(ctx, tables[model.EngagementsID], change)
}

// label changes labels of a table.
func (w *Writer) label(ctx context.Context, t *table, change bigquery.TableMetadataToUpdate) error {
	err := w.retry(ctx, func(ctx context.Context) error { _, err := w.table(t).Update(ctx, change, ""); return err })
	if err != nil {
		return fmt.Errorf("bigquery: label table %s: %w", t.name, explain(err))
	}
	return nil
}
