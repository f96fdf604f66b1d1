package kinesisfake

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
)

type rangeJSON struct {
	StartingHashKey string
	EndingHashKey   string
}

type sequencesJSON struct {
	StartingSequenceNumber string
	EndingSequenceNumber   string `json:",omitempty"`
}

type shardJSON struct {
	ShardId               string
	ParentShardId         string `json:",omitempty"`
	AdjacentParentShardId string `json:",omitempty"`
	HashKeyRange          rangeJSON
	SequenceNumberRange   sequencesJSON
}

func (h *shard) json() shardJSON {
	j := shardJSON{
		ShardId:               h.id,
		ParentShardId:         h.parent,
		AdjacentParentShardId: h.adjacent,
		HashKeyRange:          rangeJSON{h.first.String(), h.last.String()},
		SequenceNumberRange:   sequencesJSON{StartingSequenceNumber: h.starting().String()},
	}
	if h.closed != 0 {
		j.SequenceNumberRange.EndingSequenceNumber = h.ending().String()
	}
	return j
}

type childJSON struct {
	ShardId      string
	ParentShards []string
	HashKeyRange rangeJSON
}

func (h *shard) childJSON() []childJSON {
	var all []childJSON
	for _, c := range h.children {
		all = append(all, childJSON{c.id, c.parentIDs, rangeJSON{c.first.String(), c.last.String()}})
	}
	return all
}

// seconds is how the API writes a time: seconds since 1970 with three decimals.
func seconds(ms int64) json.Number { return json.Number(appendSeconds(nil, ms)) }

func appendSeconds(b []byte, ms int64) []byte {
	if ms < 0 {
		ms = 0
	}
	b = strconv.AppendInt(b, ms/1000, 10)
	r := ms % 1000
	return append(b, '.', byte('0'+r/100), byte('0'+r/10%10), byte('0'+r%10))
}

// fromSeconds reads such a time, in milliseconds.
func fromSeconds(n json.Number) (int64, bool) {
	f, err := strconv.ParseFloat(string(n), 64)
	return int64(f*1000 + 0.5), err == nil && f >= 0 && f < 1e13
}

type shardFilter struct {
	Type      string
	ShardId   string
	Timestamp json.Number
}

// A listToken is a place in a listing, with what it lists.
type listToken struct {
	Stream string
	Serial uint64
	After  string
	Filter *shardFilter
	Made   int64
}

// listShards follows https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListShards.html
// and API_ShardFilter.html.
func listShards(q *request) ([]byte, error) {
	var in struct {
		ref
		ExclusiveStartShardId string
		MaxResults            *int
		NextToken             string
		ShardFilter           *shardFilter
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	most := maxListed
	if in.MaxResults != nil {
		if most = min(*in.MaxResults, maxListed); most < 1 {
			return nil, errorf(Validation, "MaxResults must be at least 1.")
		}
	}
	t := listToken{After: in.ExclusiveStartShardId, Filter: in.ShardFilter}
	if in.NextToken != "" {
		if in.StreamName != "" || in.ExclusiveStartShardId != "" {
			return nil, errorf(InvalidArgument, "NextToken must not be combined with StreamName or ExclusiveStartShardId.")
		}
		b, err := base64.StdEncoding.DecodeString(in.NextToken)
		if err != nil || json.Unmarshal(b, &t) != nil {
			return nil, errorf(InvalidArgument, "NextToken is invalid.")
		}
		in.ref = ref{StreamName: t.Stream}
	}
	st, err := q.stream(in.ref, "")
	if err != nil {
		return nil, err
	}
	defer st.mu.Unlock()
	now := milliseconds(q.Time)
	switch {
	case in.NextToken == "":
		t.Stream, t.Serial = st.name, st.serial
	case t.Serial != st.serial:
		return nil, errorf(InvalidArgument, "NextToken is of another stream.")
	case now-t.Made > tokenLifetime.Milliseconds():
		return nil, errorf(ExpiredNextToken, "NextToken has expired: it is valid for %s.", tokenLifetime)
	}
	keep, err := t.Filter.keeps(st, now)
	if err != nil {
		return nil, err
	}
	out := struct {
		Shards    []shardJSON
		NextToken string `json:",omitempty"`
	}{Shards: []shardJSON{}}
	for _, h := range st.shards {
		if h.unlisted > 0 {
			if in.NextToken == "" {
				h.unlisted--
			}
			continue
		}
		if h.id <= t.After || !keep(h) {
			continue
		}
		if len(out.Shards) == most {
			t.After, t.Made = out.Shards[most-1].ShardId, now
			b, err := json.Marshal(t)
			if err != nil {
				return nil, err
			}
			out.NextToken = base64.StdEncoding.EncodeToString(b)
			break
		}
		out.Shards = append(out.Shards, h.json())
	}
	return encode(out)
}

// keeps returns the test of a filter. The trim horizon is the start of the retention period, or of
// the stream.
func (f *shardFilter) keeps(st *stream, now int64) (func(*shard) bool, error) {
	if f == nil {
		return func(*shard) bool { return true }, nil
	}
	horizon := max(now-st.retention.Milliseconds(), st.created)
	at, timed := int64(0), false
	if f.Timestamp != "" {
		if at, timed = fromSeconds(f.Timestamp); !timed {
			return nil, errorf(InvalidArgument, "Timestamp %s is no time.", f.Timestamp)
		}
	}
	switch {
	case (f.ShardId != "") != (f.Type == "AFTER_SHARD_ID"):
		return nil, errorf(InvalidArgument, "ShardId of ShardFilter goes with AFTER_SHARD_ID.")
	case timed != (f.Type == "AT_TIMESTAMP" || f.Type == "FROM_TIMESTAMP"):
		return nil, errorf(InvalidArgument, "Timestamp of ShardFilter goes with AT_TIMESTAMP and FROM_TIMESTAMP.")
	}
	switch f.Type {
	case "AFTER_SHARD_ID":
		return func(h *shard) bool { return h.id > f.ShardId }, nil
	case "AT_TRIM_HORIZON":
		return func(h *shard) bool { return h.openAt(horizon) }, nil
	case "FROM_TRIM_HORIZON":
		return func(*shard) bool { return true }, nil
	case "AT_LATEST":
		return func(h *shard) bool { return h.closed == 0 }, nil
	case "AT_TIMESTAMP":
		return func(h *shard) bool { return h.openAt(at) }, nil
	case "FROM_TIMESTAMP":
		return func(h *shard) bool { return h.closed == 0 || h.closed >= max(at, horizon) }, nil
	}
	return nil, errorf(Validation, "Type %q of ShardFilter is unknown.", f.Type)
}
