package kinesis

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"flexbeam/pipeline/io/kinesisio"
	"flexbeam/pipeline/runtime"
	"flexbeam/pipeline/source"
	"flexbeam/pipeline/source/kinesis/control"
	"flexbeam/schemas/event"
)

func init() {
	source.Register("kinesis", "kinesis:STREAM", open)
	beam.RegisterType(reflect.TypeFor[finder]())
}

// A Source is some Kinesis streams.
type Source struct {
	streams []kinesisio.Stream
}

var _ source.Unbounded = (*Source)(nil)

var errNoStream = errors.New("names no stream: write kinesis:STREAM, such as 'kinesis:flex-events?region=us-east-1'")

func open(rest string, _ source.OpenOptions) (source.Source, error) {
	if name, _, _ := strings.Cut(rest, "?"); name == "" {
		return nil, fmt.Errorf("%q %w", "kinesis:"+rest, errNoStream)
	}
	streams, err := ParseStreams(rest)
	if err != nil {
		return nil, err
	}
	return &Source{streams: streams}, nil
}

// Size implements source.Source: a stream has no end.
func (s *Source) Size() (bytes, records int64) { return 0, 0 }

// Read implements source.Source.
func (s *Source) Read(scope beam.Scope, o source.ReadOptions) beam.PCollection {
	opts := []kinesisio.ReadOptionFn{kinesisio.ReadIdle()}
	streams := s.streams
	if r, ok := o.Control.(*reading); ok {
		streams = r.streams
		opts = append(opts, kinesisio.ReadPositions(r.began), kinesisio.ReadController(finder{o.Job}))
	} else {
		opts = append(opts, kinesisio.ReadRest(remoteRest))
	}
	return batches(scope, kinesisio.ReadAllBatches(scope, beam.CreateList(scope, streams), opts...))
}

// remoteRest is how long an idle shard rests on a runner that keeps the positions: less would make its
// checkpoints grow quickly (docs/flink.md).
const remoteRest = 5 * time.Second

// Ready implements source.Unbounded: a client of each stream finds its region and credentials.
func (s *Source) Ready(ctx context.Context) error {
	for _, stream := range s.streams {
		if _, err := stream.Client(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Begin implements source.Unbounded.
func (s *Source) Begin(ctx context.Context, b source.Begin) (source.Control, error) {
	values := b.Checkpoint.Load()
	positions, starts, err := load(values)
	if err != nil {
		return nil, err
	}
	if b.Durable {
		if err := admit(b, s.streams, knownStreams(values, positions, starts)); err != nil {
			return nil, err
		}
	}
	r := &reading{job: b.Job, checkpoint: b.Checkpoint, log: b.Log, began: positions, streams: s.streams}
	r.warnOfOthers()
	newest := control.Unknown
	for _, at := range positions { // an earlier job handed on what arrived before
		newest = max(newest, at.UpTo)
	}
	var ids []string
	for _, stream := range s.streams {
		ids = append(ids, stream.ID())
	}
	r.Control = control.New(ids, newest)
	r.Report = func(stream, shard string, err error) {
		b.Log.Warn("kinesis: tried again after an error", "stream", stream, "shard", shard, "error", err)
	}
	if b.Durable {
		if r.streams, err = r.begin(ctx, starts, b.Torn); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// finder finds the control of a job.
type finder struct{ Job string }

// FindController implements kinesisio.ControllerFinder.
func (f finder) FindController() kinesisio.Controller {
	if shared := runtime.Lookup(f.Job); shared != nil {
		if r, ok := shared.Source.(*reading); ok {
			return r.Control
		}
	}
	return nil
}

// Text implements source.Source: a record of a stream is read once.
func (s *Source) Text(event.Place) ([]byte, error) { return nil, event.ErrNoText }
