package control

import (
	"context"
	"errors"
	"testing"
)

func TestADrainWaitsForCallsInProgress(t *testing.T) {
	c := New(nil, Unknown)
	if !c.Enter() {
		t.Fatal("no call may begin")
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := c.Drain(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a drain with a call in progress: %v", err)
	}
	if c.Enter() {
		t.Error("a call began after the drain")
	}
	drained := make(chan error, 1)
	go func() { drained <- c.Drain(t.Context()) }()
	c.Leave()
	if err := <-drained; err != nil {
		t.Errorf("a drain after the last call: %v", err)
	}
}
