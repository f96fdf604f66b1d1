package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"flexbeam/internal/config"
	"flexbeam/internal/console"
	"flexbeam/pipeline"
)

const eraseLong = `Erase persons from the tables of a sink: customers by their tasks, a contact (a phone, an e-mail or another address) or a customer id, and agents.

Engagements stay for statistics, with their personal columns emptied: contact_id and a conversation_id that is no SID become the task SID;
recording_url, case_id, the free attributes and every text that contains the contact become null. The contact's row of customers goes; each
task gets the isolated row of a task without contact. Texts of turns and records of dead letters that tell of the person become null. Of an agent,
name, e-mail, location and manager become null. With --rows the rows go as a whole, but for the isolated row of each task, which has nothing but
its SID, and for an agent's engagements, which name the agent by the worker SID alone.

Erased rows have a row_version above all that events give. So a replay leaves erased tasks alone and brings nobody back, and so does a live job
that still knows them. Erasing again changes nothing.

With a contact key the key finds the hash of a contact: give it in --contact-key-file or in the environment, as for run.

--list reads whom to erase from a file or from standard input (-), one on a line: task, worker, contact or customer, a blank, and what it is.
Command lines are seen by others on the machine; a list is not.`

const eraseExample = `  flexbeam erase --sink duckdb:calls.duckdb --contact '+1 555 010 0123' --dry-run
  flexbeam erase --sink duckdb:calls.duckdb --contact '+1 555 010 0123' --yes
  flexbeam erase --sink bigquery:my-project.flex --list requests.txt --contact-key-file key.txt --yes
  echo "customer C-1001" | flexbeam erase --sink jsonl:out --list - --rows --yes`

// eraseFlags are the flags of erase.
type eraseFlags struct {
	options pipeline.EraseOptions
	config  configFlag
	list    string
	key     keyFlags
	yes     bool
}

