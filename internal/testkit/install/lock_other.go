//go:build !unix

package install

import "os"

func lock(*os.File) error { return nil }
