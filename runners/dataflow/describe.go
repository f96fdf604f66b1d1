package dataflow

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"flexbeam/runners/portable"
)

// Describe tells a plan to a person: what the job is called, where it runs and how, what the workers
// read from secrets, and its steps with what each keeps. reads and writes are the URIs of its source
// and its sink.
func (p *Plan) Describe(w io.Writer, o Options, reads, writes string) error {
	steps, err := portable.Describe(p.Graph)
	if err != nil {
		return err
	}
	kind := "batch"
	if p.Job.Type == "JOB_TYPE_STREAMING" {
		kind = "stream"
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) {
		if value := fmt.Sprintf(format, args...); value != "" && value != "0" && value != "[]" && value != "map[]" {
			fmt.Fprintf(t, "%s\t%s\n", name, value)
		}
	}
	line("job", "%s", p.Job.Name)
	line("kind", "%s", kind)
	line("reads", "%s", reads)
	line("writes", "%s", writes)
	line("project", "%s", o.Project)
	line("region", "%s", o.Region)
	line("image", "%s", o.Image)
	if o.Update {
		line("updates", "the running job of this name")
	}
	if o.Template != "" {
		line("written to", "%s", o.Template)
	}
	for _, name := range slices.Sorted(maps.Keys(o.Secrets)) {
		line("secret", "%s, which each worker reads from %s", name, o.Secrets[name])
	}
	e := p.Job.Environment
	pool := e.WorkerPools[0]
	line("graph", "%s, %d bytes", p.modelURL, len(p.model))
	line("temp", "%s", e.TempStoragePrefix)
	line("machine type", "%s", pool.MachineType)
	line("workers", "%d", pool.NumWorkers)
	line("most workers", "%d", pool.AutoscalingSettings.MaxNumWorkers)
	line("disk, GB", "%d", pool.DiskSizeGb)
	line("addresses", "%s", pool.IpConfiguration)
	line("network", "%s", pool.Network)
	line("subnetwork", "%s", pool.Subnetwork)
	line("worker region", "%s", e.WorkerRegion)
	line("worker zone", "%s", e.WorkerZone)
	line("account", "%s", e.ServiceAccountEmail)
	line("KMS key", "%s", e.ServiceKmsKeyName)
	line("streaming mode", "%s", e.StreamingMode)
	line("FlexRS", "%s", e.FlexResourceSchedulingGoal)
	line("service options", "%s", strings.Join(e.ServiceOptions, ", "))
	line("experiments", "%s", strings.Join(e.Experiments, ", "))
	for _, key := range slices.Sorted(maps.Keys(p.Job.Labels)) {
		line("label", "%s=%s", key, p.Job.Labels[key])
	}
	for _, was := range slices.Sorted(maps.Keys(p.Job.TransformNameMapping)) {
		line("renamed", "%s to %s", was, p.Job.TransformNameMapping[was])
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "\n%s", steps)
	return err
}
