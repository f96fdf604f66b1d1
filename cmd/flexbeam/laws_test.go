package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// contacts finds what simulate calls customers by, in every spelling. The company's numbers, and one
// outside of it, begin with 800.
var contacts = regexp.MustCompile(`(whatsapp:|rcs:|tel:|telegram:|instagram:|\x{202a})?` +
	`(\+1[2-7]\d{9}|\+1[89][1-9]\d{8}|\+1 \(\d{3}\) \d{3}-\d{4}|001\d{10}|\+1\.\d{3}\.\d{7}|[a-z]+\.\d+@customer\.example|crm-\d{6})|(telegram|instagram):\d+`)

// withheld are callers that are nobody, whose numbers look like one.
var withheld = regexp.MustCompile(`^\+1?(7378742833|7378742883|266696687)$`)

// A simulated day meets the situations that real accounts send, and what must hold of all rows holds
// of its rows, under a contact key.
func TestTheLawsHoldOnASimulatedDay(t *testing.T) {
	dir := t.TempDir()
	r := start(t, dir, "", "simulate", "--seed=12", "--tasks=900", "--form=mixed", "--disorder=5m", "--duplicates=0.03", "--partial=0.1", "--dirty=0.01", "--joined=0.05",
		"--out=day.ndjson")
	if r.code != 0 || !strings.Contains(r.errors, " joined") {
		t.Fatalf("exit %d: %s", r.code, r.errors)
	}
	write(t, filepath.Join(dir, "key"), "a key that nobody guesses\n")
	if r := start(t, dir, "", "run", "--source=file:day.ndjson", "--sink=duckdb:calls.duckdb", "--contact-key-file=key"); r.code != 0 {
		t.Fatal(r.errors)
	}
	ask := func(sql string) (rows []map[string]any) {
		t.Helper()
		r := start(t, dir, "", "query", "--db=calls.duckdb", "--format=json", sql)
		if r.code != 0 {
			t.Fatal(r.errors)
		}
		if err := json.Unmarshal([]byte(r.out), &rows); err != nil {
			t.Fatalf("%v: %.1000s", err, r.out)
		}
		return rows
	}
	for situation, where := range map[string]string{
		"a reservation that is taken away after its acceptance": "engagement_type = 'Agent' AND end_reason IN ('canceled', 'rejected', 'rescinded')",
		"a customer who waits again":                            "engagement_type = 'Queue' AND inferred AND direction = 'Inbound'",
		"a partial subscription":                                "engagement_type = 'Queue' AND inferred AND engagement_id LIKE '%@%'",
		"a withheld number":                                     "engagement_type = 'Agent' AND channel_type = 'Voice' AND direction = 'Inbound' AND contact_id = task_sid",
		"an outbound message":                                   "engagement_type = 'Agent' AND channel_type IN ('Chat', 'SMS') AND direction = 'Outbound'",
		"an internal call":                                      "engagement_type = 'Agent' AND direction = 'Internal'",
		"a virtual task":                                        "is_virtual",
		"an odd channel":                                        "channel IN ('telegram', 'instagram', 'rcs')",
	} {
		if n := ask("SELECT count(*) AS n FROM engagements WHERE " + where)[0]["n"]; n == 0.0 {
			t.Errorf("the day has not %s", situation)
		}
	}
	for law, sql := range map[string]string{
		"a moment of a reservation belongs to one row": "SELECT account_sid, reservation_sid FROM engagements WHERE reservation_sid IS NOT NULL GROUP BY ALL HAVING count(*) > 1",
		"waits of a task never count a second twice": "SELECT a.engagement_id FROM engagements a JOIN engagements b USING (account_sid, task_sid) WHERE a.engagement_type = 'Queue' AND b.engagement_type = 'Queue' " +
			"AND a.engagement_id < b.engagement_id AND a.start_time < coalesce(b.end_time, 'infinity') AND b.start_time < coalesce(a.end_time, 'infinity')",
		"a quarter hour has 900 seconds":   "SELECT account_sid, agent_id, interval_start FROM agent_status GROUP BY ALL HAVING sum(seconds) > 900",
		"each contact_id has its customer": "SELECT contact_id FROM engagements EXCEPT SELECT contact_id FROM customers",
		"a key hides payloads":             "SELECT position FROM dead_letters WHERE payload IS NOT NULL",
	} {
		if rows := ask(sql); len(rows) > 0 {
			t.Errorf("%s, but: %v", law, rows)
		}
	}

	lines, err := os.ReadFile(filepath.Join(dir, "day.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	drawn := map[string]bool{}
	for _, c := range contacts.FindAllString(string(lines), -1) {
		drawn[c] = !withheld.MatchString(c)
	}
	if len(drawn) < 500 {
		t.Errorf("only %d contacts are found in the day", len(drawn))
	}
	for _, table := range []string{"engagements", "turns", "turn_contents", "conversations", "customers"} {
		columns := "*"
		if table == "customers" {
			columns = "contact_id" // the others tell of the customer what they are asked for
		}
		for _, row := range ask("SELECT " + columns + " FROM " + table) {
			for column, v := range row {
				if text, ok := v.(string); ok && drawn[text] {
					t.Fatalf("%s of %s holds %q in clear", column, table, text)
				}
			}
		}
	}
}
