// Package early installs what the command line says of a crash while packages are still being
// initialized. It imports next to nothing, so nearly all of Beam, of DuckDB and of the clients of clouds
// is initialized behind it. They take memory for their tables: where there is none left, the process ends
// as package crash promises. What the Go runtime needs for itself before that it has to find, or the exit
// status is that of the runtime, 2.
package early

import "flexbeam/internal/crash"

// line is what is said before the trace of a fault in this program.
const line = "flexbeam: ended by a fault in flexbeam, or because the machine has no memory left. What was settled is kept: the same " +
	"command goes on from there. Please report it where you got flexbeam from, with your command, `flexbeam version` and these lines:"

func init() { crash.Install(line) }
