package kinesis

import (
	"encoding/json"
	"fmt"
	"strings"

	"flexbeam/pipeline/io/kinesisio"
	"flexbeam/schemas/record"
)

// oldStart began the keys of starts in earlier versions.
const oldStart = "start:"

// load returns what the values of a checkpoint have of Kinesis streams: the positions of shards by
// kinesisio.Key, and the starts of streams by ID.
func load(values map[string][]byte) (positions map[string]kinesisio.Position, starts map[string]kinesisio.Start, err error) {
	positions, starts = map[string]kinesisio.Position{}, map[string]kinesisio.Start{}
	for key, value := range values {
		name, shard, _ := strings.Cut(key, "\x00")
		stream, ours := strings.CutPrefix(name, prefix)
		if old, is := strings.CutPrefix(key, oldStart); is {
			stream, shard, ours = old, "", true
		}
		if !ours {
			continue
		}
		if shard == "" {
			starts[stream], err = kinesisio.ParseStart(string(value))
		} else {
			var p kinesisio.Position
			err = json.Unmarshal(value, &p)
			positions[kinesisio.Key(stream, shard)] = p
		}
		if err != nil {
			return nil, nil, fmt.Errorf("kinesis: %q in the state: %w", key, err)
		}
	}
	return positions, starts, nil
}

// positionKey returns the key in a checkpoint of a shard that kinesisio.Key names.
func positionKey(key string) string {
	i := strings.LastIndexByte(key, '/')
	return record.Key(prefix+key[:i], key[i+1:])
}

// startKey returns the key in a checkpoint of where a stream was begun.
func startKey(stream string) string { return record.Key(prefix+stream, "") }

// Known returns the IDs of the streams that the values of a checkpoint belong to.
func Known(values map[string][]byte) (map[string]bool, error) {
	positions, starts, err := load(values)
	if err != nil {
		return nil, err
	}
	return knownStreams(values, positions, starts), nil
}

// Positions returns the positions of shards, by kinesisio.Key, among the values of a checkpoint.
func Positions(values map[string][]byte) (map[string]kinesisio.Position, error) {
	positions, _, err := load(values)
	return positions, err
}
