package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"flexbeam/internal/telemetry"
	"flexbeam/pipeline/sink"
	"flexbeam/schemas/event"
	"flexbeam/transforms/keyed"
)

// The errors of EnvironmentKey.
var (
	ErrEmptyKey = errors.New("the contact key is set but empty")
	ErrTwoKeys  = errors.New("the contact key is set twice")
)

// EnvironmentKey returns the contact key that the environment of this process holds, in a variable or
// in a file that one names; empty if there is none. Contacts must not become readable by mistake, so
// an empty key is ErrEmptyKey.
func EnvironmentKey() (string, error) {
	key, ok := os.LookupEnv(keyed.KeyVariable)
	file, named := os.LookupEnv(keyed.KeyFileVariable)
	switch {
	case file == "" && named:
		return "", fmt.Errorf("%w: give %s the name of a file, or unset it to keep contacts readable", ErrEmptyKey, keyed.KeyFileVariable)
	case file == "" && !ok:
		return "", nil
	case file != "" && ok:
		return "", fmt.Errorf("%w: unset %s or %s", ErrTwoKeys, keyed.KeyVariable, keyed.KeyFileVariable)
	case file == "":
		if key = strings.TrimSpace(key); key == "" {
			return "", fmt.Errorf("%w: give %s a key, or unset it to keep contacts readable", ErrEmptyKey, keyed.KeyVariable)
		}
		return key, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("%s: the contact key cannot be read: %w", keyed.KeyFileVariable, err)
	}
	if key = strings.TrimSpace(string(b)); key == "" {
		return "", fmt.Errorf("%w: write it into %s, which %s names", ErrEmptyKey, file, keyed.KeyFileVariable)
	}
	return key, nil
}

// opened is a sink that this process opened for jobs that it does not run. There is one for each URI,
// since a second one would find the store taken, or settle against the first.
type opened struct {
	out  sink.Sink
	jobs int
}

var sinks struct {
	sync.Mutex
	of map[sinkKey]*opened
}

// sinkKey tells sinks apart.
type sinkKey struct {
	uri, texts  string
	hidePayload bool
}

func (j Job) sinkKey() sinkKey { return sinkKey{j.Sink, j.TextSink, j.HidePayload} }

// openSink opens the sink of a job, unless this process has it open for another one.
func openSink(ctx context.Context, j Job) (sink.Sink, error) {
	sinks.Lock()
	defer sinks.Unlock()
	key := j.sinkKey()
	if o := sinks.of[key]; o != nil {
		o.jobs++
		return o.out, nil
	}
	out, err := sink.Open(ctx, j.Sink, sink.Options{HidePayload: j.HidePayload, Texts: j.TextSink})
	if err != nil {
		return nil, err
	}
	if sinks.of == nil {
		sinks.of = map[sinkKey]*opened{}
	}
	sinks.of[key] = &opened{out: out, jobs: 1}
	return out, nil
}

// closeSink closes the sink of a job once no other job has it.
func closeSink(ctx context.Context, j Job) error {
	sinks.Lock()
	defer sinks.Unlock()
	key := j.sinkKey()
	o := sinks.of[key]
	if o == nil {
		return nil
	}
	if o.jobs--; o.jobs > 0 {
		return nil
	}
	delete(sinks.of, key)
	return o.out.Close(ctx)
}

// remoteTexts reads the text of a record again on a worker that does not run the job; nil where no
// source of this program can.
var remoteTexts event.TextReader

// RegisterTexts says how the text of a record is read again on a worker that does not run the job: by
// where it stands alone. A source whose records can be read again calls it in init.
func RegisterTexts(read event.TextReader) { remoteTexts = read }

// Transcripts is a keyed.Transcripts that ends.
type Transcripts interface {
	keyed.Transcripts
	// Close ends all fetches and waits for that.
	Close()
}

// A TranscriptsOpener opens what fetches transcripts as a text says.
type TranscriptsOpener func(turns string, count *telemetry.Counters) (Transcripts, error)

// remoteTranscripts opens what fetches transcripts on a worker that does not run the job; nil where this
// program cannot.
var remoteTranscripts TranscriptsOpener

// RegisterTranscripts says how transcripts are fetched on a worker that does not run the job. What
// fetches them calls it in init.
func RegisterTranscripts(open TranscriptsOpener) { remoteTranscripts = open }
