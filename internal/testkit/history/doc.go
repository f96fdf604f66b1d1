// Package history helps tests to tell the history of a contact centre in few words and to see what
// the folds make of it.
//
// A history is a list of Events. Parse reads one from text:
//
//	0      entered WQ1 queue=Support
//	10     created WR1
//	15     accepted WR1 ta={"direction":"inbound"}
//	08:01  task.completed task_completed_reason="all done"
//
// Draw draws a random one for property tests. Record and Lines write events as records, in every
// form that contract, section 1, names. Fold folds lines in memory, through the real decoder,
// blocks and folds, into Tables; Batch, Stream and Live do the same through the transforms of the
// drivers of keyed states, without a runner.
package history
