package flinklocal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"flexbeam/internal/filelock"
)

// Options say what is run. The zero value of an option that is not required means its default.
type Options struct {
	Dir   string // required: of configuration, logs, checkpoints and savepoints; made if it is not there
	Cache string // of what is downloaded; default DefaultCache

	JobPort, RESTPort int // default: free ones

	TaskManagers int // default 1
	Slots        int // of each TaskManager; default 2

	Config map[string]string // more of Flink's configuration
	Say    func(string)      // is told what takes time
}

// ErrInUse says that another cluster has the folder.
var ErrInUse = errors.New("another cluster uses the folder")

// A Cluster is a Flink that runs.
type Cluster struct {
	options           Options
	packages          packages
	jobPort, restPort int
	unlock            func()
	stopping          context.CancelFunc
	ctx               context.Context // ends when the cluster is stopped
	failed            chan error      // gets why the cluster cannot go on
	watchers          sync.WaitGroup

	mu           sync.Mutex
	servers      []*process // JobManager and job server
	taskManagers []*process
}

// startWithin is how long a cluster may take to be ready, once all is downloaded.
const startWithin = 2 * time.Minute

// Start starts a cluster, and returns when jobs can be submitted to it. Errors wrap ErrTool if a
// program is missing, ErrInUse if another cluster has the folder, and the cause of ctx if that
// ended.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	if err := o.defaults(); err != nil {
		return nil, err
	}
	c := &Cluster{options: o, failed: make(chan error, 1), jobPort: o.JobPort, restPort: o.RESTPort}
	c.ctx, c.stopping = context.WithCancel(context.Background())
	java, err := findJava(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.take(); err != nil {
		return nil, err
	}
	if c.packages, err = install(ctx, java, o.Cache, o.Say); err == nil {
		o.Say("starting Flink; logs are in " + filepath.Join(o.Dir, "log"))
		err = c.start(ctx)
	}
	if err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

func (o *Options) defaults() (err error) {
	if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return err
	}
	if o.Cache == "" {
		if o.Cache, err = DefaultCache(); err != nil {
			return err
		}
	}
	if o.TaskManagers == 0 {
		o.TaskManagers = 1
	}
	if o.Slots == 0 {
		o.Slots = 2
	}
	if o.Say == nil {
		o.Say = func(string) { /* nobody listens */ }
	}
	return nil
}

// take makes the folder and takes it for this cluster.
func (c *Cluster) take() error {
	for _, name := range []string{"conf", "log", "tmp", "checkpoints", "savepoints"} {
		if err := os.MkdirAll(filepath.Join(c.options.Dir, name), 0o755); err != nil {
			return err
		}
	}
	f, err := filelock.Take(filepath.Join(c.options.Dir, "lock"), 0o644)
	if errors.Is(err, filelock.ErrTaken) {
		return fmt.Errorf("%w %s", ErrInUse, c.options.Dir)
	}
	if err != nil {
		return err
	}
	c.unlock = func() { f.Close() }
	return nil
}

// start starts all processes and waits until they are ready.
func (c *Cluster) start(ctx context.Context) error {
	ctx, stop := context.WithTimeoutCause(ctx, startWithin, fmt.Errorf("no Flink was ready within %v: see the logs in %s", startWithin, filepath.Join(c.options.Dir, "log")))
	defer stop()
	rpc := 0
	for _, port := range []*int{&rpc, &c.restPort, &c.jobPort} {
		if err := choose(port); err != nil {
			return err
		}
	}
	if err := c.writeConfig(rpc); err != nil {
		return err
	}
	if err := c.serve("jobmanager", c.flinkArgs(jobManagerHeap, "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint")); err != nil {
		return err
	}
	if err := c.serve("jobserver", c.jobServerArgs()); err != nil {
		return err
	}
	c.taskManagers = make([]*process, c.options.TaskManagers)
	for i := range c.taskManagers {
		if err := c.startTaskManager(i); err != nil {
			return err
		}
		c.watchers.Go(func() { c.keep(i) })
	}
	return c.ready(ctx)
}

func (c *Cluster) flinkArgs(heap, class string) []string {
	conf := filepath.Join(c.options.Dir, "conf")
	return append(flags(heap), "-Dlog4j.configurationFile=file:"+filepath.Join(conf, "log4j.properties"), "-cp", c.packages.clusterPath(), class, "--configDir", conf)
}

