package main

import (
	"time"
	_ "time/tzdata" // time zones are known where the machine has none

	"github.com/spf13/cobra"

	"flexbeam/pipeline"
)

// rangeFlags are the flags that say of which time a job writes rows.
type rangeFlags struct {
	from, to, zone string
}

func (f *rangeFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.from, "from", "",
		"write only tasks whose newest event is not before `TIME`: yesterday, today, a date, or RFC 3339")
	flags.StringVar(&f.to, "to", "", "and before `TIME`, likewise (default now)")
	flags.StringVar(&f.zone, "time-zone", "UTC", "`NAME` of the time zone in which days begin, such as Europe/Prague")
	completeNothing(cmd, "from", "to", "time-zone")
}

// complete fills in the range of a job.
func (f *rangeFlags) complete(cmd *cobra.Command, o *pipeline.Options, now time.Time) error {
	zone, err := time.LoadLocation(f.zone)
	if err != nil || f.zone == "" || f.zone == "Local" {
		return usagef("--time-zone %q is no time zone: write a name such as Europe/Prague or UTC", f.zone)
	}
	for _, one := range []struct {
		flag, text string
		to         *time.Time
	}{{"from", f.from, &o.From}, {"to", f.to, &o.To}} {
		if !cmd.Flags().Changed(one.flag) {
			continue
		}
		if *one.to, err = parseMoment(one.text, zone, now); err != nil {
			return usagef("--%s %q: %w", one.flag, one.text, err)
		}
	}
	if cmd.Flags().Changed("time-zone") && f.from == "" {
		return usagef("--time-zone: there is no --from whose day could begin there")
	}
	return nil
}
