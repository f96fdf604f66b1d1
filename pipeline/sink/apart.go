package sink

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"flexbeam/schemas/change"
	"flexbeam/schemas/model"
)

// apart is a sink whose turn_contents are in a store of their own. All else is that of the other one:
// its identity, its shape, its owners, since turn_contents has none.
type apart struct {
	Sink  // all other tables
	texts Sink
}

// openApart opens the sink of turn_contents beside one that is open, which it closes if that fails.
func openApart(ctx context.Context, s Sink, o Options) (Sink, error) {
	uri := o.Texts
	o.Texts = ""
	texts, err := Open(ctx, uri, o)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the sink of turn_contents: %w", err), s.Close(ctx))
	}
	return &apart{s, texts}, nil
}

// A TextStore is the store of turn_contents, where that is one of its own. The zero TextStore stands
// for none.
type TextStore struct {
	Fingerprint string // of its identity
	Shape       Shape  // that it remembers
}

// TextStoreOf returns the store of turn_contents of a sink as Open returns it.
func TextStoreOf(ctx context.Context, s Sink) (t TextStore, err error) {
	a, ok := s.(*apart)
	if !ok {
		return t, nil
	}
	id, err := a.texts.ID(ctx)
	if err == nil {
		t.Fingerprint = Fingerprint(id)
		t.Shape, err = a.texts.Shape(ctx)
	}
	return t, err
}

// Fingerprint returns the fingerprint of a store's identity.
func Fingerprint(id string) string {
	const hexDigits = 16
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:])[:hexDigits]
}

// textMark stands in Shape.Options before the fingerprint of the store of turn_contents.
const textMark = "-apart-"

// WithTexts returns a shape that says in which store turn_contents is, by its fingerprint; empty: it
// is a table as any other.
func (s Shape) WithTexts(fingerprint string) Shape {
	s.Options, _, _ = strings.Cut(s.Options, textMark)
	if fingerprint != "" {
		s.Options += textMark + fingerprint
	}
	return s
}

// Texts returns the fingerprint of the store of turn_contents; empty if it is a table as any other, or
// if nothing tells: earlier versions did not.
func (s Shape) Texts() string {
	_, fingerprint, _ := strings.Cut(s.Options, textMark)
	return fingerprint
}

// of returns the sink that has a table.
func (a *apart) of(t model.TableID) Sink {
	if t == model.TurnContentsID {
		return a.texts
	}
	return a.Sink
}

// Write implements Sink.
func (a *apart) Write(ctx context.Context, b change.Block) error {
	texts, others, err := split(b)
	if err == nil && len(texts) > 0 {
		err = a.texts.Write(ctx, texts)
	}
	if err == nil && len(others) > 0 {
		err = a.Sink.Write(ctx, others)
	}
	return err
}

// split parts a block. One without texts, as most are, is not copied.
func split(b change.Block) (texts, others change.Block, err error) {
	is := false
	err = b.Each(func(c change.Change) error {
		is = is || c.Table == model.TurnContentsID
		return nil
	})
	if err != nil || !is {
		return nil, b, err
	}
	err = b.Each(func(c change.Change) error {
		if c.Table == model.TurnContentsID {
			texts = texts.Append(c)
		} else {
			others = others.Append(c)
		}
		return nil
	})
	return texts, others, err
}

// Flush implements Sink: texts first, so that no turn is there whose text is not.
func (a *apart) Flush(ctx context.Context) error {
	if err := a.texts.Flush(ctx); err != nil {
		return fmt.Errorf("the sink of turn_contents: %w", err)
	}
	return a.Sink.Flush(ctx)
}

// Counts implements Sink.
func (a *apart) Counts(ctx context.Context) (map[string]int64, error) {
	counts, err := a.Sink.Counts(ctx)
	if err != nil {
		return nil, err
	}
	texts, err := a.texts.Counts(ctx)
	if err != nil {
		return nil, err
	}
	counts[model.TurnContents.Name] = texts[model.TurnContents.Name]
	return counts, nil
}

// Rows implements Sink.
func (a *apart) Rows(ctx context.Context, t model.TableID, column string, texts []string, f func(model.Row) error) error {
	return a.of(t).Rows(ctx, t, column, texts, f)
}

// Queries implements Sink.
func (a *apart) Queries() Queries {
	q, texts := a.Sink.Queries(), a.texts.Queries()
	return Queries{q.Count + texts.Count, q.Billed + texts.Billed}
}

// OtherJobs implements Sink.
func (a *apart) OtherJobs(ctx context.Context) (bool, error) {
	if others, err := a.Sink.OtherJobs(ctx); others || err != nil {
		return others, err
	}
	return a.texts.OtherJobs(ctx)
}

// SetShape implements Sink.
func (a *apart) SetShape(ctx context.Context, s Shape) error {
	if err := a.texts.SetShape(ctx, s); err != nil {
		return err
	}
	return a.Sink.SetShape(ctx, s)
}

// Rewrite implements Sink. While texts are rewritten, which come last, the other sink remembers that it
// is not through.
func (a *apart) Rewrite(ctx context.Context, r Rewriting) error {
	ofTexts := func(t TableRewriting) bool { return t.Table == model.TurnContentsID }
	if !slices.ContainsFunc(r.Tables, ofTexts) {
		return a.Sink.Rewrite(ctx, r)
	}
	texts, others := r, r
	texts.Tables = slices.DeleteFunc(slices.Clone(r.Tables), func(t TableRewriting) bool { return !ofTexts(t) })
	others.Tables = slices.DeleteFunc(slices.Clone(r.Tables), ofTexts)
	others.After = r.During
	if err := a.Sink.Rewrite(ctx, others); err != nil {
		return err
	}
	if err := a.texts.Rewrite(ctx, texts); err != nil {
		return err
	}
	return a.Sink.SetShape(ctx, r.After)
}

// Close implements Sink.
func (a *apart) Close(ctx context.Context) error {
	return errors.Join(a.texts.Close(ctx), a.Sink.Close(ctx))
}
