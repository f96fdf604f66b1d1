package kinesis

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"flexbeam/pipeline/io/kinesisio"
	"flexbeam/pipeline/source"
	"flexbeam/schemas/record"
)

// readPrefix begins the keys in a checkpoint that name the streams which jobs have read with it. A
// stream in which nothing has arrived yet has no position.
const readPrefix = "read:"

func readKey(stream string) string { return record.Key(readPrefix+stream, "") }

// knownStreams returns the IDs of the streams that a checkpoint belongs to.
func knownStreams(values map[string][]byte, positions map[string]kinesisio.Position, starts map[string]kinesisio.Start) map[string]bool {
	known := map[string]bool{}
	for stream := range starts {
		known[stream] = true
	}
	for key := range positions {
		known[key[:strings.LastIndexByte(key, '/')]] = true
	}
	for key := range values {
		name, _, _ := strings.Cut(key, "\x00")
		if stream, ok := strings.CutPrefix(name, readPrefix); ok {
			known[stream] = true
		}
	}
	return known
}

// admit refuses streams that a checkpoint of other streams does not know, unless they are to be
// added, and notes those that are read from now on.
func admit(b source.Begin, streams []kinesisio.Stream, known map[string]bool) error {
	for _, s := range streams {
		id := s.ID()
		if known[id] {
			continue
		}
		if len(known) > 0 && !b.AddStream {
			names := strings.Join(slices.Sorted(maps.Keys(known)), ", ")
			return fmt.Errorf("--state: the directory holds the state of %s, and not of %s: give %s a state directory of its own; "+
				"or name the stream as before, or by its ARN, if it is the same one; or add --add-stream to read it too from now on", names, id, id)
		}
	}
	for _, s := range streams {
		if !known[s.ID()] {
			if err := b.Checkpoint.Save(readKey(s.ID()), []byte{1}); err != nil {
				return err
			}
		}
	}
	return nil
}
