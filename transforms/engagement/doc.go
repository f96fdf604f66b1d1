// Package engagement folds the events of one task into its engagements: the stays in queues, the
// work of agents, and the invitations that agents did not take.
//
// Fold is a function of the set of distinct events: it sees them all at once, in order, and builds
// every row anew. Order of arrival, duplicates and restarts therefore cannot show in the rows. The
// rules are those of section 2 of docs/contract.md; the code names them where it follows them.
// Queue rows are in queue.go, agent and invitation rows in reservation.go, the values that all
// three share in shared.go.
package engagement
