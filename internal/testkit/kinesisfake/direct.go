package kinesisfake

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// A Record is what a test puts into a stream without a client.
type Record struct {
	PartitionKey    string // "key" by default
	ExplicitHashKey string // decimal; decides on the shard, if given
	Data            []byte
	Arrival         time.Time // the clock's time by default
}

// A Place is where a record was stored.
type Place struct{ Shard, SequenceNumber string }

// The methods below are for the set-up of tests. They pass by faults and limits, and panic on a
// mistake of the test, such as a stream that does not exist.

// CreateStream creates a stream with the given number of shards. It is ACTIVE at once if
// Options.ChangeTime is 0.
func (s *Server) CreateStream(name string, shards int) {
	if err := s.create(name, shards, false, defaultRecordBytes); err != nil {
		panic(err)
	}
}

// must finds, locks and settles a stream.
func (s *Server) must(name string) *stream {
	st := s.find(name)
	if st == nil {
		panic(fmt.Sprintf("kinesisfake: there is no stream %q", name))
	}
	st.mu.Lock()
	st.settle(s.clock.Now())
	return st
}

// Put stores records and returns their places.
func (s *Server) Put(stream string, records ...Record) []Place {
	st := s.must(stream)
	defer st.mu.Unlock()
	places := make([]Place, 0, len(records))
	for _, r := range records {
		key := r.PartitionKey
		if key == "" {
			key = "key"
		}
		at := hashOf(key)
		if r.ExplicitHashKey != "" {
			ok := false
			if at, ok = parseHashKey(r.ExplicitHashKey); !ok {
				panic(fmt.Sprintf("kinesisfake: %q is no hash key", r.ExplicitHashKey))
			}
		}
		arrival := r.Arrival
		if arrival.IsZero() {
			arrival = s.clock.Now()
		}
		quoted, _ := json.Marshal(key) // a string
		e := &entry{data: []byte(base64.StdEncoding.EncodeToString(r.Data)), key: quoted, size: len(r.Data) + len(key)}
		h := st.at(at)
		n, _ := st.store(h, e, milliseconds(arrival), slab([]entry{*e}))
		places = append(places, Place{h.id, n.String()})
	}
	st.shrink()
	st.changed()
	return places
}

// PutTexts stores a record for each text, in the shard of the partition key.
func (s *Server) PutTexts(stream, partitionKey string, texts ...string) []Place {
	records := make([]Record, len(texts))
	for i, t := range texts {
		records[i] = Record{PartitionKey: partitionKey, Data: []byte(t)}
	}
	return s.Put(stream, records...)
}

// A Shard describes a shard that is still listed.
type Shard struct {
	ID      string
	HashKey string // the first of its range: an ExplicitHashKey that leads to it while it is open
	Open    bool
	Parents []string
	Records int // still stored
	Last    string
}

// Shards returns the shards of a stream that have not expired, the oldest first.
func (s *Server) Shards(stream string) []Shard {
	st := s.must(stream)
	defer st.mu.Unlock()
	var all []Shard
	for _, h := range st.shards {
		all = append(all, Shard{h.id, h.first.String(), h.closed == 0, h.parentIDs, len(h.records), h.last.String()})
	}
	return all
}

// Split splits an open shard in the middle, at once, and returns the ids of the new ones.
func (s *Server) Split(stream, shard string) (low, high string) {
	st := s.must(stream)
	defer st.mu.Unlock()
	h := st.openShard(shard)
	st.split(h, middle(h.first, h.last), milliseconds(s.clock.Now()))
	st.changed()
	return h.children[0].id, h.children[1].id
}

// Merge merges two open neighbours, at once, and returns the id of the new shard.
func (s *Server) Merge(stream, shard, adjacent string) string {
	st := s.must(stream)
	defer st.mu.Unlock()
	h, a := st.openShard(shard), st.openShard(adjacent)
	if !h.adjoins(a) {
		panic(fmt.Sprintf("kinesisfake: %s and %s of stream %q are no neighbours", shard, adjacent, stream))
	}
	st.merge(h, a, milliseconds(s.clock.Now()))
	st.changed()
	return h.children[0].id
}

// Reshard splits and merges until the given number of equal shards is open.
func (s *Server) Reshard(stream string, shards int) {
	st := s.must(stream)
	defer st.mu.Unlock()
	st.spread(shards, milliseconds(s.clock.Now()))
	st.changed()
}

func (st *stream) openShard(id string) *shard {
	if h := st.shard(id); h != nil && h.closed == 0 {
		return h
	}
	panic(fmt.Sprintf("kinesisfake: stream %q has no open shard %q", st.name, id))
}

// Records returns the data of a shard's records that are still stored, the oldest first.
func (s *Server) Records(stream, shard string) []Record {
	st := s.must(stream)
	defer st.mu.Unlock()
	h := st.shard(shard)
	if h == nil {
		panic(fmt.Sprintf("kinesisfake: stream %q has no shard %q", stream, shard))
	}
	var all []Record
	for _, r := range h.records {
		var j struct {
			Data         []byte
			PartitionKey string
		}
		if err := json.Unmarshal(r.text, &j); err != nil {
			panic(err)
		}
		all = append(all, Record{PartitionKey: j.PartitionKey, Data: j.Data, Arrival: time.UnixMilli(r.arrival).UTC()})
	}
	return all
}

// ARN returns the ARN of a stream of this server.
func (s *Server) ARN(stream string) string {
	return strings.Join([]string{"arn:aws:kinesis", s.opts.Region, s.opts.Account, "stream/" + stream}, ":")
}

// Stored is how much memory the records of a stream take, in bytes.
func (s *Server) Stored(stream string) int64 {
	st := s.must(stream)
	defer st.mu.Unlock()
	return st.bytes
}
