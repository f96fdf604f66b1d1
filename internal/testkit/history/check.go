package history

import (
	"flag"
	"os"
	"testing"
)

// Main runs the tests of a package whose properties are to hold for n drawn histories each, unless
// -rapid.checks says otherwise. It is for TestMain.
func Main(m *testing.M, n string) {
	flag.Parse()
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == "rapid.checks" })
	if !said {
		if err := flag.Set("rapid.checks", n); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
