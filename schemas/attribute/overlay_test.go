package attribute_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flexbeam/schemas/attribute"
)

var tree = attribute.NewTree("from", "who.name", "who.address.city", "of.*.media[]", "list[]", "n", "form{}.email")

// lay lays attributes over each other.
func lay(t testing.TB, texts ...string) *attribute.Overlay {
	t.Helper()
	p := attribute.NewParser(tree)
	o := attribute.NewOverlay(tree)
	for _, s := range texts {
		b, ok := p.Append(nil, []byte(s))
		if !ok {
			t.Fatalf("%s is not parsable", s)
		}
		o.Add(attribute.Snapshot(b))
	}
	return o
}

func TestSnapshotsAreLaidOverEachOther(t *testing.T) {
	tests := []struct {
		name  string
		texts []string
		path  string
		want  string
	}{
		{"the last one counts", []string{`{"from":"a"}`, `{"from":"b"}`}, "from", "b"},
		{"what is missing stays", []string{`{"from":"a"}`, `{}`, `{"who":{}}`}, "from", "a"},
		{"null overwrites nothing", []string{`{"from":"a"}`, `{"from":null}`}, "from", "a"},
		{"blank overwrites nothing", []string{`{"from":"a"}`, `{"from":" \u3000"}`}, "from", "a"},
		{"zero and false overwrite", []string{`{"from":"a"}`, `{"from":0}`}, "from", "0"},
		{"false is a value", []string{`{"from":"a"}`, `{"from":false}`}, "from", "false"},
		{"an empty array overwrites", []string{`{"from":"a"}`, `{"from":[]}`}, "from", ""},
		{"arrays replace", []string{`{"from":["a","b"]}`, `{"from":["c"]}`}, "from", "c"},
		{"objects merge", []string{`{"who":{"name":"a"}}`, `{"who":{"address":{"city":"b"}}}`}, "who.name", "a"},
		{"objects merge deeply", []string{`{"who":{"address":{"city":"a","x":1}}}`, `{"who":{"address":{"x":2},"name":"b"}}`}, "who.address.city", "a"},
		{"a scalar replaces an object", []string{`{"who":{"name":"a"}}`, `{"who":5}`}, "who.name", ""},
		{"for good", []string{`{"who":{"name":"a"}}`, `{"who":5}`, `{"who":{}}`}, "who.name", ""},
		{"an object replaces a scalar", []string{`{"from":"a"}`, `{"from":{}}`}, "from", ""},
		{"null leaves an object", []string{`{"who":{"name":"a"}}`, `{"who":null}`}, "who.name", "a"},
		{"an array replaces an object", []string{`{"who":{"name":"a"}}`, `{"who":["b"]}`, `{"who":{"address":{}}}`}, "who.name", ""},
		{"of equal names the last counts", []string{`{"from":"a","from":"b"}`}, "from", "b"},
		{"null at last leaves nothing", []string{`{"from":"a","from":null}`}, "from", ""},
		{"a whole object is replaced by its equal name", []string{`{"who":{"name":"a"},"who":{"address":{"city":"b"}}}`}, "who.name", ""},
		{"a scalar and then its equal name as an object", []string{`{"who":"x","who":{"name":"a"}}`}, "who.name", "a"},
		{"escaped names", []string{`{"w\u0068o":{"n\u0061me":"a"}}`}, "who.name", "a"},
		{"text of an object is read like the object", []string{`{"form":" {\"email\":\"a\",\"n\":[1]} "}`}, "form.email", "a"},
		{"where it may be text", []string{`{"who":"{\"name\":\"a\"}"}`}, "who.name", ""},
		{"and is an object", []string{`{"form":"{\"email\":\"a\"} x"}`}, "form.email", ""},
		{"text of an object merges", []string{`{"form":{"email":"a"}}`, `{"form":"{}"}`}, "form.email", "a"},
		{"other text replaces", []string{`{"form":{"email":"a"}}`, `{"form":"[1]"}`}, "form.email", ""},
		{"names are not trimmed and keep their case", []string{`{" from":"a","From":"b"}`}, "from", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			id := tree.ID(test.path)
			o := lay(t, test.texts...)
			if got := o.Text(id); got != test.want || o.Has(id) != (test.want != "") {
				t.Errorf("got %q, there: %v; want %q", got, o.Has(id), test.want)
			}
		})
	}
}

