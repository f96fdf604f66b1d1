package kinesisfake

func splitShard(q *request) ([]byte, error) {
	var in struct {
		ref
		ShardToSplit       string
		NewStartingHashKey string
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	st, err := q.stream(in.ref, in.ShardToSplit)
	if err != nil {
		return nil, err
	}
	defer st.mu.Unlock()
	h, err := q.reshardable(st, in.ShardToSplit)
	if err != nil {
		return nil, err
	}
	at, ok := parseHashKey(in.NewStartingHashKey)
	if !ok || !h.first.less(at) || h.last.less(at) {
		return nil, errorf(InvalidArgument, "NewStartingHashKey %s used in SplitShard() on shard %s in stream %s under account %s is not inside the shard's range of hash keys from %s to %s.",
			in.NewStartingHashKey, h.id, st.name, q.s.opts.Account, h.first, h.last)
	}
	st.begin(updating, q.Time, q.s.opts.ChangeTime, func(now int64) { st.split(h, at, now) })
	st.changed()
	return nothing()
}

func mergeShards(q *request) ([]byte, error) {
	var in struct {
		ref
		ShardToMerge         string
		AdjacentShardToMerge string
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	st, err := q.stream(in.ref, in.ShardToMerge)
	if err != nil {
		return nil, err
	}
	defer st.mu.Unlock()
	h, err := q.reshardable(st, in.ShardToMerge)
	if err != nil {
		return nil, err
	}
	adjacent, err := q.reshardable(st, in.AdjacentShardToMerge)
	if err != nil {
		return nil, err
	}
	if !h.adjoins(adjacent) {
		return nil, errorf(InvalidArgument, "Shards %s and %s in stream %s under account %s are not an adjacent pair of shards eligible for merging",
			h.id, adjacent.id, st.name, q.s.opts.Account)
	}
	st.begin(updating, q.Time, q.s.opts.ChangeTime, func(now int64) { st.merge(h, adjacent, now) })
	st.changed()
	return nothing()
}

// reshardable finds a shard that can be split or merged.
func (q *request) reshardable(st *stream, id string) (*shard, error) {
	h := st.shard(id)
	switch {
	case st.onDemand:
		return nil, errorf(Validation, "Shards of stream %s cannot be changed: its mode is ON_DEMAND.", st.name)
	case st.status != active:
		return nil, q.notActive(st)
	case h == nil:
		return nil, q.noShard(st, id)
	case h.closed != 0:
		return nil, errorf(ResourceInUse, "Shard %s in stream %s under account %s has already been merged or split, and thus is not eligible for merging or splitting.",
			id, st.name, q.s.opts.Account)
	}
	return h, nil
}

func updateShardCount(q *request) ([]byte, error) {
	var in struct {
		ref
		ScalingType      string
		TargetShardCount int
	}
	st, err := q.open(&in)
	if err != nil {
		return nil, err
	}
	defer st.mu.Unlock()
	open, n := len(st.open), in.TargetShardCount
	switch {
	case st.onDemand:
		return nil, errorf(Validation, "Shards of stream %s cannot be changed: its mode is ON_DEMAND.", st.name)
	case st.status != active:
		return nil, q.notActive(st)
	case in.ScalingType != "UNIFORM_SCALING" || n < 1:
		return nil, errorf(InvalidArgument, "ScalingType must be UNIFORM_SCALING and TargetShardCount at least 1.")
	case n > 2*open || 2*n < open:
		return nil, errorf(LimitExceeded, "UpdateShardCount cannot go above double or below half the current open shard count. Current open shard count: %d Target shard count: %d", open, n)
	}
	st.begin(updating, q.Time, q.s.opts.ChangeTime, func(now int64) { st.spread(n, now) })
	st.changed()
	return encode(map[string]any{
		"StreamName": st.name, "StreamARN": st.arn, "CurrentShardCount": open, "TargetShardCount": n,
	})
}
