package transcripts

import (
	"time"

	"flexbeam/schemas/turn"
	"flexbeam/transforms/keyed"
)

// Pools is a keyed.Transcripts for several accounts, of which each has a pool of its own: one that is
// slow, or refuses calls, does not hold up the others.
type Pools struct {
	of    map[string]*Pool // by the SIDs of their accounts
	first *Pool
}

var _ keyed.Transcripts = (*Pools)(nil)

func (p *Pools) add(pool *Pool) {
	p.of[pool.account] = pool
	if p.first == nil {
		p.first = pool
	}
}

// Close ends all fetches and waits for that.
func (p *Pools) Close() {
	for _, pool := range p.of {
		pool.Close()
	}
}

// Serves implements keyed.Transcripts.
func (p *Pools) Serves(account string) bool { return p.of[account] != nil }

// Had implements keyed.Transcripts.
func (p *Pools) Had() bool { return p.first.Had() }

// Every implements keyed.Transcripts.
func (p *Pools) Every() time.Duration { return p.first.Every() }

// Now implements keyed.Transcripts.
func (p *Pools) Now() time.Time { return p.first.Now() }

// Counted implements keyed.Transcripts.
func (p *Pools) Counted(o keyed.TranscriptOutcome) { p.first.Counted(o) }

// Begin implements keyed.Transcripts.
func (p *Pools) Begin(account, sid string, must bool) bool {
	return p.of[account].Begin(account, sid, must)
}

// Take implements keyed.Transcripts.
func (p *Pools) Take(account, sid string, wait bool) (t *turn.Transcript, begun bool, err error) {
	return p.of[account].Take(account, sid, wait)
}
