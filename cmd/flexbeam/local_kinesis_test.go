package main

import (
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/tape"
	source "flexbeam/pipeline/io/kinesisio"
	"flexbeam/simulate/send"
)

// eventually waits for something that is going to be.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for begin := time.Now(); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Since(begin) > time.Minute {
			t.Fatalf("in a minute there was no %s", what)
		}
	}
}

var announced = regexp.MustCompile(`^Kinesis at (http://127\.0\.0\.1:\d+): .*\n`)

// localKinesis runs local kinesis at a free port until the test ends, and returns its address.
func localKinesis(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithCancelCause(context.Background())
	var out, errs tape.Tape
	ended := make(chan int)
	go func() {
		ended <- realMain(ctx, append([]string{"local", "kinesis", "--addr=127.0.0.1:0"}, args...), &out, &errs)
	}()
	t.Cleanup(func() {
		cancel(errInterrupted)
		if code := <-ended; code != 0 || !strings.HasPrefix(errs.String(), "ended after ") {
			t.Errorf("exit %d: %s", code, errs.String())
		}
	})
	eventually(t, "line with the address", func() bool { return announced.MatchString(out.String()) || errs.String() != "" })
	if errs.String() != "" {
		t.Fatal(errs.String())
	}
	return announced.FindStringSubmatch(out.String())[1]
}

// contents returns the texts in a stream, sorted, and how many shards hold some.
func contents(t *testing.T, endpoint, stream string) (texts []string, used int) {
	t.Helper()
	ctx := context.Background()
	c, err := send.Open(ctx, source.Stream{Name: stream, Endpoint: endpoint})
	if err != nil {
		t.Fatal(err)
	}
	shards, err := c.ListShards(ctx, &kinesis.ListShardsInput{StreamName: &stream})
	if err != nil {
		t.Fatal(err)
	}
	for _, shard := range shards.Shards {
		from, err := c.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{StreamName: &stream, ShardId: shard.ShardId, ShardIteratorType: types.ShardIteratorTypeTrimHorizon})
		if err != nil {
			t.Fatal(err)
		}
		before := len(texts)
		for at := from.ShardIterator; ; {
			r, err := c.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: at})
			if busy := new(types.ProvisionedThroughputExceededException); errors.As(err, &busy) {
				time.Sleep(100 * time.Millisecond)
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, record := range r.Records {
				texts = append(texts, string(record.Data))
			}
			if at = r.NextShardIterator; at == nil || len(r.Records) == 0 && *r.MillisBehindLatest == 0 {
				break
			}
		}
		if len(texts) > before {
			used++
		}
	}
	slices.Sort(texts)
	return texts, used
}

func TestAStreamHoldsTheRecordsThatAFileWould(t *testing.T) {
	endpoint := localKinesis(t, "--stream=calls", "--stream=chats", "--shards=3", "--retention=48")
	draw := []string{"simulate", "--seed=5", "--start=2026-03-02T09:00:00Z", "--hours=3", "--tasks=150", "--disorder=5m", "--duplicates=0.05", "--losses=0.02", "--dirty=0.01"}
	file := call(t, append(draw, "--form=string")...)
	want := strings.Split(strings.TrimSuffix(file.out, "\n"), "\n")
	slices.Sort(want)
	for stream, speed := range map[string]string{"calls": "max", "chats": "20000"} {
		to := "kinesis:" + stream + "?endpoint=" + endpoint
		r := call(t, append(draw, "--to="+to, "--speed="+speed)...)
		if r.code != 0 || r.out != "" {
			t.Fatalf("exit %d: %s%s", r.code, r.out, r.errors)
		}
		for _, part := range []string{"stream " + stream + ": ", " duplicates, ", " lost, ", "same again: --start 2026-03-02T09:00:00Z\n", "next: flexbeam run --source "} {
			if !strings.Contains(r.errors, part) {
				t.Errorf("%q is missing in: %s", part, r.errors)
			}
		}
		got, used := contents(t, endpoint, stream)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("stream %s (-file +stream):\n%.2000s", stream, diff)
		}
		if used != 3 {
			t.Errorf("%d of 3 shards hold records", used)
		}
	}
}

