package kinesisfake

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"time"
)

// A shardIterator is a place in a shard, valid for a time.
type shardIterator struct {
	stream uint64 // serial
	shard  uint64 // index
	place  uint64
	made   int64
	epoch  uint64
	name   string
}

const iteratorVersion = 1

func (i shardIterator) append(b []byte) []byte {
	raw := make([]byte, 0, 64+len(i.name))
	for _, v := range [...]uint64{iteratorVersion, i.stream, i.shard, i.place, uint64(i.made), i.epoch} {
		raw = binary.BigEndian.AppendUint64(raw, v)
	}
	raw = append(raw, i.name...)
	raw = binary.BigEndian.AppendUint32(raw, crc32.ChecksumIEEE(raw))
	return base64.StdEncoding.AppendEncode(b, raw)
}

func parseIterator(s string) (shardIterator, bool) {
	raw, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(raw) < 52 {
		return shardIterator{}, false
	}
	body := raw[:len(raw)-4]
	if crc32.ChecksumIEEE(body) != binary.BigEndian.Uint32(raw[len(raw)-4:]) {
		return shardIterator{}, false
	}
	var v [6]uint64
	for n := range v {
		v[n] = binary.BigEndian.Uint64(body[8*n:])
	}
	return shardIterator{v[1], v[2], v[3], int64(v[4]), v[5], string(body[48:])}, v[0] == iteratorVersion
}

// A position is where reading begins, as a request of GetShardIterator or SubscribeToShard says it.
type position struct {
	Type      string
	Sequence  string
	Timestamp json.Number
}

// place finds a position in a shard.
//
// A sequence number that was trimmed is accepted, and reading begins with the oldest record: no
// page says so, but it is what users of the service see, as in
// https://github.com/justtrackio/gosoline/pull/1124 and
// https://github.com/influxdata/telegraf/pull/19508. A time before the trim horizon is accepted
// likewise, which is documented:
// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetShardIterator.html
func (q *request) place(st *stream, h *shard, p position) (uint64, error) {
	invalid := func(why string) (uint64, error) {
		return 0, errorf(InvalidArgument, "StartingSequenceNumber %s used in %s on shard %s in stream %s under account %s is invalid%s.",
			p.Sequence, q.Operation, h.id, st.name, q.s.opts.Account, why)
	}
	switch p.Type {
	case "AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER":
		if p.Timestamp != "" || p.Sequence == "" {
			return 0, errorf(InvalidArgument, "Must specify %s with StartingSequenceNumber and without Timestamp.", p.Type)
		}
		n, ok := parseSequence(p.Sequence)
		switch {
		case !ok:
			return invalid("")
		case n.shard != uint64(h.index):
			return 0, errorf(InvalidArgument, "Invalid StartingSequenceNumber. It encodes %s, while it was used in a call to %s", shardID(int(n.shard)), h.id)
		case n.created != uint64(h.born) || n.place > h.end()+1:
			return invalid(" because it did not come from this stream")
		case n.place == 0 || n.behind || p.Type == "AFTER_SEQUENCE_NUMBER":
			return min(n.place, h.end()), nil
		}
		return n.place - 1, nil
	case "AT_TIMESTAMP":
		if p.Timestamp == "" || p.Sequence != "" {
			return 0, errorf(InvalidArgument, "Must specify AT_TIMESTAMP with Timestamp and without StartingSequenceNumber.")
		}
		at, ok := fromSeconds(p.Timestamp)
		if !ok || at > milliseconds(q.Time) {
			return 0, errorf(InvalidArgument, "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. timestampInMillis: %s, currentTimestampInMillis: %d",
				p.Timestamp, milliseconds(q.Time))
		}
		for i := range h.records {
			if h.records[i].arrival >= at {
				return h.trimmed + uint64(i), nil
			}
		}
		return h.end(), nil
	case "TRIM_HORIZON", "LATEST":
		if p.Timestamp != "" || p.Sequence != "" {
			return 0, errorf(InvalidArgument, "Must specify %s without StartingSequenceNumber and Timestamp.", p.Type)
		}
		if p.Type == "LATEST" {
			return h.end(), nil
		}
		return h.trimmed, nil
	}
	return 0, errorf(Validation, "1 validation error detected: Value '%s' at 'shardIteratorType' failed to satisfy constraint: Member must satisfy enum value set: [AFTER_SEQUENCE_NUMBER, AT_SEQUENCE_NUMBER, AT_TIMESTAMP, LATEST, TRIM_HORIZON]", p.Type)
}

func getShardIterator(q *request) ([]byte, error) {
	var in struct {
		ref
		ShardId                string
		ShardIteratorType      string
		StartingSequenceNumber string
		Timestamp              json.Number
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	st, err := q.stream(in.ref, in.ShardId)
	if err != nil {
		return nil, err
	}
	defer st.mu.Unlock()
	h := st.shard(in.ShardId)
	if h == nil {
		return nil, q.noShard(st, in.ShardId)
	}
	now := milliseconds(q.Time)
	if q.s.opts.Limits && !h.iterators.take(now, readsPerSecond) {
		return nil, q.exceeded(st, h)
	}
	place, err := q.place(st, h, position{in.ShardIteratorType, in.StartingSequenceNumber, in.Timestamp})
	if err != nil {
		return nil, err
	}
	i := q.iterator(st, h, place)
	return append(i.append([]byte(`{"ShardIterator":"`)), `"}`...), nil
}

func (q *request) iterator(st *stream, h *shard, place uint64) shardIterator {
	return shardIterator{st.serial, uint64(h.index), place, milliseconds(q.Time), q.s.epoch.Load(), st.name}
}

func (q *request) exceeded(st *stream, h *shard) error {
	return errorf(ThroughputExceeded, "Rate exceeded for shard %s in stream %s under account %s.", h.id, st.name, q.s.opts.Account)
}

// expired is the error of an iterator that is too old, nil if it is not.
func (q *request) expired(i shardIterator) error {
	age := milliseconds(q.Time) - i.made
	if age < q.s.opts.IteratorLifetime.Milliseconds() && i.epoch == q.s.epoch.Load() {
		return nil
	}
	return errorf(ExpiredIterator, "Iterator expired. The iterator was created at time %s while right now it is %s which is further in the future than the tolerated delay of %d milliseconds.",
		time.UnixMilli(i.made).UTC().Format(time.UnixDate), q.Time.UTC().Format(time.UnixDate), q.s.opts.IteratorLifetime.Milliseconds())
}
