package main

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	_ "github.com/duckdb/duckdb-go/v2" // the driver
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"flexbeam/internal/testkit/twiliolocal"
)

// options are those of the command line.
type options struct {
	conversations, messages, parallel int
	latency                           time.Duration
	dir, program                      string
	wanted                            float64
}

func main() {
	var o options
	flag.IntVar(&o.conversations, "conversations", 19_000, "how many conversations there are")
	flag.IntVar(&o.messages, "messages", 100, "messages of each")
	flag.IntVar(&o.parallel, "parallel", 20, "calls at once")
	flag.DurationVar(&o.latency, "latency", 100*time.Millisecond, "how long an answer takes")
	flag.StringVar(&o.dir, "dir", ".cache/bench-turns", "where input and output are kept")
	flag.StringVar(&o.program, "program", "bin/flexbeam", "the program to measure")
	flag.Float64Var(&o.wanted, "wanted", 0.9, "the share of what the limit allows below which this fails")
	flag.Parse()
	if err := run(context.Background(), o); err != nil {
		fmt.Fprintln(os.Stderr, "bench turns:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if err := os.MkdirAll(o.dir, 0o755); err != nil {
		return err
	}
	server := twiliolocal.New(twiliolocal.Options{Secret: "local", Latency: o.latency, Parallel: o.parallel})
	in, out := filepath.Join(o.dir, "events.ndjson"), filepath.Join(o.dir, "out.duckdb")
	if err := prepare(in, server, o); err != nil {
		return err
	}
	if err := server.Start(); err != nil {
		return err
	}
	defer server.Close()
	for _, f := range []string{out, out + ".wal"} {
		if err := os.Remove(f); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	m, err := measure(ctx, server, o, in, out)
	if err != nil {
		return err
	}
	if err := complete(out, o.conversations*o.messages); err != nil {
		return err
	}
	if share := m.report(o); share < o.wanted {
		return fmt.Errorf("%.2f of what the limit allows, wanted %.2f", share, o.wanted)
	}
	return nil
}

// begin is when the first conversation begins. Each takes ten minutes, and they begin a second apart.
var begin = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

func sid(kind string, n int) string { return fmt.Sprintf("%s%032x", kind, n+1) }

// prepare writes the events, and gives the server what was said.
func prepare(path string, server *twiliolocal.Server, o options) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	for n := range o.conversations {
		at, ch := begin.Add(time.Duration(n)*time.Second), sid("CH", n)
		for i, e := range []struct {
			kind    string
			seconds int
		}{{"task.created", 0}, {"task-queue.entered", 1}, {"reservation.created", 2}, {"reservation.accepted", 5}, {"reservation.wrapup", 590}, {"reservation.completed", 600}, {"task.completed", 600}} {
			fmt.Fprintf(w, `{"account_sid":%q,"workspace_sid":%q,"sid":%q,"event_type":%q,"event_date_ms":%d,"event_data":{"task_sid":%q,"task_channel_unique_name":"chat","task_queue_sid":%q,"reservation_sid":%q,"worker_sid":%q,"worker_name":"ann@example.com","task_attributes":"{\"conversationSid\":\"%s\",\"from\":\"+15550001\"}"}}`+"\n",
				server.Account(), sid("WS", 0), sid("EV", n*8+i), e.kind, at.Add(time.Duration(e.seconds)*time.Second).UnixMilli(), sid("WT", n), sid("WQ", 0), sid("WR", n), sid("WK", n%50), ch)
		}
		server.AddConversation(twiliolocal.Conversation{SID: ch})
		server.AddParticipant(ch, twiliolocal.Participant{Identity: "ann_40example_2Ecom"})
		server.AddParticipant(ch, twiliolocal.Participant{Binding: map[string]any{"type": "sms", "address": "+15550001", "proxy_address": "+15550002"}})
		for i := range o.messages {
			author := []string{"+15550001", "ann_40example_2Ecom"}[i%2]
			server.AddMessage(ch, twiliolocal.Message{Author: author, Body: "What is said in a message of usual length, number " + strconv.Itoa(i), Created: at.Add(time.Duration(10+i*570/o.messages) * time.Second)})
		}
	}
	return w.Flush()
}

// watched is of how many messages, the last ones, memory is told.
const watched = 1_000_000

// figures are what a run took.
type figures struct {
	calls             int
	whole, fetching   time.Duration // from its start to its end; from the first call to the last
	memory            []sample
	firstCall, ending time.Time

	called, full  time.Duration // calls × how long they took, and for how long all places of the limit were taken
	program, fake time.Duration // processor time of the program, and of the local Twilio
}

// A sample is how much memory the program has at a time, in bytes.
type sample struct {
	at       time.Time
	resident float64
	goes     float64 // what Go's runtime took and has not given back
}

// measure runs the program.
func measure(ctx context.Context, server *twiliolocal.Server, o options, in, out string) (m figures, err error) {
	turns := fmt.Sprintf("missing?endpoint=%s&parallel=%d", server.URL, o.parallel)
	metrics, err := freeAddress()
	if err != nil {
		return m, err
	}
	cmd := exec.CommandContext(ctx, o.program, "run", "--source", "file:"+in, "--sink", "duckdb:"+out, "--turns", turns, "--metrics-addr", metrics, "--progress", "none")
	cmd.Env = append(os.Environ(), "TWILIO_ACCOUNT_SID="+server.Account(), "TWILIO_API_KEY="+server.Key(), "TWILIO_API_SECRET="+server.Secret())
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	start, before := time.Now(), processorTime()
	if err := cmd.Start(); err != nil {
		return m, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tick, look := time.NewTicker(50*time.Millisecond), time.NewTicker(time.Second)
	defer tick.Stop()
	defer look.Stop()
	for {
		select {
		case now := <-tick.C:
			if calls := server.Calls("/v1/"); calls != m.calls {
				if m.calls == 0 {
					m.firstCall = now
				}
				m.calls, m.ending = calls, now
			}
		case <-look.C:
			if s, err := memory("http://" + metrics + "/metrics"); err == nil { // it may not serve yet, or any more
				m.memory = append(m.memory, s)
			}
		case err := <-ended:
			if err != nil {
				return m, fmt.Errorf("%w: %s", err, said.String())
			}
			m.calls = server.Calls("/v1/")
			m.whole, m.fetching = time.Since(start), m.ending.Sub(m.firstCall)
			m.called, m.full = server.Busy()
			m.program, m.fake = cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime(), processorTime()-before
			return m, nil
		}
	}
}

// processorTime returns how long this process has kept processors busy.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// freeAddress returns an address of this machine at which nobody listens.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// memory asks the program's metrics.
func memory(url string) (sample, error) {
	r, err := http.Get(url)
	if err != nil {
		return sample{}, err
	}
	defer r.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(r.Body)
	if err != nil {
		return sample{}, err
	}
	n := map[string]float64{}
	for _, name := range []string{"process_resident_memory_bytes", "go_memstats_sys_bytes", "go_memstats_heap_released_bytes"} {
		m := families[name].GetMetric()
		if len(m) == 0 {
			return sample{}, fmt.Errorf("%s does not tell of %s", url, name)
		}
		n[name] = m[0].GetGauge().GetValue()
	}
	return sample{time.Now(), n["process_resident_memory_bytes"], n["go_memstats_sys_bytes"] - n["go_memstats_heap_released_bytes"]}, nil
}

// complete returns an error unless all messages are turns of an engagement.
func complete(path string, messages int) error {
	db, err := sql.Open("duckdb", path+"?access_mode=read_only")
	if err != nil {
		return err
	}
	defer db.Close()
	var turns, placed int
	if err := db.QueryRow(`SELECT count(*), count(engagement_id) FROM turns JOIN turn_contents USING (account_sid, turn_id)`).Scan(&turns, &placed); err != nil {
		return err
	}
	if turns != messages || placed != messages {
		return fmt.Errorf("there are %d turns, %d of an engagement, of %d messages", turns, placed, messages)
	}
	return nil
}

// report prints the figures, and returns the share of what the limit allows that was reached.
func (m figures) report(o options) (share float64) {
	messages := o.conversations * o.messages
	allowed := time.Duration(float64(m.calls) * float64(o.latency) / float64(o.parallel))
	fmt.Printf("%d messages of %d conversations in %d calls, %d at once, %v each\n\n", messages, o.conversations, m.calls, o.parallel, o.latency)
	for _, row := range []struct {
		name string
		took time.Duration
	}{{"as the limit allows", allowed}, {"from the first call to the last", m.fetching}, {"the whole run", m.whole}} {
		fmt.Printf("%-32s %8.1f s %9.0f messages/s   %.2f of what the limit allows\n", row.name, row.took.Seconds(), float64(messages)/row.took.Seconds(), allowed.Seconds()/row.took.Seconds())
	}
	thousands := float64(messages) / 1000
	fmt.Printf("\nplaces of the limit: %.2f taken on the average, %.2f of the time all of them\n", m.called.Seconds()/m.fetching.Seconds()/float64(o.parallel), m.full.Seconds()/m.fetching.Seconds())
	fmt.Printf("processor time for 1000 messages: %.1f ms of the program, %.1f ms of the local Twilio\n", 1000*m.program.Seconds()/thousands, 1000*m.fake.Seconds()/thousands)
	last := min(watched, messages)
	took := time.Duration(float64(m.fetching) * float64(last) / float64(messages))
	fmt.Printf("memory while the last %d messages came, by quarters:\n", last)
	for _, row := range []struct {
		name string
		of   func(sample) float64
	}{{"of Go", func(s sample) float64 { return s.goes }}, {"resident", func(s sample) float64 { return s.resident }}} {
		fmt.Printf("%-10s", row.name)
		for q := range time.Duration(4) {
			fmt.Printf("  %4.0f MB", m.mean(row.of, m.ending.Add(-took*(4-q)/4), m.ending.Add(-took*(3-q)/4))/(1<<20))
		}
		fmt.Println()
	}
	return allowed.Seconds() / m.fetching.Seconds()
}

// mean returns how many bytes there were on the average between two times.
func (m figures) mean(of func(sample) float64, from, to time.Time) float64 {
	sum, n := 0.0, 0
	for _, s := range m.memory {
		if !s.at.Before(from) && s.at.Before(to) {
			sum, n = sum+of(s), n+1
		}
	}
	return sum / float64(max(1, n))
}
