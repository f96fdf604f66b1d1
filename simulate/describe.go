package simulate

import (
	"fmt"
	"strings"
)

// Describe tells what is drawn, from the tables that the drawing uses.
func Describe() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }

	line("Lifecycles (percent of the arriving contacts):")
	for _, l := range lifecycles {
		line("  %5.1f  %-32s %s", l.share, l.name, l.trace)
	}
	line("The load adds to these: callers lose patience (mean %d min), first queues time out (calls %d s, messages %d min),",
		patience/minute, callStep/second, messageStep/minute)
	line("tasks stay open at the end.")

	line("\nTraits (percent of the tasks that can have them):")
	for _, t := range traits {
		line("  %5.1f  %s", t.share, t.name)
	}

	line("\nMessaging channels (percent):")
	for _, m := range messageTypes {
		line("  %5.1f  %-10s task channel %s", m.share, m.name, channels[m.channel].name)
	}

	line("\nActivities (percent of the pauses, median length):")
	for _, a := range activities {
		if a.share > 0 {
			line("  %5.1f  %-12s %d min", a.share, a.name, a.median/minute)
		}
	}
	line("         besides %s on duty and %s off duty; an unanswered reservation also leads to %s.",
		activities[available].name, activities[offline].name, activities[offline].name)

	line("\nShifts of %g h, UTC (percent of the agents; %g %% of them come on a working day, %g %% at weekends):",
		float64(shiftLength)/float64(hour), attendance*100, weekendAttend*100)
	for _, s := range shifts {
		line("  %5.1f  %02d:%02d", s.share, s.start/hour, s.start%hour/minute)
	}

	line("\nForms (percent of the records in %s):", Mixed)
	for _, f := range forms {
		line("  %5.1f  %-8s %s", f.share, f.form, f.text)
	}

	line("\nImperfections, all 0 unless asked for:")
	line("  disorder: longest delay of a record; output is in order of arrival")
	for _, d := range delays {
		line("    %5.1f  %s", d.share*100, d.text)
	}
	line("  duplicates: share of events sent again later")
	line("  losses: share of events that never arrive")
	line("  partial: share of tasks whose events come without task-queue.* and reservation.rescinded, which were not subscribed to")
	line("  joined: share of records that stand on the line of the one before them, half of them with a blank between; none behind")
	line("    a record that is cut off or not UTF-8, at most %d on a line", mostJoined)
	line("  dirty: broken records added per event, of these (percent)")
	for _, f := range faults {
		line("    %5.1f  %s", f.share, f.text)
	}
	return b.String()
}