func (c *Cluster) jobServerArgs() []string {
	return append(flags(jobServerHeap), "-Dorg.slf4j.simpleLogger.showDateTime=true", "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss,SSS",
		"-XX:TieredStopAtLevel=1", "-cp", classPath(c.packages.beam), "org.apache.beam.runners.flink.FlinkJobServerDriver",
		"--job-host=127.0.0.1", fmt.Sprint("--job-port=", c.jobPort), "--artifact-port=0", "--expansion-port=0",
		"--artifacts-dir="+filepath.Join(c.options.Dir, "tmp", "artifacts"), "--flink-master="+c.REST())
}

// serve starts a process without which the cluster cannot go on.
func (c *Cluster) serve(name string, args []string) error {
	p, err := start(c.packages.driver, c.options.Dir, name, args...)
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.servers = append(c.servers, p)
	c.mu.Unlock()
	c.watchers.Go(func() {
		<-p.done
		if !p.stopped.Load() {
			c.fail(p.end())
		}
	})
	return nil
}

func (c *Cluster) fail(err error) {
	select {
	case c.failed <- err:
	default: // the first one counts
	}
}

func (c *Cluster) startTaskManager(i int) error {
	p, err := start(c.packages.driver, c.options.Dir, fmt.Sprint("taskmanager-", i+1),
		append(c.flinkArgs(taskManagerHeap, "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"), "-D", fmt.Sprint("taskmanager.resource-id=taskmanager-", i+1, "-", time.Now().UnixMilli()))...)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taskManagers[i] = p
	return nil
}

// keep starts a TaskManager again when it has ended, as whatever runs a cluster does. One that ends
// at its start again and again is a failure.
func (c *Cluster) keep(i int) {
	const atStart, tries = 10 * time.Second, 3
	for short := 0; ; {
		p, begun := c.taskManager(i), time.Now()
		<-p.done
		if c.ctx.Err() != nil {
			return
		}
		if short++; time.Since(begun) > atStart || p.stopped.Load() {
			short = 0
		}
		if short == tries {
			c.fail(p.end())
			return
		}
		if err := c.startTaskManager(i); err != nil {
			c.fail(err)
			return
		}
		if c.ctx.Err() != nil {
			c.taskManager(i).stop() // Stop has not seen it
			return
		}
	}
}

func (c *Cluster) taskManager(i int) *process {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.taskManagers[i]
}

// KillTaskManager kills a TaskManager with SIGKILL, by its number from 0. Another one starts in its
// place.
func (c *Cluster) KillTaskManager(i int) {
	p := c.taskManager(i)
	p.stopped.Store(true)
	_ = p.cmd.Process.Kill() // not its children: a machine that is lost takes all, a process that is killed only itself
	<-p.done
}

// ready waits until the job server answers and all slots are there.
func (c *Cluster) ready(ctx context.Context) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		n, err := c.slots(ctx)
		if err == nil && n >= c.options.Slots*c.options.TaskManagers && listens(c.Endpoint()) {
			return nil
		}
		select {
		case err := <-c.failed:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// slots returns how many slots of TaskManagers there are.
func (c *Cluster) slots(ctx context.Context) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.REST()+"/overview", nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var o struct {
		Slots int `json:"slots-total"`
	}
	return o.Slots, json.NewDecoder(resp.Body).Decode(&o)
}

func listens(addr string) bool {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

// choose chooses a free port where none is given.
func choose(port *int) error {
	l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", *port))
	if err != nil {
		return err
	}
	*port = l.Addr().(*net.TCPAddr).Port
	return l.Close()
}

// Endpoint returns HOST:PORT of Beam's job service.
func (c *Cluster) Endpoint() string { return fmt.Sprint("127.0.0.1:", c.jobPort) }

// REST returns HOST:PORT of Flink's own interface.
func (c *Cluster) REST() string { return fmt.Sprint("127.0.0.1:", c.restPort) }

// Checkpoints returns the folder of checkpoints.
func (c *Cluster) Checkpoints() string { return filepath.Join(c.options.Dir, "checkpoints") }

// Savepoints returns the folder in which savepoints are made when none is named.
func (c *Cluster) Savepoints() string { return filepath.Join(c.options.Dir, "savepoints") }

// Wait returns when ctx ends, with its cause, or with why the cluster cannot go on.
func (c *Cluster) Wait(ctx context.Context) error {
	select {
	case err := <-c.failed:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Stop ends all processes. Jobs that run are lost; what is in the folder stays.
func (c *Cluster) Stop() {
	c.stopping()
	c.mu.Lock()
	all := append(append([]*process{}, c.taskManagers...), c.servers...)
	c.mu.Unlock()
	var wg sync.WaitGroup
	for _, p := range all {
		if p != nil {
			wg.Go(p.stop)
		}
	}
	wg.Wait()
	c.watchers.Wait()
	if c.unlock != nil {
		c.unlock()
	}
}
