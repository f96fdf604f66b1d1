package task_test

import (
	"errors"
	"strings"
	"testing"

	"flexbeam/transforms/keyed"
	"flexbeam/transforms/task"
)

// A contact key does not travel with a job: its fingerprint does, and a worker with another key, or
// without one, or with one where the job has none, does not work.
func TestAWorkerNeedsTheKeyOfTheJob(t *testing.T) {
	tests := []struct {
		job, worker string
		ok          bool
	}{
		{"a secret", "a secret", true}, {"", "", true},
		{"a secret", "another", false}, {"a secret", "", false}, {"", "a secret", false},
	}
	for _, test := range tests {
		spec := task.Options{ContactKey: test.job}.Spec()
		if strings.Contains(string(spec.Options), "a secret") {
			t.Errorf("the key travels: %s", spec.Options)
		}
		_, _, err := spec.Logics(1, keyed.Env{ContactKey: test.worker})
		if test.ok && err != nil || !test.ok && !errors.Is(err, task.ErrOtherKey) {
			t.Errorf("job %q, worker %q: %v", test.job, test.worker, err)
		}
	}
}
