package kinesisio

import (
	"bytes"
	"crypto/md5"

	"google.golang.org/protobuf/encoding/protowire"
)

// aggregateMagic begins a record into which the Kinesis Producer Library has packed several user
// records. A protobuf message and its MD5 sum follow.
var aggregateMagic = []byte{0xF3, 0x89, 0x9A, 0xC2}

// Fields of the protobuf message, and of each user record in it.
const (
	aggregateKeys    = 1 // the table of partition keys
	aggregateRecords = 3
	userKey          = 1 // index in the table
	userData         = 3
)

// userRecord is a record that was packed into another.
type userRecord struct {
	key  string // partition key; empty: the table has none
	data []byte
}

// disaggregate returns the user records of an aggregated record; false if data is a record of its
// own. One that begins like an aggregated record and is not whole is a record of its own too.
// Whether their partition keys lead to this shard is not looked at: the shards of a stream hold
// different records, whichever of them a user record's own key would have chosen.
func disaggregate(data []byte) ([]userRecord, bool) {
	rest, ok := bytes.CutPrefix(data, aggregateMagic)
	if !ok || len(rest) < md5.Size {
		return nil, false
	}
	message, sum := rest[:len(rest)-md5.Size], rest[len(rest)-md5.Size:]
	if got := md5.Sum(message); !bytes.Equal(got[:], sum) {
		return nil, false
	}
	var keys []string
	var indexes []uint64
	records := []userRecord{}
	ok = fields(message, func(n protowire.Number, v []byte, _ uint64) bool {
		if v == nil {
			return true
		}
		switch n {
		case aggregateKeys:
			keys = append(keys, string(v))
		case aggregateRecords:
			user, index, there := userRecord{}, uint64(0), false
			if !fields(v, func(n protowire.Number, v []byte, number uint64) bool {
				switch n {
				case userKey:
					index = number
				case userData:
					user.data, there = v, v != nil
				}
				return true
			}) || !there {
				return false
			}
			records, indexes = append(records, user), append(indexes, index)
		}
		return true
	})
	if !ok {
		return nil, false
	}
	for i, index := range indexes {
		if index < uint64(len(keys)) {
			records[i].key = keys[index]
		}
	}
	return records, true
}

// fields calls f for each field of a message: with its bytes, or with its number and nil. It
// returns false if the message is broken, or f returned false.
func fields(message []byte, f func(n protowire.Number, v []byte, number uint64) bool) bool {
	for len(message) > 0 {
		field, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return false
		}
		message = message[n:]
		var v []byte
		var number uint64
		switch kind {
		case protowire.BytesType:
			v, n = protowire.ConsumeBytes(message)
		case protowire.VarintType:
			number, n = protowire.ConsumeVarint(message)
		default:
			n = protowire.ConsumeFieldValue(field, kind, message)
		}
		if n < 0 || (v != nil || kind == protowire.VarintType) && !f(field, v, number) {
			return false
		}
		message = message[n:]
	}
	return true
}