func TestSendingEndsNearTheTimeOfItsLastEvents(t *testing.T) {
	endpoint := localKinesis(t)
	r := call(t, "simulate", "--tasks=40", "--hours=2", "--to=kinesis:demo?endpoint="+endpoint, "--speed=7200", "--log-format=json")
	var got struct {
		Msg     string
		Stream  string
		Start   time.Time
		Time    time.Time
		Records int64
		Events  int64
		Tasks   int64
		Calls   int64
		Bytes   int64
		Retries int64
		Elapsed float64 `json:"elapsed_seconds"`
	}
	if err := json.Unmarshal([]byte(r.errors), &got); err != nil {
		t.Fatalf("%v in: %s", err, r.errors)
	}
	if end := got.Start.Add(2 * time.Hour); got.Time.Before(end.Add(-time.Second)) || got.Time.After(end.Add(time.Minute)) {
		t.Errorf("the history ends at %v, sending at %v", end, got.Time)
	}
	texts, _ := contents(t, endpoint, "demo")
	if got.Msg != "simulation sent" || got.Stream != "demo" || got.Records != int64(len(texts)) || got.Records != got.Events || got.Tasks < 40 ||
		got.Calls == 0 || got.Bytes < 1000*got.Records || got.Retries != 0 || got.Elapsed < 0.5 {
		t.Errorf("%d records in the stream: %s", len(texts), r.errors)
	}
}

func TestThrottledSendingLosesNothing(t *testing.T) {
	endpoint := localKinesis(t, "--throttle", "--shards=1")
	r := call(t, "simulate", "--start=2026-03-02", "--events=1600", "--to=kinesis:demo?endpoint="+endpoint, "--speed=max")
	if texts, _ := contents(t, endpoint, "demo"); r.code != 0 || len(texts) != 1600 || !strings.Contains(r.errors, " retries\n") {
		t.Errorf("exit %d, %d records: %s", r.code, len(texts), r.errors)
	}
}

func TestServerAndSenderAsAUserRunsThem(t *testing.T) {
	run := func(args ...string) (*exec.Cmd, *tape.Tape, *tape.Tape) {
		t.Helper()
		c := exec.Command(binary, args...)
		out, errs := new(tape.Tape), new(tape.Tape)
		c.Stdout, c.Stderr = out, errs
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Process.Kill() })
		return c, out, errs
	}
	end := func(c *exec.Cmd, s syscall.Signal) int {
		t.Helper()
		if err := c.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
		_ = c.Wait() // its exit status is looked at
		return c.ProcessState.ExitCode()
	}
	server, out, errs := run("local", "kinesis", "--addr=127.0.0.1:0")
	eventually(t, "line with the address", func() bool { return strings.Contains(out.String(), "its ARN is ") })
	endpoint := announced.FindStringSubmatch(out.String())[1]
	if want := "flexbeam simulate --to 'kinesis:demo?endpoint=" + endpoint + "'"; !strings.Contains(out.String(), want) {
		t.Errorf("%q is missing in:\n%s", want, out)
	}

	sender, _, said := run("simulate", "--tasks=20000", "--to=kinesis:demo?endpoint="+endpoint, "--speed=60")
	eventually(t, "record", func() bool { texts, _ := contents(t, endpoint, "demo"); return len(texts) > 0 })
	if code := end(sender, syscall.SIGINT); code != 1 {
		t.Errorf("exit %d", code)
	}
	oneLine(t, said.String(), "interrupted by SIGINT after ", "stream demo has ", " records", "--start 2")

	if code := end(server, syscall.SIGTERM); code != 0 || !strings.Contains(errs.String(), " calls of PutRecords, ") {
		t.Errorf("exit %d: %s", code, errs)
	}
}

func TestWrongServerSaysInOneLineWhatToDo(t *testing.T) {
	taken := strings.TrimPrefix(localKinesis(t), "http://")
	tests := []struct {
		name string
		args []string
		code int
		want []string
	}{
		{"no shards", []string{"--shards=0"}, 2, []string{"--shards 0", "from 1"}},
		{"short retention", []string{"--retention=1"}, 2, []string{"--retention 1", "24 to 8760"}},
		{"no name", []string{"--addr=127.0.0.1:0", "--stream=a b"}, 2, []string{"--stream a b", "[a-zA-Z0-9_.-]+"}},
		{"one name twice", []string{"--addr=127.0.0.1:0", "--stream=a", "--stream=a"}, 2, []string{"--stream a", "already exists"}},
		{"no address", []string{"--addr=here"}, 1, []string{"--addr here", "127.0.0.1:0"}},
		{"taken address", []string{"--addr=" + taken}, 1, []string{"--addr " + taken, "in use", "127.0.0.1:0"}},
		{"an argument", []string{"demo"}, 2, []string{"demo"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := call(t, append([]string{"local", "kinesis"}, tt.args...)...)
			if r.code != tt.code || r.out != "" {
				t.Errorf("exit %d, want %d, output %q", r.code, tt.code, r.out)
			}
			oneLine(t, r.errors, tt.want...)
		})
	}
}
