package pipeline

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"flexbeam/pipeline/sink"
	"flexbeam/schemas/change"
	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/customer"
	"flexbeam/transforms/erasure"
)

// EraseOptions say whom to erase from the tables of which sink.
type EraseOptions struct {
	Sink       string // required
	TextSink   string // of turn_contents, where that is apart; else empty
	ContactKey string // with which contacts are hashed there; empty: they are clear

	Tasks       []string // task SIDs
	Workers     []string // worker SIDs
	Contacts    []string // phones, e-mails and other addresses, in any writing; or the hashes of them
	CustomerIDs []string // external ids

	Rows   bool // rows go as a whole; else their personal columns are emptied
	DryRun bool // nothing is erased, only counted
}

// Erased says what an erasure did.
type Erased struct {
	Tables  []ErasedTable // that have anything to tell, in the order of model.Tables
	Tasks   int           // whose engagements were erased
	Open    int           // of them, those that were not over
	Unknown []string      // what was asked for and has no rows that could be erased
}

// An ErasedTable counts the rows of one table.
type ErasedTable struct {
	Name                    string
	Emptied, Deleted, Added int
}

// Empty tells whether there was nothing to erase.
func (e Erased) Empty() bool { return len(e.Tables) == 0 }

// The errors of a sink whose contacts cannot be found.
var (
	errHashed = errors.New("its contacts are hashed")
	errClear  = errors.New("its contacts are not hashed")
)

// Erase erases persons from the tables of a sink (contract, section 11). Doing it again changes
// nothing. Errors that wrap ErrUsage are the caller's to mend.
func Erase(ctx context.Context, o EraseOptions) (sum Erased, err error) {
	if len(o.Tasks)+len(o.Workers)+len(o.Contacts)+len(o.CustomerIDs) == 0 {
		return sum, usage("nobody is named: give a task, a worker, a contact or a customer id")
	}
	if err := sink.Check(o.Sink); err != nil {
		return sum, usage("--sink: %w", err)
	}
	if o.TextSink != "" {
		if err := sink.Check(o.TextSink); err != nil {
			return sum, usage("--turns-text-sink: %w", err)
		}
	}
	out, err := sink.Open(ctx, o.Sink, sink.Options{Bounded: true, HidePayload: true, Texts: o.TextSink})
	if err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, out.Close(context.WithoutCancel(ctx))) }()
	return o.erase(ctx, out)
}

func (o EraseOptions) erase(ctx context.Context, out sink.Sink) (sum Erased, err error) {
	e := &eraser{out: out, options: o, contacts: map[string]bool{}, tasks: map[string]bool{}, found: map[string]bool{}, counts: make([]ErasedTable, len(model.Tables))}
	for _, step := range []func(context.Context) error{e.nameContacts, e.findTasks, e.eraseTasks, e.eraseCustomers, e.eraseTurns, e.eraseWorkers, e.eraseLetters, e.store} {
		if err := step(ctx); err != nil {
			return sum, err
		}
	}
	return e.sum(), nil
}

// An eraser looks for the rows of persons and gathers the changes. The engagements come last of all
// that is stored: by them the rest is found, so an erasure that is cut off can be done again.
type eraser struct {
	out     sink.Sink
	options EraseOptions

	names    erasure.Names
	contacts map[string]bool                // contact_ids whose rows of customers go
	tasks    map[string]bool                // task SIDs
	rows     map[model.OwnerKey][]model.Row // engagements of the tasks
	erased   map[string][]model.Row         // engagements of tasks that had something to erase, as they are now
	found    map[string]bool                // what was asked for and has rows

	first, last change.Block
	counts      []ErasedTable // by model.TableID
	open        int
}

// lookUp is how many texts a sink is asked for at once.
const lookUp = 5000

