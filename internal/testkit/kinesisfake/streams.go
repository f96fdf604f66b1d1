package kinesisfake

import (
	"fmt"
	"regexp"
	"slices"
	"time"
)

var streamName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,128}$`)

type streamMode struct{ StreamMode string }

func createStream(q *request) ([]byte, error) {
	var in struct {
		StreamName           string
		ShardCount           *int
		StreamModeDetails    *streamMode
		MaxRecordSizeInKiB   *int
		WarmThroughputMiBps  *int
		RetentionPeriodHours int
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if err := q.announce(in.StreamName, ""); err != nil {
		return nil, err
	}
	onDemand := in.StreamModeDetails != nil && in.StreamModeDetails.StreamMode == "ON_DEMAND"
	shards := onDemandShards
	switch {
	case !streamName.MatchString(in.StreamName):
		return nil, errorf(Validation, "1 validation error detected: Value '%s' at 'streamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+", in.StreamName)
	case onDemand && in.ShardCount != nil:
		return nil, errorf(Validation, "ShardCount must not be given for an ON_DEMAND stream.")
	case !onDemand && (in.ShardCount == nil || *in.ShardCount < 1):
		return nil, errorf(Validation, "ShardCount of at least 1 must be given for a PROVISIONED stream.")
	case !onDemand:
		shards = *in.ShardCount
	}
	record := defaultRecordBytes
	if in.MaxRecordSizeInKiB != nil {
		if record = *in.MaxRecordSizeInKiB << 10; record < defaultRecordBytes || record > maxRecordBytes {
			return nil, errorf(Validation, "MaxRecordSizeInKiB must be from 1024 to 10240.")
		}
	}
	return done(q.s.create(in.StreamName, shards, onDemand, record))
}

func done(err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return nothing()
}

func (s *Server) create(name string, shards int, onDemand bool, record int) error {
	if s.find(name) != nil {
		return errorf(ResourceInUse, "Stream %s under account %s already exists.", name, s.opts.Account)
	}
	now := s.clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streams[name] != nil {
		return errorf(ResourceInUse, "Stream %s under account %s already exists.", name, s.opts.Account)
	}
	n := 0
	for _, st := range s.streams {
		st.mu.Lock()
		st.settle(now)
		if st.status == creating {
			n++
		}
		st.mu.Unlock()
	}
	if n >= maxCreating {
		return errorf(LimitExceeded, "More than %d streams would be CREATING at once.", maxCreating)
	}
	s.serial++
	st := &stream{
		serial:    s.serial,
		name:      name,
		arn:       fmt.Sprintf("arn:aws:kinesis:%s:%s:stream/%s", s.opts.Region, s.opts.Account, name),
		created:   milliseconds(now),
		onDemand:  onDemand,
		retention: minRetention,
		maxRecord: record,
		maxBytes:  s.opts.MaxStreamBytes,
		wake:      make(chan struct{}),
	}
	if s.opts.NumbersAnew {
		st.since = st.created
	}
	s.streams[name] = st
	st.begin(creating, now, s.opts.ChangeTime, func(int64) {
		starts := evenStarts(shards)
		for i, first := range starts {
			last := maxHashKey
			if i+1 < shards {
				last = starts[i+1].previous()
			}
			st.addShard(first, last, st.created)
		}
	})
	return nil
}

func deleteStream(q *request) ([]byte, error) {
	var in struct {
		ref
		EnforceConsumerDeletion bool
	}
	st, err := q.open(&in)
	if err != nil {
		return nil, err
	}
	defer st.mu.Unlock()
	if len(st.consumers) > 0 && !in.EnforceConsumerDeletion {
		return nil, errorf(ResourceInUse, "Stream %s has registered consumers; EnforceConsumerDeletion would delete them too.", st.name)
	}
	if st.status != deleting {
		st.begin(deleting, q.Time, q.s.opts.ChangeTime, func(int64) { st.gone = true })
	}
	return nothing()
}

func listStreams(q *request) ([]byte, error) {
	var in struct {
		ExclusiveStartStreamName string
		NextToken                string
		Limit                    *int
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if err := q.announce("", ""); err != nil {
		return nil, err
	}
	limit := defaultStreams
	if in.Limit != nil {
		if limit = *in.Limit; limit < 1 || limit > 10_000 {
			return nil, errorf(Validation, "Limit must be from 1 to 10000.")
		}
	}
	after := in.ExclusiveStartStreamName
	if in.NextToken != "" {
		after = in.NextToken
	}
	q.s.mu.Lock()
	var names []string
	for name := range q.s.streams {
		names = append(names, name)
	}
	q.s.mu.Unlock()
	slices.Sort(names)
	out := struct {
		HasMoreStreams  bool
		StreamNames     []string
		StreamSummaries []map[string]any
		NextToken       string `json:",omitempty"`
	}{StreamNames: []string{}, StreamSummaries: []map[string]any{}}
	for _, name := range names {
		if name <= after {
			continue
		}
		if len(out.StreamNames) == limit {
			out.HasMoreStreams, out.NextToken = true, out.StreamNames[limit-1]
			break
		}
		st, err := q.lock(name)
		if err != nil {
			continue // deleted meanwhile
		}
		out.StreamNames = append(out.StreamNames, name)
		out.StreamSummaries = append(out.StreamSummaries, map[string]any{
			"StreamName": name, "StreamARN": st.arn, "StreamStatus": st.status, "StreamModeDetails": st.mode(),
			"StreamCreationTimestamp": seconds(st.created),
		})
		st.mu.Unlock()
	}
	return encode(out)
}

func (st *stream) mode() streamMode {
	if st.onDemand {
		return streamMode{"ON_DEMAND"}
	}
	return streamMode{"PROVISIONED"}
}

// description is what DescribeStream and DescribeStreamSummary have in common.
func (st *stream) description() map[string]any {
	return map[string]any{
		"StreamName": st.name, "StreamARN": st.arn, "StreamStatus": st.status, "StreamModeDetails": st.mode(),
		"RetentionPeriodHours": int(st.retention / time.Hour), "StreamCreationTimestamp": seconds(st.created),
		"EnhancedMonitoring": []any{map[string]any{"ShardLevelMetrics": []string{}}}, "EncryptionType": "NONE",
	}
}

func describeStream(q *request) ([]byte, error) {
	var in struct {
		ref
		Limit                 *int
		ExclusiveStartShardId string
	}
	st, err := q.open(&in)
	if err != nil {
		return nil, err
	}
	defer st.mu.Unlock()
	limit := defaultStreams
	if in.Limit != nil {
		limit = *in.Limit
	}
	if limit < 1 || limit > 10_000 {
		return nil, errorf(Validation, "Limit must be from 1 to 10000.")
	}
	d := st.description()
	shards, more := []shardJSON{}, false
	for _, h := range st.shards {
		if h.id <= in.ExclusiveStartShardId {
			continue
		}
		if more = len(shards) == limit; more {
			break
		}
		shards = append(shards, h.json())
	}
	d["Shards"], d["HasMoreShards"] = shards, more
	return encode(map[string]any{"StreamDescription": d})
}

func describeSummary(q *request) ([]byte, error) {
	var in ref
	st, err := q.open(&in)
	if err != nil {
		return nil, err
	}
	defer st.mu.Unlock()
	d := st.description()
	d["OpenShardCount"], d["ConsumerCount"], d["MaxRecordSizeInKiB"] = len(st.open), len(st.consumers), st.maxRecord>>10
	return encode(map[string]any{"StreamDescriptionSummary": d})
}

func increaseRetention(q *request) ([]byte, error) { return setRetention(q, 1) }
func decreaseRetention(q *request) ([]byte, error) { return setRetention(q, -1) }

// setRetention changes the retention period. Records that have expired stay away when it grows:
// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_IncreaseStreamRetentionPeriod.html
func setRetention(q *request, sign time.Duration) ([]byte, error) {
	var in struct {
		ref
		RetentionPeriodHours int
	}
	st, err := q.open(&in)
	if err != nil {
		return nil, err
	}
	defer st.mu.Unlock()
	d := time.Duration(in.RetentionPeriodHours) * time.Hour
	switch {
	case d < minRetention || d > maxRetention:
		return nil, errorf(InvalidArgument, "RetentionPeriodHours must be from %d to %d.", minRetention/time.Hour, maxRetention/time.Hour)
	case (d-st.retention)*sign < 0:
		return nil, errorf(InvalidArgument, "RetentionPeriodHours %d is on the wrong side of the present period of %d.", in.RetentionPeriodHours, st.retention/time.Hour)
	case st.status != active:
		return nil, q.notActive(st)
	}
	st.begin(updating, q.Time, q.s.opts.ChangeTime, func(int64) { st.retention = d })
	return nothing()
}

func updateMaxRecordSize(q *request) ([]byte, error) {
	var in struct {
		ref
		MaxRecordSizeInKiB int
	}
	st, err := q.open(&in)
	if err != nil {
		return nil, err
	}
	defer st.mu.Unlock()
	n := in.MaxRecordSizeInKiB << 10
	if n < defaultRecordBytes || n > maxRecordBytes {
		return nil, errorf(Validation, "MaxRecordSizeInKiB must be from 1024 to 10240.")
	}
	if st.status != active {
		return nil, q.notActive(st)
	}
	st.begin(updating, q.Time, q.s.opts.ChangeTime, func(int64) { st.maxRecord = n })
	return nothing()
}

func (q *request) notActive(st *stream) error {
	return errorf(ResourceInUse, "Stream %s under account %s not ACTIVE, instead in state %s", st.name, q.s.opts.Account, st.status)
}
