package secret_test

import (
	"strings"
	"testing"

	"flexbeam/internal/secret"
)

func TestWhatMayBeASecretIsTakenOutOfURIs(t *testing.T) {
	for text, want := range map[string]string{
		"kinesis:s?endpoint=https://me:" + planted + "@host:1/x&region=eu-west-1": "kinesis:s?endpoint=https://(hidden)@host:1/x&region=eu-west-1",
		"the URL https://" + planted + "@host is none":                            "the URL https://(hidden)@host is none",
		"taskrouter:WS1?secret=" + planted + "&from=today":                        "taskrouter:WS1?secret=(hidden)&from=today",
		`--turns "missing?secret=` + planted + `": write`:                         `--turns "missing?secret=(hidden)": write`,
		"bigquery:p.d?access_token=" + planted:                                    "bigquery:p.d?access_token=(hidden)",
		"x?account=" + planted + "&key=" + planted:                                "x?account=(hidden)&key=(hidden)",
		"x?key=SK0123456789abcdef0123456789abcdef":                                "x?key=SK0123456789abcdef0123456789abcdef",
		"x?secret=env:TWILIO_API_SECRET":                                          "x?secret=env:TWILIO_API_SECRET",
		"x?secret=file:/run/secret":                                               "x?secret=file:/run/secret",
		"s3://bucket/a@b/*?region=eu-west-1":                                      "s3://bucket/a@b/*?region=eu-west-1",
		"write to me@example.com":                                                 "write to me@example.com",
		"duckdb:calls.duckdb?memory_limit=2GB":                                    "duckdb:calls.duckdb?memory_limit=2GB",
	} {
		if got := secret.Redact(text); got != want || strings.Contains(got, planted) {
			t.Errorf("%s is shown as %s, want %s", text, got, want)
		}
	}
}
