// Package evidence counts signs that event types are not subscribed to, or that events were lost
// (docs/contract.md, section 8). What a key shows is counted once, however often it is folded:
// who folds it subtracts what it had counted of the key before.
package evidence

import "fmt"

// A Kind is what is counted.
type Kind int

// The kinds. Their order is that of encodings: new ones come last.
const (
	Reserved         Kind = iota // tasks with reservations
	Unqueued                     // of these, those without task-queue.entered
	Offers                       // invitation rows
	OffersInferred               // of these, those without an end of their own (rule 2.9)
	OffersUncreated              // of these, those without reservation.created (rule 2.10)
	Agents                       // agent rows
	AgentsUnaccepted             // of these, those without reservation.accepted (rule 2.8)
	AgentsInferred               // of these, those accepted whose end was inferred (rule 2.6)
	Workers                      // workers with worker.* events
	WorkersSilent                // of these, those without worker.activity.update
	Kinds
)

// Counts are how many there are of each kind.
type Counts [Kinds]int64

// Plus returns the sums of two counts.
func (c Counts) Plus(d Counts) Counts {
	for k := range c {
		c[k] += d[k]
	}
	return c
}

// Minus returns c without d.
func (c Counts) Minus(d Counts) Counts {
	for k := range c {
		c[k] -= d[k]
	}
	return c
}

// A Sign is a pair of kinds that together say what is missing.
type Sign struct {
	Name        string // in metrics
	Missing, Of Kind
	Text        string // for whom reads it: what was found, and which event types to look for
}

// Signs are all of them.
var Signs = []Sign{
	{"queue_entry", Unqueued, Reserved, "tasks with reservations have no task-queue.entered, so waits are missing: look for task-queue.entered"},
	{"offer_end", OffersInferred, Offers, "offers have no end of their own, it was inferred: look for reservation.timeout, reservation.canceled, reservation.rejected, reservation.rescinded"},
	{"offer_start", OffersUncreated, Offers, "offers have no beginning: look for reservation.created"},
	{"agent_start", AgentsUnaccepted, Agents, "engagements of agents have no beginning: look for reservation.accepted"},
	{"agent_end", AgentsInferred, Agents, "engagements of agents have no end of their own, it was inferred: look for reservation.completed, reservation.wrapup"},
	{"activity", WorkersSilent, Workers, "agents with worker.* events have no activity, so agent_status lacks them: look for worker.activity.update"},
}

// A Finding is a sign that was seen.
type Finding struct {
	Sign
	Number, All int64 // so many, of so many
}

// Share returns the share of Number in All, from 0 to 1.
func (f Finding) Share() float64 { return float64(f.Number) / float64(max(f.All, 1)) }

// String returns a line for whom reads it.
func (f Finding) String() string {
	percent := fmt.Sprintf("%.1f %%", 100*f.Share())
	if f.Number == f.All {
		percent = "all"
	}
	return fmt.Sprintf("%d of %d (%s) %s", f.Number, f.All, percent, f.Text)
}

// Findings returns the signs that counts show.
func (c Counts) Findings() (all []Finding) {
	for _, s := range Signs {
		if n := c[s.Missing]; n > 0 {
			all = append(all, Finding{s, n, c[s.Of]})
		}
	}
	return all
}
