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

	// Textless says that there are turns and the text of none of them: texts may be in a sink that was
	// not given. One that an earlier version filled does not tell.
	Textless bool
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
	if o.TextSink == o.Sink {
		return sum, usage("--turns-text-sink: it is the sink of all tables: leave it out")
	}
	if o.TextSink != "" {
		if err := sink.Check(o.TextSink); err != nil {
			return sum, usage("--turns-text-sink: %w", err)
		}
	}
	var opened [2]sink.Sink // all tables, and turn_contents where it is apart
	for i, uri := range []string{o.Sink, o.TextSink} {
		if uri == "" {
			continue
		}
		if opened[i], err = sink.Open(ctx, uri, sink.Options{Bounded: true, HidePayload: true}); err != nil {
			return sum, err
		}
		defer func() { err = errors.Join(err, opened[i].Close(context.WithoutCancel(ctx))) }()
	}
	return o.erase(ctx, opened[0], opened[1])
}

func (o EraseOptions) erase(ctx context.Context, out, texts sink.Sink) (sum Erased, err error) {
	e := &eraser{out: out, texts: texts, options: o, contacts: map[string]bool{}, tasks: map[string]bool{}, found: map[string]bool{}, counts: make([]ErasedTable, len(model.Tables))}
	for _, step := range []func(context.Context) error{e.checkTexts, e.nameContacts, e.findTasks, e.eraseTasks, e.eraseCustomers, e.eraseTurns, e.eraseWorkers, e.eraseLetters, e.store} {
		if err := step(ctx); err != nil {
			return sum, err
		}
	}
	return e.sum(), nil
}

// checkTexts refuses to erase while the texts of turns are in a store that is not among the ones given.
func (e *eraser) checkTexts(ctx context.Context) error {
	shape, err := e.out.Shape(ctx)
	if err != nil {
		return err
	}
	store := shape.Texts()
	switch {
	case store == "": // they are in the sink itself, or an earlier version did not tell
		return nil
	case e.texts == nil:
		return e.refuse(errTextsApart, "give that one, too, with --turns-text-sink")
	}
	id, err := e.texts.ID(ctx)
	if err == nil && sink.Fingerprint(id) != store {
		return e.refuse(errOtherTexts, "give the one that the job of the tables writes to with --turns-text-sink")
	}
	return err
}

// refuse returns the error of a sink that cannot be erased from, and what to do.
func (e *eraser) refuse(why error, do string) error {
	return fmt.Errorf("the sink %s: %w: %s", e.options.Sink, why, do)
}

// An eraser looks for the rows of persons and gathers the changes. The engagements come last of all
// that is stored: by them the rest is found, so an erasure that is cut off can be done again.
type eraser struct {
	out     sink.Sink
	texts   sink.Sink // that of turn_contents, beside which out may have some, too; nil: there is none
	options EraseOptions

	names    erasure.Names
	contacts map[string]bool                // contact_ids whose rows of customers go
	tasks    map[string]bool                // task SIDs
	rows     map[model.OwnerKey][]model.Row // engagements of the tasks
	erased   map[string][]model.Row         // engagements of tasks that had something to erase, as they are now
	found    map[string]bool                // what was asked for and has rows

	inTexts     change.Block // of the sink of texts
	first, last change.Block
	counts      []ErasedTable // by model.TableID
	open        int
	textless    bool // turns were found, and the text of none
}

// lookUp is how many texts a sink is asked for at once.
const lookUp = 5000

// read calls f with the rows of a table in which a column has one of some texts.
func (e *eraser) read(ctx context.Context, t *model.Table, column string, texts map[string]bool, f func(model.Row)) error {
	return readFrom(ctx, e.out, t, column, texts, f)
}

func readFrom(ctx context.Context, from sink.Sink, t *model.Table, column string, texts map[string]bool, f func(model.Row)) error {
	for some := range slices.Chunk(slices.Sorted(maps.Keys(texts)), lookUp) {
		err := from.Rows(ctx, t.ID, column, some, func(r model.Row) error {
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
	switch clear := func(s string) bool { return !isHash(s) }; {
	case strings.HasPrefix(shape.ContactKey, rekeying):
		return "", e.refuse(errRekeying, "run the job with --rekey and that key first")
	case len(e.options.CustomerIDs) == 0 && !slices.ContainsFunc(e.options.Contacts, clear),
		shape.ContactKey == "", shape.ContactKey == key.Fingerprint():
		return key, nil
	case shape.ContactKey == customer.Key("").Fingerprint():
		return "", e.refuse(errClear, "leave the contact key out")
	case key == "":
		return "", e.refuse(errHashed, "give the key with --contact-key-file, or name the hashes themselves")
	}
	return "", e.refuse(errOtherKey, "give that key")
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
	e.textless = len(turns) > 0
	for _, in := range []struct {
		sink.Sink
		to *change.Block
	}{{e.out, &e.first}, {e.texts, &e.inTexts}} {
		if err != nil || in.Sink == nil {
			continue
		}
		err = readFrom(ctx, in, &model.TurnContents, "turn_id", turns, func(r model.Row) {
			e.textless = false
			e.eraseRow(&model.TurnContents, r, in.to)
		})
	}
	return err
}

// eraseRow deletes or empties a row that is erased by itself.
func (e *eraser) eraseRow(t *model.Table, r model.Row, to *change.Block) {
	count := &e.counts[t.ID]
	if e.options.Rows {
		e.write(erasure.Delete(t, r), to, &count.Deleted)
	} else if erasure.Row(t, r) {
		e.write(change.Change{Table: t.ID, Row: r}, to, &count.Emptied)
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
		e.eraseRow(&model.Agents, r, &e.first)
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
	for _, part := range []struct {
		to sink.Sink
		change.Block
	}{{e.texts, e.inTexts}, {e.out, e.first}, {e.out, e.last}} {
		if len(part.Block) == 0 {
			continue
		}
		err := part.to.Write(ctx, part.Block)
		if err == nil {
			err = part.to.Flush(ctx)
		}
		if err != nil {
			return fmt.Errorf("erase: %w", err)
		}
	}
	return nil
}

// sum says what was done.
func (e *eraser) sum() Erased {
	sum := Erased{Tasks: len(e.erased), Open: e.open, Textless: e.textless}
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
