package bigquery

import (
	"flag"
	"testing"

	"flexbeam/pipeline/sink/sinktest"
)

func TestSinkKeepsItsPromises(t *testing.T) {
	for _, mode := range []string{modeStream, modeLoad} {
		t.Run(mode, func(t *testing.T) {
			if mode == modeLoad {
				fewerChecks(t, "3") // a flush is four jobs
			}
			sinktest.Run(t, harness(t, "mode="+mode))
		})
	}
}

// fewerChecks lets property tests have n checks, unless the command line says how many.
func fewerChecks(t *testing.T, n string) {
	if checksGiven {
		return
	}
	before := flag.Lookup("rapid.checks").Value.String()
	must(t, flag.Set("rapid.checks", n))
	t.Cleanup(func() { must(t, flag.Set("rapid.checks", before)) })
}
