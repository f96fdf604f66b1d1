package pipeline

import (
	"context"
	"errors"
	"fmt"

	"flexbeam/pipeline/sink"
	"flexbeam/schemas/model"
	"flexbeam/transforms/customer"
	"flexbeam/transforms/engagement"
)

// rekeying begins what a sink remembers for a contact key while its rows are rewritten. The
// fingerprint of the new key is behind it.
const rekeying = "rekey-"

// The errors of a sink whose rows cannot get the job's contact key.
var (
	errRekeying  = errors.New("its rows are being rewritten for a contact key, and that did not end")
	errHasKey    = errors.New("its rows were made with this contact key already")
	errKeyUnsure = errors.New("it does not remember whether its rows were made with a contact key")
)

// rekey rewrites the rows of a sink that were made without a contact key for that of the job, and
// returns what the sink remembers then. It goes on with what an earlier one has begun.
func (r *running) rekey(ctx context.Context, was, is sink.Shape) (sink.Shape, error) {
	during := sink.Shape{ContactKey: rekeying + is.ContactKey, Options: was.Options}
	after := sink.Shape{ContactKey: is.ContactKey, Options: was.Options}
	switch {
	case was == sink.Shape{}:
		return was, r.refuse(errKeyUnsure, "leave out --rekey if they were, or if there are none, else run a job without a key first")
	case was.ContactKey == is.ContactKey:
		return was, r.refuse(errHasKey, "leave out --rekey")
	case was.ContactKey != customer.Key("").Fingerprint() && was != during:
		return was, nil // fit refuses it
	case was.Options != is.Options && !r.options.Reshape:
		return was, r.refuse(errOtherOptions, "give those, or say --reshape beside --rekey and read everything again")
	}
	r.options.Log.Info("rows are rewritten for the contact key", "sink", r.options.Sink)
	err := r.out.Rewrite(ctx, sink.Rewriting{Tables: rekeyTables(customer.Key(r.options.ContactKey)), During: during, After: after})
	if err != nil {
		return was, fmt.Errorf("--rekey: %w", err)
	}
	r.options.Log.Warn("contacts in the rows that were there are hashes now; texts that only contain one, and other names of a customer, stay until everything is read again with this key")
	out := r.out
	r.out = nil
	if err := out.Close(ctx); err != nil {
		return was, fmt.Errorf("--rekey: %w", err)
	}
	return after, r.openSink(ctx)
}

// rekeyTables says how rows that were made without a contact key become those of a job that has it,
// as far as a row tells (contract, section 7).
func rekeyTables(key customer.Key) []sink.TableRewriting {
	var named customer.Named
	return []sink.TableRewriting{
		{Table: model.EngagementsID, Texts: append([]string{"task_sid", "contact_id", "conversation_id"}, engagement.HiddenColumns()...),
			Text: func(cells []string) {
				task, contact := cells[0], cells[1]
				if contact == task {
					contact = "" // the task has none
				} else {
					cells[1] = key.ID(contact)
				}
				named.NameOnly(key, contact)
				cells[2] = named.Conversation(cells[2])
				for i := 3; i < len(cells); i++ {
					cells[i] = named.HideAll(cells[i])
				}
			}},
		{Table: model.CustomersID, Texts: []string{"contact_kind", "contact_id"}, Text: func(cells []string) {
			if cells[0] != customer.Task.String() {
				cells[1] = key.ID(cells[1])
			}
		}},
		{Table: model.TurnsID, Texts: []string{"conversation_id"}, Text: func(cells []string) {
			named.NameOnly(key, "")
			cells[0] = named.Conversation(cells[0])
		}},
		{Table: model.DeadLettersID, Empty: "payload"},
	}
}
