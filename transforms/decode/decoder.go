package decode

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"

	"flexbeam/internal/jsonscan"
	"flexbeam/schemas/attribute"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
)

// TypePrefix begins the CloudEvents type of every TaskRouter event.
const TypePrefix = "com.twilio.taskrouter."

// A Decoder decodes records. It keeps the attributes that it has seen last, since the events of a
// task repeat them. It serves one goroutine.
type Decoder struct {
	rec     parts
	text    []byte // of the record that is being decoded
	at      Spot   // of it
	task    cache
	worker  cache
	event   event.Event
	BadAttr int64 // attributes that were there but no JSON object

	// Place returns where a record's text lies, for texts that can be read again (event.Place).
	// nil: they cannot.
	Place func(text []byte) event.Place
}

// A Spot tells the records of a line apart.
type Spot struct {
	Value int // the JSON values in front of it on the line
	Index int // in an array, or in a page of the Events resource; -1 outside of one
}

// Record returns the text of the record whose event a Visitor has just been given, and its spot.
func (d *Decoder) Record() (text []byte, at Spot) { return d.text, d.at }

// New returns a Decoder.
func New() *Decoder { return NewFor(nil) }

// NewFor returns a Decoder that keeps the attributes of a job.
func NewFor(a *model.Attributes) *Decoder {
	return &Decoder{
		task:   cache{parser: attribute.NewParser(a.Task())},
		worker: cache{parser: attribute.NewParser(a.Worker())},
	}
}

// A Visitor gets what Line finds.
type Visitor interface {
	// Event gets an event. It and its texts are valid until Event returns, unless the line's bytes
	// live on unchanged: then its texts live as long as they do.
	Event(e *event.Event)
	// Dropped is told of a test event or an event outside TaskRouter.
	Dropped()
	// Refused gets the error of a record that gives no event, its text and its spot. What cannot be
	// told apart into values is one record: the rest of the line, of whose text Refused gets no
	// more than MaxRest bytes.
	Refused(err *Error, text []byte, at Spot)
}

// MaxRest is how much of a line that cannot be read on is kept, in bytes.
const MaxRest = 1 << 20

// Line decodes one line of records, or a record of a stream: JSON values one behind the other, with
// or without white space between. A blank line holds none.
func (d *Decoder) Line(line []byte, v Visitor) {
	b := bytes.TrimSpace(line)
	valid := utf8.Valid(b)
	for n := 0; ; n++ {
		if b = b[jsonscan.Between(b, 0):]; len(b) == 0 {
			return
		}
		b = b[d.value(b, valid, n, v):]
	}
}

// value decodes the JSON value at the begin of b: an envelope, a REST event, or an array or page of
// them. n is the number of values in front of it on its line; valid tells whether all of b is known to
// be valid UTF-8. It returns the length of the value; where there is none, that of b, which is then
// one record without an event.
func (d *Decoder) value(b []byte, valid bool, n int, v Visitor) int {
	d.at = Spot{Value: n, Index: -1}
	var end int
	var err error
	if b[0] == '{' {
		d.rec = parts{}
		end, err = d.rec.envelope(b, 0)
	} else {
		end, err = jsonscan.Value(b, 0, 0)
	}
	if err != nil || !valid && !utf8.Valid(b[:end]) {
		d.rest(b, err, v)
		return len(b)
	}
	switch b[0] {
	case '{':
		if events, ok := d.rec.page(); ok {
			d.elements(events, v)
		} else {
			d.object(b[:end], v)
		}
	case '[':
		d.elements(b[:end], v)
	default:
		v.Refused(notAnObject(b[:end]), b[:end], d.at)
	}
	return end
}

// rest refuses text that begins with a broken value. fault is what the scanner says of it.
func (d *Decoder) rest(b []byte, fault error, v Visitor) {
	err := broken(b, fault)
	if len(b) > MaxRest {
		err.Message += fmt.Sprintf(" (the payload is the first 1 MiB of %d bytes)", len(b))
		b = b[:MaxRest]
	}
	v.Refused(err, b, d.at)
}

// elements decodes the records of an array, whose grammar is right.
func (d *Decoder) elements(b []byte, v Visitor) {
	a := jsonscan.OpenArray(b, 0, 0)
	for d.at.Index = 0; a.Next(); d.at.Index++ {
		element := a.Take()
		if element[0] != '{' {
			v.Refused(notAnObject(element), element, d.at)
			continue
		}
		d.rec = parts{}
		_, _ = d.rec.envelope(element, 0) // it was walked as a part of the array
		d.object(element, v)
	}
}

