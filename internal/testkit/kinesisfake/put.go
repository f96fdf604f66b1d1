package kinesisfake

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"unicode/utf8"

	"flexbeam/internal/jsonscan"
)

// An entry is a record of a request, in slices of it.
type entry struct {
	data []byte // base64
	key  []byte // the partition key as quoted JSON
	size int    // of the data and the partition key, decoded
	at   hashKey
}

// A put is the parsed request of PutRecord or PutRecords.
type put struct {
	ref
	entries []entry
	scratch []byte
	bytes   int
	err     error // the first that the values have
}

// parsePut walks the request in place: the general decoder would be the slowest part of the server.
func parsePut(b []byte, single bool) (*put, error) {
	p := &put{}
	i := jsonscan.Space(b, 0)
	if i >= len(b) || b[i] != '{' {
		return nil, errorf(Serialization, "the request is no JSON object")
	}
	var end int
	var err error
	if single {
		end, err = p.object(b, i, 0, &entry{})
	} else {
		o := jsonscan.OpenObject(b, i, 0)
		for o.Next() {
			switch {
			case string(o.Key) == "Records" && o.At < len(b) && b[o.At] == '[':
				o.Seek(p.records(b, o.At, o.Depth()))
			case string(o.Key) == "StreamName":
				p.StreamName = text(o.Take())
			case string(o.Key) == "StreamARN":
				p.StreamARN = text(o.Take())
			default:
				o.Skip()
			}
		}
		end, err = o.End()
	}
	if err == nil && jsonscan.Space(b, end) != len(b) {
		err = jsonscan.ErrSyntax
	}
	if err != nil {
		return nil, errorf(Serialization, "the request cannot be read: %v", err)
	}
	if p.err != nil {
		return nil, p.err
	}
	return p, nil
}

func (p *put) records(b []byte, i, depth int) (int, error) {
	a := jsonscan.OpenArray(b, i, depth)
	for a.Next() {
		if a.At >= len(b) || b[a.At] != '{' {
			return a.At, jsonscan.ErrSyntax
		}
		a.Seek(p.object(b, a.At, a.Depth(), &entry{}))
	}
	return a.End()
}

// object parses an entry; in PutRecord it is the request and names the stream too.
func (p *put) object(b []byte, i, depth int, e *entry) (int, error) {
	var hash string
	o := jsonscan.OpenObject(b, i, depth)
	for o.Next() {
		switch string(o.Key) {
		case "Data":
			e.data = o.Take()
		case "PartitionKey":
			e.key = o.Take()
		case "ExplicitHashKey":
			hash = text(o.Take())
		case "StreamName":
			p.StreamName = text(o.Take())
		case "StreamARN":
			p.StreamARN = text(o.Take())
		default:
			o.Skip()
		}
	}
	end, err := o.End()
	if err == nil && p.err == nil {
		p.err = p.add(e, hash)
	}
	return end, err
}

// text is the string of a JSON value, "" if it is none.
func text(quoted []byte) string {
	if len(quoted) < 2 || quoted[0] != '"' {
		return ""
	}
	return string(jsonscan.AppendUnquoted(nil, quoted))
}

// add checks an entry by
// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecordsRequestEntry.html.
func (p *put) add(e *entry, hash string) error {
	if len(e.data) < 2 || e.data[0] != '"' {
		return errorf(Validation, "1 validation error detected: Value null at 'data' failed to satisfy constraint: Member must not be null")
	}
	key := text(e.key)
	if n := utf8.RuneCountInString(key); n < 1 || n > maxPartitionKey {
		return errorf(Validation, "1 validation error detected: Value at 'partitionKey' failed to satisfy constraint: Member must have length from 1 to %d", maxPartitionKey)
	}
	quoted := e.data
	e.data = quoted[1 : len(quoted)-1]
	if bytes.IndexByte(e.data, '\\') >= 0 {
		e.data = jsonscan.AppendUnquoted(nil, quoted)
	}
	if n := base64.StdEncoding.DecodedLen(len(e.data)); cap(p.scratch) < n {
		p.scratch = make([]byte, n)
	}
	n, err := base64.StdEncoding.Decode(p.scratch[:cap(p.scratch)], e.data)
	if err != nil {
		return errorf(Serialization, "Data is no base64: %v", err)
	}
	e.size = n + len(key)
	if hash == "" {
		e.at = hashOf(key)
	} else {
		ok := false
		if e.at, ok = parseHashKey(hash); !ok {
			return errorf(InvalidArgument, "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was %s", hash)
		}
	}
	if e.size > maxRecordBytes {
		return errorf(Validation, "1 validation error detected: Value at 'data' failed to satisfy constraint: Member must have length less than or equal to %d", maxRecordBytes)
	}
	p.bytes += e.size
	p.entries = append(p.entries, *e)
	return nil
}

