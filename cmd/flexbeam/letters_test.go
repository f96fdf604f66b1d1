package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// input is the record of an event, in the form of Event Streams.
const input = `{"type":"com.twilio.taskrouter.task.created","id":"EZ1","data":{"payload":{"sid":"EV1","account_sid":"AC1","task_sid":"WT1","timestamp":"2026-03-02T08:00:00Z"}}}`

func TestAJobFailsOnPurposeWhenThereAreMoreDeadLettersThanItMayHave(t *testing.T) {
	dir := t.TempDir()
	day := write(t, filepath.Join(dir, "day.ndjson"), input+"7\n"+input+"\n")
	for limit, code := range map[string]int{"1": 0, "34%": 0, "0": 1, "33%": 1, "x": 2, "101%": 2} {
		out := filepath.Join(dir, "out"+strings.TrimSuffix(limit, "%"))
		r := call(t, "run", "--source=file:"+day, "--sink=jsonl:"+out, "--progress=none", "--max-dead-letters", limit)
		if r.code != code {
			t.Errorf("%s: exit %d, want %d:\n%s", limit, r.code, code, r.errors)
		}
		if code == 2 {
			oneLine(t, r.errors, "--max-dead-letters", limit)
			continue
		}
		if _, err := os.Stat(filepath.Join(out, "engagements.jsonl")); err != nil {
			t.Errorf("%s: what could be used is not written: %v", limit, err)
		}
		if code == 1 {
			lines := strings.Split(strings.TrimSpace(r.errors), "\n")
			oneLine(t, lines[len(lines)-1]+"\n", "too many dead letters: 1 beside 3 records", "allows "+limit, "not_an_object", "day.ndjson:1+1")
		}
	}
}

func TestAJobThatCouldUseNothingSaysSoAtItsEnd(t *testing.T) {
	dir := t.TempDir()
	form := write(t, filepath.Join(dir, "form.txt"), "7\nEventType=task.created&Sid=EV1\nEventType=task.updated&Sid=EV2\n")
	for _, mode := range []string{"batch", "stream"} {
		r := call(t, "run", "--source=file:"+form, "--sink=jsonl:"+filepath.Join(dir, mode), "--progress=none", "--mode", mode)
		lines := strings.Split(strings.TrimSpace(r.errors), "\n")
		last := lines[len(lines)-1]
		for _, part := range []string{"warning: no record could be used", "all 3 are dead letters", "2 of class unknown_form", "form.txt:2: ", "form-encoded callback"} {
			if r.code != 0 || !strings.Contains(last, part) {
				t.Errorf("%s: exit %d, %q lacks %q", mode, r.code, last, part)
			}
		}
	}
	r := call(t, "run", "--source=file:"+form, "--sink=jsonl:"+filepath.Join(dir, "json"), "--progress=none", "--log-format=json")
	lines := strings.Split(strings.TrimSpace(r.errors), "\n")
	var told struct {
		Level, Class, Example string
		Letters               int `json:"dead_letters"`
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &told); err != nil || told.Level != "WARN" || told.Class != "unknown_form" || told.Letters != 3 {
		t.Errorf("%v: %s", err, lines[len(lines)-1])
	}
	good := write(t, filepath.Join(dir, "good.ndjson"), input+"\n7\n")
	if r := call(t, "run", "--source=file:"+good, "--sink=jsonl:"+filepath.Join(dir, "good"), "--progress=none"); strings.Contains(r.errors, "warning") {
		t.Errorf("a job with an event warns:\n%s", r.errors)
	}
}

func TestAFileInUTF16IsRefusedBeforeTheJobStarts(t *testing.T) {
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "day.json"), "\xff\xfe{\x00}\x00")
	out := filepath.Join(dir, "out")
	r := call(t, "run", "--source=file:"+file, "--sink=jsonl:"+out)
	if r.code != 1 {
		t.Errorf("exit %d", r.code)
	}
	oneLine(t, r.errors, "day.json is in UTF-16LE", "iconv -f UTF-16LE -t UTF-8")
	if _, err := os.Stat(out); !os.IsNotExist(err) {
		t.Errorf("the sink was opened: %v", err)
	}
}

func TestAJobWithoutAnyRecordSaysSoAtItsEnd(t *testing.T) {
	dir := t.TempDir()
	empty := write(t, filepath.Join(dir, "empty.ndjson"), "\n\n[]\n")
	for _, mode := range []string{"batch", "stream"} {
		r := call(t, "run", "--source=file:"+empty, "--sink=jsonl:"+filepath.Join(dir, mode), "--progress=none", "--mode="+mode)
		if r.code != 0 || !strings.HasSuffix(r.errors, "\nwarning: the input has no records: are these the right files?\n") {
			t.Errorf("%s: exit %d:\n%s", mode, r.code, r.errors)
		}
	}
	r := call(t, "run", "--source=file:"+empty, "--sink=jsonl:"+filepath.Join(dir, "json"), "--log-format=json")
	lines := strings.Split(strings.TrimSpace(r.errors), "\n")
	var last struct{ Level, Msg, Source string }
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || last.Level != "WARN" || last.Msg != "the input has no records" || last.Source != "file:"+empty {
		t.Errorf("%v: %s", err, r.errors)
	}
}