// read calls f with the rows of a table in which a column has one of some texts.
func (e *eraser) read(ctx context.Context, t *model.Table, column string, texts map[string]bool, f func(model.Row)) error {
	for some := range slices.Chunk(slices.Sorted(maps.Keys(texts)), lookUp) {
		err := e.out.Rows(ctx, t.ID, column, some, func(r model.Row) error {
			f(slices.Clone(r))
			return ctx.Err()
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// write gathers a change, and counts it.
func (e *eraser) write(c change.Change, to *change.Block, count *int) {
	*to = to.Append(c)
	*count++
}

func (e *eraser) upsert(t *model.Table, r model.Row, added bool) {
	count := &e.counts[t.ID].Emptied
	if added {
		count = &e.counts[t.ID].Added
	}
	e.write(change.Change{Table: t.ID, Row: r}, e.blockOf(t), count)
}

func (e *eraser) remove(c change.Change) {
	e.write(c, e.blockOf(c.Of()), &e.counts[c.Table].Deleted)
}

func (e *eraser) blockOf(t *model.Table) *change.Block {
	if t.ID == model.EngagementsID {
		return &e.last
	}
	return &e.first
}

// contactKey returns the key by which the given contacts are found, or why they cannot be.
func (e *eraser) contactKey(ctx context.Context) (customer.Key, error) {
	shape, err := e.out.Shape(ctx)
	if err != nil {
		return "", err
	}
	key := customer.Key(e.options.ContactKey)
	refuse := func(why error, do string) error {
		return fmt.Errorf("the sink %s: %w: %s", e.options.Sink, why, do)
	}
	switch clear := func(s string) bool { return !isHash(s) }; {
	case strings.HasPrefix(shape.ContactKey, rekeying):
		return "", refuse(errRekeying, "run the job with --rekey and that key first")
	case len(e.options.CustomerIDs) == 0 && !slices.ContainsFunc(e.options.Contacts, clear),
		shape.ContactKey == "", shape.ContactKey == key.Fingerprint():
		return key, nil
	case shape.ContactKey == customer.Key("").Fingerprint():
		return "", refuse(errClear, "leave the contact key out")
	case key == "":
		return "", refuse(errHashed, "give the key with --contact-key-file, or name the hashes themselves")
	}
	return "", refuse(errOtherKey, "give that key")
}

// isHash tells whether a text is a contact_id that a contact key has made.
func isHash(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == 32 && s == strings.ToLower(s)
}

// nameContacts finds out by which contact_ids the given contacts are known.
func (e *eraser) nameContacts(ctx context.Context) error {
	key, err := e.contactKey(ctx)
	if err != nil {
		return err
	}
	add := func(form string) {
		e.names.Add(form)
		e.contacts[form] = true
		if key != "" && !isHash(form) {
			e.names.Add(key.ID(form))
			e.contacts[key.ID(form)] = true
		}
	}
	for _, c := range e.options.CustomerIDs {
		add(strings.TrimSpace(c))
	}
	for _, c := range e.options.Contacts {
		add(strings.TrimSpace(c))
		add(strings.ToLower(strings.TrimSpace(c)))
		add(customer.NormalizeAddress(c))
	}
	delete(e.contacts, "")
	for _, t := range e.options.Tasks {
		e.tasks[t] = true
	}
	return nil
}

// findTasks finds the tasks of the contacts and the engagements of all tasks. A contact whose tasks
// are all erased is erased itself.
func (e *eraser) findTasks(ctx context.Context) error {
	t := &model.Engagements
	err := e.read(ctx, t, "contact_id", e.contacts, func(r model.Row) {
		e.tasks[t.Get(r, "task_sid").Str] = true
		e.found[t.Get(r, "contact_id").Str] = true
	})
	if err != nil {
		return err
	}
	e.rows = map[model.OwnerKey][]model.Row{}
	maybe := map[string]bool{}
	err = e.read(ctx, t, "task_sid", e.tasks, func(r model.Row) {
		account, task := t.OwnerKey(r)
		o := model.OwnerKey{Account: account, SID: task}
		e.rows[o] = append(e.rows[o], r)
		e.found[task] = true
		if c := t.Get(r, "contact_id").Str; c != task && !e.contacts[c] {
			maybe[c] = true
		}
	})
	if err != nil {
		return err
	}
	others := map[string]bool{} // contacts that have other tasks
	err = e.read(ctx, t, "contact_id", maybe, func(r model.Row) {
		if !e.tasks[t.Get(r, "task_sid").Str] {
			others[t.Get(r, "contact_id").Str] = true
		}
	})
	for c := range maybe {
		if !others[c] {
			e.contacts[c] = true
			e.names.Add(c)
		}
	}
	for task := range e.tasks {
		e.names.AddSID(task)
	}
	return err
}

// eraseTasks erases the engagements.
func (e *eraser) eraseTasks(context.Context) error {
	t := &model.Engagements
	e.erased = map[string][]model.Row{}
	for _, o := range slices.SortedFunc(maps.Keys(e.rows), func(a, b model.OwnerKey) int {
		return cmp.Or(strings.Compare(a.SID, b.SID), strings.Compare(a.Account, b.Account))
	}) {
		rows := e.rows[o]
		open := slices.ContainsFunc(rows, func(r model.Row) bool { return t.Get(r, "status").Str == "In Progress" })
		if !erasure.Task(rows, &e.names) && !e.options.Rows {
			continue
		}
		e.erased[o.SID] = append(e.erased[o.SID], rows...)
		if open {
			e.open++
		}
		for _, r := range rows {
			if e.options.Rows {
				e.remove(erasure.Delete(t, r))
			} else {
				e.upsert(t, r, false)
			}
		}
	}
	return nil
}

// eraseCustomers deletes the rows of contacts, and leaves an isolated row for each erased task.
func (e *eraser) eraseCustomers(ctx context.Context) error {
	t := &model.Customers
	now := event.Millis(time.Now().UnixMilli())
	err := e.read(ctx, t, "contact_id", e.contacts, func(r model.Row) {
		contact := t.Get(r, "contact_id").Str
		e.found[contact] = true
		if !e.tasks[contact] {
			e.remove(erasure.DeleteContact(r, now))
		}
	})
	if err != nil {
		return err
	}
	there := map[string]bool{}
	err = e.read(ctx, t, "contact_id", e.tasks, func(r model.Row) {
		task := t.Get(r, "contact_id").Str
		there[task], e.found[task] = true, true
		_, changed := e.erased[task]
		if erasure.Row(t, r) {
			e.upsert(t, r, false)
		} else if changed && !erasure.IsErased(r) {
			e.upsert(t, erasure.Isolated(e.erased[task]), false)
		}
	})
	for _, task := range slices.Sorted(maps.Keys(e.erased)) {
		if !there[task] {
			e.upsert(t, erasure.Isolated(e.erased[task]), true)
		}
	}
	return err
}

// eraseTurns erases the turns of the tasks.
func (e *eraser) eraseTurns(ctx context.Context) error {
	turns := map[string]bool{}
	err := e.read(ctx, &model.Turns, "task_sid", e.tasks, func(r model.Row) {
		turns[model.Turns.Get(r, "turn_id").Str] = true
		if e.options.Rows {
			e.remove(erasure.Delete(&model.Turns, r))
		} else if erasure.Turn(r, &e.names) {
			e.upsert(&model.Turns, r, false)
		}
	})
	if err != nil {
		return err
	}
	return e.read(ctx, &model.TurnContents, "turn_id", turns, func(r model.Row) { e.eraseRow(&model.TurnContents, r) })
}

// eraseRow deletes or empties a row that is erased by itself.
func (e *eraser) eraseRow(t *model.Table, r model.Row) {
	if e.options.Rows {
		e.remove(erasure.Delete(t, r))
	} else if erasure.Row(t, r) {
		e.upsert(t, r, false)
	}
}

// eraseWorkers erases agents. Their engagements belong to tasks, and name them by their SID alone.
func (e *eraser) eraseWorkers(ctx context.Context) error {
	workers := map[string]bool{}
	for _, w := range e.options.Workers {
		workers[w] = true
		e.names.AddSID(w)
	}
	err := e.read(ctx, &model.Agents, "agent_id", workers, func(r model.Row) {
		e.found[model.Agents.Get(r, "agent_id").Str] = true
		e.eraseRow(&model.Agents, r)
	})
	if err != nil || !e.options.Rows {
		return err
	}
	return e.read(ctx, &model.AgentStatus, "agent_id", workers, func(r model.Row) {
		e.found[model.AgentStatus.Get(r, "agent_id").Str] = true
		e.remove(erasure.Delete(&model.AgentStatus, r))
	})
}

// eraseLetters erases dead letters that tell of the persons.
func (e *eraser) eraseLetters(ctx context.Context) error {
	t := &model.DeadLetters
	return e.out.Rows(ctx, t.ID, "", nil, func(r model.Row) error {
		r = slices.Clone(r)
		changed, gone := erasure.Letter(r, &e.names)
		switch {
		case gone:
			c := erasure.Delete(t, r)
			c.Forget = true // its key tells of the person
			e.remove(c)
		case changed && e.options.Rows:
			e.remove(erasure.Delete(t, r))
		case changed:
			e.upsert(t, r, false)
		}
		return ctx.Err()
	})
}

// store stores the changes.
func (e *eraser) store(ctx context.Context) error {
	if e.options.DryRun {
		return nil
	}
	for _, b := range []change.Block{e.first, e.last} {
		if len(b) == 0 {
			continue
		}
		err := e.out.Write(ctx, b)
		if err == nil {
			err = e.out.Flush(ctx)
		}
		if err != nil {
			return fmt.Errorf("erase: %w", err)
		}
	}
	return nil
}

// sum says what was done.
func (e *eraser) sum() Erased {
	sum := Erased{Tasks: len(e.erased), Open: e.open}
	for i, t := range model.Tables {
		c := e.counts[i]
		if c.Name = t.Name; c.Emptied+c.Deleted+c.Added > 0 {
			sum.Tables = append(sum.Tables, c)
		}
	}
	key := customer.Key(e.options.ContactKey)
	known := func(forms ...string) bool {
		return slices.ContainsFunc(forms, func(f string) bool { return e.found[f] || e.found[key.ID(f)] })
	}
	for _, asked := range [][]string{e.options.Tasks, e.options.Workers, e.options.Contacts, e.options.CustomerIDs} {
		for _, a := range asked {
			if s := strings.TrimSpace(a); !known(s, strings.ToLower(s), customer.NormalizeAddress(s)) {
				sum.Unknown = append(sum.Unknown, a)
			}
		}
	}
	return sum
}
