// Package sdkstreams stands between the harness of Beam's Go SDK in a worker and its runner, and spares
// both of them messages.
//
// States: the harness asks the runner for each read of a state, and waits for the answer to each part of a
// write: two for a value of bytes, behind one that clears what was there. Here the writes of a bundle are
// held back until the bundle has ended. Then the last value of each state goes to the runner, all of them
// at once, before the runner is told that the bundle is done; if that fails the bundle has failed. Where
// the runner vouches for what it has been told before, by a token with each bundle, states are kept beyond
// a bundle too, up to some bytes, and are not asked for again. This is what Beam's protocol has cache
// tokens for, and what its SDKs for other languages do. Only bags are kept, as which the SDK stores values.
//
// Timers: the harness sends each one that a bundle sets as a message of its own. Here those of a bundle go
// together. That is needed, not only faster: Beam's runner takes in a hundred messages of a bundle, and
// more of them only when the worker has said that the bundle is done. Behind these wait the messages of all
// other bundles. Once they are more than the connection holds, the worker cannot send the rest of either,
// and neither bundle ever ends.
//
// All other messages go through as they are.
package sdkstreams

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/util/grpcx"
	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
)

// mostKept is how many bytes of states, with their keys, a worker keeps beyond bundles: those of some
// ten thousand tasks.
const mostKept = 32 << 20

type workerKey struct{}

// With returns a context for the harness of one worker, whose streams are as the package says.
func With(ctx context.Context) context.Context {
	return context.WithValue(ctx, workerKey{}, newWorker(mostKept))
}

// The harness connects to its runner by this variable of Beam's, which is there to be set.
func init() { grpcx.Dial = dial }

// dial connects as Beam does by itself, and watches the streams of a worker.
func dial(ctx context.Context, endpoint string, within time.Duration) (*grpc.ClientConn, error) {
	w, ok := ctx.Value(workerKey{}).(*worker)
	if !ok {
		return grpcx.DefaultDial(ctx, endpoint, within)
	}
	cc, err := grpc.NewClient("passthrough:///"+endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(math.MaxInt32)), grpc.WithStreamInterceptor(w.intercept))
	if err != nil {
		return nil, fmt.Errorf("connect to the runner at %s: %w", endpoint, err)
	}
	ctx, stop := context.WithTimeout(ctx, within)
	defer stop()
	cc.Connect()
	for s := cc.GetState(); s != connectivity.Ready; s = cc.GetState() {
		if s == connectivity.Idle {
			cc.Connect()
		}
		if !cc.WaitForStateChange(ctx, s) {
			_ = cc.Close() // it carried nothing
			return nil, fmt.Errorf("connect to the runner at %s: %w", endpoint, ctx.Err())
		}
	}
	return cc, nil
}

// The methods of the runner whose streams are watched.
const (
	controlMethod = "/org.apache.beam.model.fn_execution.v1.BeamFnControl/Control"
	dataMethod    = "/org.apache.beam.model.fn_execution.v1.BeamFnData/Data"
	stateMethod   = "/org.apache.beam.model.fn_execution.v1.BeamFnState/State"
)

func (w *worker) intercept(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	s, err := streamer(ctx, desc, cc, method, opts...)
	if err != nil {
		return nil, err
	}
	switch method {
	case controlMethod:
		return &controlStream{ClientStream: s, worker: w}, nil
	case dataMethod:
		return &dataStream{ClientStream: s, worker: w}, nil
	case stateMethod:
		return newStateStream(s, w), nil
	}
	return s, nil
}