// fits checks a request against the limits of the stream.
func (p *put) fits(st *stream, q *request) error {
	if st.status == creating || st.status == deleting {
		return q.noStream(st.name)
	}
	for i := range p.entries {
		if p.entries[i].size > st.maxRecord {
			return errorf(InvalidArgument, "A record of %d bytes is larger than stream %s allows: %d bytes, partition key included.", p.entries[i].size, st.name, st.maxRecord)
		}
	}
	return nil
}

// store appends an entry to its shard and returns its sequence number.
func (st *stream) store(h *shard, e *entry, arrival int64, slab []byte) (sequence, []byte) {
	n := h.sequenceAt(h.end(), arrival)
	start := len(slab)
	slab = append(slab, `{"SequenceNumber":"`...)
	slab = n.append(slab)
	slab = append(slab, `","ApproximateArrivalTimestamp":`...)
	slab = appendSeconds(slab, arrival)
	slab = append(slab, `,"Data":"`...)
	slab = append(slab, e.data...)
	slab = append(slab, `","PartitionKey":`...)
	slab = append(slab, e.key...)
	slab = append(slab, '}')
	r := record{text: slab[start:len(slab):len(slab)], arrival: arrival, size: e.size}
	h.records = append(h.records, r)
	cost := int64(len(r.text)) + overhead
	h.bytes += cost
	st.bytes += cost
	return n, slab
}

// slab has room for the texts of entries, so that they need one piece of memory.
func slab(entries []entry) []byte {
	n := 0
	for i := range entries {
		n += len(entries[i].data) + len(entries[i].key) + 160
	}
	return make([]byte, 0, n)
}

// admit tells why an entry is refused, nil if it is not.
func (q *request) admit(st *stream, h *shard, e *entry) *apiError {
	now := milliseconds(q.Time)
	if q.s.opts.Limits && (!h.writes.take(now, 1, writesPerSecond) || !h.writeBytes.take(now, float64(e.size), writeBytesPerSecond)) {
		return errorf(ThroughputExceeded, "Rate exceeded for shard %s in stream %s under account %s.", h.id, st.name, q.s.opts.Account)
	}
	for _, f := range q.s.strike(Entry, st.name, h.id, q.Time) {
		if f.Error != "" {
			return f.failure()
		}
	}
	return nil
}

func putRecord(q *request) ([]byte, error) {
	p, err := parsePut(q.body, true)
	if err != nil {
		return nil, err
	}
	st, err := q.stream(p.ref, "")
	if err != nil {
		return nil, err
	}
	defer st.mu.Unlock()
	if err := p.fits(st, q); err != nil {
		return nil, err
	}
	e := &p.entries[0]
	h := st.at(e.at)
	if refused := q.admit(st, h, e); refused != nil {
		return nil, refused
	}
	n, _ := st.store(h, e, milliseconds(q.Time), slab(p.entries))
	st.shrink()
	st.changed()
	return encode(map[string]string{"ShardId": h.id, "SequenceNumber": n.String(), "EncryptionType": "NONE"})
}

func putRecords(q *request) ([]byte, error) {
	p, err := parsePut(q.body, false)
	if err != nil {
		return nil, err
	}
	switch n := len(p.entries); {
	case n < 1 || n > maxPutRecords:
		return nil, errorf(Validation, "1 validation error detected: Value at 'records' failed to satisfy constraint: Member must have length from 1 to %d; it has %d", maxPutRecords, n)
	case p.bytes > maxPutBytes:
		return nil, errorf(InvalidArgument, "Records size exceeds %d MiB limit", maxPutBytes>>20)
	}
	st, err := q.stream(p.ref, "")
	if err != nil {
		return nil, err
	}
	defer st.mu.Unlock()
	if err := p.fits(st, q); err != nil {
		return nil, err
	}
	now, memory, failed := milliseconds(q.Time), slab(p.entries), 0
	out := append(make([]byte, 0, 128*len(p.entries)+64), `{"EncryptionType":"NONE","Records":[`...)
	for i := range p.entries {
		e := &p.entries[i]
		h := st.at(e.at)
		if i > 0 {
			out = append(out, ',')
		}
		if refused := q.admit(st, h, e); refused != nil {
			failed++
			out = append(out, `{"ErrorCode":`...)
			out = strconv.AppendQuoteToASCII(out, refused.code)
			out = append(out, `,"ErrorMessage":`...)
			out = strconv.AppendQuoteToASCII(out, refused.message)
			out = append(out, '}')
			continue
		}
		var n sequence
		n, memory = st.store(h, e, now, memory)
		out = append(out, `{"SequenceNumber":"`...)
		out = n.append(out)
		out = append(out, `","ShardId":"`...)
		out = append(out, h.id...)
		out = append(out, `"}`...)
	}
	out = append(out, `],"FailedRecordCount":`...)
	out = strconv.AppendInt(out, int64(failed), 10)
	st.shrink()
	st.changed()
	return append(out, '}'), nil
}
