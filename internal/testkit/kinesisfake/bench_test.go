package kinesisfake_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"flexbeam/internal/testkit/kinesisfake"
)

const (
	benchSize  = 2048
	benchBatch = 500
)

// post sends a request as a client would, without the cost of one.
func post(tb testing.TB, s *kinesisfake.Server, operation string, body []byte, into *bytes.Buffer) {
	tb.Helper()
	r, err := http.NewRequest(http.MethodPost, s.URL, bytes.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", "Kinesis_20131202."+operation)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	into.Reset()
	if _, err := io.Copy(into, resp.Body); err != nil {
		tb.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		tb.Fatalf("%s: %s: %s", operation, resp.Status, into)
	}
}

// batch is a request of PutRecords with 500 records of 2 KiB.
func batch() []byte {
	data := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("abcdefgh"), benchSize/8))
	var entries []string
	for i := range benchBatch {
		entries = append(entries, fmt.Sprintf(`{"Data":%q,"PartitionKey":"key-%d"}`, data, i))
	}
	return []byte(`{"StreamName":"events","Records":[` + strings.Join(entries, ",") + `]}`)
}

// BenchmarkPutRecords measures what the server takes in, in records a second of 2 KiB.
func BenchmarkPutRecords(b *testing.B) {
	s := kinesisfake.New(kinesisfake.Options{MaxStreamBytes: 256 << 20})
	if err := s.Start(); err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	s.CreateStream("events", 4)
	body := batch()
	var out bytes.Buffer
	n := 0
	for b.Loop() {
		post(b, s, "PutRecords", body, &out)
		n += benchBatch
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkGetRecords measures what the server gives out, in records a second of 2 KiB.
func BenchmarkGetRecords(b *testing.B) {
	s := kinesisfake.New(kinesisfake.Options{})
	if err := s.Start(); err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	s.CreateStream("events", 1)
	var out bytes.Buffer
	body := batch()
	for range 20 {
		post(b, s, "PutRecords", body, &out)
	}
	post(b, s, "GetShardIterator", []byte(`{"StreamName":"events","ShardId":"shardId-000000000000","ShardIteratorType":"TRIM_HORIZON"}`), &out)
	var it struct{ ShardIterator string }
	if err := json.Unmarshal(out.Bytes(), &it); err != nil {
		b.Fatal(err)
	}
	request, n := fmt.Appendf(nil, `{"ShardIterator":%q,"Limit":5000}`, it.ShardIterator), 0
	for b.Loop() {
		post(b, s, "GetRecords", request, &out)
		n += 5000
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "records/s")
}
