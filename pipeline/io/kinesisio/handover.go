package kinesisio

import "time"

// handover hands on what was read of one shard, during one call.
type handover struct {
	session *session
	stream  string
	shard   string
	state   *shardState
	reader  *reader
	first   bool     // nothing was handed on by this reader
	at      Position // up to which was handed on
	time    time.Duration
	emitted time.Time
	idle    bool // batches without records are wanted
}

// handOver begins a call for a shard at a position, in a bundle. If no reader stands there it starts one.
func (s *session) handOver(sh shard, st *shardState, at Position, c *settings, bundle int64) *handover {
	s.mu.Lock()
	r := st.reader
	fresh := r == nil || !r.usable(at)
	if fresh {
		if r != nil {
			r.stop()
		}
		r = read(s.room, at, s.open(sh, c))
		st.reader, st.emitted = r, time.Time{}
	}
	h := &handover{
		session: s, stream: sh.Stream.ID(), shard: sh.ID, state: st, reader: r, first: fresh, at: at, emitted: st.emitted,
		time: callTime / time.Duration(max(len(s.shards), 1)), idle: c.Idle,
	}
	s.mu.Unlock()
	if fresh {
		s.ctl.Rewound(h.stream, h.shard, from(at))
	}
	s.ctl.Began(h.stream, h.shard, bundle, r.bound)
	return h
}

// take returns what comes next; first, at once, that nothing did yet, so that the position can be
// saved.
func (h *handover) take(own int64) (*Batch, bool, error) {
	b := &Batch{Stream: h.stream, Shard: h.shard, Position: h.at, Watermark: own}
	if h.first && h.emitted.IsZero() {
		return b, true, nil
	}
	children, ok, err := h.reader.take(b, batchBytes)
	if ok && b.Position.Done && !h.session.ctl.Succeeded(h.stream, h.shard, children) {
		ok = h.reader.putBack(b, children, h.at)
	}
	return b, ok, err
}

// news tells whether a batch says something new.
func (h *handover) news(b *Batch) bool {
	at, to := h.at, b.Position
	at.UpTo, to.UpTo = 0, 0
	return b.Len() > 0 || b.GapTo != 0 || at != to || h.emitted.IsZero() || h.session.now().Sub(h.emitted) >= quietTime
}

// wanted tells whether a batch is handed on.
func (h *handover) wanted(b *Batch) bool {
	return b.Len() > 0 || b.GapTo != 0 || h.idle && h.news(b)
}

// handedOn notes that a batch was claimed, and handed on if it was wanted.
func (h *handover) handedOn(b *Batch) {
	if h.news(b) {
		h.emitted = h.session.now()
		h.session.mu.Lock()
		h.state.emitted = h.emitted
		h.session.mu.Unlock()
	}
	h.first, h.at = false, b.Position
	newest := unknown
	if n := len(b.Arrivals); n > 0 {
		newest = b.Arrivals[n-1]
	}
	h.session.ctl.HandedOn(h.stream, h.shard, b.Watermark, newest, b.BehindMS)
	if b.Position.Done {
		h.reader.stop()
	}
}

// drop forgets what was taken and not handed on.
func (h *handover) drop() {
	h.reader.stop()
	h.session.mu.Lock()
	if h.state.reader == h.reader {
		h.state.reader = nil
	}
	h.session.mu.Unlock()
	h.session.ctl.Rewound(h.stream, h.shard, from(h.at))
}
