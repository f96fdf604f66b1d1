package decode_test

import (
	"strings"
	"testing"

	"flexbeam/transforms/decode"
)

// foreigners are what tools leave in place of records, with the class of the dead letter and what its
// message must tell: what the text looks like, and what to do.
var foreigners = []struct {
	name, text string
	class      decode.Class
	says       []string
}{
	{"a callback of TaskRouter", "EventType=task.created&AccountSid=AC1&TaskSid=WT1", decode.UnknownForm, []string{"form-encoded callback", "Event Streams"}},
	{"the same with its unknown fields first", "ResourceSid=WR1&Timestamp=5&WorkspaceSid=WS1", decode.UnknownForm, []string{"form-encoded callback"}},
	{"the same as a JSON string", `"EventType=task.created&TaskSid=WT1"`, decode.UnknownForm, []string{"JSON string", "form-encoded callback"}},
	{"a form of something else", "name=Ann&age=7", decode.InvalidJSON, []string{"expected are envelopes"}},
	{"base64 of an envelope", base64Of(envelope("task.created")), decode.UnknownForm, []string{"base64", "@base64d"}},
	{"base64 of gzip", "H4sIAAAAAAAAA6tWKkktLlGyUoCyagEzXh3oFQAAAA==", decode.UnknownForm, []string{"base64"}},
	{"base64 as a JSON string", quoted(base64Of(`[{"type":"x"}]`)), decode.UnknownForm, []string{"JSON string", "base64"}},

	{"Lambda of a Kinesis stream", `{"Records":[{"kinesis":{"partitionKey":"p","data":"eyJ9"},"eventSource":"aws:kinesis"}]}`, decode.UnknownForm, []string{"a Lambda event of a Kinesis stream", "jq -r '.Records[].kinesis.data | @base64d'"}},
	{"one record of it", `{"kinesis":{"data":"eyJ9"},"eventSource":"aws:kinesis"}`, decode.UnknownForm, []string{"a record of a Lambda event", "jq -r '.kinesis.data | @base64d'"}},
	{"Lambda of a queue", `{"Records":[{"messageId":"1","body":"{}","eventSource":"aws:sqs"}]}`, decode.UnknownForm, []string{"a Lambda event of a queue", "jq -r '.Records[].body'"}},
	{"one record of it", `{"messageId":"1","receiptHandle":"r","body":"{}","eventSource":"aws:sqs"}`, decode.UnknownForm, []string{"a Lambda event of a queue", "jq -r .body"}},
	{"Lambda of a topic", `{"Records":[{"EventSource":"aws:sns","Sns":{"Message":"{}"}}]}`, decode.UnknownForm, []string{"a Lambda event of a topic", "jq -r '.Records[].Sns.Message'"}},
	{"one record of it", `{"EventSource":"aws:sns","Sns":{"Message":"{}"}}`, decode.UnknownForm, []string{"a Lambda event of a topic", "jq -r .Sns.Message"}},
	{"Lambda of something else", `{"Records":[{"s3":{}}]}`, decode.UnknownForm, []string{"a Lambda event", "jq"}},
	{"Lambda of nothing", `{"Records":[]}`, decode.UnknownForm, []string{"a Lambda event"}},
	{"Lambda of Kafka", `{"eventSource":"aws:kafka","records":{"t-0":[{"value":"eyJ9"}]}}`, decode.UnknownForm, []string{"Kafka", "jq -r '.records[][].value | @base64d'"}},
	{"Lambda of CloudWatch Logs", `{"awslogs":{"data":"H4sI"}}`, decode.UnknownForm, []string{"CloudWatch Logs", "gunzip", "jq -r '.logEvents[].message'"}},
	{"Lambda of a web request", `{"version":"2.0","body":"[]","requestContext":{"http":{}},"isBase64Encoded":false}`, decode.UnknownForm, []string{"a web request", ".body"}},
	{"Lambda of an API", `{"httpMethod":"POST","body":"[]"}`, decode.UnknownForm, []string{"a web request", ".body"}},
	{"an answer of GetRecords", `{"Records":[{"SequenceNumber":"1","Data":"eyJ9","PartitionKey":"p"}],"NextShardIterator":"x","MillisBehindLatest":0}`, decode.UnknownForm, []string{"an answer of GetRecords", "jq -r '.Records[].Data | @base64d'"}},
	{"one record of it", `{"SequenceNumber":"1","Data":"eyJ9","PartitionKey":"p"}`, decode.UnknownForm, []string{"a record of GetRecords", "jq -r '.Data | @base64d'"}},
	{"what Firehose hands on", `{"invocationId":"1","records":[{"recordId":"1","data":"eyJ9"}]}`, decode.UnknownForm, []string{"Firehose", "jq -r '.records[].data | @base64d'"}},
	{"an event of EventBridge", `{"version":"0","detail-type":"x","source":"aws.partner/twilio.com","detail":{"type":"com.twilio.taskrouter.task.created"}}`, decode.UnknownForm, []string{"EventBridge", "jq -c .detail"}},
	{"an answer of SQS", `{"Messages":[{"MessageId":"1","ReceiptHandle":"r","Body":"{}"}]}`, decode.UnknownForm, []string{"an answer of SQS", "jq -r '.Messages[].Body'"}},
	{"one message of it", `{"MessageId":"1","ReceiptHandle":"r","Body":"{}"}`, decode.UnknownForm, []string{"a message of SQS", "jq -r .Body"}},
	{"a notification of SNS", `{"Type":"Notification","MessageId":"1","TopicArn":"arn:aws:sns:x","Message":"{}"}`, decode.UnknownForm, []string{"a notification of SNS", "jq -r .Message"}},
	{"CloudWatch Logs", `{"messageType":"DATA_MESSAGE","logGroup":"/twilio","logEvents":[{"id":"1","timestamp":5,"message":"{}"}]}`, decode.UnknownForm, []string{"CloudWatch Logs", "jq -r '.logEvents[].message'"}},

	{"a page in an array", `[{"events":[],"meta":{}}]`, decode.InvalidData, []string{"a page of the Events resource inside an array", "jq -c '.[]'"}},
	{"the data of an envelope", `{"sid":"EV1","payload":{"task_sid":"WT1"}}`, decode.InvalidData, []string{"the data of an envelope"}},
	{"the payload of an envelope", `{"eventtype":"task.created","task_sid":"WT1"}`, decode.InvalidData, []string{"the payload of an envelope"}},
	{"an object of something else", `{"hello":"world","n":1}`, decode.InvalidData, []string{"neither an envelope of Event Streams", "hello, n"}},
	{"base64 in data", `{"type":"com.twilio.taskrouter.task.created","data":"` + base64Of(`{"payload":{}}`) + `"}`, decode.InvalidData, []string{"base64", "data_base64"}},
	{"an envelope without data", `{"type":"com.twilio.taskrouter.task.created"}`, decode.InvalidData, []string{"no data", "as Event Streams sends them"}},

	{"JSON in a JSON string", quoted(envelope("task.created")), decode.NotAnObject, []string{"a JSON string that holds JSON", "jq -c fromjson"}},
	{"an array in an array", `[[` + envelope("task.created") + `]]`, decode.NotAnObject, []string{"an array within an array", "jq -c '.[][]'"}},
	{"UTF-16 without its mark", "\x00{\x00\"\x00a\x00\"\x00:\x001\x00}", decode.InvalidJSON, []string{"UTF-16", "iconv -f UTF-16"}},
	{"UTF-16 with its mark", "\xff\xfe{\x00\"\x00", decode.InvalidUTF8, []string{"UTF-16", "iconv -f UTF-16"}},
	{"Latin-1", "{\"name\":\"Andr\xe9\"}", decode.InvalidUTF8, []string{"UTF-8", "iconv -f WINDOWS-1252"}},
	{"a dict of Python", `{'type': 'com.twilio.taskrouter.task.created', 'data': {}}`, decode.InvalidJSON, []string{"Python", "json.dumps"}},
	{"a page of an error", "<html><body>502</body></html>", decode.InvalidJSON, []string{"HTML"}},
	{"a header of CSV", "event_sid,type,task_sid,data", decode.InvalidJSON, []string{"CSV", "JSON"}},
	{"a row of CSV", `EV1;task.created;"{""task_sid"":""WT1""}"`, decode.InvalidJSON, []string{"CSV", "JSON"}},
	{"a line of a log", "INFO got, for once, an event: " + envelope("task.created"), decode.InvalidJSON, []string{"a line of a log", "sed 's/^[^{]*//'"}},
	{"a message of a stream of events", "data: " + envelope("task.created"), decode.InvalidJSON, []string{"a line of a log", "sed 's/^[^{]*//'"}},
	{"a comma behind a record", ",", decode.InvalidJSON, []string{"a comma", "as an array"}},
	{"half a record", envelope("task.created")[:40], decode.InvalidJSON, []string{"ends inside a value", "jq -c ."}},
	{"words", "hello there", decode.InvalidJSON, []string{"expected are envelopes"}},
}

// Every dead letter says what it looks like, where that is known, and what to do.
func TestADeadLetterSaysWhatToDo(t *testing.T) {
	for _, test := range foreigners {
		t.Run(test.name, func(t *testing.T) {
			var got []*decode.Error
			decode.New().Line([]byte(test.text), refusals(func(e *decode.Error) { got = append(got, e) }))
			if len(got) != 1 {
				t.Fatalf("%d dead letters", len(got))
			}
			if got[0].Class != test.class {
				t.Errorf("class %s, want %s", got[0].Class, test.class)
			}
			for _, part := range test.says {
				if !strings.Contains(got[0].Message, part) {
					t.Errorf("%q does not say %q", got[0].Message, part)
				}
			}
		})
	}
}
