package pipeline

import (
	"flag"
	"log/slog"
	"os"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/harness"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/util/hooks"
)

// afterAll is called when all tests have ended.
var afterAll []func()

func TestMain(m *testing.M) {
	flag.Parse()
	hooks.DisableHook(harness.DefaultRemoteLoggingHook)
	slog.SetDefault(slog.New(slog.DiscardHandler)) // Beam's chatter
	beam.Init()
	code := m.Run()
	for _, end := range afterAll {
		end()
	}
	if theDay.dir != "" {
		_ = os.RemoveAll(theDay.dir)
	}
	os.Exit(code)
}
