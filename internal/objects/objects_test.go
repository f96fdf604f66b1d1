package objects

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"flexbeam/internal/testkit/objectlocal"
)

// client returns a client of a server that waits little before it tries again.
func client(t *testing.T, s *objectlocal.Server) *Client {
	t.Helper()
	c := New(Config{Endpoint: s.URL})
	c.backoff.Initial, c.backoff.Max = time.Millisecond, 2*time.Millisecond
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func all(string) Overlap { return All }

// find returns the keys that match a pattern, with their sizes.
func find(t *testing.T, c *Client, bucket, pattern string, overlap func(string) Overlap) []string {
	t.Helper()
	found, err := c.Find(t.Context(), bucket+pattern, overlap)
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, o := range found {
		keys = append(keys, fmt.Sprint(strings.TrimPrefix(o.URL, bucket), " ", o.Size))
	}
	slices.Sort(keys)
	return keys
}

// one returns an object that was put.
func one(t *testing.T, c *Client, s *objectlocal.Server, url string, data []byte) Object {
	t.Helper()
	s.Put(t, url, data)
	found, err := c.Find(t.Context(), url, all)
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %v, %v", url, found, err)
	}
	return found[0]
}

func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(b)
	return b
}

func TestPatternsFindObjects(t *testing.T) {
	objectlocal.Each(t, func(t *testing.T, s *objectlocal.Server) {
		bucket, c := s.Bucket(t), client(t, s)
		for i, key := range []string{
			"flex/2026/01/31/08/a.gz", "flex/2026/01/31/09/b.gz", "flex/2026/02/01/00/c.gz", "flex/_SUCCESS", "flex-old/a.gz", "day.ndjson", "day.ndjson.bak",
			"with blank/ü+&.ndjson", "flex/date=2026-01-31/part-0",
		} {
			s.Put(t, bucket+key, make([]byte, i+1))
		}
		for pattern, want := range map[string][]string{
			"flex/2026/01/31/08/a.gz": {"flex/2026/01/31/08/a.gz 1"},
			"flex/*/*/*/*/*.gz":       {"flex/2026/01/31/08/a.gz 1", "flex/2026/01/31/09/b.gz 2", "flex/2026/02/01/00/c.gz 3"},
			"flex/2026/01/":           {"flex/2026/01/31/08/a.gz 1", "flex/2026/01/31/09/b.gz 2"},
			"flex/**/[ab].gz":         {"flex/2026/01/31/08/a.gz 1", "flex/2026/01/31/09/b.gz 2"},
			"**/a.gz":                 {"flex-old/a.gz 5", "flex/2026/01/31/08/a.gz 1"},
			"flex/*":                  {"flex/_SUCCESS 4"},
			"day.ndjson":              {"day.ndjson 6"},
			"day.*":                   {"day.ndjson 6", "day.ndjson.bak 7"},
			"with blank/*":            {"with blank/ü+&.ndjson 8"},
			"flex/date=*/part-?":      {"flex/date=2026-01-31/part-0 9"},
			"flex/2026":               nil,
			"none/":                   nil,
		} {
			if d := cmp.Diff(want, find(t, c, bucket, pattern, all)); d != "" {
				t.Errorf("%s (-want +got):\n%s", pattern, d)
			}
		}
		if n := len(find(t, c, bucket, "", all)); n != 9 {
			t.Errorf("%d objects in the bucket", n)
		}
	})
}

