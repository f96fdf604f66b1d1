package keyed

import (
	"time"

	"flexbeam/schemas/turn"
)

// Transcripts fetches what Twilio shows of conversations: in a pool of the process, so that nobody
// who asks waits unless he wants to. Its methods may be called from several goroutines.
type Transcripts interface {
	// Serves tells whether transcripts of an account can be fetched at all.
	Serves(account string) bool

	// Begin has the transcript of a conversation fetched, unless it is on its way. It returns false
	// if so many are that this one has to wait for another time; with must it takes any number.
	Begin(account, sid string, must bool) bool

	// Take returns a transcript that was begun and is there, and forgets it; nil while it is on its
	// way, for which it waits if wait is set. begun is false if nothing was begun. The error is that of a pool
	// that was closed.
	Take(account, sid string, wait bool) (t *turn.Transcript, begun bool, err error)

	// Had tells whether what the sink has need not be fetched again.
	Had() bool

	// Every returns how often the transcript of an open conversation is fetched.
	Every() time.Duration

	// Now returns the time.
	Now() time.Time

	// Counted is told of what became of a transcript.
	Counted(o TranscriptOutcome)
}

// A TranscriptOutcome is what became of a transcript, as it is counted.
type TranscriptOutcome uint8

// The outcomes.
const (
	Fetched    TranscriptOutcome = iota // it gave turns
	Gone                                // Twilio did not have it when it was first asked
	Incomplete                          // it lacks messages, and is not tried again
	Spared                              // the sink has it
)
