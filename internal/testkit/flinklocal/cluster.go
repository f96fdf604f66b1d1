package flinklocal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
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

	HighAvailability bool // a ZooKeeper remembers the jobs, so that they outlive the JobManager

	Config map[string]string // more of Flink's configuration
	Say    func(string)      // is told what takes time
}

// ErrInUse says that another cluster has the folder.
var ErrInUse = errors.New("another cluster uses the folder")

// The processes of a cluster, by name; see also TaskManager.
const (
	JobManager = "jobmanager"
	JobServer  = "jobserver"
	zooKeeper  = "zookeeper"
)

// TaskManager returns the name of a TaskManager, by its number from 0.
func TaskManager(i int) string { return fmt.Sprint("taskmanager-", i+1) }

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

	mu        sync.Mutex
	processes map[string]*process // that run now, by name
}

// startWithin is how long a cluster may take to be ready, once all is downloaded.
const startWithin = 5 * time.Minute

// Start starts a cluster, and returns when jobs can be submitted to it. Errors wrap ErrTool if a
// program is missing, ErrInUse if another cluster has the folder, and the cause of ctx if that
// ended.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	if err := o.defaults(); err != nil {
		return nil, err
	}
	c := &Cluster{options: o, failed: make(chan error, 1), jobPort: o.JobPort, restPort: o.RESTPort, processes: map[string]*process{}}
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
	for _, name := range []string{"conf", "log", "tmp", "checkpoints", "savepoints", "ha"} {
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
	rpc, zoo := 0, 0
	for _, port := range []*int{&rpc, &zoo, &c.restPort, &c.jobPort} {
		if err := choose(port); err != nil {
			return err
		}
	}
	if err := c.writeConfig(rpc, zoo); err != nil {
		return err
	}
	if c.options.HighAvailability {
		if err := c.serve(zooKeeper, c.zooKeeperArgs); err != nil {
			return err
		}
	}
	if err := c.serve(JobManager, c.jobManagerArgs); err != nil {
		return err
	}
	if err := c.serve(JobServer, c.jobServerArgs); err != nil {
		return err
	}
	for i := range c.options.TaskManagers {
		if err := c.serve(TaskManager(i), func() []string { return c.taskManagerArgs(i) }); err != nil {
			return err
		}
	}
	return c.ready(ctx)
}

func (c *Cluster) javaArgs(heap string) []string {
	return append(flags(heap), "-Dlog4j.configurationFile=file:"+filepath.Join(c.options.Dir, "conf", "log4j.properties"), "-cp", c.packages.clusterPath())
}

func (c *Cluster) flinkArgs(heap, class string) []string {
	return append(c.javaArgs(heap), class, "--configDir", filepath.Join(c.options.Dir, "conf"))
}

func (c *Cluster) jobManagerArgs() []string {
	return c.flinkArgs(jobManagerHeap, "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint")
}

// taskManagerArgs gives each TaskManager an ID of its own, also the one that takes the place of another.
func (c *Cluster) taskManagerArgs(i int) []string {
	return append(c.flinkArgs(taskManagerHeap, "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"),
		"-D", fmt.Sprint("taskmanager.resource-id=", TaskManager(i), "-", time.Now().UnixMilli()))
}

// zooKeeperArgs starts the ZooKeeper that is a part of Flink's own jar.
func (c *Cluster) zooKeeperArgs() []string {
	return append(c.javaArgs(zooKeeperHeap), "org.apache.flink.shaded.zookeeper3.org.apache.zookeeper.server.ZooKeeperServerMain",
		filepath.Join(c.options.Dir, "conf", "zoo.cfg"))
}

func (c *Cluster) jobServerArgs() []string {
	return append(flags(jobServerHeap), "-Dorg.slf4j.simpleLogger.showDateTime=true", "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss,SSS",
		"-XX:TieredStopAtLevel=1", "-cp", classPath(c.packages.beam), "org.apache.beam.runners.flink.FlinkJobServerDriver",
		"--job-host=127.0.0.1", fmt.Sprint("--job-port=", c.jobPort), "--artifact-port=0", "--expansion-port=0",
		"--artifacts-dir="+filepath.Join(c.options.Dir, "tmp", "artifacts"), "--flink-master="+c.REST())
}

// serve starts a process of the cluster, and starts it again when it has ended, as whatever runs a
// cluster does, until the cluster is stopped.
func (c *Cluster) serve(name string, args func() []string) error {
	p, err := c.launch(name, args)
	if err != nil {
		return err
	}
	c.watchers.Go(func() {
		if err := c.keep(p, args); err != nil {
			select {
			case c.failed <- err:
			default: // the first one counts
			}
		}
	})
	return nil
}

// launch starts a process, unless the cluster is stopped: then it returns nil.
func (c *Cluster) launch(name string, args func() []string) (*process, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() != nil {
		return nil, nil
	}
	p, err := start(c.packages.driver, c.options.Dir, name, args()...)
	if err == nil {
		c.processes[name] = p
	}
	return p, err
}

// keep starts a process again whenever it has ended. One that ends at its start again and again is a
// failure.
func (c *Cluster) keep(p *process, args func() []string) (err error) {
	const atStart, tries = 10 * time.Second, 3
	for short := 0; p != nil; {
		begun := time.Now()
		<-p.done
		if short++; time.Since(begun) > atStart || p.stopped.Load() {
			short = 0
		}
		if short == tries {
			return p.end()
		}
		if p, err = c.launch(p.name, args); err != nil {
			return err
		}
	}
	return nil
}

// Kill kills a process with SIGKILL, by its name. It is started again.
func (c *Cluster) Kill(name string) {
	c.mu.Lock()
	p := c.processes[name]
	c.mu.Unlock()
	p.stopped.Store(true)
	_ = p.cmd.Process.Kill() // not its children: a machine that is lost takes all, a process that is killed only itself
	<-p.done
}

// Processes returns the IDs of the processes that run now, by their names.
func (c *Cluster) Processes() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := map[string]int{}
	for name, p := range c.processes {
		m[name] = p.cmd.Process.Pid
	}
	return m
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
	c.mu.Lock()
	c.stopping()
	all := slices.Collect(maps.Values(c.processes))
	c.mu.Unlock()
	var wg sync.WaitGroup
	for _, p := range all {
		wg.Go(p.stop)
	}
	wg.Wait()
	c.watchers.Wait()
	if c.unlock != nil {
		c.unlock()
	}
}