func TestAListingHasPagesAndWhatIsOutsideIsNotListed(t *testing.T) {
	objectlocal.Each(t, func(t *testing.T, s *objectlocal.Server) {
		p := objectlocal.NewProxy(t, s, func(*http.Request) objectlocal.Fault { return objectlocal.Fault{} })
		bucket, c := s.Bucket(t), client(t, &p.Server)
		n := 20
		if s.Scheme == "s3" {
			n = 1005 // the other one gives all at once
		}
		for i := range n {
			s.Put(t, fmt.Sprintf("%sb/%04d", bucket, i), nil)
		}
		s.Put(t, bucket+"a/1", nil)
		s.Put(t, bucket+"c/x/1", nil)
		if got := len(find(t, c, bucket, "b/*", all)); got != n {
			t.Errorf("%d objects of %d", got, n)
		}
		if s.Scheme == "s3" && len(p.Seen("list-type")) < 2 {
			t.Errorf("one page:\n%s", p)
		}
		got := find(t, c, bucket, "*/**", func(path string) Overlap {
			switch path[:min(1, len(path))] {
			case "a", "b":
				return None
			case "c":
				return All
			}
			return Part
		})
		if d := cmp.Diff([]string{"c/x/1 0"}, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
		for _, prefix := range []string{"prefix=a", "prefix=b%2F&", "prefix=c%2Fx"} {
			for _, seen := range p.Seen(prefix) {
				if !strings.Contains(prefix, "b") || strings.Contains(seen, "delimiter=%2F") {
					t.Errorf("listed in vain: %s", seen)
				}
			}
		}
	})
}

func TestAnyPartOfAnObjectIsRead(t *testing.T) {
	objectlocal.Each(t, func(t *testing.T, s *objectlocal.Server) {
		bucket, c := s.Bucket(t), client(t, s)
		data := noise(300_000)
		o := one(t, c, s, bucket+"a", data)
		for _, part := range [][2]int64{{0, 300_000}, {0, 1}, {299_999, 1}, {100, 5000}, {0, 1 << 40}, {299_000, 1 << 40}, {300_000, 10}, {5, 0}} {
			r := c.Open(t.Context(), o, part[0], part[1])
			got, err := io.ReadAll(iotest.HalfReader(r))
			if err != nil {
				t.Errorf("%v: %v", part, err)
			}
			if want := data[part[0]:min(part[0]+part[1], int64(len(data)))]; !bytes.Equal(got, want) {
				t.Errorf("%v: %d bytes of %d, or others", part, len(got), len(want))
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
		empty := one(t, c, s, bucket+"empty", nil)
		if got, err := io.ReadAll(c.Open(t.Context(), empty, 0, 100)); len(got) != 0 || err != nil {
			t.Errorf("an empty object has %d bytes: %v", len(got), err)
		}
	})
}

func TestWhatIsStoredAsGzipIsReadAsItIsStored(t *testing.T) {
	objectlocal.Each(t, func(t *testing.T, s *objectlocal.Server) {
		bucket, c := s.Bucket(t), client(t, s)
		data := append([]byte{0x1f, 0x8b}, noise(1000)...)
		o := one(t, c, s, bucket+"a.gz", data)
		if got, err := io.ReadAll(c.Open(t.Context(), o, 0, o.Size)); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes: %v", len(got), err)
		}
	})
}

// reads tells whether a request reads the object of a key.
func reads(r *http.Request, key string) bool {
	return strings.HasSuffix(r.URL.Path, "/"+key) && r.URL.Query().Get("list-type") == ""
}

func TestAReadThatBreaksGoesOnFromWhereItStands(t *testing.T) {
	objectlocal.Each(t, func(t *testing.T, s *objectlocal.Server) {
		calls := 0
		p := objectlocal.NewProxy(t, s, func(r *http.Request) objectlocal.Fault {
			if !reads(r, "a") {
				return objectlocal.Fault{}
			}
			calls++
			switch {
			case calls%3 == 1:
				return objectlocal.Fault{Cut: 70_000}
			case calls%3 == 2:
				return objectlocal.Fault{Status: []int{500, 503, 429}[calls/3%3]}
			}
			return objectlocal.Fault{Cut: 1}
		})
		bucket, c := s.Bucket(t), client(t, &p.Server)
		data := noise(500_000)
		o := one(t, c, s, bucket+"a", data)
		got, err := io.ReadAll(c.Open(t.Context(), o, 0, o.Size))
		if err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%d bytes: %v\n%s", len(got), err, p)
		}
		if calls < 15 {
			t.Errorf("%d calls:\n%s", calls, p)
		}
	})
}

func TestASilentServerIsAskedAgain(t *testing.T) {
	objectlocal.Each(t, func(t *testing.T, s *objectlocal.Server) {
		p := objectlocal.NewProxy(t, s, func(*http.Request) objectlocal.Fault { return objectlocal.Fault{} })
		bucket, c := s.Bucket(t), client(t, &p.Server)
		data := noise(1000)
		o := one(t, c, s, bucket+"a", data)
		c.idle = 300 * time.Millisecond
		calls := 0
		p.SetFault(func(*http.Request) objectlocal.Fault {
			calls++
			return objectlocal.Fault{Stall: calls <= 2, Cut: []int64{0, 100, 0}[min(calls-1, 2)]}
		})
		got, err := io.ReadAll(c.Open(t.Context(), o, 0, o.Size))
		if err != nil || !bytes.Equal(got, data) || calls != 3 {
			t.Fatalf("%d bytes after %d calls: %v\n%s", len(got), calls, err, p)
		}
	})
}

func TestErrorsThatStaySayWhatToDo(t *testing.T) {
	objectlocal.Each(t, func(t *testing.T, s *objectlocal.Server) {
		code := 0
		p := objectlocal.NewProxy(t, s, func(*http.Request) objectlocal.Fault { return objectlocal.Fault{Status: code} })
		bucket, c := s.Bucket(t), client(t, &p.Server)
		o := one(t, c, s, bucket+"a", noise(100))
		for _, test := range []struct {
			code  int
			calls int
			want  error
		}{{403, 1, ErrAccess}, {401, 1, ErrAccess}, {400, 1, nil}, {503, attempts, nil}} {
			code = test.code
			before := len(p.Seen(""))
			_, err := io.ReadAll(c.Open(t.Context(), o, 0, o.Size))
			if err == nil || test.want != nil && !errors.Is(err, test.want) || !strings.Contains(err.Error(), o.URL) {
				t.Errorf("%d: %v", code, err)
			}
			if calls := len(p.Seen("")) - before; calls != test.calls {
				t.Errorf("%d: %d calls to read", code, calls)
			}
			before = len(p.Seen(""))
			if _, err := c.Find(t.Context(), bucket+"*", all); err == nil || test.want != nil && !errors.Is(err, test.want) || !strings.Contains(err.Error(), bucket) {
				t.Errorf("%d: %v", code, err)
			}
			if calls := len(p.Seen("")) - before; calls != test.calls {
				t.Errorf("%d: %d calls to list", code, calls)
			}
		}
		code = 0
		if _, err := c.Find(t.Context(), s.Scheme+"://no-such-bucket/a/", all); !errors.Is(err, ErrMissing) {
			t.Errorf("a bucket that is not there: %v", err)
		}
		for _, url := range []string{s.Scheme + "://", s.Scheme + ":///a", "http://a/b", "a"} {
			if _, err := c.Find(t.Context(), url, all); !errors.Is(err, ErrURL) {
				t.Errorf("%s: %v", url, err)
			}
		}
		if _, err := c.Find(t.Context(), bucket+"a[", all); !errors.Is(err, ErrURL) {
			t.Errorf("a malformed pattern: %v", err)
		}
	})
}

func TestAnObjectThatWasChangedIsNotReadOn(t *testing.T) {
	objectlocal.Each(t, func(t *testing.T, s *objectlocal.Server) {
		cut := int64(0)
		p := objectlocal.NewProxy(t, s, func(r *http.Request) objectlocal.Fault { return objectlocal.Fault{Cut: cut} })
		bucket, c := s.Bucket(t), client(t, &p.Server)
		for what, change := range map[string]func(url string){
			"changed":   func(url string) { s.Put(t, url, bytes.Repeat([]byte("y"), 200_000)) },
			"shortened": func(url string) { s.Put(t, url, []byte("y")) },
			"deleted":   func(url string) { s.Delete(t, url) },
		} {
			for _, after := range []int{0, 50_000} {
				cut = 0
				url := fmt.Sprint(bucket, what, after)
				o := one(t, c, s, url, bytes.Repeat([]byte("x"), 200_000))
				cut = 100_000
				r := c.Open(t.Context(), o, 0, o.Size)
				if _, err := io.ReadFull(r, make([]byte, after)); err != nil {
					t.Fatal(err)
				}
				change(url)
				rest, err := io.ReadAll(r)
				if !errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), url) || bytes.Contains(rest, []byte("y")) {
					t.Errorf("%s: %v", url, err)
				}
				_ = r.Close()
			}
		}
	})
}

