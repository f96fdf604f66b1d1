package bigquery

import (
	"context"
	"fmt"

	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
)

// append sends one request, on the connection that it returns. When the service refuses single rows it
// writes none of the request: err is set then, and refused has those rows.
func (s *streamer) append(e *encoder, rows [][]byte) (conn *connection, refused []*storagepb.RowError, err error) {
	if conn, err = s.dial.get(); err != nil {
		return nil, nil, err
	}
	stream, err := conn.stream(s.ctx, s.config, e) // which lives as long as its context
	if err != nil {
		return conn, nil, err
	}
	ctx, cancel := context.WithTimeout(s.ctx, s.config.timeout)
	defer cancel()
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

// A refusal is a row that was not written, and why.
type refusal struct {
	row    []byte
	reason string
}

// large separates the rows that are too large for any request.
func large(rows [][]byte) (rest [][]byte, refusals []refusal) {
	for i, r := range rows {
		if len(r) <= largestRow {
			if refusals != nil {
				rest = append(rest, r)
			}
			continue
		}
		if refusals == nil {
			rest = append(rest, rows[:i]...)
		}
		refusals = append(refusals, refusal{r, fmt.Sprintf("the row has %d bytes, BigQuery takes requests of at most 10 MB", len(r))})
	}
	if refusals == nil {
		return rows, nil
	}
	return rest, refusals
}

// split separates the rows that the service refused.
func split(rows [][]byte, refused []*storagepb.RowError, refusals []refusal) ([][]byte, []refusal) {
	reasons := map[int64]string{}
	for _, r := range refused {
		reasons[r.GetIndex()] = r.GetMessage()
	}
	var rest [][]byte
	for i, r := range rows {
		if reason, ok := reasons[int64(i)]; ok {
			refusals = append(refusals, refusal{r, reason})
		} else {
			rest = append(rest, r)
		}
	}
	return rest, refusals
}
