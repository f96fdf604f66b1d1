package crash

import (
	"syscall"
	"unsafe"
)

// overrideWrite is what the Go runtime writes with instead of its own function, if it is set. Nothing
// else writes by it: the output of a program goes another way.
//
//go:linkname overrideWrite runtime.overrideWrite
var overrideWrite func(fd uintptr, p unsafe.Pointer, n int32) int32

var (
	notice *byte // the line, nil once it was written
	length int32
)

func announce(line string) {
	notice, length = unsafe.StringData(line), int32(len(line))
	overrideWrite = write
}

// write writes to a file, and before the first words of a crash the line. The runtime calls it while
// it crashes, on any stack and with the world stopped: it must not allocate, nor call what may.
//
//go:nosplit
func write(fd uintptr, p unsafe.Pointer, n int32) int32 {
	if fd == 2 && length > 0 && begins(p, n) {
		l := length
		length = 0
		syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(notice)), uintptr(l))
	}
	written, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(p), uintptr(n))
	if errno != 0 {
		return -int32(errno)
	}
	return int32(written)
}

// begins tells whether a text is how the trace of a crash begins, which may be the name of a signal
// that ended a library.
//
//go:nosplit
func begins(p unsafe.Pointer, n int32) bool {
	return starts(p, n, "panic: ") || starts(p, n, "fatal error: ") ||
		starts(p, n, "runtime: out of memory") || starts(p, n, "runtime: cannot allocate memory") ||
		starts(p, n, "runtime: goroutine stack exceeds") ||
		starts(p, n, "SIGABRT") || starts(p, n, "SIGSEGV") || starts(p, n, "SIGBUS") || starts(p, n, "SIGILL") || starts(p, n, "SIGFPE")
}

//go:nosplit
func starts(p unsafe.Pointer, n int32, with string) bool {
	if int(n) < len(with) {
		return false
	}
	for i := range len(with) {
		if *(*byte)(unsafe.Add(p, i)) != with[i] {
			return false
		}
	}
	return true
}
