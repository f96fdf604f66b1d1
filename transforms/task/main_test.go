package task_test

import (
	"testing"

	"flexbeam/internal/testkit/history"
)

func TestMain(m *testing.M) { history.Main(m, "200") }
