package workerenv_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/secret"
	"flexbeam/internal/workerenv"
)

// manager serves Google's secrets by their names, and returns the reference of one.
func manager(t *testing.T, secrets map[string]string) func(name string) secret.Reference {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/v1/projects/p/secrets/"), "/versions/latest:access")
		value, ok := secrets[name]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprintf(w, `{"error":{"code":404,"message":"Secret [%s] not found","status":"NOT_FOUND"}}`, name)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"name":"projects/1/secrets/%s/versions/1","payload":{"data":%q}}`, name, base64.StdEncoding.EncodeToString([]byte(value)))
	}))
	t.Cleanup(s.Close)
	return func(name string) secret.Reference {
		return secret.Reference("gcpsecretmanager://projects/p/secrets/" + name + "?endpoint=" + s.URL)
	}
}

func TestTheSecretsOfAWorkerAreInItsEnvironment(t *testing.T) {
	at := manager(t, map[string]string{"one": "first\n", "two": "second"})
	for _, name := range []string{"WORKERENV_ONE", "WORKERENV_SET"} { // so that they are put back
		t.Setenv(name, "of the machine")
	}
	if err := os.Unsetenv("WORKERENV_ONE"); err != nil {
		t.Fatal(err)
	}
	travels := workerenv.References{"WORKERENV_ONE": at("one"), "WORKERENV_SET": at("two")}.Encode()
	if strings.Contains(travels, "first") || strings.Contains(travels, "second") {
		t.Errorf("secrets travel: %s", travels)
	}
	r, err := workerenv.Decode(travels)
	if err == nil {
		err = r.Set(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	got := []string{os.Getenv("WORKERENV_ONE"), os.Getenv("WORKERENV_SET")}
	if d := cmp.Diff([]string{"first", "of the machine"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	none := workerenv.References{"WORKERENV_NONE": at("none")}
	if err := none.Set(t.Context()); !errors.Is(err, secret.ErrUnread) || !strings.Contains(err.Error(), "WORKERENV_NONE") {
		t.Errorf("a secret that is not there: %v", err)
	}
}

func TestWhatAWorkerCannotFollowIsRefusedAndNotShown(t *testing.T) {
	const planted = "s3cr3t of the house"
	for name, tt := range map[string]struct {
		of   workerenv.References
		want error
	}{
		"the secret itself": {workerenv.References{"A": planted}, secret.ErrForm},
		"a variable":        {workerenv.References{"A": "env:A"}, workerenv.ErrLocal},
		"a file":            {workerenv.References{"A": "file:/a"}, workerenv.ErrLocal},
		"no name":           {workerenv.References{"A B": "gcpsecretmanager://projects/p/secrets/s"}, workerenv.ErrName},
		"all is well":       {workerenv.References{"A": "gcpsecretmanager://projects/p/secrets/s#member"}, nil},
		"nothing":           {nil, nil},
	} {
		err := tt.of.Check()
		if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) || err != nil && strings.Contains(err.Error(), planted) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if r, err := workerenv.Decode(""); r != nil || err != nil {
		t.Errorf("of nothing: %v, %v", r, err)
	}
	if _, err := workerenv.Decode("{"); err == nil {
		t.Error("half a text is taken")
	}
}
