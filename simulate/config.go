package simulate

import (
	"fmt"
	"time"
)

// Limits of a config. A week of delay is far beyond what Event Streams retries (four hours), and
// keeps the texts under way in memory.
const (
	maxDisorder = 7 * 24 * time.Hour
	maxAgents   = 50_000
	maxAccounts = 1_000
	maxHours    = 10 * 366 * 24
)

// Config says what is drawn. Zero values of Agents and Accounts choose fitting ones.
type Config struct {
	Seed  uint64
	Start time.Time // first moment of the history; the daily curve and the shifts follow UTC
	Hours float64   // length of the history; ignored when Events is set

	// Shift is added to every time that is written, and to arrivals: the history of a busy morning
	// can be told as one of any other time.
	Shift time.Duration

	Agents int // over all accounts; 0: as many as the tasks need, at most 500 when Events is set
	// Tasks is how many contacts arrive, over all accounts. Sequels, such as a callback or a
	// transfer by a new task, add theirs. It is ignored when Events is set.
	Tasks    int
	Accounts int // Flex instances; 0: one
	// Events, if not 0, is how many distinct events are drawn, exactly: day after day, at a rate
	// that suits the agents.
	Events int

	Form Form // "" is Object

	// Disorder is the longest delay of a record; most are far shorter. 0: each arrives at the
	// event's time.
	Disorder   time.Duration
	Duplicates float64 // share of events that are sent again, 0 to 1
	Losses     float64 // share of events that never arrive, 0 to 1
	// Partial is the share of tasks, 0 to 1, whose events come by a subscription without
	// task-queue.* and reservation.rescinded.
	Partial float64
	Dirty   float64 // broken records added, per distinct event, 0 to 1
	Joined  float64 // share of records that stand on the line of the one before them, 0 to 1
}

// DefaultConfig is one working day of a clean centre with 2000 contacts.
func DefaultConfig() Config {
	return Config{
		Seed:     1,
		Start:    time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC),
		Hours:    24,
		Tasks:    2000,
		Accounts: 1,
		Form:     Object,
	}
}

// Validate reports the first setting that cannot be drawn.
func (c Config) Validate() error {
	if c.Start.IsZero() {
		return fmt.Errorf("simulate: start: set a time, such as 2026-03-02T00:00:00Z")
	}
	if y := c.Start.UTC().Year(); y < 1971 || y > 9000 {
		return fmt.Errorf("simulate: start: year %d lies outside 1971 to 9000", y)
	}
	if y := c.Start.Add(c.Shift).UTC().Year(); y < 1971 || y > 9000 {
		return fmt.Errorf("simulate: shift: year %d lies outside 1971 to 9000", y)
	}
	if c.Events == 0 && !(c.Hours > 0 && c.Hours <= maxHours) {
		return fmt.Errorf("simulate: hours: %v is not above 0 and at most %d; or set events", c.Hours, maxHours)
	}
	counts := []struct {
		name       string
		value, max int
	}{
		{"agents", c.Agents, maxAgents},
		{"tasks", c.Tasks, 1 << 40},
		{"accounts", c.Accounts, maxAccounts},
		{"events", c.Events, 1 << 40},
	}
	for _, n := range counts {
		if n.value < 0 || n.value > n.max {
			return fmt.Errorf("simulate: %s: %d is not between 0 and %d", n.name, n.value, n.max)
		}
	}
	if c.Agents > 0 && c.Agents < c.Accounts {
		return fmt.Errorf("simulate: agents: %d agents cannot staff %d accounts; give each at least one", c.Agents, c.Accounts)
	}
	if !c.Form.valid() {
		return fmt.Errorf("simulate: form: %q is none of object, string, rest, webhook, mixed", c.Form)
	}
	if c.Disorder < 0 || c.Disorder > maxDisorder {
		return fmt.Errorf("simulate: disorder: %v is not between 0 and %v", c.Disorder, maxDisorder)
	}
	shares := []struct {
		name  string
		value float64
	}{{"duplicates", c.Duplicates}, {"losses", c.Losses}, {"partial", c.Partial}, {"dirty", c.Dirty}, {"joined", c.Joined}}
	for _, s := range shares {
		if !(s.value >= 0 && s.value <= 1) {
			return fmt.Errorf("simulate: %s: %v is not a share between 0 and 1", s.name, s.value)
		}
	}
	return nil
}
