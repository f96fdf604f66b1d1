package kinesisio

import (
	"context"
	"io"
	"sync"
	"time"
)

// session is what DoFns read with: connections, and readers that read ahead. Without a controller
// each DoFn has its own; with one, all DoFns of the job share one.
//
// The DoFn's Teardown ends the readers. As Beam's harness calls it only where it drops a DoFn, a
// reader that nobody asks for a minute ends by itself, too.
type session struct {
	ctl   Controller
	now   func() time.Time
	pause func(context.Context, time.Duration) error // nil: by the clock of this machine
	room  *budget                                    // of all readers

	mu      sync.Mutex
	users   int // DoFns between Setup and Teardown
	clients map[Stream]*client
	shards  map[string]*shardState // by Key
	failed  map[string]int         // by stream, listings that failed since the last one that did not

	starts   bool               // nothing was read yet: calls are given up where nothing answers
	silences map[string]unheard // by stream, since its service last answered
}

func newSession(ctl Controller) *session {
	return &session{
		ctl: ctl, now: time.Now, room: newBudget(totalBytes),
		clients: map[Stream]*client{}, shards: map[string]*shardState{}, failed: map[string]int{},
		silences: map[string]unheard{},
	}
}

// shardState is where the reading of a shard stands. Its session's lock guards it.
type shardState struct {
	reader  *reader   // nil: none, at the moment
	emitted time.Time // when a batch was handed on last; zero: none was, or it is repeated
}

// sessions are what both DoFns do at their start and their end.
type sessions struct {
	Config settings

	session *session
}

// Setup connects the DoFn with its controller, if there is one.
func (s *sessions) Setup() error {
	if s.session == nil {
		ctl, err := s.Config.controller()
		if err != nil {
			return err
		}
		s.session = ctl.Share(func() io.Closer { return newSession(ctl) }).(*session)
	}
	s.session.mu.Lock()
	defer s.session.mu.Unlock()
	s.session.users++
	return nil
}

// Teardown ends what the DoFn reads ahead, unless other DoFns share it.
func (s *sessions) Teardown() error {
	if s.session == nil {
		return nil
	}
	s.session.mu.Lock()
	s.session.users--
	last := s.session.users == 0
	s.session.mu.Unlock()
	if last {
		return s.session.Close()
	}
	return nil
}

// Close ends all readers. The session can be used again: then they begin where their shards stand.
func (s *session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.shards {
		if st.reader != nil {
			st.reader.stop()
			st.reader = nil
		}
	}
	return nil
}

// state returns where the reading of a shard stands.
func (s *session) state(stream, shard string) *shardState {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := Key(stream, shard)
	st := s.shards[key]
	if st == nil {
		st = &shardState{}
		s.shards[key] = st
	}
	return st
}

// ended forgets a shard that was read to its end.
func (s *session) ended(stream, shard string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.shards, Key(stream, shard))
}

// repeated notes that what was handed on of a shard since the last bundle comes again.
func (s *session) repeated(st *shardState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st.emitted = time.Time{}
}

// longestDelay is how long the listing of a stream that fails rests at most.
const longestDelay = 16 * time.Second

// unlisted notes that the shards of a stream could not be listed, and says how long to wait.
func (s *session) unlisted(stream string) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed[stream]++
	return min(resumeDelay<<min(s.failed[stream]-1, 10), longestDelay)
}

// listed notes that the shards of a stream were listed.
func (s *session) listed(stream string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.failed, stream)
}

// sleep waits for a time, or until ctx ends.
func (s *session) sleep(ctx context.Context, d time.Duration) error {
	if s.pause != nil {
		return s.pause(ctx, d)
	}
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// client returns the client of a stream.
func (s *session) client(ctx context.Context, stream Stream) (*client, error) {
	s.mu.Lock()
	k := s.clients[stream]
	s.mu.Unlock()
	if k != nil {
		return k, nil
	}
	k, err := dial(ctx, s, stream)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.clients[stream] == nil {
		s.clients[stream] = k
	}
	return s.clients[stream], nil
}
