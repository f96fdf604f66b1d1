package decode

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"flexbeam/internal/jsonscan"
)

// What people feed in place of records has a few shapes. The errors of this file name the one that a
// text looks like, and what to do about it.

const expected = "expected are envelopes of Event Streams, events of TaskRouter's REST log, or arrays of these, as JSON"

// headSize is how much of a text is looked at to tell what it looks like, in bytes.
const headSize = 64 << 10

// A lookalike is text that is no JSON, by what it looks like.
type lookalike struct {
	is    func(head []byte) bool
	class Class
	text  string
}

var lookalikes = []lookalike{
	{isForm, UnknownForm, "it looks like a form-encoded callback, as TaskRouter posts it to an event callback URL: give Event Streams a sink instead, and read what was missed from TaskRouter's Events resource"},
	{isBase64, UnknownForm, "it looks like base64, as Kinesis records stand in dumps: decode it first, such as with jq -Rr @base64d"},
	{isWide, InvalidJSON, "it looks like UTF-16: " + convertWide},
	{startsWith("{'", "[{'", "{ '"), InvalidJSON, "it looks like a dict as Python prints it: write it with json.dumps"},
	{startsWith(","), InvalidJSON, "a comma stands where a value is due: write records one behind the other, or as an array"},
	{hasJSONBehind, InvalidJSON, "it looks like a line of a log with JSON at its end: cut off what stands before it, such as with sed 's/^[^{]*//'"},
	{isTable, InvalidJSON, "it looks like a line of CSV: write each record as JSON, such as the column that holds it"},
	{startsWith("<"), InvalidJSON, "it looks like XML or HTML, perhaps the page of an error: " + expected},
}

const (
	convertWide   = "convert it to UTF-8 first, such as with iconv -f UTF-16 -t UTF-8"
	convertLatin1 = "convert it to UTF-8 first, such as with iconv -f WINDOWS-1252 -t UTF-8"
)

// broken returns the error of text that begins with a broken value. err is what the scanner says of it.
func broken(b []byte, err error) *Error {
	if !utf8.Valid(b) {
		if isWide(b) {
			return refuse(InvalidUTF8, "the record is not valid UTF-8; it looks like UTF-16: %s", convertWide)
		}
		return refuse(InvalidUTF8, "the record is not valid UTF-8: %s", convertLatin1)
	}
	head, what := b[:min(len(b), headSize)], trouble(b, err)
	for _, l := range lookalikes {
		if l.is(head) {
			return refuse(l.class, "%s; %s", what, l.text)
		}
	}
	if strings.HasPrefix(what, "unexpected end") {
		return refuse(InvalidJSON, "%s: the text ends inside a value; if it was not cut, put each value on one line, such as with jq -c .", what)
	}
	return refuse(InvalidJSON, "%s: %s", what, expected)
}

// trouble says what is wrong with text that begins with a broken value, in the words of encoding/json,
// which users know.
func trouble(b []byte, err error) string {
	var syntax json.RawMessage
	if e := json.Unmarshal(b, &syntax); e != nil {
		return e.Error()
	}
	return err.Error()
}

// notAnObject returns the error of a JSON value that is no object.
func notAnObject(b []byte) *Error {
	switch b[0] {
	case '"':
		text := bytes.TrimSpace(jsonscan.AppendUnquoted(nil, b))
		for _, l := range lookalikes {
			if l.class == UnknownForm && l.is(text[:min(len(text), headSize)]) {
				return refuse(UnknownForm, "the record is a JSON string; %s", l.text)
			}
		}
		if startsWith("{", "[")(text) {
			return refuse(NotAnObject, "the record is a JSON string that holds JSON: take it out first, such as with jq -c fromjson")
		}
	case '[':
		return refuse(NotAnObject, "the record is an array within an array: flatten it first, such as with jq -c '.[][]'")
	}
	return refuse(NotAnObject, "the record is JSON, but no object: %s", expected)
}

// A shape is an object that is no record, by some of its members: each a name and the first byte of
// its value, and of an array the members of its first element.
type shape struct {
	members string
	inside  string // of the first element of the first member
	class   Class
	text    string
}

