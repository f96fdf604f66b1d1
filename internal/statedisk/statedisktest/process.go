package statedisktest

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/childtest"
)

// childEnv tells a child process what to do, and where.
const childEnv = "FLEXBEAM_TEST_STATEDISK"

// synced is how many rounds a child that holds has synced.
const synced = 20

// Main runs the tests of a package, or what a child process of them does.
func Main(m *testing.M, open Open) {
	if what, dir, ok := strings.Cut(os.Getenv(childEnv), ": "); ok {
		child(what, dir, open)
		return
	}
	flag.Parse()
	checks := false
	flag.Visit(func(f *flag.Flag) { checks = checks || f.Name == "rapid.checks" })
	if !checks { // syncing to disk is most of a check
		flag.Set("rapid.checks", "15")
	}
	os.Exit(m.Run())
}

// child writes until it is killed, or the process of the tests has ended.
func child(what, dir string, open Open) {
	var t fatal
	d, s := reopen(t, open, dir)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	for i := range synced {
		round(t, d, s, i)
		if err := d.Sync(d.Mark()); err != nil {
			t.Fatalf("sync: %v", err)
		}
	}
	if what == "hold" {
		for i := range 5 {
			round(t, d, s, synced+i)
		}
		d.Mark()
		fmt.Println("held")
		select {}
	}
	fmt.Println("goes on")
	for i := synced; ; i++ {
		round(t, d, s, i)
		if i%3 == 0 {
			if err := d.Sync(d.Mark()); err != nil {
				t.Fatalf("sync: %v", err)
			}
		}
	}
}

// fatal ends a child.
type fatal struct{}

func (fatal) Helper()                   {}
func (fatal) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }

func checkKilled(open Open, what string) func(t *testing.T) {
	return func(t *testing.T) {
		dir := t.TempDir()
		c, _ := childtest.Start(t, childEnv+"="+what+": "+dir)
		if what == "go on" {
			time.Sleep(50 * time.Millisecond)
		}
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = c.Wait()
		d, s := reopen(t, open, dir)
		defer d.Close()
		rounds := synced
		if what == "go on" {
			last, err := strconv.Atoi(s.records["position"])
			if err != nil || last+1 < synced {
				t.Fatalf("the position is %q, %d rounds were synced", s.records["position"], synced)
			}
			rounds = last + 1
		}
		if diff := cmp.Diff(after(rounds), s.contents(t, d)); diff != "" {
			t.Errorf("after %d rounds (-want +got):\n%s", rounds, diff)
		}
	}
}
