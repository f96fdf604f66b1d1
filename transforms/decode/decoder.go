package decode

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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
	index   int    // of it in an array, -1 outside of one
	task    cache
	worker  cache
	event   event.Event
	BadAttr int64 // attributes that were there but no JSON object

	// Place returns where a record's text lies, for texts that can be read again (event.Place).
	// nil: they cannot.
	Place func(text []byte) event.Place
}

// Record returns the text of the record whose event a Visitor has just been given, and its index in
// an array, -1 outside of one.
func (d *Decoder) Record() (text []byte, index int) { return d.text, d.index }

// New returns a Decoder.
func New() *Decoder {
	return &Decoder{
		task:   cache{parser: attribute.NewParser(model.TaskTree)},
		worker: cache{parser: attribute.NewParser(model.WorkerTree)},
	}
}

// A Visitor gets what Line finds.
type Visitor interface {
	// Event gets an event. It and its texts are valid until Event returns, unless the line's bytes
	// live on unchanged: then its texts live as long as they do.
	Event(e *event.Event)
	// Dropped is told of a test event or an event outside TaskRouter.
	Dropped()
	// Refused gets the error of a record that gives no event, the record's text, and its index in
	// an array, -1 outside of one.
	Refused(err *Error, text []byte, index int)
}

// Line decodes one line of records: an envelope, a REST event, or an array of them. A blank line
// holds nothing.
func (d *Decoder) Line(line []byte, v Visitor) {
	b := bytes.TrimSpace(line)
	switch {
	case len(b) == 0:
		return
	case !utf8.Valid(b):
		v.Refused(refuse(InvalidUTF8, "the record is not valid UTF-8"), b, -1)
		return
	case b[0] != '[':
		d.record(b, v, -1)
		return
	}
	if end, err := jsonscan.Value(b, 0, 0); err != nil || end != len(b) {
		v.Refused(refuse(InvalidJSON, "%s", trouble(b, end, err)), b, -1)
		return
	}
	a := jsonscan.OpenArray(b, 0, 0)
	for index := 0; a.Next(); index++ {
		d.record(a.Take(), v, index)
	}
}

func trouble(b []byte, end int, err error) string {
	if err == nil {
		return "text behind the end of the JSON value"
	}
	// encoding/json says what it met in words that users know.
	var any json.RawMessage
	if e := json.Unmarshal(b, &any); e != nil {
		return e.Error()
	}
	return err.Error()
}

func (d *Decoder) record(b []byte, v Visitor, index int) {
	if len(b) == 0 || b[0] != '{' {
		if end, err := jsonscan.Value(b, 0, 0); err != nil || end != len(b) {
			v.Refused(refuse(InvalidJSON, "%s", trouble(b, end, err)), b, index)
			return
		}
		v.Refused(refuse(NotAnObject, "the record is JSON, but no object"), b, index)
		return
	}
	d.rec, d.text, d.index = parts{}, b, index
	if end, err := d.rec.envelope(b, 0); err != nil || end != len(b) {
		v.Refused(refuse(InvalidJSON, "%s", trouble(b, end, err)), b, index)
		return
	}
	dropped, err := d.decode(b)
	switch {
	case err != nil:
		v.Refused(err, b, index)
	case dropped:
		v.Dropped()
	default:
		v.Event(&d.event)
	}
}

// decode fills d.event from d.rec. b is the record's text.
func (d *Decoder) decode(b []byte) (dropped bool, _ *Error) {
	r, e := &d.rec, &d.event
	name := text(r.at[envType])
	if name != "" {
		if !strings.HasPrefix(name, TypePrefix) {
			return true, nil
		}
		name = name[len(TypePrefix):]
	}
	rest := name == "" && r.at[envData] == nil && (r.at[restType] != nil || r.at[restData] != nil)
	if err := d.open(rest); err != nil {
		return false, err
	}
	if name == "" {
		name = text(r.at[payloadType])
		if rest {
			name = first(text(r.at[restType]), name)
		}
		if strings.HasPrefix(name, "com.") {
			if !strings.HasPrefix(name, TypePrefix) {
				return true, nil
			}
			name = name[len(TypePrefix):]
		}
	}
	if name == "" {
		return false, refuse(MissingType, "the record names no event type: neither type, data.payload.eventtype nor event_type")
	}

	kind := []byte(name)
	*e = event.Event{Kind: event.ParseKind(kind), Stream: !rest}
	for f := range event.NumFields {
		if v := r.at[f]; v != nil {
			e.Text[f] = text(v)
		}
	}
	if rest {
		e.Text[event.AccountSID] = first(text(r.at[restAccount]), e.Text[event.AccountSID])
		e.Text[event.WorkspaceSID] = first(text(r.at[restWorkspace]), e.Text[event.WorkspaceSID])
		e.ID = first(text(r.at[restSID]), text(r.at[payloadSID]))
	} else {
		e.Text[event.AccountSID] = first(e.Text[event.AccountSID], text(r.at[dataAccount]))
		e.ID = first(text(r.at[payloadSID]), text(r.at[dataSID]), text(r.at[envID]))
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

	e.Time = event.None
	for _, s := range [...]slot{payloadTimestamp, dataTimestamp, restDateMS, envTime} {
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
		return d.inner("event_data", r.at[restData], true, r.payload)
	}
	if err := d.inner("data", r.at[envData], false, r.data); err != nil {
		return err
	}
	return d.inner("data.payload", r.at[dataPayload], false, r.payload)
}

// inner walks v, the value of the named member, which is an object or the text of one. An object
// that was walked on the way is not walked again, unless again is set. A payload may be null or
// missing: then what it should hold is missing.
func (d *Decoder) inner(name string, v []byte, again bool, walk func(b []byte, i, depth int) (int, error)) *Error {
	if len(v) == 0 || v[0] == 'n' {
		if name == "data" {
			return refuse(InvalidData, "the envelope has no data")
		}
		return nil
	}
	switch v[0] {
	case '{':
		if !again {
			return nil
		}
	case '"':
		v = bytes.TrimSpace(jsonscan.AppendUnquoted(make([]byte, 0, len(v)), v))
	default:
		return refuse(InvalidData, "%s is neither an object nor text of one", name)
	}
	if len(v) == 0 || v[0] != '{' {
		return refuse(InvalidData, "%s holds text that is no JSON object", name)
	}
	if end, err := walk(v, 0, 0); err != nil || end != len(v) {
		return refuse(InvalidData, "%s: %s", name, trouble(v, end, err))
	}
	return nil
}

func (d *Decoder) check(kind []byte) *Error {
	e := &d.event
	switch {
	case e.Text[event.AccountSID] == "":
		return refuse(MissingAccount, "%s without account_sid", kind)
	case e.Time == event.None:
		return refuse(MissingTime, "%s without a time that can be read", kind)
	}
	for _, f := range event.Needs(kind) {
		if e.Text[f] == "" {
			return refuse("missing_"+Class(event.Fields[f]), "%s without %s", kind, event.Fields[f])
		}
	}
	return nil
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
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