var shapes = []shape{
	{"Records[", "kinesis{", UnknownForm, "a Lambda event of a Kinesis stream: take the records out first: jq -r '.Records[].kinesis.data | @base64d'"},
	{"Records[", "Data\"", UnknownForm, "an answer of GetRecords: take the records out first: jq -r '.Records[].Data | @base64d'"},
	{"Records[", "body\"", UnknownForm, "a Lambda event of a queue: take the records out first: jq -r '.Records[].body'"},
	{"Records[", "Sns{", UnknownForm, "a Lambda event of a topic: take the records out first: jq -r '.Records[].Sns.Message'"},
	{"Records[", "", UnknownForm, "a Lambda event or an answer of GetRecords: take the records out of it first, such as with jq"},
	{"records[", "data\"", UnknownForm, "what Firehose hands to a function: take the records out first: jq -r '.records[].data | @base64d'"},
	{"records{ eventSource\"", "", UnknownForm, "a Lambda event of Kafka: take the records out first: jq -r '.records[][].value | @base64d'"},
	{"awslogs{", "", UnknownForm, "a Lambda event of CloudWatch Logs: unpack it first: jq -r .awslogs.data | base64 -d | gunzip | jq -r '.logEvents[].message'"},
	{"logEvents[", "message\"", UnknownForm, "what CloudWatch Logs sends on: take the messages out first: jq -r '.logEvents[].message'"},
	{"Messages[", "Body\"", UnknownForm, "an answer of SQS: take the messages out first: jq -r '.Messages[].Body'"},
	{"Body\" ReceiptHandle\"", "", UnknownForm, "a message of SQS: take the body out first: jq -r .Body"},
	{"body\" receiptHandle\"", "", UnknownForm, "a record of a Lambda event of a queue: take the body out first: jq -r .body"},
	{"Message\" TopicArn\"", "", UnknownForm, "a notification of SNS: take the message out first: jq -r .Message"},
	{"Sns{", "", UnknownForm, "a record of a Lambda event of a topic: take the message out first: jq -r .Sns.Message"},
	{"kinesis{", "", UnknownForm, "a record of a Lambda event: take the data out first: jq -r '.kinesis.data | @base64d'"},
	{"Data\" SequenceNumber\"", "", UnknownForm, "a record of GetRecords: take the data out first: jq -r '.Data | @base64d'"},
	{"Data\" PartitionKey\"", "", UnknownForm, "a record of GetRecords: take the data out first: jq -r '.Data | @base64d'"},
	{"body\" requestContext{", "", UnknownForm, "a Lambda event of a web request: " + webRequest},
	{"body\" httpMethod\"", "", UnknownForm, "a Lambda event of a web request: " + webRequest},
	{"detail{ detail-type\"", "", UnknownForm, "an event of EventBridge: take the envelope out first: jq -c .detail"},
	{"events[ meta{", "", InvalidData, "a page of the Events resource inside an array: put each page on a line of its own: jq -c '.[]'"},
	{"payload{", "", InvalidData, "the data of an envelope: keep the envelope around it"},
	{"payload\"", "", InvalidData, "the data of an envelope: keep the envelope around it"},
	{"eventtype\"", "", InvalidData, "the payload of an envelope: keep the envelope around it"},
}

const webRequest = "take the body out first: jq -r 'if .isBase64Encoded then (.body | @base64d) else .body end'"

// noRecord returns the error of an object without the members of any form of record.
func noRecord(b []byte) *Error {
	members, names := membersOf(b)
	for _, s := range shapes {
		if !members.have(s.members) {
			continue
		}
		if s.inside != "" {
			name, _, _ := strings.Cut(s.members, "[")
			if !firstOf(members[name]).have(s.inside) {
				continue
			}
		}
		return refuse(s.class, "the record looks like %s", s.text)
	}
	const most = 6
	has := "no member that tells what it is"
	if len(names) > 0 {
		has = strings.Join(names[:min(len(names), most)], ", ")
	}
	return refuse(InvalidData, "the record is neither an envelope of Event Streams (type, data) nor an event of the REST log (event_type, event_data); it has %s", has)
}

// members are the values of an object by their names.
type members map[string][]byte

