package kinesisio

import (
	"crypto/md5"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
)

// pack packs user records as the Kinesis Producer Library does.
func pack(users ...string) []byte {
	var m []byte
	m = protowire.AppendTag(m, 1, protowire.BytesType) // the table of partition keys
	m = protowire.AppendString(m, "key")
	for _, u := range users {
		var r []byte
		r = protowire.AppendTag(r, 1, protowire.VarintType) // index of the partition key
		r = protowire.AppendVarint(r, 0)
		r = protowire.AppendTag(r, 3, protowire.BytesType)
		r = protowire.AppendString(r, u)
		m = protowire.AppendTag(m, 3, protowire.BytesType)
		m = protowire.AppendBytes(m, r)
	}
	return seal(m)
}

func seal(message []byte) []byte {
	sum := md5.Sum(message)
	return append(append(append([]byte{}, aggregateMagic...), message...), sum[:]...)
}

func TestPackedRecordsAreUnpackedAndOnlyThose(t *testing.T) {
	whole := pack("a", "", "c")
	broken := append([]byte{}, whole...)
	broken[len(broken)-1]++
	noData := seal(protowire.AppendBytes(protowire.AppendTag(nil, 3, protowire.BytesType), nil))
	tests := []struct {
		name string
		data []byte
		want []string
		ok   bool
	}{
		{"three", whole, []string{"a", "", "c"}, true},
		{"none", pack(), []string{}, true},
		{"text", []byte(`{"id":1}`), nil, false},
		{"empty", nil, nil, false},
		{"the magic alone", aggregateMagic, nil, false},
		{"cut", whole[:len(whole)-1], nil, false},
		{"another sum", broken, nil, false},
		{"no message of protobuf", seal([]byte{0xff}), nil, false},
		{"a user record without data", noData, nil, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			users, ok := disaggregate(test.data)
			if ok != test.ok {
				t.Fatalf("unpacked: %t, want %t", ok, test.ok)
			}
			var got []string
			if users != nil {
				got = []string{}
			}
			for _, u := range users {
				got = append(got, string(u.data))
				if u.key != "key" {
					t.Errorf("partition key %q", u.key)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("user records (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzAnyRecordIsHandedOn(f *testing.F) {
	f.Add([]byte("text"), true)
	f.Add(pack("a", "b")[4:], true)
	f.Add([]byte{0xff, 0x01}, true)
	f.Fuzz(func(t *testing.T, data []byte, sealed bool) {
		if sealed {
			data = seal(data)
		}
		users, ok := disaggregate(data)
		if ok && !sealed && len(data) < len(aggregateMagic)+md5.Size {
			t.Fatalf("%d bytes were unpacked", len(data))
		}
		var size int
		for _, u := range users {
			size += len(u.data)
		}
		if size > len(data) || !ok && users != nil {
			t.Fatalf("%d user records of %d bytes from %d, %t", len(users), size, len(data), ok)
		}
		var c chunk
		c.add(&types.Record{Data: data}, "1", 0, 0)
		if !ok && (len(c.Ends) != 1 || string(c.Data) != string(data)) {
			t.Fatalf("a record of its own became %d", len(c.Ends))
		}
	})
}