func TestAReadingEndsWithItsContext(t *testing.T) {
	objectlocal.Each(t, func(t *testing.T, s *objectlocal.Server) {
		p := objectlocal.NewProxy(t, s, func(r *http.Request) objectlocal.Fault {
			if reads(r, "a") {
				return objectlocal.Fault{Stall: true, Cut: 10}
			}
			return objectlocal.Fault{}
		})
		bucket := s.Bucket(t)
		o := one(t, client(t, s), s, bucket+"a", noise(1000))
		c := client(t, &p.Server)
		c.backoff.Initial, c.backoff.Max = time.Hour, time.Hour
		ctx, stop := context.WithCancel(t.Context())
		r := c.Open(ctx, o, 0, o.Size)
		if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
		stop()
		if _, err := r.Read(make([]byte, 10)); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		_ = r.Close()
	})
}

func TestWithoutCredentialsTheErrorSaysHowToGetThem(t *testing.T) {
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_PROFILE": "", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
		"AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true", "AWS_WEB_IDENTITY_TOKEN_FILE": "", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "",
		"GOOGLE_APPLICATION_CREDENTIALS": "/no/such/file", "STORAGE_EMULATOR_HOST": "",
	} {
		t.Setenv(name, value)
	}
	for url, says := range map[string]string{"s3://b/a": "AWS_PROFILE", "gs://b/a": "GOOGLE_APPLICATION_CREDENTIALS"} {
		if _, err := New(Config{}).Find(t.Context(), url, all); !errors.Is(err, ErrAccess) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", url, err)
		}
	}
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	if _, err := New(Config{}).Find(t.Context(), "s3://b/a", all); !errors.Is(err, ErrAccess) || !strings.Contains(err.Error(), "?region=") {
		t.Errorf("no region: %v", err)
	}
}

