package secret

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"flexbeam/internal/uri"
)

// The errors of references. None of them shows a secret.
var (
	// ErrForm says that a text is no reference. It may be the secret itself, so it is not shown.
	ErrForm = errors.New("a secret is named by a reference: write " + Forms)
	// ErrUnread says that a reference leads to no secret.
	ErrUnread = errors.New("the secret cannot be read")
)

// Forms are the forms of references, in words.
const Forms = "env:NAME or file:PATH, awssecretsmanager://NAME or gcpsecretmanager://projects/PROJECT/secrets/NAME"

// Pattern is a regular expression for what every reference matches.
const Pattern = `^(env:|file:|awssecretsmanager://|gcpsecretmanager://).+$`

// A Reference names a secret.
type Reference string

// A place is where a reference says that a secret is.
type place struct {
	kind             string // env, file, or the scheme of a secret manager
	name             string
	region, endpoint string
	member           string // of the JSON object that the secret is; empty: the secret is the whole text
}

// The schemes of secret managers.
const (
	amazon = "awssecretsmanager"
	google = "gcpsecretmanager"
)

var (
	variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	googleName   = regexp.MustCompile(`^projects/[^/]+/secrets/[^/]+$`)
)

// parse reads a reference. Its errors wrap ErrForm.
func (r Reference) parse() (p place, err error) {
	kind, rest, _ := strings.Cut(string(r), ":")
	switch {
	case kind == "env" && variableName.MatchString(rest), kind == "file" && rest != "":
		return place{kind: kind, name: rest}, nil
	case kind == amazon, kind == google:
	default:
		return place{}, ErrForm
	}
	p.kind = kind
	rest, slashes := strings.CutPrefix(rest, "//")
	rest, p.member, _ = strings.Cut(rest, "#")
	options := uri.Options{uri.URL("endpoint", "http://127.0.0.1:4566", &p.endpoint)}
	if kind == amazon {
		options = append(options, uri.Match("region", "eu-west-1", &p.region, `^[a-z0-9-]+$`))
	}
	if !slashes {
		return place{}, ErrForm
	}
	if p.name, err = options.Parse(rest, kind+"://NAME"); err != nil {
		return place{}, fmt.Errorf("%w: %w", ErrForm, err)
	}
	if kind == google && !googleName.MatchString(p.name) {
		return place{}, fmt.Errorf("%w: %s is no name of a secret: write gcpsecretmanager://projects/PROJECT/secrets/NAME", ErrForm, p.name)
	}
	return p, nil
}

// Check returns an error that wraps ErrForm if the text is no reference. It reads nothing.
func (r Reference) Check() error {
	_, err := r.parse()
	return err
}

// Read returns the secret that a reference names. Errors wrap ErrForm or ErrUnread. Secrets of managers
// are asked for once in a few minutes: a job has several parts that need one.
func Read(ctx context.Context, r Reference) (Secret, error) {
	p, err := r.parse()
	if err != nil {
		return Secret{}, err
	}
	text, err := p.read(ctx, r)
	if err != nil {
		return Secret{}, err
	}
	if text = strings.TrimSpace(text); text == "" {
		return Secret{}, fmt.Errorf("%w: %s is empty", ErrUnread, p)
	}
	return New(text), nil
}

// String says where the secret is, in words.
func (p place) String() string {
	switch p.kind {
	case "env":
		return "the environment variable " + p.name
	case "file":
		return "the file " + p.name
	case amazon:
		return "the secret " + p.name + " of AWS Secrets Manager"
	}
	return "the secret " + p.name + " of Google Secret Manager"
}

func (p place) read(ctx context.Context, r Reference) (string, error) {
	switch p.kind {
	case "env":
		text := strings.TrimSpace(os.Getenv(p.name))
		if text == "" {
			return "", fmt.Errorf("%w: %s is not set", ErrUnread, p)
		}
		return text, nil
	case "file":
		b, err := os.ReadFile(p.name)
		if err != nil {
			return "", fmt.Errorf("%w: %s: %w", ErrUnread, p, cause(err))
		}
		return string(b), nil
	}
	return managed(ctx, r, p)
}

// cause returns what is wrong with a file, without its name.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

const (
	kept   = 5 * time.Minute  // how long an answer of a manager holds
	within = 30 * time.Second // it has to answer
)

// answers are what managers have said lately.
var answers struct {
	sync.Mutex
	of map[Reference]answer
}

type answer struct {
	secret Secret
	at     time.Time
}

// managed reads a secret of a manager.
func managed(ctx context.Context, r Reference, p place) (string, error) {
	answers.Lock()
	defer answers.Unlock()
	if a, ok := answers.of[r]; ok && time.Since(a.at) < kept {
		return a.secret.Reveal(), nil
	}
	ctx, stop := context.WithTimeout(ctx, within)
	defer stop()
	ask := askAmazon
	if p.kind == google {
		ask = askGoogle
	}
	text, err := ask(ctx, p)
	if err != nil {
		return "", fmt.Errorf("%w: %s: %w", ErrUnread, p, err)
	}
	if text, err = p.pick(text); err != nil {
		return "", err
	}
	if answers.of == nil {
		answers.of = map[Reference]answer{}
	}
	answers.of[r] = answer{New(text), time.Now()}
	return text, nil
}

// pick returns the member that a reference names, or the whole text.
func (p place) pick(text string) (string, error) {
	if p.member == "" {
		return text, nil
	}
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &members) != nil { // its error may show the text
		return "", fmt.Errorf("%w: %s is no JSON object: leave #%s out", ErrUnread, p, p.member)
	}
	var picked string
	if json.Unmarshal(members[p.member], &picked) != nil {
		return "", fmt.Errorf("%w: %s has no text under %q", ErrUnread, p, p.member)
	}
	return picked, nil
}

// Option is an option of a URI that takes a reference. Errors do not show the value: it may be the secret
// itself.
func Option(name string, to *string) uri.Option {
	return uri.Option{Name: name, Hidden: true, Set: func(value string) error {
		*to = value
		if err := Reference(value).Check(); err != nil {
			return fmt.Errorf("write such as %s=env:TWILIO_API_SECRET: %w", name, err)
		}
		return nil
	}}
}