// object decodes the record that d.rec was made of. b is its text.
func (d *Decoder) object(b []byte, v Visitor) {
	d.text = b
	dropped, err := d.decode(b)
	switch {
	case err != nil:
		v.Refused(err, b, d.at)
	case dropped:
		v.Dropped()
	default:
		v.Event(&d.event)
	}
}

// decode fills d.event from d.rec. b is the record's text.
func (d *Decoder) decode(b []byte) (dropped bool, _ *Error) {
	name, rest, dropped, err := d.kind()
	if dropped || err != nil {
		return dropped, err
	}
	r, e := &d.rec, &d.event
	kind := []byte(name)
	*e = event.Event{Kind: event.ParseKind(kind), Stream: !rest, Time: event.None}
	for f := range event.NumFields {
		if v := r.at[f]; v != nil {
			e.Text[f] = text(v)
		}
	}
	d.identify(b, rest)
	for _, s := range [...]slot{payloadTimestamp, dataTimestamp, restDateMS, camelDateMS, envTime} {
		if v := r.at[s]; v != nil {
			if e.Time = instant(v); e.Time != event.None {
				break
			}
		}
	}
	if err := d.check(kind); err != nil {
		return false, err
	}

	e.QueueEnteredAt = instant(r.at[queueEntered])
	e.InPreviousFor = duration(r.at[previousMS], r.at[previousSeconds])
	e.WorkerAvailable = tristate(r.at[available])
	e.TaskAttributes, e.HasTaskAttributes = d.attributes(&d.task, r.at[taskAttributes])
	e.WorkerAttributes, e.HasWorkerAttrs = d.attributes(&d.worker, r.at[workerAttributes])
	return false, nil
}

// kind returns the name of the event's kind without its prefix, and whether the record is one of the
// REST log. dropped says that the event is none of TaskRouter's.
func (d *Decoder) kind() (name string, rest, dropped bool, _ *Error) {
	r := &d.rec
	name = text(r.at[envType])
	if name != "" {
		if !strings.HasPrefix(name, TypePrefix) {
			return "", false, true, nil
		}
		name = name[len(TypePrefix):]
	}
	rest = name == "" && r.isRest()
	if err := d.open(rest); err != nil {
		return "", false, false, err
	}
	if name == "" {
		name = text(r.at[payloadType])
		if rest {
			name = cmp.Or(text(r.at[restType]), text(r.at[camelType]), name)
		}
		if strings.HasPrefix(name, "com.") {
			if !strings.HasPrefix(name, TypePrefix) {
				return "", false, true, nil
			}
			name = name[len(TypePrefix):]
		}
	}
	if name == "" {
		return "", false, false, refuse(MissingType, "the record names no event type, neither in type, data.payload.eventtype nor event_type: pass the records on as Twilio sends them")
	}
	return name, rest, false, nil
}

// identify fills in whose event it is and by what its copies are known (contract, section 1). b is the
// record's text.
func (d *Decoder) identify(b []byte, rest bool) {
	r, e := &d.rec, &d.event
	if rest {
		e.Text[event.AccountSID] = cmp.Or(text(r.at[restAccount]), text(r.at[camelAccount]), e.Text[event.AccountSID])
		e.Text[event.WorkspaceSID] = cmp.Or(text(r.at[restWorkspace]), text(r.at[camelWorkspace]), e.Text[event.WorkspaceSID])
		e.ID = cmp.Or(text(r.at[restSID]), text(r.at[payloadSID]))
	} else {
		e.Text[event.AccountSID] = cmp.Or(e.Text[event.AccountSID], text(r.at[dataAccount]))
		e.ID = cmp.Or(text(r.at[payloadSID]), text(r.at[dataSID]), text(r.at[envID]))
		e.Schema = schema(r.at[envSchema])
	}
	if d.Place != nil {
		e.Sum, e.Place = xxhash.Sum64(b), d.Place(b)
	} else {
		e.Sum = event.TextSum(b)
	}
	if e.ID == "" {
		sum := sha256.Sum256(b)
		e.ID = hex.EncodeToString(sum[:])
	}
}

