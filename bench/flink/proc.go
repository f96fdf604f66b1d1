package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// usage is what processes have used.
type usage struct {
	cpu float64 // seconds, with that of children which have ended
	rss float64 // bytes
}

// stat returns the fields of /proc/PID/stat behind the name of the process: the state is the first.
func stat(pid int) []string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return strings.Fields(rest)
}

// used returns what processes use; where the system does not tell, nothing.
func used(pids ...int) (u usage) {
	const perSecond = 100 // USER_HZ, which is the same on all of Linux
	for _, pid := range pids {
		f := stat(pid)
		if len(f) < 22 {
			continue
		}
		for _, i := range []int{11, 12, 13, 14} { // user and system, and of children
			n, _ := strconv.ParseFloat(f[i], 64)
			u.cpu += n / perSecond
		}
		pages, _ := strconv.ParseFloat(f[21], 64)
		u.rss += pages * float64(os.Getpagesize())
	}
	return u
}

// family returns a process and its children.
func family(pid int) []int {
	all := []int{pid}
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		child, _ := strconv.Atoi(filepath.Base(dir))
		if f := stat(child); len(f) > 1 && f[1] == strconv.Itoa(pid) {
			all = append(all, child)
		}
	}
	return all
}

// loadAverage returns the machine's load average, where it is told.
func loadAverage() string {
	b, _ := os.ReadFile("/proc/loadavg")
	f := strings.Fields(string(b))
	if len(f) < 3 {
		return "unknown"
	}
	return strings.Join(f[:3], " ")
}
