package kinesis

import (
	"bytes"
	"crypto/md5"

	"google.golang.org/protobuf/encoding/protowire"
)

// aggregateMagic begins a record into which the Kinesis Producer Library has packed several user records. A protobuf message
// and its MD5 sum follow.
var aggregateMagic = []byte{0xF3, 0x89, 0x9A, 0xC2}

// Fields of the protobuf message, and of each user record in it.
const (
	aggregateRecords = 3
	userData         = 3
)

// disaggregate returns the user records of an aggregated record; false if data is a record of its own. One that begins like an
// aggregated record and is not whole is a record of its own too. Keys are not looked at: the shards of a stream hold different
// records, whichever of them a user record's own key would have chosen.
func disaggregate(data []byte) ([][]byte, bool) {
	rest, ok := bytes.CutPrefix(data, aggregateMagic)
	if !ok || len(rest) < md5.Size {
		return nil, false
	}
	message, sum := rest[:len(rest)-md5.Size], rest[len(rest)-md5.Size:]
	if got := md5.Sum(message); !bytes.Equal(got[:], sum) {
		return nil, false
	}
	records := [][]byte{}
	ok = fields(message, func(n protowire.Number, v []byte) bool {
		if n != aggregateRecords {
			return true
		}
		user, there := []byte(nil), false
		if !fields(v, func(n protowire.Number, v []byte) bool {
			if n == userData {
				user, there = v, true
			}
			return true
		}) || !there {
			return false
		}
		records = append(records, user)
		return true
	})
	if !ok {
		return nil, false
	}
	return records, true
}

// fields calls f for each field of a message that has bytes. It returns false if the message is broken, or f returned false.
func fields(message []byte, f func(protowire.Number, []byte) bool) bool {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return false
		}
		message = message[n:]
		if kind != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(number, kind, message); n < 0 {
				return false
			}
			message = message[n:]
			continue
		}
		v, n := protowire.ConsumeBytes(message)
		if n < 0 || !f(number, v) {
			return false
		}
		message = message[n:]
	}
	return true
}
