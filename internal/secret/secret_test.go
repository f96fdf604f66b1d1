package secret_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"go.yaml.in/yaml/v3"

	"flexbeam/internal/secret"
	"flexbeam/internal/uri"
)

const planted = "plantedSecret0123456789"

func TestASecretIsShownNowhere(t *testing.T) {
	s := secret.New(planted)
	in := struct {
		Name   string
		Secret secret.Secret
		hidden secret.Secret
	}{"x", s, s}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb, s)
		fmt.Fprintf(&out, verb, in)
		fmt.Fprintf(&out, verb, &in)
	}
	for _, encode := range []func(any) ([]byte, error){json.Marshal, yaml.Marshal} {
		b, err := encode(in)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(b)
	}
	for _, h := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
		slog.New(h).Info("x", "secret", s, "in", in)
	}
	if strings.Contains(out.String(), planted) || strings.Contains(out.String(), fmt.Sprintf("%x", planted)) {
		t.Errorf("the secret is shown: %s", out.String())
	}
	if s.Reveal() != planted || secret.New("").String() != "" || !strings.Contains(out.String(), "(hidden)") {
		t.Errorf("%q", s.Reveal())
	}
}

func TestASecretComesFromWhereItsReferenceSays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(" abc\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("A_SECRET", "def")
	t.Setenv("BLANK", " ")
	for reference, want := range map[secret.Reference]string{secret.Reference("file:" + path): "abc", "env:A_SECRET": "def"} {
		if s, err := secret.Read(t.Context(), reference); err != nil || s.Reveal() != want {
			t.Errorf("%s: %q, %v", reference, s.Reveal(), err)
		}
	}
	for _, reference := range []secret.Reference{"env:NOT_SET_ANYWHERE", "env:BLANK", secret.Reference("file:" + path + "x"), "file:" + os.DevNull} {
		if _, err := secret.Read(t.Context(), reference); !errors.Is(err, secret.ErrUnread) {
			t.Errorf("%q: %v", reference, err)
		}
	}
}

func TestWhatIsNoReferenceIsRefusedAndNotShown(t *testing.T) {
	for _, text := range []string{
		"", planted, "env:", "env:" + planted + " x", "file:", "vault:" + planted, "awssecretsmanager:x", "awssecretsmanager://", "gcpsecretmanager://" + "x",
		"gcpsecretmanager://projects/p/secrets/s?region=x", "awssecretsmanager://x?regio=" + planted,
	} {
		if err := secret.Reference(text).Check(); !errors.Is(err, secret.ErrForm) || strings.Contains(err.Error(), planted) {
			t.Errorf("%q: %v", text, err)
		}
	}
	var to string
	err := uri.Options{secret.Option("secret", &to)}.Set(uri.Values{"secret": planted})
	if err == nil || strings.Contains(err.Error(), planted) {
		t.Error(err)
	}
}

func TestSecretManagersAreAskedOnceInAWhile(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	var calls atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		calls.Add(1)
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.Contains(q.URL.Path, "/secrets/there"): // Google
			fmt.Fprint(w, `{"payload":{"data":"ZnJvbUdvb2dsZQ=="}}`)
		case strings.HasPrefix(q.URL.Path, "/v1/"):
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"error":{"code":403,"message":"no access","status":"PERMISSION_DENIED"}}`)
		default:
			body := new(bytes.Buffer)
			_, _ = body.ReadFrom(q.Body)
			if strings.Contains(body.String(), "missing") {
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprint(w, `{"__type":"ResourceNotFoundException","message":"no such secret"}`)
				return
			}
			fmt.Fprint(w, `{"SecretString":"{\"api_secret\":\"fromAmazon\",\"n\":1}"}`)
		}
	}))
	defer s.Close()
	aws := func(name, member string) secret.Reference {
		return secret.Reference("awssecretsmanager://" + name + "?region=eu-west-1&endpoint=" + s.URL + member)
	}
	google := func(name string) secret.Reference {
		return secret.Reference("gcpsecretmanager://projects/p/secrets/" + name + "?endpoint=" + s.URL)
	}
	for reference, want := range map[secret.Reference]string{aws("twilio/emea", "#api_secret"): "fromAmazon", google("there"): "fromGoogle"} {
		calls.Store(0)
		for range 3 {
			if got, err := secret.Read(t.Context(), reference); err != nil || got.Reveal() != want {
				t.Errorf("%s: %q, %v", reference, got.Reveal(), err)
			}
		}
		if n := calls.Load(); n != 1 {
			t.Errorf("%s: %d calls", reference, n)
		}
	}
	for reference, want := range map[secret.Reference]string{
		aws("missing", ""): "no such secret", google("else"): "no access", aws("x", "#n"): "has no text under", aws("x", "#other"): "has no text under",
	} {
		if _, err := secret.Read(t.Context(), reference); !errors.Is(err, secret.ErrUnread) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "fromAmazon") {
			t.Errorf("%s: %v", reference, err)
		}
	}
}
