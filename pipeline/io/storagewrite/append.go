package storagewrite

import (
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
)

// append sends one request, on the connection that it returns. When the service refuses single rows
// it writes none of the request: err is set then, and refused has those rows.
func (t *Table) append(messages []message) (conn *connection, refused []*storagepb.RowError, err error) {
	w := t.writer
	if conn, err = w.dial.get(); err != nil {
		return nil, nil, err
	}
	limit := min(w.option.Timeout, max(w.option.Retry, time.Second)) // the client itself waits for a service that is away
	stream, err := conn.stream(w.ctx, t, limit)
	if err != nil {
		return conn, nil, err
	}
	ctx, cancel := context.WithTimeout(w.ctx, limit)
	defer cancel()
	rows := make([][]byte, len(messages))
	for i, m := range messages {
		rows[i] = m.data
	}
	result, err := stream.AppendRows(ctx, rows)
	if err != nil {
		return conn, nil, err
	}
	answer, err := result.FullResponse(ctx)
	if err == nil {
		return conn, nil, nil
	}
	return conn, answer.GetRowErrors(), err
}

// deliver sends messages until all are stored or refused. What is refused is told to the table's
// owner before it returns.
func (t *Table) deliver(messages []message) error {
	w := t.writer
	messages, refusals := t.large(messages)
	retrier := newRetrier(w.option.Retry)
	for attempt := 1; len(messages) > 0; attempt++ {
		conn, refused, err := t.append(messages)
		if err == nil {
			break
		}
		if len(refused) > 0 {
			messages, refusals = t.split(messages, refused, refusals)
			retrier = newRetrier(w.option.Retry) // something came back
			continue
		}
		if w.ctx.Err() != nil {
			return w.ctx.Err()
		}
		if final(err) || !retrier.wait(w.ctx) {
			return explain(t.path, err)
		}
		if attempt%3 == 0 || dead(err) {
			w.dial.drop(conn)
		}
	}
	if len(refusals) == 0 {
		return nil
	}
	return t.refused(refusals)
}

// large separates the rows that are too large for any request.
func (t *Table) large(messages []message) (rest []message, refusals []Refused) {
	for i, m := range messages {
		if len(m.data) <= largestRow {
			if refusals != nil {
				rest = append(rest, m)
			}
			continue
		}
		if refusals == nil {
			rest = append(rest, messages[:i]...)
		}
		refusals = append(refusals, Refused{t.mutation(m), fmt.Sprintf("the row has %d bytes, BigQuery takes requests of at most 10 MB", len(m.data))})
	}
	if refusals == nil {
		return messages, nil
	}
	return rest, refusals
}

// split separates the rows that the service refused.
func (t *Table) split(messages []message, refused []*storagepb.RowError, refusals []Refused) ([]message, []Refused) {
	reasons := map[int64]string{}
	for _, r := range refused {
		reasons[r.GetIndex()] = r.GetMessage()
	}
	var rest []message
	for i, m := range messages {
		if reason, ok := reasons[int64(i)]; ok {
			refusals = append(refusals, Refused{t.mutation(m), reason})
		} else {
			rest = append(rest, m)
		}
	}
	return rest, refusals
}
