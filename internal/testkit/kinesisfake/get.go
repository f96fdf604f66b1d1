package kinesisfake

import (
	"encoding/json"
	"strconv"
)

// getRecords follows https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html.
func getRecords(q *request) ([]byte, error) {
	var in struct {
		ShardIterator string
		StreamARN     string
		Limit         *int
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	i, ok := parseIterator(in.ShardIterator)
	if !ok {
		return nil, errorf(InvalidArgument, "Invalid ShardIterator.")
	}
	limit := maxGetRecords
	if in.Limit != nil {
		if limit = *in.Limit; limit < 1 || limit > maxGetRecords {
			return nil, errorf(InvalidArgument, "Limit must be from 1 to %d.", maxGetRecords)
		}
	}
	st, err := q.stream(ref{StreamName: i.name, StreamARN: in.StreamARN}, shardID(int(i.shard)))
	if err != nil {
		return nil, err
	}
	defer st.mu.Unlock()
	if st.serial != i.stream {
		return nil, q.noStream(i.name)
	}
	h := st.shard(shardID(int(i.shard)))
	if h == nil {
		return nil, q.noShard(st, shardID(int(i.shard)))
	}
	now := milliseconds(q.Time)
	if err := q.expired(i); err != nil {
		return nil, err
	}
	if q.s.opts.Limits && (now < h.readBytes.blocked || !h.calls.take(now, readsPerSecond)) {
		return nil, q.exceeded(st, h)
	}
	from := h.clamp(i.place)
	if q.empty {
		limit = 0
	}
	to, bytes, memory := h.batch(from, limit, maxGetBytes)
	if q.s.opts.Limits {
		h.readBytes.spend(now, float64(bytes), readBytesPerSecond)
	}
	out := append(make([]byte, 0, memory+1024), `{"Records":[`...)
	out = h.appendRecords(out, from, to)
	out = append(out, `],"MillisBehindLatest":`...)
	out = strconv.AppendInt(out, h.behind(from, to, now), 10)
	if h.ended(to) && !(q.s.opts.LateEnd && to > from) {
		out = h.appendChildren(out)
	} else {
		out = append(out, `,"NextShardIterator":"`...)
		out = q.iterator(st, h, to).append(out)
		out = append(out, '"')
	}
	return append(out, '}'), nil
}

// ended tells whether nothing can come at place any more.
func (h *shard) ended(place uint64) bool { return h.closed != 0 && place >= h.end() }

// batch finds the end of the records from from on that fit limits. One record fits always.
func (h *shard) batch(from uint64, limit, most int) (to uint64, bytes, memory int) {
	for to = from; to < h.end() && int(to-from) < limit; to++ {
		r := &h.records[to-h.trimmed]
		if to > from && bytes+r.size > most {
			break
		}
		bytes += r.size
		memory += len(r.text) + 1
	}
	return to, bytes, memory
}

func (h *shard) appendRecords(b []byte, from, to uint64) []byte {
	for i := from; i < to; i++ {
		if i > from {
			b = append(b, ',')
		}
		b = append(b, h.records[i-h.trimmed].text...)
	}
	return b
}

// appendChildren adds the member ChildShards.
func (h *shard) appendChildren(b []byte) []byte {
	c, _ := json.Marshal(h.childJSON()) // strings only
	return append(append(b, `,"ChildShards":`...), c...)
}
