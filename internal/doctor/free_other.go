//go:build !unix

package doctor

import "errors"

// free says that this system is not asked.
func free(string) (uint64, error) { return 0, errors.ErrUnsupported }