// membersOf returns the members of an object, whose grammar is right, and those of the names that are
// made of letters and underscores, in order.
func membersOf(b []byte) (m members, names []string) {
	m = members{}
	for o := jsonscan.OpenObject(b, 0, 0); o.Next(); {
		name := string(o.Key)
		if strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz") == "" && name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
		m[name] = o.Take()
	}
	return m, names
}

// firstOf returns the members of the first element of an array; none if that is no object.
func firstOf(array []byte) (m members) {
	a := jsonscan.OpenArray(array, 0, 0)
	if !a.Next() {
		return nil
	}
	if element := a.Take(); element[0] == '{' {
		m, _ = membersOf(element)
	}
	return m
}

// have tells whether there are all of some members, as a shape tells them.
func (m members) have(shape string) bool {
	for s := range strings.FieldsSeq(shape) {
		if v := m[s[:len(s)-1]]; len(v) == 0 || v[0] != s[len(s)-1] {
			return false
		}
	}
	return true
}

// hint names what the content of a data member looks like, in brackets; nothing if it looks like
// nothing in particular.
func hint(text []byte) string {
	if isBase64(text[:min(len(text), headSize)]) {
		return " (it looks like base64: decode it first, or name it data_base64, as CloudEvents does)"
	}
	return ""
}

func startsWith(prefixes ...string) func([]byte) bool {
	return func(head []byte) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return bytes.HasPrefix(head, []byte(p)) })
	}
}

// formNames are names of which a callback has at least one.
var formNames = []string{"EventType", "AccountSid", "WorkspaceSid", "TaskSid"}

// isForm tells whether text is form-encoded and has a name of a callback.
func isForm(head []byte) bool {
	for pair := range bytes.SplitSeq(head, []byte{'&'}) {
		name, _, ok := bytes.Cut(pair, []byte{'='})
		if !ok || len(bytes.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz0123456789.-")) > 0 {
			return false
		}
		if slices.Contains(formNames, string(name)) {
			return true
		}
	}
	return false
}

// hasJSONBehind tells whether words stand in front of an object on the first line of a text.
func hasJSONBehind(head []byte) bool {
	line, _, _ := bytes.Cut(head, []byte{'\n'})
	at := bytes.Index(line, []byte(`{"`))
	return at > 0 && bytes.IndexByte([]byte(" \t:"), line[at-1]) >= 0 && line[0] != '{' && line[0] != '['
}

// isTable tells whether the first line of a text has at least three fields with the same separator
// between.
func isTable(head []byte) bool {
	const fields = 3
	line, _, _ := bytes.Cut(head, []byte{'\n'})
	return !startsWith("{", "[")(line) && slices.ContainsFunc([]byte(",;\t"), func(separator byte) bool {
		return bytes.Count(line, []byte{separator}) >= fields-1
	})
}

// isBase64 tells whether the first word of a text is base64 of JSON, or of something packed.
func isBase64(head []byte) bool {
	const enough = 16
	word := head
	if i := bytes.IndexAny(head, " \t\r\n"); i >= 0 {
		word = head[:i]
	}
	if len(word) < enough {
		return false
	}
	b, err := base64.StdEncoding.AppendDecode(nil, word[:enough])
	if err != nil {
		return false
	}
	if packing(b) != nil {
		return true
	}
	return startsWith("{", "[")(b) && !bytes.ContainsFunc(b, func(r rune) bool { return r < ' ' && r != '\t' && r != '\r' && r != '\n' })
}

// fromBase64 decodes base64 with or without padding at its end.
func fromBase64(text []byte) ([]byte, error) {
	text = bytes.TrimRight(bytes.TrimSpace(text), "=")
	return base64.RawStdEncoding.AppendDecode(nil, text)
}

// isWide tells whether text looks like UTF-16 or UTF-32: it has their byte order mark, or a zero beside
// each of its first characters.
func isWide(b []byte) bool {
	if startsWith("\xff\xfe", "\xfe\xff", "\x00\x00\xfe\xff")(b) {
		return true
	}
	const enough = 8
	return len(b) >= enough && bytes.Count(b[:enough], []byte{0}) >= enough/2-1
}
