package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"google.golang.org/api/dataflow/v1b3"
)

const templateLong = `What a Flex Template of Dataflow needs of this program. The launcher of a template runs it under the name flexbeam-template, with the
parameters of the template and Beam's options as flags; it makes flags of run of them, and writes the job where the launcher looks.

metadata prints the template's metadata: the parameters that are flags of run.`

// templateName is the name under which a template's launcher runs this program: it gives flags only.
const templateName = "flexbeam-template"

// launched returns the arguments of the command line, with the subcommand in front that a template's
// launcher means.
func launched(args []string) []string {
	if filepath.Base(args[0]) == templateName {
		return append([]string{"template", "launch"}, args[1:]...)
	}
	return args[1:]
}

func newTemplate(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "template", Short: "What a Flex Template of Dataflow needs", Long: templateLong, Hidden: true,
		Example: "  flexbeam template metadata > deploy/dataflow/metadata.json",
		Args:    knownCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	metadata := &cobra.Command{
		Use: "metadata", Short: "Print the metadata of the template", Args: noArgs,
		Example: "  flexbeam template metadata > deploy/dataflow/metadata.json",
		RunE: func(*cobra.Command, []string) error {
			b, err := json.MarshalIndent(templateMetadata(newRun(a).Flags()), "", "  ")
			if err == nil {
				fmt.Fprintln(a.stdout, string(b))
			}
			return err
		},
	}
	launch := &cobra.Command{
		Use: "launch", Short: "Write the job of a template, as its launcher asks for it",
		Example:            "  flexbeam template launch --template_location=gs://my-bucket/job --source=kinesis:flex-events …",
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			args, err := runArgs(args, os.Getenv(imageVariable))
			if err != nil {
				return err
			}
			run := newRun(a)
			run.SilenceErrors, run.SilenceUsage = true, true
			run.SetOut(a.stdout)
			run.SetErr(a.screen)
			run.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usagef("%w", err) })
			run.SetArgs(args)
			return run.ExecuteContext(cmd.Context())
		},
	}
	cmd.AddCommand(metadata, launch)
	return cmd
}

// imageVariable names the image of the workers for jobs that are launched without one.
const imageVariable = "FLEXBEAM_WORKER_IMAGE"

// A parameter is a flag of run that a template has.
type parameter struct {
	flag  string
	label string
	regex string // of the value; empty: any
}

// parameters are those of the template, in their order on its page. Where workers run and how many is
// not among them: that is the environment of a template, which every template has.
var parameters = []parameter{
	{"source", "Source of the events", `^(kinesis|taskrouter|s3|gs):.+$`},
	{"sink", "Sink of the tables", `^bigquery:.+$`},
	{"mode", "Mode", ""},
	{"dataflow-secret", "Secrets of the workers", `^[A-Za-z_][A-Za-z0-9_]*=(gcpsecretmanager|awssecretsmanager)://.+$`},
	{"as-of", "Running activities count up to", ""},
	{"hide-activity", "Activities that are left out", ""},
	{"customer-left-reason", "Reasons of customers who left", ""},
	{"no-dead-letter-payload", "Dead letters without their record", ""},
	{"reshape", "Over a sink with rows of another shape", ""},
}

// parameterName returns the name of a flag as a parameter: with underscores, as Beam's have them.
func parameterName(flag string) string { return strings.ReplaceAll(flag, "-", "_") }

// repeats tells whether a flag may be given several times; its parameter has commas between values.
func repeats(f *pflag.Flag) bool { return f.Value.Type() == "stringArray" }

// templateMetadata returns what a template tells of its parameters, from the flags of run.
func templateMetadata(flags *pflag.FlagSet) *dataflow.TemplateMetadata {
	m := &dataflow.TemplateMetadata{
		Name: "flexbeam", Description: "Twilio Flex events from Kinesis, or from Twilio's REST log, to BigQuery tables of engagements, agents, agent status and customers.",
		Streaming: true, SupportsExactlyOnce: true,
	}
	for _, p := range parameters {
		f := flags.Lookup(p.flag)
		meta := &dataflow.ParameterMetadata{Name: parameterName(p.flag), Label: p.label, ParamType: "TEXT", IsOptional: !strings.Contains(f.Usage, "(required)")}
		meta.HelpText = sentence(f)
		if p.regex != "" {
			meta.Regexes = []string{p.regex}
		}
		switch v := f.Value.(type) {
		case *choice:
			meta.ParamType, meta.DefaultValue = "ENUM", v.value
			for _, o := range v.of {
				meta.EnumOptions = append(meta.EnumOptions, &dataflow.ParameterMetadataEnumOption{Value: o, Label: o})
			}
		default:
			if f.Value.Type() == "bool" {
				meta.ParamType, meta.DefaultValue = "BOOLEAN", f.DefValue
			}
		}
		m.Parameters = append(m.Parameters, meta)
	}
	return m
}

