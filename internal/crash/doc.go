// Package crash decides how the process ends when a fault in it, or want of memory, ends it: a panic
// that nothing catches, a fatal error of the Go runtime, an abort of a C++ library. By itself Go exits
// with status 2 then, which is that of a wrong command line.
//
// After Install such an end has exit status 1, and before the trace of the Go runtime there is one
// line for whoever sees it, on Linux. Without cgo the process ends by SIGABRT instead, and there is no
// such line on other systems. It leaves no core file unless GOTRACEBACK=crash asks for one.
package crash
