//go:build !unix

package journal

import (
	"fmt"
	"os"
	"path/filepath"
)

// lock has no lock to take here: that one process uses a directory is then up to the user.
func lock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("journal: lock: %w", err)
	}
	return f, nil
}
