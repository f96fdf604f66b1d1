package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"flexbeam/internal/statedisk"
)

// opens are the Disks, by name.
var opens = map[string]func(dir string, restore statedisk.Restore) (statedisk.Disk, error){
	"none": openNone,
	"log": func(dir string, restore statedisk.Restore) (statedisk.Disk, error) {
		l, _, err := statedisk.OpenLog(dir, restore)
		return l, err
	},
	"pebble": openPebble,
	"bbolt":  openBolt,
}

// A result is what a process measured. Times are in seconds, sizes in bytes.
type result struct {
	Events    int64
	CPU, Wall float64 // from the first event until the Disk is closed; at a start until all is in memory
	Flush     []float64
	Peak, End int64 // on disk
	Written   int64
	Snapshots int
	Memory    int64 // the largest resident memory, which the parent adds
	Held      [4]int64
}

// held says what the caller holds, to compare a start with what was left.
func (c *caller) held() [4]int64 {
	bytes := int64(0)
	for _, t := range c.tasks {
		bytes += int64(len(t.state))
	}
	return [4]int64{int64(len(c.tasks)), bytes, int64(len(c.spilled)), int64(len(c.tombstones))}
}

// write is the process that takes the stream.
func write(s settings, disk, dir string) (r result, err error) {
	c := newCaller(int(s.day.Seconds()))
	c.draw()
	cpu, begin, written := ownCPU(), time.Now(), ownWrites()
	if c.disk, err = opens[disk](dir, c.restore); err != nil {
		return r, err
	}
	if err := c.run(s.events); err != nil {
		return r, err
	}
	if err := c.disk.Sync(c.disk.Mark()); err != nil {
		return r, err
	}
	r.End = c.disk.Size()
	if err := c.disk.Close(); err != nil {
		return r, err
	}
	r.Events, r.CPU, r.Wall, r.Written = c.taken, ownCPU()-cpu, time.Since(begin).Seconds(), ownWrites()-written
	slices.Sort(c.flush)
	for _, share := range []float64{0.5, 0.99, 1} {
		r.Flush = append(r.Flush, c.flush[int(share*float64(len(c.flush)-1))].Seconds())
	}
	r.Peak, r.Snapshots, r.Held = max(c.peak, r.End), c.snapshots, c.held()
	return r, nil
}

// start is the process that starts with what another has left.
func start(s settings, disk, dir string) (r result, err error) {
	c := newCaller(int(s.day.Seconds()))
	cpu, begin := ownCPU(), time.Now()
	if c.disk, err = opens[disk](dir, c.restore); err != nil {
		return r, err
	}
	r.CPU, r.Wall = ownCPU()-cpu, time.Since(begin).Seconds()
	r.Held, r.End = c.held(), c.disk.Size()
	return r, c.disk.Close()
}

// child runs this program again for one process of the measurement.
func child(s settings, what, disk, dir string) (r result, err error) {
	program, err := os.Executable()
	if err != nil {
		return r, err
	}
	c := exec.Command(program, "-events", fmt.Sprint(s.events), "-day", s.day.String(), "-dir", dir, "-disks", disk, "-child", what)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return r, fmt.Errorf("%s %s: %w", what, disk, err)
	}
	if err := json.Unmarshal(out, &r); err != nil {
		return r, err
	}
	if u, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok {
		r.Memory = u.Maxrss << 10
	}
	return r, nil
}

// evict takes the files of a directory out of the system's cache.
func evict(dir string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED), f.Close())
	})
}

// ownCPU returns the processor time of this process.
func ownCPU() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// ownWrites returns how many bytes this process gave the device to write, 0 where that is not told.
func ownWrites() (n int64) {
	f, err := os.Open("/proc/self/io")
	if err != nil {
		return 0
	}
	defer f.Close()
	for {
		var name string
		var v int64
		if _, err := fmt.Fscan(f, &name, &v); err != nil {
			return n
		}
		if name == "write_bytes:" {
			n = v
		}
	}
}