func newErase(a *app) *cobra.Command {
	f := &eraseFlags{}
	cmd := &cobra.Command{
		Use:     "erase --sink URI",
		Short:   "Erase persons from the tables",
		Long:    eraseLong,
		Example: eraseExample,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			file, err := a.configuration(cmd, f.config)
			if err == nil {
				err = f.complete(cmd.Context(), cmd.InOrStdin(), file)
			}
			if err != nil {
				return err
			}
			return a.erase(cmd.Context(), f.options)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	o := &f.options
	f.config.add(cmd)
	flags.StringVar(&o.Sink, "sink", "", "`URI` of the tables: duckdb:FILE, jsonl:DIR or bigquery:PROJECT.DATASET (required)")
	flags.StringArrayVar(&o.Tasks, "task", nil, "`SID` of a task whose customer is erased; repeatable")
	flags.StringArrayVar(&o.Contacts, "contact", nil, "`ADDRESS` of a customer, in any writing, or its hash; repeatable")
	flags.StringArrayVar(&o.CustomerIDs, "customer", nil, "`ID` of a customer, as customers.external_id or customerId has it; repeatable")
	flags.StringArrayVar(&o.Workers, "worker", nil, "`SID` of an agent's worker; repeatable")
	flags.StringVar(&f.list, "list", "", "`FILE` with one person on a line, such as: contact +15550100; - is standard input")
	flags.StringVar(&o.TextSink, "turns-text-sink", "", "`URI` of the sink of turn_contents, where run has --turns-text apart")
	f.key.add(cmd)
	flags.BoolVar(&o.Rows, "rows", false, "delete rows as a whole, instead of emptying their personal columns")
	flags.BoolVar(&o.DryRun, "dry-run", false, "print what would be erased, and erase nothing")
	flags.BoolVar(&f.yes, "yes", false, "erase: what is erased does not come back")
	completeNothing(cmd, "sink", "turns-text-sink", "task", "contact", "customer", "worker")
	return cmd
}

// complete checks the flags and reads the list and the key.
func (f *eraseFlags) complete(ctx context.Context, stdin io.Reader, file *config.File) (err error) {
	o := &f.options
	o.Sink = sinkOf(file, o.Sink)
	if o.TextSink != "" {
		o.TextSink = file.Sink(o.TextSink)
	}
	if o.Sink == "" {
		return usagef("--sink is missing: write such as --sink duckdb:calls.duckdb")
	}
	if f.list != "" {
		if err := f.readList(stdin); err != nil {
			return err
		}
	}
	if len(o.Tasks)+len(o.Contacts)+len(o.CustomerIDs)+len(o.Workers) == 0 {
		return usagef("nobody is named: give --task, --contact, --customer, --worker or --list")
	}
	for name, values := range map[string][]string{"task": o.Tasks, "contact": o.Contacts, "customer": o.CustomerIDs, "worker": o.Workers} {
		for i, v := range values {
			if values[i] = strings.TrimSpace(v); values[i] == "" {
				return usagef("--%s is empty", name)
			}
		}
	}
	if o.DryRun == f.yes {
		return usagef("say --dry-run to see what would be erased, or --yes to erase it: nothing brings it back")
	}
	if err := thereIs("--sink", o.Sink); err != nil {
		return err
	}
	if err := thereIs("--turns-text-sink", o.TextSink); err != nil {
		return err
	}
	o.ContactKey, err = f.key.key(ctx, file)
	return err
}

// readList adds the persons of a list.
func (f *eraseFlags) readList(stdin io.Reader) error {
	in := stdin
	if f.list != "-" {
		file, err := os.Open(f.list)
		if err != nil {
			return fmt.Errorf("--list: cannot read %s: %w", f.list, cause(err))
		}
		defer file.Close()
		in = file
	}
	o := &f.options
	lists := map[string]*[]string{"task": &o.Tasks, "contact": &o.Contacts, "customer": &o.CustomerIDs, "worker": &o.Workers}
	s := bufio.NewScanner(in)
	for n := 1; s.Scan(); n++ {
		line := strings.TrimSpace(s.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		kind, value, _ := strings.Cut(line, " ")
		list := lists[kind]
		if list == nil || strings.TrimSpace(value) == "" {
			return usagef("--list: line %d: write task, contact, customer or worker, a blank, and what it is, such as contact +15550100", n)
		}
		*list = append(*list, value)
	}
	if err := s.Err(); err != nil {
		return fmt.Errorf("--list: cannot read %s: %w", f.list, cause(err))
	}
	return nil
}

// thereIs refuses a file or folder that is not there: opening it as a sink would make it.
func thereIs(flag, sink string) error {
	scheme, _, _ := strings.Cut(sink, ":")
	if scheme != "duckdb" && scheme != "jsonl" {
		return nil
	}
	if _, err := os.Stat(place(sink)); err != nil {
		return fmt.Errorf("%s %s: %w: name one that flexbeam run has filled", flag, sink, cause(err))
	}
	return nil
}

// erase erases, and prints what was done and what remains elsewhere.
func (a *app) erase(ctx context.Context, o pipeline.EraseOptions) error {
	sum, err := pipeline.Erase(ctx, o)
	if err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("%w: a part may be erased: run the same command again", context.Cause(ctx))
		}
		return err
	}
	if err := printErased(a.stdout, sum); err != nil {
		return err
	}
	json := a.logFormat.value == "json"
	if json {
		a.notices().Info("erased", "sink", o.Sink, "dry_run", o.DryRun, "tables", sum.Tables, "tasks", sum.Tasks, "open_tasks", sum.Open, "unknown", len(sum.Unknown))
		return nil
	}
	if len(sum.Unknown) > 0 {
		fmt.Fprintf(a.screen, "no rows of: %s: is it written as the tables have it, and the contact key that of the tables?\n", strings.Join(sum.Unknown, ", "))
	}
	if sum.Open > 0 {
		fmt.Fprintf(a.screen, "%s of %s tasks are not over: their rows stay as they are from now on\n", console.Number(int64(sum.Open)), console.Number(int64(sum.Tasks)))
	}
	if sum.Textless && o.TextSink == "" {
		fmt.Fprintln(a.screen, "there are turns without any text: if run has --turns-text apart, say --turns-text-sink, too, and erase once more")
	}
	switch {
	case sum.Empty():
		fmt.Fprintln(a.screen, "there is nothing to erase")
	case o.DryRun:
		fmt.Fprintln(a.screen, "nothing was erased: say --yes in the place of --dry-run")
	}
	if !o.DryRun {
		for _, line := range remains(o.Sink) {
			fmt.Fprintln(a.screen, line)
		}
	}
	return nil
}

// printErased prints the counts as a table.
func printErased(out io.Writer, sum pipeline.Erased) error {
	if sum.Empty() {
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "table\temptied\tdeleted\tadded\t")
	for _, t := range sum.Tables {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t\n", t.Name, t.Emptied, t.Deleted, t.Added)
	}
	return w.Flush()
}

// remains says where the persons may still be known.
func remains(sink string) []string {
	lines := []string{"what no command of flexbeam reaches:"}
	scheme, _, _ := strings.Cut(sink, ":")
	switch scheme {
	case "duckdb":
		lines = append(lines, "  free space of the file, and copies of it: copy the tables into a new file, and delete the old one")
	case "jsonl":
		lines = append(lines, "  free space of the disk, and copies of the folder")
	case "bigquery":
		lines = append(lines, "  time travel and fail-safe, up to 14 days; copies and snapshots of tables")
	}
	return append(lines,
		"  state directories of live jobs: a day, of tasks that did not end up to 16 days, of an agent for as long as there are events",
		"  archives and Kinesis, for their retention; Twilio, recordings and the event log included",
		"see docs/operations.md, Erasing a person")
}