func TestPatternsMatchKeys(t *testing.T) {
	for _, test := range []struct {
		pattern, key string
		want         bool
	}{
		{"a", "a", true}, {"a", "b", false}, {"a", "a/b", false}, {"a/b", "a", false}, {"*", "a", true}, {"*", "a/b", false},
		{"**", "a/b/c", true}, {"**", "", true}, {"a/**", "a", true}, {"a/**", "a/b", true}, {"a/**", "ab", false}, {"**/c", "c", true}, {"**/c", "a/b/c", true},
		{"**/c", "a/c/d", false}, {"a/**/c/*", "a/c/d", true}, {"a/**/c/*", "a/b/c/d", true}, {"a/**/**/d", "a/d", true}, {`\*`, "*", true}, {`\*`, "a", false},
	} {
		if got := match(strings.Split(test.pattern, "/"), strings.Split(test.key, "/")); got != test.want {
			t.Errorf("%s matches %s: %v", test.pattern, test.key, got)
		}
		if parts := strings.Split(test.key, "/"); test.want {
			for n := 1; n < len(parts); n++ {
				if !leads(strings.Split(test.pattern, "/"), parts[:n]) {
					t.Errorf("%s does not lead to %s", test.pattern, test.key)
				}
			}
		}
	}
	if leads([]string{"a", "b"}, []string{"a", "b"}) || leads([]string{"a", "*"}, []string{"b"}) {
		t.Error("what cannot match is listed")
	}
}
