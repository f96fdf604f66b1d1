package keyed

import "testing"

func taskOf(t *testing.T, k *Known, account, task string) *State {
	t.Helper()
	s, err := k.Task(account, task)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
