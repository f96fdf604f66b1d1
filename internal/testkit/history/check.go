package history

import (
	"cmp"
	"flag"
	"os"
	"testing"
)

// ChecksEnv names the variable of the environment with another number of histories for Main, for tools
// that cannot pass flags on to tests.
const ChecksEnv = "FLEXBEAM_TEST_CHECKS"

// Main runs the tests of a package whose properties are to hold for n drawn histories each, unless
// -rapid.checks or ChecksEnv says otherwise. It is for TestMain.
func Main(m *testing.M, n string) {
	flag.Parse()
	n = cmp.Or(os.Getenv(ChecksEnv), n)
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == "rapid.checks" })
	if !said {
		if err := flag.Set("rapid.checks", n); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
