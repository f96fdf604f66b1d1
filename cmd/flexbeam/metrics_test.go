package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

func TestARunningJobServesItsMetrics(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if r := start(t, dir, "", "simulate", "--events=60000", "--out=day.ndjson"); r.code != 0 {
		t.Fatal(r.errors)
	}
	c := exec.Command(binary, "run", "--source=file:day.ndjson", "--sink=duckdb:calls.duckdb", "--mode=stream", "--log-format=json", "--metrics-addr=:0")
	c.Dir = dir
	errs, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewReader(errs)
	first, err := said.ReadString('\n')
	var line struct{ Level, Msg, Address, URL string }
	if err != nil || json.Unmarshal([]byte(first), &line) != nil || line.Msg != "metrics are served" || line.Level != "INFO" || !strings.HasPrefix(line.Address, "127.0.0.1:") {
		t.Fatalf("%v, the first line is %q", err, first)
	}
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	get := func(path string) (int, string) {
		r, err := client.Get("http://" + line.Address + path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return r.StatusCode, string(b)
	}
	if status, body := get("/healthz"); status != http.StatusOK || !strings.Contains(body, `"status":"ok"`) {
		t.Errorf("health: %d %s", status, body)
	}
	_, body := get("/metrics")
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if err != nil {
		t.Fatalf("%v in:\n%s", err, body)
	}
	labels := families["flexbeam_build_info"].GetMetric()[0].GetLabel()
	if len(labels) != 3 || labels[0].GetValue() == "unknown" || families["flexbeam_events_total"] == nil {
		t.Errorf("build %v, events %v", labels, families["flexbeam_events_total"])
	}
	rest, err := io.ReadAll(said)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil || !strings.Contains(string(rest), `"msg":"job done"`) {
		t.Errorf("%v: %s", err, rest)
	}
	if r, err := client.Get("http://" + line.Address + "/metrics"); err == nil {
		r.Body.Close()
		t.Error("metrics are served after the job")
	}
}

func TestTheFreePortOfMetricsIsNamedAtEveryLogLevel(t *testing.T) {
	dir := t.TempDir()
	if r := start(t, dir, "", "simulate", "--events=100", "--out=day.ndjson"); r.code != 0 {
		t.Fatal(r.errors)
	}
	for _, level := range []string{"error", "warn", "info"} {
		r := start(t, dir, "", "run", "--source=file:day.ndjson", "--sink=jsonl:out", "--metrics-addr=:0", "--log-level="+level)
		if n := len(servedAt.FindAllString(r.errors, -1)); r.code != 0 || n != 1 {
			t.Errorf("%s: exit %d, %d lines name the port:\n%s", level, r.code, n, r.errors)
		}
	}
}

var servedAt = regexp.MustCompile(`(?m)^metrics are served at http://127\.0\.0\.1:[1-9][0-9]*/metrics$`)

func TestAddressOfMetricsThatIsTakenSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	if r := start(t, dir, "", "simulate", "--events=100", "--out=day.ndjson"); r.code != 0 {
		t.Fatal(r.errors)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r := start(t, dir, "", "run", "--source=file:day.ndjson", "--sink=jsonl:out", "--metrics-addr="+l.Addr().String())
	if r.code != 1 {
		t.Errorf("exit %d", r.code)
	}
	oneLine(t, r.errors, "--metrics-addr", l.Addr().String(), "in use", "port 0")
	r = start(t, dir, "", "run", "--source=file:day.ndjson", "--sink=jsonl:out", "--metrics-addr=9464")
	if r.code != 2 {
		t.Errorf("exit %d", r.code)
	}
	oneLine(t, r.errors, `--metrics-addr "9464"`, "HOST:PORT", "127.0.0.1:9464")
}
