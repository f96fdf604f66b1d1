package main

import "testing"

// A variable of a script that is not set must not make contacts readable, or a job begin anew.
func TestValuesThatAreEmptyOrTooEarlyAreRefused(t *testing.T) {
	for option, want := range map[string]string{
		"--contact-key=":               "--contact-key is empty",
		"--contact-key-file=":          "--contact-key-file is empty",
		"--state=":                     "--state is empty",
		"--from=0001-01-01":            "before 1970",
		"--as-of=0001-01-01T00:00:00Z": "is no time",
		"--from=":                      "--from",
		"--metrics-addr=":              "--metrics-addr is empty",
		"--config=":                    "--config is empty",
		"--turns-text-sink=":           "--turns-text-sink is empty",
	} {
		r := call(t, "run", "--source=file:empty_test.go", "--sink=jsonl:"+t.TempDir(), option)
		if r.code != 2 || r.out != "" {
			t.Errorf("%s: exit %d, output %q", option, r.code, r.out)
		}
		oneLine(t, r.errors, want)
	}
}
