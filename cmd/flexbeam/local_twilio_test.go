package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"flexbeam/internal/testkit/twiliolocal"
)

// The command that local twilio prints reads its log, and SIGTERM ends the service as it should.
func TestAJobReadsTheLogOfTheLocalTwilio(t *testing.T) {
	dir := t.TempDir()
	if r := start(t, dir, "", "simulate", "--tasks=40", "--form=rest", "--out=log.ndjson.gz"); r.code != 0 {
		t.Fatal(r.errors)
	}
	var errs bytes.Buffer
	c := exec.Command(binary, "local", "twilio", "--addr=127.0.0.1:0", "--events=log.ndjson.gz", "--fail=0.1")
	c.Dir, c.Stderr = dir, &errs
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Process.Kill()
	source, turns := "", ""
	for lines := bufio.NewScanner(out); (source == "" || turns == "") && lines.Scan(); {
		words := strings.Fields(lines.Text())
		for _, word := range words {
			if name, value, ok := strings.Cut(word, "="); ok && strings.HasPrefix(name, "TWILIO_") {
				t.Setenv(name, value)
			}
			switch s := strings.Trim(word, "'"); {
			case strings.HasPrefix(s, "taskrouter:WS"):
				source = s
			case strings.HasPrefix(s, "missing?endpoint="):
				turns = s
			}
		}
	}
	if source == "" {
		t.Fatalf("no source was printed: %s", errs.String())
	}
	r := start(t, dir, "", "run", "--source="+source, "--sink=jsonl:log")
	file := start(t, dir, "", "run", "--source=file:log.ndjson.gz", "--sink=jsonl:file", "--turns="+turns)
	if r.code != 0 || file.code != 0 {
		t.Fatalf("exit %d: %s, exit %d: %s", r.code, r.errors, file.code, file.errors)
	}
	if diff, err := exec.Command("diff", "-r", dir+"/log", dir+"/file").CombinedOutput(); err != nil {
		t.Errorf("the log and its file differ: %v\n%.2000s", err, diff)
	}
	if said, err := os.ReadFile(dir + "/log/turns.jsonl"); err != nil || bytes.Count(said, []byte(`"author_type":"Agent"`)) == 0 {
		t.Errorf("no agent has said anything: %v", err)
	}
	if strings.Contains(r.errors+r.out, twiliolocal.DefaultSecret+" ") {
		t.Errorf("the secret is shown: %s", r.errors)
	}
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil || !strings.Contains(errs.String(), " calls") {
		t.Errorf("the service ended with %v: %s", err, errs.String())
	}
}

// TestHealingIsTriedAsTheDocsSay runs the commands of docs/twilio.md, and the one that local twilio prints.
func TestHealingIsTriedAsTheDocsSay(t *testing.T) {
	b, err := os.ReadFile(top + "/docs/twilio.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(b), "## Try it without an account")
	command := func(begins string) string {
		t.Helper()
		for line := range strings.Lines(section) {
			if line = strings.TrimSpace(line); strings.HasPrefix(line, begins) {
				return line
			}
		}
		t.Fatalf("there is no command %q", begins)
		return ""
	}
	dir := t.TempDir()
	shell := func(line string) ran {
		var out, errs bytes.Buffer
		c := exec.Command("sh", "-c", line)
		c.Dir, c.Stdout, c.Stderr = dir, &out, &errs
		c.Env = append(os.Environ(), "PATH="+filepath.Dir(binary)+string(os.PathListSeparator)+os.Getenv("PATH"))
		_ = c.Run()
		return ran{c.ProcessState.ExitCode(), out.String(), errs.String()}
	}
	few := strings.NewReplacer("--tasks 2000", "--tasks 100", "head -n 10000", "head -n 500")
	for _, begins := range []string{"flexbeam simulate", "head", "flexbeam run"} {
		if r := shell(few.Replace(command(begins))); r.code != 0 {
			t.Fatalf("%s: exit %d: %s", begins, r.code, r.errors)
		}
	}
	c := exec.Command("sh", "-c", "exec "+command("flexbeam local twilio --events")+" --addr 127.0.0.1:0")
	c.Dir, c.Env = dir, append(os.Environ(), "PATH="+filepath.Dir(binary)+string(os.PathListSeparator)+os.Getenv("PATH"))
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer c.Process.Kill()
	heal := ""
	for lines := bufio.NewScanner(out); heal == "" && lines.Scan(); {
		for word := range strings.FieldsSeq(lines.Text()) {
			if name, value, ok := strings.Cut(word, "="); ok && strings.HasPrefix(name, "TWILIO_") {
				t.Setenv(name, value)
			}
		}
		if line := strings.TrimSpace(lines.Text()); strings.HasPrefix(line, "flexbeam heal") {
			heal = line
		}
	}
	if r := shell(heal); r.code != exitLacks || !strings.Contains(r.out, "task ") {
		t.Fatalf("%q: exit %d: %s%s", heal, r.code, r.out, r.errors)
	}
	healed := strings.Replace(heal, "--dry-run", "--turns none", 1)
	if r := shell(healed); r.code != 0 || !strings.Contains(r.out, "mended") {
		t.Fatalf("%q: exit %d: %s%s", healed, r.code, r.out, r.errors)
	}
}

func TestMisusesOfLocalTwilioAreToldOf(t *testing.T) {
	tests := []struct {
		args []string
		code int
		want []string
	}{
		{[]string{"--parallel=-1"}, 2, []string{"--parallel -1"}},
		{[]string{"--fail=1"}, 2, []string{"--fail 1"}},
		{[]string{"--events=missing.ndjson"}, 1, []string{"--events", "missing.ndjson", "simulate --form rest"}},
		{[]string{"--addr=127.0.0.1:99999"}, 1, []string{"--addr 127.0.0.1:99999"}},
	}
	for _, tt := range tests {
		r := call(t, append([]string{"local", "twilio"}, tt.args...)...)
		if r.code != tt.code {
			t.Errorf("%v: exit %d", tt.args, r.code)
		}
		oneLine(t, r.errors, tt.want...)
	}
}

// A job that Twilio refuses ends with one line that says what to do, and no row.
func TestARefusedKeyIsOneLine(t *testing.T) {
	s := twiliolocal.New(twiliolocal.Options{})
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	t.Setenv("TWILIO_ACCOUNT_SID", s.Account())
	t.Setenv("TWILIO_API_KEY", s.Key())
	t.Setenv("TWILIO_API_SECRET", "plantedsecret")
	r := call(t, "run", "--source=taskrouter:WS00000000000000000000000000000001?endpoint="+s.URL, "--sink=jsonl:"+t.TempDir())
	if r.code != 1 || strings.Contains(r.errors, "plantedsecret") {
		t.Errorf("exit %d: %s", r.code, r.errors)
	}
	oneLine(t, r.errors, "HTTP 401", "request RQ", "are the SID of the API key, its secret and the region right")
	t.Setenv("TWILIO_API_SECRET", "")
	r = call(t, "run", "--source=taskrouter:WS00000000000000000000000000000001?endpoint="+s.URL, "--sink=jsonl:"+t.TempDir())
	if r.code != 1 {
		t.Errorf("exit %d", r.code)
	}
	oneLine(t, r.errors, "--source", "TWILIO_API_SECRET is not set")
}