// sentence returns the usage of a flag as a sentence.
func sentence(f *pflag.Flag) string {
	text := strings.ReplaceAll(strings.ReplaceAll(f.Usage, "`", ""), " (required)", "")
	if repeats(f) {
		text = strings.ReplaceAll(strings.ReplaceAll(text, "; repeatable", "; several with commas between"), ", replaces the default", ", which replace the default")
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// beamOptions are options of Beam's runner that a launcher gives, and the flags of run for them. What
// is not here and is no parameter has no meaning for this program.
var beamOptions = map[string]string{
	"project": "dataflow-project", "region": "dataflow-region", "staging_location": "dataflow-staging", "temp_location": "dataflow-temp",
	"template_location": "dataflow-template", "job_name": "dataflow-job-name", "sdk_container_image": "dataflow-image",
	"worker_harness_container_image": "dataflow-image", "service_account_email": "dataflow-service-account",
	"num_workers": "dataflow-workers", "max_num_workers": "dataflow-max-workers", "max_workers": "dataflow-max-workers",
	"worker_machine_type": "dataflow-machine-type", "machine_type": "dataflow-machine-type", "disk_size_gb": "dataflow-disk",
	"network": "dataflow-network", "subnetwork": "dataflow-subnetwork", "worker_region": "dataflow-worker-region", "worker_zone": "dataflow-worker-zone",
	"zone": "dataflow-worker-zone", "dataflow_kms_key": "dataflow-kms-key", "no_use_public_ips": "dataflow-no-public-ips", "update": "dataflow-update",
}

// beamLists are those whose values have commas between them, and beamMaps those that are a JSON object.
var (
	beamLists = map[string]string{"experiments": "dataflow-experiment", "additional_experiments": "dataflow-experiment", "dataflow_service_options": "dataflow-service-option"}
	beamMaps  = map[string]string{"labels": "dataflow-label", "transform_name_mapping": "dataflow-rename"}
)

// flexRS are the goals of flexible resource scheduling in Beam's words.
var flexRS = map[string]string{"FLEXRS_COST_OPTIMIZED": "cost", "FLEXRS_SPEED_OPTIMIZED": "speed", "FLEXRS_UNSPECIFIED": "none", "": "none"}

// runArgs returns the arguments of run that a template's launcher means. image is that of the workers
// where the launcher names none.
func runArgs(args []string, image string) ([]string, error) {
	given, err := launcherFlags(args)
	if err != nil {
		return nil, err
	}
	flags := newRun(newApp(io.Discard, io.Discard)).Flags()
	out := []string{"--runner=dataflow"}
	add := func(flag, value string) { out = append(out, "--"+flag+"="+value) }
	for _, g := range given {
		switch {
		case beamOptions[g.name] != "":
			add(beamOptions[g.name], g.value)
		case beamLists[g.name] != "":
			for _, v := range commas(g.value) {
				add(beamLists[g.name], v)
			}
		case beamMaps[g.name] != "":
			var m map[string]string
			if err := json.Unmarshal([]byte(g.value), &m); g.value != "" && err != nil {
				return nil, usagef("--%s: no JSON object of texts: %w", g.name, err)
			}
			for name, value := range m {
				add(beamMaps[g.name], name+"="+value)
			}
		case g.name == "flexrs_goal":
			add("dataflow-flexrs", flexRS[g.value])
		case g.name == "use_public_ips":
			add("dataflow-no-public-ips", fmt.Sprint(g.value == "false"))
		default:
			out = append(out, parameterArgs(flags, g)...)
		}
	}
	if _, ok := value(out, "dataflow-template"); !ok {
		return nil, usagef("--template_location is missing: this is what the launcher of a template runs; to run a job, use flexbeam run")
	}
	if _, ok := value(out, "dataflow-image"); !ok && image != "" {
		add("dataflow-image", image)
	}
	_, staged := value(out, "dataflow-staging")
	if temp, ok := value(out, "dataflow-temp"); !staged && ok && temp != "" {
		add("dataflow-staging", strings.TrimRight(temp, "/")+"/staging")
	}
	slices.Sort(out[1:]) // maps have no order
	return out, nil
}

// parameterArgs returns the arguments that a parameter means. What is none is left out: a launcher may
// give options that only Beam's own runner knows.
func parameterArgs(flags *pflag.FlagSet, g launcherFlag) []string {
	i := slices.IndexFunc(parameters, func(p parameter) bool { return parameterName(p.flag) == g.name })
	if i < 0 || g.value == "" {
		return nil
	}
	values := []string{g.value}
	if repeats(flags.Lookup(parameters[i].flag)) {
		values = commas(g.value)
	}
	var out []string
	for _, v := range values {
		out = append(out, "--"+parameters[i].flag+"="+v)
	}
	return out
}

// A launcherFlag is a flag of a template's launcher.
type launcherFlag struct{ name, value string }

// launcherFlags reads flags as Go programs take them: with one dash or two, the value behind an equals
// sign or as the next argument; one without a value is true.
func launcherFlags(args []string) (all []launcherFlag, err error) {
	for i := 0; i < len(args); i++ {
		text := strings.TrimLeft(args[i], "-")
		name, value, ok := strings.Cut(text, "=")
		switch {
		case text == args[i] || name == "":
			return nil, usagef("%q: want --NAME=VALUE", name)
		case ok:
		case i+1 < len(args) && !strings.HasPrefix(args[i+1], "-"):
			i++
			value = args[i]
		default:
			value = "true"
		}
		all = append(all, launcherFlag{name, value})
	}
	return all, nil
}

// commas returns the values with commas between them.
func commas(text string) (all []string) {
	for v := range strings.SplitSeq(text, ",") {
		if v = strings.TrimSpace(v); v != "" {
			all = append(all, v)
		}
	}
	return all
}

// value returns the value of a flag among arguments, and whether it is there.
func value(args []string, flag string) (string, bool) {
	for _, a := range args {
		if v, ok := strings.CutPrefix(a, "--"+flag+"="); ok {
			return v, true
		}
	}
	return "", false
}
