package config

import (
	"fmt"
	"slices"
	"strings"

	"flexbeam/internal/uri"
	"flexbeam/schemas/model"
)

// check looks for what is wrong between keys.
func (p *parser) check() {
	f := p.file
	type named struct{ what, name string }
	seen := map[named]string{}
	once := func(what, name, key string) {
		if name == "" {
			return
		}
		if other, twice := seen[named{what, name}]; twice {
			p.faultAt(f.at[key], key, "is that of %s, too: %s", other, what)
			return
		}
		seen[named{what, name}] = key
	}
	for i, a := range f.Accounts {
		key := fmt.Sprintf("accounts[%d]", i)
		once("each account stands once", a.SID, key+".account")
		once("give each account a name of its own", a.Name, key+".name")
		for j, w := range a.Workspaces {
			once("a workspace belongs to one account", w, fmt.Sprintf("%s.workspaces[%d]", key, j))
		}
		for j, s := range a.Streams {
			if at, is := strings.CutPrefix(s.Start, "at:"); is {
				if _, err := uri.ParseTime(at); err != nil {
					key := fmt.Sprintf("%s.streams[%d].start", key, j)
					p.faultAt(f.at[key], key, "%v: write such as at:2026-01-31T08:00:00Z", err)
				}
			}
			if (s.TwilioRole == "") != (s.TwilioExternalID == "") {
				key := fmt.Sprintf("%s.streams[%d]", key, j)
				p.faultAt(f.at[key], key, "twilio_role and twilio_external_id go together: give both, or none")
			}
		}
	}
	for i := range f.Model.Columns {
		key := fmt.Sprintf("model.columns[%d]", i)
		once("a column stands once", f.Model.Columns[i].Column, key+".column")
		if _, err := model.NewAttributes(f.Columns()[i : i+1]); err != nil && !p.told(key+".column") {
			p.faultAt(f.at[key], key, "%v", err)
		}
	}
	if _, err := model.NewAttributes(f.Columns()); err != nil && len(p.faults) == 0 { // too many paths
		p.faultAt(f.at["model.columns"], "model.columns", "%v", err)
	}
	if f.Turns.Text != "apart" && f.Turns.TextSink != "" {
		p.faultAt(f.at["turns.text_sink"], "turns.text_sink", "is for text: apart alone: say that, or leave it out")
	}
	if f.Turns.Text == "apart" && f.Turns.TextSink == "" {
		p.faultAt(f.at["turns.text"], "turns.text", "apart needs turns.text_sink: write such as text_sink: duckdb:texts.duckdb")
	}
}

// Position returns where a key stands; the zero Position if it is not set.
func (f *File) Position(key string) Position { return f.at[key] }

// Fault returns an error about a key that is set, which names its place.
func (f *File) Fault(key string, err error) Faults {
	return Faults{{f.name, f.at[key], key, err.Error()}}
}

// Name returns how errors call the file.
func (f *File) Name() string { return f.name }

// Columns returns the attribute paths of the file.
func (f *File) Columns() []model.Extra {
	var all []model.Extra
	for _, c := range f.Model.Columns {
		all = append(all, model.Extra{Column: c.Column, Before: c.Before, Behind: c.Behind})
	}
	return all
}

// Account returns the account with a SID or a name.
func (f *File) Account(name string) (Account, bool) {
	i := slices.IndexFunc(f.Accounts, func(a Account) bool { return a.SID == name || a.Name == name })
	if i < 0 {
		return Account{}, false
	}
	return f.Accounts[i], true
}

// Sink returns the URI of a sink that is named in the file; what is no such name as it stands.
func (f *File) Sink(name string) string {
	if uri, ok := f.Sinks[name]; ok {
		return uri
	}
	return name
}
