package bigquery

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"flexbeam/pipeline/io/storagewrite"
	"flexbeam/schemas/model"
)

// Refused is the error class of dead letters for rows that BigQuery does not take. Their source is
// bigquery: and the table's name, their position the row's primary key as a JSON array, their
// payload the row as a JSON object, unless the job hides payloads.
const Refused = "refused_row"

// largestPayload is the size above which a refused row is told without its content.
const largestPayload = 1 << 20

var errRefused = errors.New("BigQuery refuses what the sink itself writes")

// deadLetters stores dead letters for rows of a table that were refused.
func (s *streamer) deadLetters(t *table, refused []storagewrite.Refused) error {
	if t == deletesTable {
		return fmt.Errorf("write to %s: %w: %s", s.config.path(t), errRefused, refused[0].Reason)
	}
	for _, r := range refused {
		row, err := s.buffers[t.id].encoder.decode(r.Mutation.Row)
		if err != nil {
			return err
		}
		s.far.add(t, row, r.Reason)
		letter, err := letterFor(t, row, r.Mutation.Delete, r.Reason, s.config.hidePayload)
		if err != nil {
			return fmt.Errorf("write to %s: %w", s.config.path(t), err)
		}
		if err := s.router.letter(context.Background(), letter); err != nil {
			return err
		}
	}
	return nil
}

// emptied is the source of a dead letter whose own payload was refused; refusing that as well is
// the end.
const emptied = " (without its payload)"

// letterFor returns the dead letter of a row, with hidePayload without the row in it. A row that is
// itself a dead letter stays what it was, without its payload.
func letterFor(t *table, row model.Row, gone bool, reason string, hidePayload bool) (model.Row, error) {
	d := &model.DeadLetters
	letter := d.NewRow()
	last := len(row) - 1
	letter[d.Col("updated_at")], letter[d.Col("row_version")] = row[last-1], row[last]
	if t == deadLettersTable {
		message := d.Get(row, "error").Str
		if gone || strings.HasSuffix(message, emptied) {
			return nil, fmt.Errorf("%w: %s", errRefused, reason)
		}
		copy(letter, row)
		letter[d.Col("payload")] = model.Value{}
		letter[d.Col("error")] = model.Text(short(message) + "; refused by BigQuery: " + short(reason) + emptied)
		return letter, nil
	}
	what := "upsert"
	if gone {
		what = "delete"
	}
	letter[d.Col("source")] = model.Text("bigquery:" + t.name)
	letter[d.Col("position")] = model.Text(short(string(t.appendKey(nil, row))))
	letter[d.Col("error_class")] = model.Text(Refused)
	letter[d.Col("error")] = model.Text(what + ": " + short(reason))
	if payload := t.appendJSON(nil, row); !hidePayload && len(payload) <= largestPayload {
		letter[d.Col("payload")] = model.Blob(payload)
	}
	return letter, nil
}

// short bounds a text.
func short(s string) string {
	const most = 4000
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// clean replaces what is no UTF-8, as the encoder does: keys are told as text before they are encoded.
func clean(r model.Row) {
	for i := range r {
		if r[i].Type == model.String {
			r[i].Str = model.ValidText(r[i].Str)
		}
	}
}
