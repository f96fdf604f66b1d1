package flinklocal

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Memory of the Java processes.
const (
	jobManagerHeap  = "400m"
	jobServerHeap   = "400m"
	zooKeeperHeap   = "64m"
	taskManagerHeap = "900m" // of it, 768 MB are Flink's to plan with
)

const mebi = 1 << 20

// config returns the configuration of Flink. Sizes of a TaskManager's memory are what Flink's own
// scripts compute; started without them, it wants each to be named.
func (c *Cluster) config(rpc, zoo int) map[string]string {
	bytes := func(n int) string { return fmt.Sprint(n*mebi, "b") }
	m := map[string]string{
		"jobmanager.rpc.address": "127.0.0.1",
		"jobmanager.rpc.port":    fmt.Sprint(rpc),
		"jobmanager.bind-host":   "127.0.0.1",
		"rest.address":           "127.0.0.1",
		"rest.bind-address":      "127.0.0.1",
		"rest.port":              fmt.Sprint(c.restPort),
		"blob.server.port":       "0",

		"taskmanager.host":                             "127.0.0.1",
		"taskmanager.bind-host":                        "127.0.0.1",
		"taskmanager.numberOfTaskSlots":                fmt.Sprint(c.options.Slots),
		"taskmanager.cpu.cores":                        fmt.Sprint(float64(c.options.Slots)),
		"taskmanager.memory.task.heap.size":            bytes(640),
		"taskmanager.memory.task.off-heap.size":        bytes(0),
		"taskmanager.memory.framework.heap.size":       bytes(128),
		"taskmanager.memory.framework.off-heap.size":   bytes(128),
		"taskmanager.memory.managed.size":              bytes(64),
		"taskmanager.memory.network.min":               bytes(64),
		"taskmanager.memory.network.max":               bytes(64),
		"taskmanager.network.sort-shuffle.min-buffers": "64", // of each part of a batch job; 512 of several would be more than there are
		"taskmanager.memory.jvm-metaspace.size":        bytes(200),
		"taskmanager.memory.jvm-overhead.min":          bytes(192),
		"taskmanager.memory.jvm-overhead.max":          bytes(192),
		"classloader.resolve-order":                    "parent-first",
		"classloader.check-leaked-classloader":         "false",
		"io.tmp.dirs":                                  filepath.Join(c.options.Dir, "tmp"),
		"metrics.fetcher.update-interval":              "500",
		"web.refresh-interval":                         "1000",
		"web.timeout":                                  "10000", // ms that a question to a TaskManager that was killed holds up all metrics
		"cluster.evenly-spread-out-slots":              "true",
		"heartbeat.interval":                           "1000",
		"heartbeat.timeout":                            "30000",
		"state.checkpoints.dir":                        "file://" + c.Checkpoints(),
		"state.savepoints.dir":                         "file://" + c.Savepoints(),
		"state.checkpoints.num-retained":               "3",
		"restart-strategy.type":                        "fixed-delay",
		"restart-strategy.fixed-delay.attempts":        "1000",
		"restart-strategy.fixed-delay.delay":           "1 s",
	}
	if c.options.HighAvailability {
		maps.Copy(m, map[string]string{
			"high-availability.type":                             "zookeeper",
			"high-availability.zookeeper.quorum":                 fmt.Sprint("127.0.0.1:", zoo),
			"high-availability.zookeeper.client.session-timeout": "10000", // a JobManager that was killed leads for so long
			"high-availability.storageDir":                       "file://" + filepath.Join(c.options.Dir, "ha"),
			"high-availability.jobmanager.port":                  fmt.Sprint(rpc),
		})
	}
	maps.Copy(m, c.options.Config)
	return m
}

const logging = `rootLogger.level = INFO
rootLogger.appenderRef.out.ref = out
appender.out.name = out
appender.out.type = CONSOLE
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %-5p %c{1} - %m%n
`

// writeConfig writes the files that Flink reads.
func (c *Cluster) writeConfig(rpc, zoo int) error {
	var b strings.Builder
	m := c.config(rpc, zoo)
	for _, k := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(&b, "%s: %q\n", k, m[k])
	}
	files := map[string]string{"config.yaml": b.String(), "log4j.properties": logging}
	if c.options.HighAvailability {
		files["zoo.cfg"] = fmt.Sprintf("dataDir=%s\nclientPort=%d\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n", filepath.Join(c.options.Dir, "ha", "zookeeper"), zoo)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(c.options.Dir, "conf", name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// opened are the packages of Java's own into which Flink and Beam reach.
var opened = []string{
	"java.lang", "java.lang.invoke", "java.util", "java.util.concurrent", "java.util.concurrent.atomic", "java.util.concurrent.locks",
	"java.nio", "java.net", "java.io", "java.text", "java.time",
}

// flags are those of every Java process.
func flags(heap string) []string {
	all := []string{"-Xmx" + heap, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:MaxMetaspaceSize=256m", "-Djava.net.preferIPv4Stack=true"}
	for _, p := range opened {
		all = append(all, "--add-opens=java.base/"+p+"=ALL-UNNAMED")
	}
	return append(all, "--add-exports=java.base/sun.net.util=ALL-UNNAMED")
}

func classPath(jars []string) string { return strings.Join(jars, string(os.PathListSeparator)) }

// clusterPath is the class path of a cluster: Flink, and of the job server's jars what Flink lacks.
func (p packages) clusterPath() string {
	all := slices.Clone(p.flink)
	for _, jar := range p.beam {
		name := filepath.Base(jar)
		if !strings.HasPrefix(name, "flink-") && !strings.HasPrefix(name, "slf4j-") && !strings.HasPrefix(name, "log4j-") {
			all = append(all, jar)
		}
	}
	return classPath(all)
}
