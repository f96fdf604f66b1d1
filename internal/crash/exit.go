//go:build cgo && (linux || darwin)

package crash

// The Go runtime ends a crash by raising SIGABRT, and passes that on to the handler that was there
// before its own. The one that is installed here comes first, since constructors run before Go does.

/*
#include <signal.h>
#include <unistd.h>

static void flexbeam_failed(int signal) { _exit(1); }

__attribute__((constructor)) static void flexbeam_install(void) {
	struct sigaction a = {0};
	a.sa_handler = flexbeam_failed;
	a.sa_flags = SA_ONSTACK;
	sigaction(SIGABRT, &a, NULL);
}
*/
import "C"
