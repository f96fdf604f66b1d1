package conversation

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A conversation is fetched for a task of which rows are written, and not for those that are told of aside alone. Both
// count for its turns.
func TestTasksAsideAreNoReasonToFetch(t *testing.T) {
	for _, test := range []struct {
		tasks []Task
		aside bool
		known int64
	}{
		{nil, true, 0},
		{[]Task{{SID: "WT1", Version: 3 * 4096, Aside: true}}, true, 3},
		{[]Task{{SID: "WT1", Version: 3 * 4096, Aside: true}, {SID: "WT2", Version: 4 * 4096}}, false, 7},
	} {
		var c Conversation
		for _, task := range test.tasks {
			read, err := parseTask(task.Append(nil))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(task, read); diff != "" {
				t.Errorf("encoded (-was +is):\n%s", diff)
			}
			c.add(read)
		}
		if c.aside() != test.aside || c.known() != test.known {
			t.Errorf("%+v: aside %v, %d events", test.tasks, c.aside(), c.known())
		}
	}
}
