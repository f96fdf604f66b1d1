package prism

import (
	"context"
	"sync"

	jobpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/jobmanagement_v1"
	beamprism "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/prism"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners/universal/extworker"
)

// A server is what the jobs of this process share: Prism's job service, and the pool that starts
// their workers as goroutines of this process. Both live as long as the process. A pool for each
// job, as Beam has it, would have to outlive the job by some unknown time: Prism panics if the pool
// has gone when it starts the worker of a job that was canceled early.
type server struct {
	jobs    jobpb.JobServiceClient
	workers string // HOST:PORT of the pool
}

var shared struct {
	sync.Mutex
	server *server
}

// start returns the server of this process, which the first call starts on free ports.
func start() (*server, error) {
	shared.Lock()
	defer shared.Unlock()
	if shared.server != nil {
		return shared.server, nil
	}
	ctx := context.Background()
	pool, err := extworker.StartLoopback(ctx, 0)
	if err != nil {
		return nil, err
	}
	jobs, err := beamprism.CreateJobServer(ctx, beamprism.Options{})
	if err != nil {
		return nil, err
	}
	shared.server = &server{jobs: jobs, workers: pool.EnvironmentConfig(ctx)}
	return shared.server, nil
}
