package main

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"flexbeam/internal/console"
	"flexbeam/internal/telemetry"
	"flexbeam/pipeline"
	"flexbeam/schemas/model"
)

// summarize says what a job did and how to go on: as a table, or as one log line where logs are
// JSON. The options are those of the job, with the runner that it had.
func (a *app) summarize(o pipeline.Options, s pipeline.Summary) {
	if a.logFormat.value == "json" {
		a.notices().Info("job done", "sink", o.Sink, "runner", o.Runner, "records", s.Records, "events", s.Events, "duplicates", s.Duplicates,
			"dropped", s.Dropped, "early", s.Early, "dead_letters", s.DeadLetters, "bad_attributes", s.BadAttrs,
			"transcripts", s.Transcripts, "transcripts_gone", s.TranscriptsGone, "transcripts_spared", s.TranscriptsSpared,
			"tasks_left_alone", s.TasksLeft, "tasks_left_out", s.Unbegun, "quarter_hours_left_alone", s.QuartersLeft, "bytes", s.Bytes, "rows", s.Rows, "sink_queries", s.Queries, "sink_billed_bytes", s.Billed,
			"elapsed_seconds", s.Elapsed.Seconds(), "events_per_second", int64(s.EventsPerSecond()), "missing", missing(s))
		return
	}
	var b strings.Builder
	line := func(name string, n int64, note string) {
		fmt.Fprintf(&b, "  %-14s %12s  %s\n", name, console.Number(n), note)
	}
	fmt.Fprintf(&b, "done in %s on the %s runner: %s events/s, %s/s\n", console.Duration(s.Elapsed), o.Runner,
		console.Number(int64(s.EventsPerSecond())), console.Bytes(int64(float64(s.Bytes)/s.Elapsed.Seconds())))
	if s.Remote {
		fmt.Fprintln(&b, "as the workers counted: about right, if the job was restarted on the way")
	}
	some := func(name string, n int64, note string) {
		if n > 0 {
			line(name, n, note)
		}
	}
	counted(s, line, some)
	if s.Transcripts+s.TranscriptsGone+s.TranscriptsSpared > 0 {
		line("transcripts", s.Transcripts, "of conversations, fetched from Twilio")
	}
	some("not fetched", s.TranscriptsSpared, "transcripts of which the sink has the turns")
	some("gone", s.TranscriptsGone, "transcripts that Twilio does not have")
	some("queries", s.Queries, console.Bytes(s.Billed)+" billed by the sink's service")
	fmt.Fprintf(&b, "rows in %s\n", place(o.Sink))
	for _, table := range model.Tables {
		if n, ok := s.Rows[table.Name]; ok {
			line(table.Name, n, note(o.TextSink != "" && table.ID == model.TurnContentsID, "in "+place(o.TextSink)))
		}
	}
	if len(s.Missing) > 0 {
		fmt.Fprintln(&b, "warning: events are missing: not subscribed to, or lost")
		for _, f := range s.Missing {
			fmt.Fprintf(&b, "  %s\n", f)
		}
	}
	if next := nextStep(o.Sink); next != "" {
		fmt.Fprintf(&b, "next: %s\n", next)
	}
	for _, l := range strings.SplitAfter(b.String(), "\n") {
		if l != "" {
			fmt.Fprintln(a.screen, strings.TrimRight(l, " \n"))
		}
	}
}

// counted gives a line for each counter; some gives none for a counter that is 0.
func counted(s pipeline.Summary, line, some func(name string, n int64, note string)) {
	line("records", s.Records, console.Bytes(s.Bytes)+" of input")
	line("events", s.Events, "")
	line("duplicates", s.Duplicates, "events that came again")
	line("dropped", s.Dropped-s.Early, "test events and events outside TaskRouter")
	some("too early", s.Early, "events from more than 15 days before --from")
	line("dead letters", s.DeadLetters, note(s.DeadLetters > 0, "records that could not be used: see table dead_letters"))
	some("bad attributes", s.BadAttrs, "no JSON object: these events count without attributes")
	some("left out", s.Unbegun, "tasks whose begin (task.created) was not read")
	some("left alone", s.TasksLeft, "tasks of which another job knows more")
	some("left alone", s.QuartersLeft, "quarter hours of agents of which another job knows more")
}

// warnUseless tells of a job none of whose records could be used.
func (a *app) warnUseless(s pipeline.Summary) {
	example := ": see table dead_letters"
	if s.WorstExample != (telemetry.Example{}) { // workers elsewhere tell only how many there are
		example = fmt.Sprintf(", such as %s: %s", s.WorstExample.Position, s.WorstExample.Error)
	}
	a.tell(slog.LevelWarn,
		fmt.Sprintf("warning: no record could be used: all %s are dead letters; %s of class %s%s", console.Number(s.DeadLetters), console.Number(s.WorstCount), s.WorstClass, example),
		"no record could be used: all are dead letters", "dead_letters", s.DeadLetters, "class", s.WorstClass, "of_class", s.WorstCount,
		"example", s.WorstExample.Position, "error", s.WorstExample.Error)
}

// warnOutside tells of a job with a range in which no task's newest event lay.
func (a *app) warnOutside(o pipeline.Options) {
	from, to := o.From.UTC().Format(time.RFC3339), "now"
	if !o.To.IsZero() {
		to = o.To.UTC().Format(time.RFC3339)
	}
	if a.logFormat.value == "json" {
		a.notices().Warn("no task has its newest event between from and to", "from", from, "to", to)
		return
	}
	fmt.Fprintf(a.screen, "warning: no task has its newest event from %s to %s, so no task was written: are --from and --to right?\n", from, to)
}

// warnEmpty tells of a job whose input had no records.
func (a *app) warnEmpty(source string) {
	look := "are these the right files?"
	if strings.HasPrefix(source, "taskrouter:") {
		look = "is it the right workspace, and did anything happen between from and to?"
	}
	a.tell(slog.LevelWarn, "warning: the input has no records: "+look, "the input has no records", "source", source, "what", look)
}

// missing returns the signs that events are missing, for a log line.
func missing(s pipeline.Summary) []map[string]any {
	all := []map[string]any{}
	for _, f := range s.Missing {
		all = append(all, map[string]any{"sign": f.Name, "number": f.Number, "of": f.All, "share": f.Share(), "what": f.Text})
	}
	return all
}

func note(ok bool, text string) string {
	if ok {
		return text
	}
	return ""
}

// place returns the file or the folder of a sink URI.
func place(sink string) string {
	_, rest, _ := strings.Cut(sink, ":")
	rest, _, _ = strings.Cut(rest, "?")
	return rest
}

// nextStep returns a command that looks at the rows of a sink.
func nextStep(sink string) string {
	scheme, _, _ := strings.Cut(sink, ":")
	switch scheme {
	case "duckdb":
		return `flexbeam query --db ` + quoteArg(place(sink)) + ` "FROM conversations LIMIT 5"`
	case "jsonl":
		return "head -n 3 " + quoteArg(strings.TrimRight(place(sink), "/")+"/engagements.jsonl")
	}
	return ""
}

// quoteArg quotes an argument for a shell where it needs that.
func quoteArg(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=,@%+") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