// schema returns the version that a dataschema ends with: the number that begins behind its last
// slash, 0 without one (contract, section 1).
func schema(v []byte) uint32 {
	s := text(v)
	at := strings.LastIndexByte(s, '/')
	if at < 0 {
		return 0
	}
	n := uint64(0)
	for _, c := range []byte(s[at+1:]) {
		if c < '0' || c > '9' {
			break
		}
		n = min(n*10+uint64(c-'0'), math.MaxUint32)
	}
	return uint32(n)
}

// open takes the data and the payload apart where they are text.
func (d *Decoder) open(rest bool) *Error {
	r := &d.rec
	if rest {
		if isNull(r.at[restData]) {
			return d.inner("eventData", r.at[camelData], true, r.payload)
		}
		return d.inner("event_data", r.at[restData], true, r.payload)
	}
	switch {
	case !isNull(r.at[envData]):
		if err := d.inner("data", r.at[envData], false, r.data); err != nil {
			return err
		}
	case !isNull(r.at[envBase64]):
		if err := d.base64(r.at[envBase64]); err != nil {
			return err
		}
	case text(r.at[envType]) == "" && r.at[envData] == nil && r.at[envBase64] == nil:
		return noRecord(d.text)
	default:
		return refuse(InvalidData, "the envelope has no data: pass the records on as Event Streams sends them")
	}
	return d.inner("data.payload", r.at[dataPayload], false, r.payload)
}

// inner walks v, the value of the named member, which is an object or the text of one. An object
// that was walked on the way is not walked again, unless again is set. A value that is null or
// missing has nothing to walk: then what it should hold is missing.
func (d *Decoder) inner(name string, v []byte, again bool, walk walker) *Error {
	if isNull(v) {
		return nil
	}
	switch v[0] {
	case '{':
		if !again {
			return nil
		}
	case '"':
		v = jsonscan.AppendUnquoted(make([]byte, 0, len(v)), v)
	default:
		return refuse(InvalidData, "%s is neither an object nor text of one", name)
	}
	return within(name, v, walk)
}

// base64 walks v, the value of data_base64: text that, decoded, is the text of an object.
func (d *Decoder) base64(v []byte) *Error {
	const name = "data_base64"
	if v[0] != '"' {
		return refuse(InvalidData, "%s is no text", name)
	}
	decoded, err := fromBase64(jsonscan.AppendUnquoted(make([]byte, 0, len(v)), v))
	switch {
	case err != nil:
		return refuse(InvalidData, "%s: %v", name, err)
	case !utf8.Valid(decoded):
		return refuse(InvalidData, "%s holds bytes that are not valid UTF-8", name)
	}
	return within(name, decoded, d.rec.data)
}

// A walker walks the object at b[i], with depth arrays and objects around it, and returns the index
// behind it.
type walker func(b []byte, i, depth int) (int, error)

// within walks text that should be an object. It is the content of the named member.
func within(name string, text []byte, walk walker) *Error {
	text = bytes.TrimSpace(text)
	if len(text) == 0 || text[0] != '{' {
		return refuse(InvalidData, "%s holds text that is no JSON object%s", name, hint(text))
	}
	end, err := walk(text, 0, 0)
	switch {
	case err != nil:
		return refuse(InvalidData, "%s: %s", name, trouble(text, err))
	case end != len(text):
		return refuse(InvalidData, "%s holds text behind the end of its JSON object", name)
	}
	return nil
}

// whole says what to do about a member that Twilio sends and a record lacks.
const whole = ": pass the records on whole, as Twilio sends them"

func (d *Decoder) check(kind []byte) *Error {
	e := &d.event
	switch {
	case e.Text[event.AccountSID] == "":
		return refuse(MissingAccount, "%s without account_sid"+whole, kind)
	case e.Time == event.None:
		return refuse(MissingTime, "%s without a time that can be read in timestamp, event_date_ms or the envelope's time"+whole, kind)
	}
	for _, f := range event.Needs(kind) {
		if e.Text[f] == "" {
			return refuse("missing_"+Class(event.Fields[f]), "%s without %s"+whole, kind, event.Fields[f])
		}
	}
	return nil
}

// attributes returns the snapshot of an attributes value.
func (d *Decoder) attributes(c *cache, v []byte) (attribute.Snapshot, bool) {
	if len(v) == 0 || v[0] == 'n' {
		return "", false
	}
	s, ok := c.snapshot(v)
	if !ok {
		d.BadAttr++
	}
	return s, ok
}
