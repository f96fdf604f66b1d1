//go:build !unix

package crash

func noCore() { /* there are no core files */ }
