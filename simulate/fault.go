package simulate

import "bytes"

// fault is what is wrong with a broken record.
type fault uint8

const (
	sound fault = iota
	truncated
	badUTF8
	noAccount
	noTime
	noKey
	badAttributes
	unknownType
	testEvent
	foreignType
)

// faultShare is a fault and how often it is drawn.
type faultShare struct {
	fault fault
	share float64 // percent of the broken records
	text  string  // for Describe
}

// faults is the table that broken records are drawn from.
var faults = []faultShare{
	{truncated, 22, "text cut off"},
	{badUTF8, 10, "invalid UTF-8"},
	{noAccount, 10, "no account"},
	{noTime, 10, "no time"},
	{noKey, 13, "no task, reservation or worker SID"},
	{badAttributes, 10, "attributes that are no JSON (still an event, with an id of its own)"},
	{unknownType, 8, "TaskRouter type that nobody knows (still an event, with an id of its own)"},
	{testEvent, 5, "test event of the sink"},
	{foreignType, 12, "type outside TaskRouter"},
}

var faultShares = newLottery(faults, func(f faultShare) float64 { return f.share })

// whole tells that a broken record is well-formed JSON, so that it can stand among others in an
// array.
func (f fault) whole() bool { return f != truncated && f != badUTF8 }

// soil breaks a well-formed text.
func (f fault) soil(b []byte, d dice) []byte {
	switch f {
	case truncated:
		return b[:1+d.IntN(len(b)-1)]
	case badUTF8: // inside the value that every form carries in clear
		if at := bytes.Index(b, []byte(workspaceName)); at >= 0 {
			b[at], b[at+1] = 0xff, 0xc0
		}
	}
	return b
}
