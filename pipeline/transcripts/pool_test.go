package transcripts_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"flexbeam/internal/telemetry"
	"flexbeam/pipeline/transcripts"
	"flexbeam/schemas/turn"
)

// slow is a fetch that takes a second, and counts how many run at once.
func slow(most *int) transcripts.Fetch {
	running := 0
	return func(ctx context.Context, sid string) (*turn.Transcript, error) {
		running++
		*most = max(*most, running)
		defer func() { running-- }()
		select {
		case <-time.After(time.Second):
			return &turn.Transcript{Messages: []turn.Message{{SID: sid}}}, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func pool(parallel int, most *int) *transcripts.Pool {
	return transcripts.NewPool(transcripts.Options{Account: "AC1", Parallel: parallel}, slow(most), telemetry.New(time.Now))
}

func TestAPoolHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		most := 0
		p := pool(2, &most)
		defer p.Close()
		begin := time.Now()
		for i := range 256 {
			for range 2 { // what is begun already takes no place
				if !p.Begin("AC1", fmt.Sprint(i), false) {
					t.Errorf("%d is refused", i)
				}
			}
		}
		if p.Begin("AC1", "256", false) {
			t.Error("there is no bound")
		}
		if got, begun, err := p.Take("AC1", "0", false); got != nil || !begun || err != nil || !begin.Equal(time.Now()) {
			t.Errorf("%v, %v, %v after %v", got, begun, err, time.Since(begin))
		}
		time.Sleep(1500 * time.Millisecond)
		if got, _, _ := p.Take("AC1", "0", false); got == nil || got.Messages[0].SID != "0" {
			t.Errorf("%v", got)
		}
		if _, begun, _ := p.Take("AC1", "0", false); begun {
			t.Error("it is there twice")
		}
		if !p.Begin("AC1", "256", false) {
			t.Error("what was taken leaves no room")
		}
		if most != 2 {
			t.Errorf("%d ran at once", most)
		}
	})
}

func TestWhoWaitsFetchesWhatHasNotStarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		most := 0
		p := pool(1, &most)
		defer p.Close()
		for i := range 1000 {
			if !p.Begin("AC1", fmt.Sprint(i), true) {
				t.Fatalf("%d is refused", i)
			}
		}
		begin := time.Now()
		if got, _, err := p.Take("AC1", "999", true); err != nil || got.Messages[0].SID != "999" || time.Since(begin) != time.Second {
			t.Errorf("%v, %v after %v", got, err, time.Since(begin))
		}
		for i := range 10 {
			if got, _, err := p.Take("AC1", fmt.Sprint(i), true); err != nil || got.Messages[0].SID != fmt.Sprint(i) {
				t.Errorf("%v, %v", got, err)
			}
		}
	})
}

func TestAPoolThatIsClosedSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		most := 0
		p := pool(1, &most)
		p.Begin("AC1", "a", true)
		p.Begin("AC1", "b", true)
		p.Close()
		for _, sid := range []string{"a", "b", "c"} {
			if got, _, err := p.Take("AC1", sid, true); got != nil || !errors.Is(err, transcripts.ErrClosed) {
				t.Errorf("%s: %v, %v", sid, got, err)
			}
		}
		if p.Serves("AC2") || !p.Serves("AC1") {
			t.Error("it serves another account")
		}
	})
}
