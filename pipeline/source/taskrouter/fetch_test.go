package taskrouter

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"flexbeam/internal/testkit/twiliolocal"
	"flexbeam/internal/twilio"
)

const workspace = "WS00000000000000000000000000000001"

// begin is when the events of the tests begin, in seconds since 1970.
var begin = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC).Unix()

// sidOf is that of an event.
func sidOf(n int) string { return fmt.Sprintf("EV%032x", n) }

// add adds n events, one every so many ms.
func add(t *testing.T, s *twiliolocal.Server, n int, every int64) {
	t.Helper()
	for i := range n {
		ms := begin*1000 + int64(i)*every
		text := fmt.Sprintf(`{"account_sid":%q,"event_data":{"task_sid":"WT%032x","task_attributes":"{\"n\":%d}","worker_sid":"WK%032x","worker_name":"w"},"event_date":%q,"event_date_ms":%d,"event_type":"reservation.created","sid":%q,"workspace_sid":%q}`,
			s.Account(), i, i, i%3, time.UnixMilli(ms).UTC().Format(time.RFC3339), ms, sidOf(i), workspace)
		if ok, err := s.AddEvent([]byte(text)); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
}

// fetcherOf returns a fetcher of so many seconds from a local Twilio.
func fetcherOf(t *testing.T, s *twiliolocal.Server, seconds int64, change ...func(*Plan)) *fetcher {
	t.Helper()
	p := Plan{Account: s.Account(), Workspace: workspace, From: begin, To: begin + seconds, Window: 900, Parallel: 4}
	for _, f := range change {
		f(&p)
	}
	c, err := twilio.New(twilio.Config{Account: s.Account(), Key: s.Key(), Secret: twilio.NewSecret(s.Secret()), Transport: s, Parallel: p.Parallel, Attempts: 2})
	if err != nil {
		t.Fatal(err)
	}
	k, err := newKeeper(p.Keep, p.Account, p.Workspace)
	if err != nil {
		t.Fatal(err)
	}
	return &fetcher{p, c, k}
}

func local() *twiliolocal.Server {
	return twiliolocal.New(twiliolocal.Options{Now: func() time.Time { return time.Unix(begin, 0).Add(24 * time.Hour) }})
}

// all returns the SIDs of the events that a fetcher finds, each once, in order.
func all(ctx context.Context, f *fetcher) (sids []string, err error) {
	err = f.each(ctx, func(r records) error {
		sids = append(sids, r.sids...)
		return nil
	})
	slices.Sort(sids)
	return slices.Compact(sids), err
}

func want(t *testing.T, n int, got []string, err error) {
	t.Helper()
	if err != nil || len(got) != n {
		t.Errorf("%d events, want %d: %v", len(got), n, err)
	}
	for i, sid := range got {
		if sid != sidOf(i) {
			t.Fatalf("%d: %s", i, sid)
		}
	}
}

func TestEveryEventOfATimeIsFound(t *testing.T) {
	s := local()
	add(t, s, 3000, 1333)
	got, err := all(t.Context(), fetcherOf(t, s, 4000))
	want(t, 3000, got, err)
	if n := s.Calls("/Events"); n != 5 {
		t.Errorf("%d calls for 5 windows", n)
	}
}

func TestAFullWindowIsHalved(t *testing.T) {
	s := local()
	add(t, s, 13_000, 60)
	got, err := all(t.Context(), fetcherOf(t, s, 900))
	want(t, 13_000, got, err)
	s = local()
	add(t, s, 7000, 0) // that all come at once
	got, err = all(t.Context(), fetcherOf(t, s, 900))
	want(t, 7000, got, err)
}

func TestAWindowThatFailsIsHalved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := local()
		add(t, s, 500, 5000)
		end := time.Unix(begin+900, 0).UTC().Format("T15:04:05Z")
		s.Inject(twiliolocal.Fault{Path: strings.ReplaceAll(end, ":", "%3A") + "&", Status: 503, Count: 6})
		got, err := all(t.Context(), fetcherOf(t, s, 2500))
		want(t, 500, got, err)
	})
}

func TestNoEventIsLostUnderFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := local()
		add(t, s, 5000, 700)
		for i, f := range []twiliolocal.Fault{{Status: 429}, {Status: 500}, {Cut: true}, {Reset: true}, {NoMeta: true}} {
			f.Probability, f.Seed = 0.06, uint64(i)
			s.Inject(f)
		}
		got, err := all(t.Context(), fetcherOf(t, s, 3600, func(p *Plan) { p.Window = 60 }))
		want(t, 5000, got, err)
	})
}

func TestWhatStaysWrongEndsTheReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := local()
		add(t, s, 500, 5000)
		s.Inject(twiliolocal.Fault{Status: 503})
		_, err := all(t.Context(), fetcherOf(t, s, 2500))
		if !errors.Is(err, twilio.ErrUnavailable) || !strings.Contains(err.Error(), "read the events of "+workspace+" from 2026-03-02T") {
			t.Error(err)
		}
		if n := s.Calls("/Events"); n > 100 {
			t.Errorf("%d calls", n)
		}
	})
	s := local()
	add(t, s, 1, 1)
	s.Inject(twiliolocal.Fault{Status: 403})
	if _, err := all(t.Context(), fetcherOf(t, s, 900)); !errors.Is(err, twilio.ErrForbidden) || s.Calls("/Events") != 1 {
		t.Error(err)
	}
}

// TestAReadingThatWasEndedGoesOn ends the reading behind each of the first windows: the next one reads
// from Twilio what is left.
func TestAReadingThatWasEndedGoesOn(t *testing.T) {
	for ends := range 6 {
		s := local()
		add(t, s, 4000, 1000)
		dir := filepath.Join(t.TempDir(), "kept")
		keep := func(p *Plan) { p.Keep, p.Parallel = dir, 1 }
		ctx, stop := context.WithCancel(t.Context())
		seen := 0
		if err := fetcherOf(t, s, 4000, keep).each(ctx, func(records) error {
			if seen++; seen > ends {
				stop()
			}
			return ctx.Err()
		}); (err != nil) != (ends < 5) {
			t.Errorf("%d: %v", ends, err)
		}
		stop()
		before := s.Calls("/Events")
		got, err := all(t.Context(), fetcherOf(t, s, 4000, keep))
		want(t, 4000, got, err)
		if n := s.Calls("/Events") - before; n != max(0, 5-ends-1) {
			t.Errorf("%d windows were read, and %d read again", ends+1, n)
		}
	}
}

func TestAKeptFileThatIsDamagedIsToldOf(t *testing.T) {
	s := local()
	add(t, s, 100, 1000)
	dir := t.TempDir()
	keep := func(p *Plan) { p.Keep = dir }
	got, err := all(t.Context(), fetcherOf(t, s, 100, keep))
	want(t, 100, got, err)
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if info, err := os.Stat(files[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info.Mode(), err)
	}
	if err := os.Truncate(files[0], 50); err != nil {
		t.Fatal(err)
	}
	if _, err := all(t.Context(), fetcherOf(t, s, 100, keep)); err == nil || !strings.Contains(err.Error(), "is damaged") || !strings.Contains(err.Error(), files[0]) {
		t.Error(err)
	}
}

func TestWithheldAttributesAreLeftOut(t *testing.T) {
	tests := []struct {
		value any
		left  bool
	}{
		{nil, true}, {"", true}, {" {} ", true}, {"{\n}", true}, {"REDACTED", true}, {"null", true}, {map[string]any{}, true},
		{`{"a":1}`, false}, {"{bad", false}, {map[string]any{"a": 1}, false},
	}
	for _, test := range tests {
		data := map[string]any{"task_attributes": test.value, "worker_attributes": test.value, "task_sid": "WT1"}
		leaveOutWithheld(data)
		_, task := data["task_attributes"]
		_, worker := data["worker_attributes"]
		if task == test.left || worker == test.left || data["task_sid"] != "WT1" {
			t.Errorf("%q: %v", test.value, data)
		}
	}
}

func TestAgentsWhomNoEventNamesAreFound(t *testing.T) {
	for _, shown := range []bool{false, true} {
		s := twiliolocal.New(twiliolocal.Options{WorkerAttributes: shown})
		for i := range 5 {
			s.AddWorker(workspace, twiliolocal.Worker{SID: fmt.Sprintf("WK%032x", i), Name: fmt.Sprint("w", i), Attributes: fmt.Sprintf(`{"n":%d}`, i), Updated: time.Unix(begin, 0)})
		}
		s.Inject(twiliolocal.Fault{Path: fmt.Sprintf("/Workers/WK%032x", 4), Status: 404}) // deleted meanwhile
		got, err := fetcherOf(t, s, 900).agents(t.Context(), map[string]bool{fmt.Sprintf("WK%032x", 1): true})
		most := 3
		if shown {
			most = 4
		}
		if err != nil || len(got) != most {
			t.Errorf("attributes shown %v: %v, %v", shown, got, err)
		}
		for i, n := range []int{0, 2, 3} {
			if a := got[i]; a.Account != s.Account() || a.Name != fmt.Sprint("w", n) || a.Attributes != fmt.Sprintf(`{"n":%d}`, n) || a.Updated != begin*1000 {
				t.Errorf("%+v", a)
			}
		}
	}
}
