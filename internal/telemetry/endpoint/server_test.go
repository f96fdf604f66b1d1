package endpoint_test

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"flexbeam/internal/telemetry"
	"flexbeam/internal/telemetry/endpoint"
	"flexbeam/internal/telemetry/metrics"
)

var client = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

func serve(t *testing.T, addr string, c *telemetry.Counters) *endpoint.Server {
	t.Helper()
	s, err := endpoint.Serve(addr, c, metrics.Build{Version: "v1", Go: "go1", Beam: "v2"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// get returns status and body of a path.
func get(t *testing.T, s *endpoint.Server, path string) (int, string) {
	t.Helper()
	r, err := client.Get("http://" + s.Addr() + path)
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

func TestPrometheusCanReadTheMetrics(t *testing.T) {
	c := telemetry.New(time.Now)
	c.Events.Add(12)
	c.Shard(`a "stream"`, "shard-0").Polled(time.Now(), 250)
	s := serve(t, "127.0.0.1:0", c)
	status, body := get(t, s, "/metrics")
	if status != http.StatusOK {
		t.Fatalf("status %d: %s", status, body)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if err != nil {
		t.Fatalf("%v in:\n%s", err, body)
	}
	if got := families["flexbeam_events_total"].GetMetric()[0].GetCounter().GetValue(); got != 12 {
		t.Errorf("%v events", got)
	}
	behind := families["flexbeam_shard_behind_seconds"].GetMetric()[0]
	if behind.GetGauge().GetValue() != 0.25 || behind.GetLabel()[1].GetValue() != `a "stream"` {
		t.Errorf("behind: %v", behind)
	}
	for _, name := range []string{"go_goroutines", "process_start_time_seconds", "process_resident_memory_bytes", "flexbeam_build_info"} {
		if name == "process_resident_memory_bytes" && families["process_start_time_seconds"] == nil {
			continue // the system tells nothing of processes
		}
		if families[name] == nil {
			t.Errorf("%s is missing", name)
		}
	}
	c.Events.Add(1)
	if _, body := get(t, s, "/metrics"); !strings.Contains(body, "flexbeam_events_total 13\n") {
		t.Error("a second look shows old values")
	}
}

func TestHealthSaysWhyTheJobDoesNotGetOn(t *testing.T) {
	c := telemetry.New(time.Now)
	s := serve(t, "127.0.0.1:0", c)
	type report struct {
		Status  string
		Reasons []telemetry.Fault
	}
	fails := false
	check := func(path string, status int, want string) {
		t.Helper()
		got, body := get(t, s, path)
		var r report
		if err := json.Unmarshal([]byte(body), &r); err != nil {
			t.Fatalf("%v in: %s", err, body)
		}
		if got != status || r.Status != want {
			t.Errorf("%s: %d %s, want %d %s", path, got, r.Status, status, want)
		}
		if fails != (len(r.Reasons) == 1 && r.Reasons[0].Check == "flush" && strings.Contains(r.Reasons[0].Message, "disk full")) {
			t.Errorf("reasons: %v", r.Reasons)
		}
	}
	check("/healthz", http.StatusOK, "ok")
	check("/readyz", http.StatusServiceUnavailable, "not ready")
	_ = c.Flush(func() error { return errors.New("disk full") })
	fails = true
	check("/healthz", http.StatusServiceUnavailable, "failing")
	check("/readyz", http.StatusServiceUnavailable, "not ready")
	_ = c.Flush(func() error { return nil })
	fails = false
	check("/healthz", http.StatusOK, "ok")
	check("/readyz", http.StatusOK, "ready")
}

func TestOnlyWhatIsThereIsServed(t *testing.T) {
	s := serve(t, "127.0.0.1:0", new(telemetry.Counters))
	for _, path := range []string{"/", "/metrics/more", "/debug/pprof/"} {
		if status, _ := get(t, s, path); status != http.StatusNotFound {
			t.Errorf("%s: status %d", path, status)
		}
	}
	r, err := client.Post("http://"+s.Addr()+"/metrics", "text/plain", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: status %d", r.StatusCode)
	}
}

func TestWithoutAHostItListensOnTheLoopbackInterfaceOnly(t *testing.T) {
	s := serve(t, ":0", new(telemetry.Counters))
	host, port, err := net.SplitHostPort(s.Addr())
	if err != nil || host != "127.0.0.1" || port == "0" {
		t.Errorf("listens on %s", s.Addr())
	}
}

func TestAnAddressThatCannotBeServedIsRefused(t *testing.T) {
	taken := serve(t, "127.0.0.1:0", new(telemetry.Counters)).Addr()
	for _, addr := range []string{"9464", "127.0.0.1", "127.0.0.1:none", taken} {
		s, err := endpoint.Serve(addr, new(telemetry.Counters), metrics.Build{}, slog.New(slog.DiscardHandler))
		if err == nil {
			s.Close()
			t.Errorf("%s is served", addr)
		} else if !strings.HasPrefix(err.Error(), "metrics: ") {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

func TestAClosedServerAnswersNoMore(t *testing.T) {
	s := serve(t, "127.0.0.1:0", new(telemetry.Counters))
	if status, _ := get(t, s, "/healthz"); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	s.Close()
	if r, err := client.Get("http://" + s.Addr() + "/healthz"); err == nil {
		r.Body.Close()
		t.Error("still answers")
	}
	s.Close() // may come again
}