func TestMediaAreKeptByTheirKey(t *testing.T) {
	const a, b = `{"type":"VoiceRecording","url":" https://a "}`, `{"type":"Chat","url":"https://b"}`
	tests := []struct {
		name  string
		texts []string
		want  []attribute.Medium
	}{
		{"with the phone of their customers", []string{`{"of":{"WR1":{"media":[{"customers":{"phone":" +1 "}},{"customers":{"phone":1e3}},{"customers":{"phone":["a",null,true]}},{"customers":"x"}]}}}`}, []attribute.Medium{{Phone: "+1"}, {Phone: "1000"}, {Phone: "a, true"}, {}}},
		{"objects alone", []string{`{"of":{"WR1":{"media":[1,"x",null,` + a + `,[],` + b + `]}}}`}, []attribute.Medium{{Type: "VoiceRecording", URL: "https://a"}, {Type: "Chat", URL: "https://b"}}},
		{"of another key", []string{`{"of":{"WR2":{"media":[` + a + `]}}}`}, nil},
		{"replaced", []string{`{"of":{"WR1":{"media":[` + a + `]}}}`, `{"of":{"WR1":{"media":[` + b + `]}}}`}, []attribute.Medium{{Type: "Chat", URL: "https://b"}}},
		{"by nothing", []string{`{"of":{"WR1":{"media":[` + a + `]}}}`, `{"of":{"WR1":{"media":[]}}}`}, nil},
		{"kept over null", []string{`{"of":{"WR1":{"media":[` + b + `]}}}`, `{"of":{"WR1":{"media":null},"WR2":{}}}`, `{"of":{"WR1":null}}`}, []attribute.Medium{{Type: "Chat", URL: "https://b"}}},
		{"gone with a scalar in its place", []string{`{"of":{"WR1":{"media":[` + b + `]}}}`, `{"of":{"WR1":"gone"}}`, `{"of":{"WR1":{}}}`}, nil},
		{"gone with all of them", []string{`{"of":{"WR1":{"media":[` + b + `]}}}`, `{"of":5}`, `{"of":{}}`}, nil},
		{"of equal names the last counts", []string{`{"of":{"WR1":{"media":[` + a + `]},"WR1":{"media":[` + b + `]}}}`}, []attribute.Medium{{Type: "Chat", URL: "https://b"}}},
		{"no array", []string{`{"of":{"WR1":{"media":` + b + `}}}`}, nil},
		{"of the wrong types", []string{`{"of":{"WR1":{"media":[{"type":5,"url":["x"]}]}}}`}, []attribute.Medium{{}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if d := cmp.Diff(test.want, lay(t, test.texts...).MediaOf("WR1")); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestTrueIsSaidInSeveralWays(t *testing.T) {
	for value, want := range map[string]bool{
		`true`: true, `"True"`: true, `1`: true, `" 1 "`: true, `"YES"`: true, `1e0`: true, `1.0`: true,
		`false`: false, `"no"`: false, `0`: false, `"2"`: false, `["true"]`: false, `[1]`: false, `1.5`: false, `{}`: false, `null`: false, `"y"`: false, `"true, 1"`: false,
	} {
		if got := lay(t, `{"n":`+value+`}`).True(tree.ID("n")); got != want {
			t.Errorf("%s: %v", value, got)
		}
	}
}

func TestAnOverlayCanBeEmptied(t *testing.T) {
	o := lay(t, `{"from":"a","of":{"WR1":{"media":[{"url":"x"}]}}}`)
	o.Reset()
	if o.Text(tree.ID("from")) != "" || o.MediaOf("WR1") != nil {
		t.Error("something is left")
	}
}

func TestFirstAndList(t *testing.T) {
	o := lay(t, `{"from":" a, ,b ","n":["x"," y,z",null]}`)
	if got := o.First(tree.ID("who.name"), tree.ID("n"), tree.ID("from")); got != "x, y,z" {
		t.Errorf("first: %q", got)
	}
	if d := cmp.Diff([]string{"x", "y", "z"}, o.List(tree.ID("n"))); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"a", "b"}, o.List(tree.ID("from"))); d != "" {
		t.Error(d)
	}
}

func TestATreeRefusesPathsItDoesNotHave(t *testing.T) {
	defer func() {
		if r := recover(); r == nil {
			t.Error("no panic")
		}
	}()
	tree.ID("nowhere")
}

// merge is the deep merge as one would write it on maps.
func merge(dst, src map[string]any) {
	for k, v := range src {
		switch v := v.(type) {
		case nil:
		case string:
			if strings.TrimSpace(v) != "" {
				dst[k] = v
			}
		case map[string]any:
			in, ok := dst[k].(map[string]any)
			if !ok {
				in = map[string]any{}
				dst[k] = in
			}
			merge(in, v)
		default:
			dst[k] = v
		}
	}
}

func object(text string) (map[string]any, bool) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if !json.Valid([]byte(text)) || d.Decode(&v) != nil {
		return nil, false
	}
	o, ok := v.(map[string]any)
	return o, ok
}

func get(o map[string]any, path string) any {
	name, rest, deeper := strings.Cut(path, ".")
	if !deeper {
		return o[name]
	}
	in, _ := o[name].(map[string]any)
	return get(in, rest)
}

func words(v any) string {
	switch v := v.(type) {
	case string:
		return strings.TrimSpace(v)
	case bool, json.Number:
		b, _ := json.Marshal(v)
		return attribute.Plain(string(b))
	case []any:
		var all []string
		for _, e := range v {
			if s := words(e); s != "" {
				all = append(all, s)
			}
		}
		return strings.Join(all, ", ")
	}
	return ""
}

func media(v any) []attribute.Medium {
	var m []attribute.Medium
	list, _ := v.([]any)
	for _, e := range list {
		if o, ok := e.(map[string]any); ok {
			t, _ := o["type"].(string)
			u, _ := o["url"].(string)
			m = append(m, attribute.Medium{Type: strings.TrimSpace(t), URL: strings.TrimSpace(u)})
		}
	}
	return m
}

// FuzzOverlayIsADeepMerge cuts three objects down and lays them over each other, and compares with
// a deep merge of the whole objects.
func FuzzOverlayIsADeepMerge(f *testing.F) {
	f.Add(`{"from":"a","who":{"name":"b","address":{"city":"c"}}}`, `{"from":null,"who":{"name":" "}}`, `{"who":{"address":5}}`)
	f.Add(`{"of":{"WR1":{"media":[{"type":"t","url":"u"}]}},"list":[{"url":"x"}]}`, `{"of":{"WR1":{"media":null},"WR2":{"media":[]}}}`, `{"of":{"WR1":7}}`)
	f.Add(`{"n":1e3,"n":[1,[2],{"x":3},"",null,true]}`, `{"n":{}}`, `{"n":"\ud800"}`)
	f.Add(`{"who":{"name":"a"},"who":null}`, ` {"who" : {"address":{"city":["a","b"]}}} `, `{"who":"x","who":{"name":"\u0041"}}`)
	f.Add(`{"of":5}`, `{"of":{"*":{"media":[{}]}}}`, `{"of":{"*":{"media":"x"}}}`)
	f.Fuzz(func(t *testing.T, a, b, c string) {
		p := attribute.NewParser(tree)
		o := attribute.NewOverlay(tree)
		want := map[string]any{}
		for _, text := range []string{a, b, c} {
			m, ok := object(strings.ToValidUTF8(text, "?"))
			s, got := p.Append([]byte("before"), []byte(strings.ToValidUTF8(text, "?")))
			if got != ok || !strings.HasPrefix(string(s), "before") {
				t.Fatalf("%q is parsable: %v, want %v", text, got, ok)
			}
			if ok {
				o.Add(attribute.Snapshot(s[len("before"):]))
				merge(want, m)
			}
		}
		for _, path := range []string{"from", "who", "who.name", "who.address", "who.address.city", "n", "of"} {
			v := get(want, path)
			if got := o.Text(tree.ID(path)); got != words(v) {
				t.Fatalf("%s is %q, want %q", path, got, words(v))
			}
			f, isNumber := o.Number(tree.ID(path))
			var wantF float64
			wantNumber := false
			switch v := v.(type) {
			case string:
				wantF, wantNumber = attribute.Decimal(v)
			case json.Number:
				wantF, wantNumber = attribute.Decimal(string(v))
			}
			if isNumber != wantNumber || f != wantF {
				t.Fatalf("%s is the number %v, %v; want %v, %v", path, f, isNumber, wantF, wantNumber)
			}
		}
		if d := cmp.Diff(media(want["list"]), o.Media(tree.ID("list"))); d != "" {
			t.Fatal(d)
		}
		of, _ := want["of"].(map[string]any)
		for key := range of {
			in, _ := of[key].(map[string]any)
			if d := cmp.Diff(media(in["media"]), o.MediaOf(key)); d != "" {
				t.Fatalf("%q: %s", key, d)
			}
		}
	})
}
