package kinesistest

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// orphan makes TestServerOfAnotherProcess start the server that it names and wait.
const orphan = "FLEXBEAM_KINESISTEST_ORPHAN"

// TestServerOfAnotherProcess is the process that the next test kills.
func TestServerOfAnotherProcess(t *testing.T) {
	name := os.Getenv(orphan)
	if name == "" {
		return // this is not the process that is killed
	}
	s := Chosen(t)[name](t)
	if _, err := os.Stdout.WriteString("\n" + s.URL + "\n"); err != nil {
		t.Fatal(err)
	}
	select {}
}

func TestServersDieWithTheProcessOfTheTest(t *testing.T) {
	for name := range Chosen(t) {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run", "^TestServerOfAnotherProcess$")
			cmd.Env = append(os.Environ(), orphan+"="+name)
			cmd.Stderr = os.Stderr
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = cmd.Wait() }() // killed
			defer func() { _ = cmd.Process.Kill() }()
			address := ""
			for lines := bufio.NewScanner(out); address == "" && lines.Scan(); {
				address, _ = strings.CutPrefix(lines.Text(), "http://")
				if address == lines.Text() {
					address = ""
				}
			}
			if !listens(address) {
				t.Fatalf("no server listens at %q", address)
			}
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			Eventually(t, "the server is gone", func() bool { return !listens(address) })
		})
	}
}

func TestServersEndWithTheirTest(t *testing.T) {
	for name, start := range Chosen(t) {
		var address string
		t.Run(name, func(t *testing.T) { address = strings.TrimPrefix(start(t).URL, "http://") })
		if listens(address) {
			t.Errorf("%s listens at %s after its test", name, address)
		}
	}
}

func TestServersListenOnTheLoopbackInterfaceOnly(t *testing.T) {
	for name, start := range Chosen(t) {
		t.Run(name, func(t *testing.T) {
			host, port, err := net.SplitHostPort(strings.TrimPrefix(start(t).URL, "http://"))
			if err != nil || host != "127.0.0.1" {
				t.Fatalf("it listens at %s (%v)", host, err)
			}
			addrs, err := net.InterfaceAddrs()
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range addrs {
				if ip, ok := a.(*net.IPNet); ok && !ip.IP.IsLoopback() && ip.IP.To4() != nil && listens(net.JoinHostPort(ip.IP.String(), port)) {
					t.Errorf("it listens at %s too", ip.IP)
				}
			}
		})
	}
}

func listens(address string) bool {
	c, err := net.Dial("tcp", address)
	if err == nil {
		c.Close()
	}
	return err == nil
}
