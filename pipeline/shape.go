package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"flexbeam/pipeline/sink"
	"flexbeam/pipeline/transcripts"
	"flexbeam/schemas/model"
	"flexbeam/transforms/customer"
	"flexbeam/transforms/engagement"
)

// The errors of a sink whose rows were made otherwise.
var (
	errNoKey        = errors.New("its rows were made without a contact key")
	errOtherKey     = errors.New("its rows were made with a contact key that is not this job's")
	errOtherOptions = errors.New("its rows were made with other --hide-activity, --customer-left-reason or --turns-text, or with other columns of the configuration")

	errTextsApart = errors.New("its texts of turns are in a sink of their own")
	errOtherTexts = errors.New("its texts of turns are in another sink, or the one of that name was made anew")
	errNoTexts    = errors.New("it has turns, and the sink of their texts is empty")
)

// shape returns the fingerprints of what shapes the rows of a job.
func (o Options) shape() sink.Shape {
	const hexDigits = 32
	reasons := o.LeftReasons
	if reasons == nil {
		reasons = engagement.DefaultLeftReasons
	}
	all := [][]string{folded(o.Hidden), folded(reasons)}
	// What came later is left out where it is as usual: sinks remember the fingerprint without it.
	if text := o.Text; text != "" && text != TextKept {
		all = append(all, []string{"text", text})
	}
	for _, c := range sortedColumns(o.Columns) {
		all = append(all, []string{"column", c.Column}, c.Before, c.Behind)
	}
	b, err := json.Marshal(all)
	if err != nil { // texts always marshal
		panic(err)
	}
	options := sha256.Sum256(b)
	return sink.Shape{ContactKey: customer.Key(o.ContactKey).Fingerprint(), Options: hex.EncodeToString(options[:])[:hexDigits]}
}

// sortedColumns returns columns by their names.
func sortedColumns(columns []model.Extra) []model.Extra {
	return slices.SortedFunc(slices.Values(columns), func(a, b model.Extra) int { return strings.Compare(a.Column, b.Column) })
}

// folded returns texts in one order and case.
func folded(texts []string) []string {
	all := make([]string, len(texts))
	for i, t := range texts {
		all[i] = strings.ToLower(t)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// fit sees to it that the rows of the job fit those that are in its sink. A sink that remembers
// nothing, since it is new or was filled by a version that did not tell, takes on the shape of the
// job.
func (r *running) fit(ctx context.Context) error {
	stored, err := r.out.Shape(ctx)
	if err != nil {
		return err
	}
	is := r.options.shape().WithTexts(r.texts.Fingerprint)
	was, err := r.fitTexts(ctx, stored, &is)
	if err != nil {
		return err
	}
	if r.options.Rekey {
		if was, err = r.rekey(ctx, was, is); err != nil {
			return err
		}
	}
	switch {
	case stored == is:
		return nil
	case was == is, was == sink.Shape{}:
	case strings.HasPrefix(was.ContactKey, rekeying):
		return r.refuse(errRekeying, "run the job with --rekey and that key")
	case was.ContactKey == customer.Key("").Fingerprint() && is.ContactKey != was.ContactKey:
		return r.refuse(errNoKey, "write into a new sink and replay everything; or add --rekey, which hashes each cell that is a contact, and not those that only contain one")
	case was.ContactKey != is.ContactKey:
		return r.refuse(errOtherKey, "give that key, or write into a new sink")
	case !r.options.Reshape:
		return r.refuse(errOtherOptions, "give those, write into a new sink, or say --reshape and read everything again with these")
	default:
		r.options.Log.Warn("rows that are in the sink keep the shape that other options gave them until they are folded again: replay everything with these options")
		if was.Texts() != is.Texts() {
			r.options.Log.Warn("texts that are there stay where they are, in the sink or apart, and flexbeam erase is not told of them: give it that sink, too")
		}
	}
	return r.out.SetShape(ctx, is)
}

// fitTexts sees to it that the turns of the sink have their texts in the store of texts of this job,
// and returns the shape of the sink as a job of that store has it. A turn that is in the sink is not
// fetched again, so its text would never come to another store.
func (r *running) fitTexts(ctx context.Context, was sink.Shape, is *sink.Shape) (sink.Shape, error) {
	texts := r.texts.Fingerprint
	if texts == "" || was.WithTexts(texts).Options != is.Options {
		return was, nil // fit refuses it, or the sink is new
	}
	if !r.options.transcripts.Fetches() {
		is.Options = was.Options // where the texts are is left as it is
		return was, nil
	}
	counts, err := r.out.Counts(ctx)
	if err != nil {
		return was, err
	}
	none := func(t *model.Table) bool { n, counted := counts[t.Name]; return counted && n == 0 }
	same := was.Texts() == texts || was.Texts() == "" && r.texts.Shape != sink.Shape{} // an earlier version did not tell
	switch {
	case r.options.transcripts.Which != transcripts.Missing, none(&model.Turns):
	case !same:
		return was, r.refuse(errOtherTexts, "give that one with --turns-text-sink; or "+fetchAgain)
	case none(&model.TurnContents):
		return was, r.refuse(errNoTexts, fetchAgain)
	}
	return was.WithTexts(texts), nil
}

const fetchAgain = "say --turns all and read everything again, which fetches the texts once more, of erased tasks too: erase these again"

// refuse returns the error of a sink that the job must not write to, and what to do.
func (r *running) refuse(why error, do string) error {
	return fmt.Errorf("the sink %s is refused: %w: %s", r.options.Sink, why, do)
}
