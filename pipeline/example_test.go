package pipeline_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"flexbeam/pipeline"
	_ "flexbeam/pipeline/sink/jsonl"  // registers the sink
	_ "flexbeam/pipeline/source/file" // registers the source
)

func Example() {
	dir, err := os.MkdirTemp("", "flexbeam")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	records := `{"type": "com.twilio.taskrouter.task-queue.entered", "id": "1", "data": {"payload": {"account_sid": "AC1", "task_sid": "WT1", "timestamp": "2026-03-02T08:00:00Z"}}}
{"type": "com.twilio.taskrouter.task.canceled", "id": "2", "data": {"payload": {"account_sid": "AC1", "task_sid": "WT1", "timestamp": "2026-03-02T08:01:00Z", "reason": "hangup"}}}
no record
`
	source := filepath.Join(dir, "events.ndjson")
	if err := os.WriteFile(source, []byte(records), 0o600); err != nil {
		fmt.Println(err)
		return
	}

	job, err := pipeline.New(pipeline.Options{Source: "file:" + source, Sink: "jsonl:" + filepath.Join(dir, "tables"), Runner: pipeline.Direct})
	if err != nil {
		fmt.Println(err) // wrong options
		return
	}
	summary, err := job.Run(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(summary.Events, "events,", summary.DeadLetters, "dead letter,", summary.Rows["engagements"], "engagement")
	// Output: 2 events, 1 dead letter, 1 engagement
}
