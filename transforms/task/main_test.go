package task_test

import (
	"testing"

	"flexbeam/internal/history"
)

func TestMain(m *testing.M) { history.Main(m, "600") }
