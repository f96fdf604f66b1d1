package decode_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"flexbeam/schemas/attribute"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/decode"
)

// The reference is the decoder as one would write it on encoding/json, slow and short. object is a
// record or a part of one.
type object = map[string]any

// decodeByReference decodes a line.
func decodeByReference(line []byte) *found {
	f := new(found)
	rest := bytes.TrimSpace(line)
	for n := 0; ; n++ {
		rest = bytes.TrimLeftFunc(rest, func(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' })
		if len(rest) == 0 {
			return f
		}
		d := json.NewDecoder(bytes.NewReader(rest))
		var value json.RawMessage
		if err := d.Decode(&value); err != nil || !utf8.Valid(value) {
			f.refuse(brokenByReference(rest), rest[:min(len(rest), 1<<20)], decode.Spot{Value: n, Index: -1})
			return f
		}
		rest = rest[d.InputOffset():]
		var elements []json.RawMessage
		var page struct {
			Events []json.RawMessage
			Meta   object
		}
		if v, _ := parse(value); isPage(v) {
			names := map[string]json.RawMessage{}
			must(json.Unmarshal(value, &names)) // a struct would take names in any case
			must(json.Unmarshal(names["events"], &page.Events))
			elements = page.Events
		} else if json.Unmarshal(value, &elements) != nil || value[0] != '[' {
			f.record(value, decode.Spot{Value: n, Index: -1})
			continue
		}
		for i, e := range elements {
			f.record(e, decode.Spot{Value: n, Index: i})
		}
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func isPage(v any) bool {
	r, _ := v.(object)
	_, events := r["events"].([]any)
	_, meta := r["meta"].(object)
	return events && meta
}

var callback = regexp.MustCompile(`(?s)^([A-Za-z0-9_.-]*=[^&]*&)*(EventType|AccountSid|WorkspaceSid|TaskSid)=`)

func foreignText(s string) bool {
	word := regexp.MustCompile(`^[^ \t\r\n]*`).FindString(s)
	if callback.MatchString(s) || len(word) < 16 {
		return callback.MatchString(s)
	}
	b, err := base64.StdEncoding.DecodeString(word[:16])
	packed := bytes.HasPrefix(b, []byte("\x1f\x8b")) || bytes.HasPrefix(b, []byte("\x28\xb5\x2f\xfd"))
	return err == nil && (packed || regexp.MustCompile(`^[{\[]([^\x00-\x1f]|[\t\r\n])*$`).Match(b))
}

// brokenByReference returns the class of text that begins with a broken value.
func brokenByReference(b []byte) decode.Class {
	switch {
	case !utf8.Valid(b):
		return decode.InvalidUTF8
	case foreignText(string(b)):
		return decode.UnknownForm
	}
	return decode.InvalidJSON
}

// foreignObject tells whether an object has the shape of something that is known not to be a record.
func foreignObject(r object) bool {
	has := func(o object, names ...string) bool { // each with the begin of its type
		for _, n := range names {
			name, kind, _ := strings.Cut(n, " ")
			if !strings.HasPrefix(fmt.Sprintf("%T", o[name]), kind) || o[name] == nil {
				return false
			}
		}
		return true
	}
	first := func(name string) object {
		if list, _ := r[name].([]any); len(list) > 0 {
			o, _ := list[0].(object)
			return o
		}
		return nil
	}
	return has(r, "Records []") || has(first("records"), "data string") || has(r, "kinesis map") ||
		has(r, "records map", "eventSource string") || has(r, "awslogs map") || has(first("logEvents"), "message string") ||
		has(first("Messages"), "Body string") || has(r, "Body string", "ReceiptHandle string") || has(r, "body string", "receiptHandle string") ||
		has(r, "Message string", "TopicArn string") || has(r, "Sns map") ||
		has(r, "Data string", "SequenceNumber string") || has(r, "Data string", "PartitionKey string") ||
		has(r, "body string", "requestContext map") || has(r, "body string", "httpMethod string") || has(r, "detail map", "detail-type string")
}

func (f *found) refuse(c decode.Class, text []byte, at decode.Spot) {
	f.refused = append(f.refused, refusal{c, string(text), at.Index, at.Value})
}

func (f *found) record(b []byte, at decode.Spot) {
	v, _ := parse(b)
	r, ok := v.(object)
	if !ok {
		class := decode.NotAnObject
		if s, ok := v.(string); ok && foreignText(strings.TrimSpace(s)) {
			class = decode.UnknownForm
		}
		f.refuse(class, b, at)
		return
	}
	e, payload, class := reference(b, r)
	switch class {
	case "":
		f.events = append(f.events, e)
		f.payloads = append(f.payloads, payload)
	case "dropped":
		f.dropped++
	default:
		f.refuse(class, b, at)
	}
}

func parse(b []byte) (any, bool) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if !json.Valid(b) || d.Decode(&v) != nil {
		return nil, false
	}
	return v, true
}

// version matches a schema that ends with a name or number beginning with digits.
var version = regexp.MustCompile(`(?s)/([0-9]+)[^/]*$`)

func reference(b []byte, r object) (e event.Event, payload object, _ decode.Class) {
	kind, inside := strings.CutPrefix(words(r["type"]), decode.TypePrefix)
	if words(r["type"]) != "" && !inside {
		return e, nil, "dropped"
	}
	has := func(name string) bool { _, ok := r[name]; return ok }
	typed, hasData := words(r["type"]) != "", has("data") || has("data_base64")
	rest := !typed && !hasData && (has("event_type") || has("event_data") || has("eventType") || has("eventData"))
	var data object
	ok := true
	switch {
	case rest && r["event_data"] == nil:
		payload, ok = inner(r["eventData"])
	case rest:
		payload, ok = inner(r["event_data"])
	case !typed && !hasData && foreignObject(r):
		return e, nil, decode.UnknownForm
	case r["data"] == nil && r["data_base64"] == nil:
		ok = false
	default:
		if data, ok = inner(r["data"]); r["data"] == nil {
			data, ok = decoded(r["data_base64"])
		}
		if ok {
			payload, ok = inner(data["payload"])
		}
	}
	if !ok {
		return e, nil, decode.InvalidData
	}
	if kind == "" {
		kind = words(payload["eventtype"])
		if rest {
			kind = either(words(r["event_type"]), words(r["eventType"]), kind)
		}
		if strings.HasPrefix(kind, "com.") {
			if kind, inside = strings.CutPrefix(kind, decode.TypePrefix); !inside {
				return e, nil, "dropped"
			}
		}
	}
	if kind == "" {
		return e, nil, decode.MissingType
	}

	e.Kind, e.Stream = event.ParseKind([]byte(kind)), !rest
	for i, name := range event.Fields {
		e.Text[i] = words(payload[name])
	}
	sum := sha256.Sum256(b)
	e.Sum = binary.BigEndian.Uint64(sum[:])
	if rest {
		e.Text[event.AccountSID] = either(words(r["account_sid"]), words(r["accountSid"]), e.Text[event.AccountSID])
		e.Text[event.WorkspaceSID] = either(words(r["workspace_sid"]), words(r["workspaceSid"]), e.Text[event.WorkspaceSID])
		e.ID = either(words(r["sid"]), words(payload["sid"]), fmt.Sprintf("%x", sum))
	} else {
		e.Text[event.AccountSID] = either(e.Text[event.AccountSID], words(data["account_sid"]))
		e.ID = either(words(payload["sid"]), words(data["sid"]), words(r["id"]), fmt.Sprintf("%x", sum))
		if m := version.FindStringSubmatch(words(r["dataschema"])); m != nil {
			n, err := strconv.ParseUint(m[1], 10, 32)
			if err != nil {
				n = math.MaxUint32
			}
			e.Schema = uint32(n)
		}
	}
	e.Time = event.None
	for _, v := range []any{payload["timestamp"], data["timestamp"], r["event_date_ms"], r["eventDateMs"], r["time"]} {
		if e.Time == event.None {
			e.Time = event.Millis(moment(v))
		}
	}
	switch {
	case e.Text[event.AccountSID] == "":
		return e, nil, decode.MissingAccount
	case e.Time == event.None:
		return e, nil, decode.MissingTime
	}
	group, _, _ := strings.Cut(kind, ".")
	ofTask := group == "task" || group == "reservation" || strings.Contains(" workflow.entered workflow.target-matched workflow.timeout workflow.skipped task-queue.entered task-queue.timeout task-queue.moved ", " "+kind+" ")
	switch {
	case ofTask && strings.Contains(kind, ".") && e.Text[event.TaskSID] == "":
		return e, nil, decode.MissingTask
	case strings.HasPrefix(kind, "reservation.") && e.Text[event.ReservationSID] == "":
		return e, nil, decode.MissingReservation
	case strings.HasPrefix(kind, "worker.") && e.Text[event.WorkerSID] == "":
		return e, nil, decode.MissingWorker
	}

	e.QueueEnteredAt = event.Millis(moment(payload["task_queue_entered_date"]))
	e.InPreviousFor = event.None
	for _, v := range []struct {
		of   any
		unit float64
	}{{payload["worker_time_in_previous_activity"], 1000}, {payload["worker_time_in_previous_activity_ms"], 1}} {
		if n, ok := decimal(words(v.of)); ok && n < 1e15 {
			e.InPreviousFor = event.Millis(math.Floor(max(n, 0) * v.unit))
		}
	}
	switch strings.ToLower(words(payload["worker_available"])) {
	case "true", "1":
		e.WorkerAvailable = event.Yes
	case "false", "0":
		e.WorkerAvailable = event.No
	}
	return e, payload, ""
}

// inner returns an object, or the object in a text; nothing and null are an object without members.
func inner(v any) (object, bool) {
	switch v := v.(type) {
	case nil:
		return nil, true
	case object:
		return v, true
	case string:
		in, ok := parse([]byte(strings.TrimSpace(v)))
		o, isObject := in.(object)
		return o, ok && isObject
	}
	return nil, false
}

// decoded returns the object whose text is base64.
func decoded(v any) (object, bool) {
	s, ok := v.(string)
	if !ok {
		return nil, false
	}
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(s), "="))
	if err != nil || !utf8.Valid(b) {
		return nil, false
	}
	return inner(string(b))
}

// words returns a value as text.
func words(v any) string {
	switch v := v.(type) {
	case string:
		return strings.TrimSpace(v)
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		if f, err := v.Float64(); err == nil && strings.ContainsAny(string(v), "eE") {
			return strconv.FormatFloat(f, 'f', -1, 64)
		}
		return string(v)
	case []any:
		var all []string
		for _, e := range v {
			if _, list := e.([]any); list {
				if s := words(e); s != "" {
					all = append(all, s)
				}
				continue
			}
			if s := words(e); s != "" {
				all = append(all, s)
			}
		}
		return strings.Join(all, ", ")
	}
	return ""
}

func either(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

var (
	decimals = regexp.MustCompile(`^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$`)
	iso      = regexp.MustCompile(`^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(.*))?$`)
	zones    = regexp.MustCompile(`^(?:[Zz]?|([-+])(\d\d)(?::?(\d\d))?)$`)
)

func decimal(s string) (float64, bool) {
	f, err := strconv.ParseFloat(s, 64)
	return f, decimals.MatchString(s) && err == nil
}

// moment returns a value as a time in ms.
func moment(v any) int64 {
	s := words(v)
	at, ok := isoTime(s)
	if !ok {
		var f float64
		if f, ok = decimal(s); ok && f < 1e11 {
			f *= 1000
		}
		if !ok || math.Abs(f) > 1e15 {
			return event.None
		}
		at = time.UnixMilli(int64(math.Floor(f + 1e-3))).UTC()
	}
	if y := at.Year(); y < 1 || y > 9999 {
		return event.None
	}
	return at.UnixMilli()
}

func isoTime(s string) (time.Time, bool) {
	m := iso.FindStringSubmatch(s)
	if m == nil {
		return time.Time{}, false
	}
	z := zones.FindStringSubmatch(strings.TrimSpace(m[8]))
	if z == nil {
		return time.Time{}, false
	}
	n := func(s string) int { i, _ := strconv.Atoi(s); return i }
	ms := n((m[7] + "000")[:3])
	at := time.Date(n(m[1]), time.Month(n(m[2])), n(m[3]), n(m[4]), n(m[5]), n(m[6]), ms*1e6, time.UTC)
	same := at.Year() == n(m[1]) && int(at.Month()) == n(m[2]) && at.Day() == n(m[3]) && at.Hour() == n(m[4]) && at.Minute() == n(m[5]) && at.Second() == n(m[6])
	offset := time.Duration(n(z[2]))*time.Hour + time.Duration(n(z[3]))*time.Minute
	if z[1] == "-" {
		offset = -offset
	}
	return at.Add(-offset), same && n(m[1]) > 0 && n(z[2]) < 24 && n(z[3]) < 60
}

// attributesByReference returns what the paths of a tree hold in a payload's attributes, and
// whether it has any.
func attributesByReference(t *attribute.Tree, v any) (map[string]string, bool) {
	if s, ok := v.(string); ok {
		v, _ = parse([]byte(s))
	}
	o, ok := v.(object)
	if !ok {
		return nil, false
	}
	values := map[string]string{}
	for id := 1; id < t.Len(); id++ {
		path := t.Path(attribute.ID(id))
		if s := words(at(o, path)); s != "" && path != "conversations.media" && !strings.Contains(path, "*") {
			values[path] = s
		}
	}
	return values, true
}

func at(o object, path string) any {
	name, rest, deeper := strings.Cut(path, ".")
	if !deeper {
		return o[name]
	}
	in, _ := o[name].(object)
	return at(in, rest)
}

// attributesOf returns what the paths of a tree hold in a snapshot.
func attributesOf(t *attribute.Tree, s attribute.Snapshot) map[string]string {
	o := attribute.NewOverlay(t)
	o.Add(s)
	values := map[string]string{}
	for id := 1; id < t.Len(); id++ {
		if s := o.Text(attribute.ID(id)); s != "" {
			values[t.Path(attribute.ID(id))] = s
		}
	}
	return values
}

var trees = map[string]*attribute.Tree{"task_attributes": model.TaskTree, "worker_attributes": model.WorkerTree}
