package sdkworker

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"
)

// A control stream over a network that is cut stays open: the worker ends all the same.
func TestAWorkerWhoseRunnerTakesNoConnectionsAnyMoreEnds(t *testing.T) {
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	taken := make(chan struct{}, 1)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
			select {
			case taken <- struct{}{}:
			default:
			}
		}
	}()
	ended := make(chan error, 1)
	go func() { ended <- watch(context.Background(), l.Addr().String(), time.Millisecond) }()
	for range 10 * goneAfter { // it goes on for as long as it is answered
		select {
		case <-taken:
		case err := <-ended:
			t.Fatal(err)
		}
	}
	_ = l.Close()
	if err := <-ended; !errors.Is(err, ErrGone) {
		t.Errorf("got %v", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if err := watch(ctx, l.Addr().String(), time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
