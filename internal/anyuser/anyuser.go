// Package anyuser lets a program run under a user whom the system does not know, as in a container that
// is given an ID. Beam looks its user up while it is initialized, and panics where there is none. This
// package imports next to nothing, so it is initialized before, and looks the user up with what Go takes
// for one: a name and a home in the environment. Go remembers the answer. Where it asks the C library
// instead there is no such way, and the program ends with a line that says so; built with the tag osusergo
// it runs.
package anyuser

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
)

func init() {
	for name, value := range map[string]string{"USER": "unknown", "HOME": os.TempDir()} {
		if os.Getenv(name) == "" && os.Setenv(name, value) == nil {
			defer os.Unsetenv(name)
		}
	}
	if _, err := user.Current(); err != nil {
		fmt.Fprintf(os.Stderr, "%s: no user has the ID %d on this system: run it as a user whom /etc/passwd names, or build it with -tags osusergo\n",
			filepath.Base(os.Args[0]), os.Getuid())
		os.Exit(1)
	}
}
