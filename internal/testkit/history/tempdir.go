package history

import "os"

// TempDir returns a folder for the state of a stream, which goes with the test. It is in memory where the
// system has a place for that: no test pulls the plug, and a disk takes milliseconds for every sync.
func TempDir(t interface {
	Cleanup(func())
	Fatal(...any)
}) string {
	const name = "flexbeam-state-"
	dir, err := os.MkdirTemp("/dev/shm", name)
	if err != nil {
		dir, err = os.MkdirTemp("", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
