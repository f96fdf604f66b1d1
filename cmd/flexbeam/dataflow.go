package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"flexbeam/internal/config"
	"flexbeam/internal/secret"
	"flexbeam/internal/workerenv"
	"flexbeam/pipeline"
	"flexbeam/pipeline/runtime"
	"flexbeam/runners/dataflow"
	"flexbeam/transforms/keyed"
)

// dataflowFlags are the flags of a job on Dataflow.
type dataflowFlags struct {
	options dataflow.Options
	flexRS  choice
	labels  []string
	secrets []string
	renames []string
	dryRun  bool
}

func newDataflowFlags() *dataflowFlags {
	o := dataflow.NewOptions()
	return &dataflowFlags{options: o, flexRS: newChoice(o.FlexRS, dataflow.Goals...)}
}

// add makes them flags of cmd.
func (f *dataflowFlags) add(cmd *cobra.Command) {
	flags, o := cmd.Flags(), &f.options
	flags.BoolVar(&f.dryRun, "dry-run", false, "of --runner dataflow: print the job and what is wrong with it, and run nothing; needs no network")
	addPlace(flags, o)
	flags.StringVar(&o.Staging, "dataflow-staging", "", "`gs://BUCKET/FOLDER` where the graph of the job is put (required)")
	flags.StringVar(&o.Temp, "dataflow-temp", "", "`gs://BUCKET/FOLDER` for the service's own files; default tmp in the staging folder")
	flags.StringVar(&o.Image, "dataflow-image", "", "`IMAGE` of the worker, with a tag or a digest (required)")
	flags.StringVar(&o.Name, "dataflow-job-name", "", "`NAME` of the job; default flexbeam- and eight letters")
	flags.StringVar(&o.MachineType, "dataflow-machine-type", "", "machine `TYPE` of the workers, such as e2-standard-2")
	flags.IntVar(&o.Workers, "dataflow-workers", 0, "`N` workers at the start; 0 lets the service choose")
	flags.IntVar(&o.MaxWorkers, "dataflow-max-workers", 0, "`N` workers at most; 0 is the service's limit")
	flags.IntVar(&o.DiskGB, "dataflow-disk", 0, "`GB` of disk of each worker; 0 lets the service choose")
	flags.StringVar(&o.WorkerRegion, "dataflow-worker-region", "", "`REGION` of the workers, if it is not the job's")
	flags.StringVar(&o.WorkerZone, "dataflow-worker-zone", "", "`ZONE` of the workers")
	flags.StringVar(&o.Network, "dataflow-network", "", "`NETWORK` of the workers")
	flags.StringVar(&o.Subnetwork, "dataflow-subnetwork", "", "their `SUBNETWORK`: regions/REGION/subnetworks/NAME, or its URL")
	flags.BoolVar(&o.NoPublicIPs, "dataflow-no-public-ips", false, "workers have private addresses only: the network needs a way to AWS, and Private Google Access")
	flags.StringVar(&o.Account, "dataflow-service-account", "", "`EMAIL` of the service account of the workers")
	flags.StringVar(&o.KMSKey, "dataflow-kms-key", "", "`KEY` of Cloud KMS with which what is at rest is encrypted")
	flags.BoolVar(&o.AtLeastOnce, "dataflow-at-least-once", false, "of a stream: its engine may process a thing twice, which is cheaper; rows settle all the same")
	f.flexRS.add(cmd, false, "dataflow-flexrs", "of a batch: flexible resource scheduling, which waits for cheap or quick workers")
	flags.StringArrayVar(&f.labels, "dataflow-label", nil, "label `KEY=VALUE` of the job; repeatable")
	flags.StringArrayVar(&o.ServiceOptions, "dataflow-service-option", nil, "`OPTION` of the service; repeatable")
	flags.StringArrayVar(&o.Experiments, "dataflow-experiment", nil, "`EXPERIMENT` of the service; repeatable")
	flags.StringArrayVar(&f.secrets, "dataflow-secret", nil,
		"variable of the workers and its secret: `NAME=REFERENCE` such as gcpsecretmanager://projects/P/secrets/S; repeatable")
	flags.BoolVar(&o.Update, "dataflow-update", false, "take the place of the running job of --dataflow-job-name, with its positions and states")
	flags.StringArrayVar(&f.renames, "dataflow-rename", nil, "with --dataflow-update: transform `OLD=NEW` that has another name now; repeatable")
	flags.BoolVar(&o.Detach, "dataflow-detach", false, "return once the job is created")
	flags.StringVar(&o.Template, "dataflow-template", "", "write the job to `gs://BUCKET/FILE` for a template, and run nothing")
	completeNone(cmd, pipeline.Dataflow, "dataflow-flexrs")
}

// addPlace adds the flags that say where jobs are.
func addPlace(flags *pflag.FlagSet, o *dataflow.Options) {
	flags.StringVar(&o.Project, "dataflow-project", "", "of --runner dataflow: ID of the Google Cloud `PROJECT` (required)")
	flags.StringVar(&o.Region, "dataflow-region", "", "`REGION` of the job, such as europe-west1 (required)")
	flags.StringVar(&o.Endpoint, "dataflow-endpoint", "", "`URL` of another Dataflow service than Google's public one")
	flags.StringVar(&o.StorageEndpoint, "dataflow-gcs-endpoint", "", "`URL` of another Cloud Storage, with its path, such as http://127.0.0.1:4443/storage/v1/")
}

// complete returns the options. It is a usage error to give some to a job that another runner runs.
func (f *dataflowFlags) complete(cmd *cobra.Command, runner string) (o dataflow.Options, err error) {
	if err := onlyOf(cmd, pipeline.Dataflow, runner, "dry-run"); err != nil {
		return o, err
	}
	o = f.options
	o.FlexRS = f.flexRS.value
	if o.Labels, err = pairs("dataflow-label", "team=contact-centre", f.labels); err != nil {
		return o, err
	}
	if o.Renames, err = pairs("dataflow-rename", "old/name=new/name", f.renames); err != nil {
		return o, err
	}
	secrets, err := pairs("dataflow-secret", "NAME=gcpsecretmanager://projects/PROJECT/secrets/SECRET", f.secrets)
	for name, reference := range secrets {
		if o.Secrets == nil {
			o.Secrets = workerenv.References{}
		}
		o.Secrets[name] = secret.Reference(reference)
	}
	return o, err
}

// key finds the contact key of a job on Dataflow, whose workers get a reference to it: the one of
// --dataflow-secret, else the one by which this process found it. This process needs the key as well,
// since the sink remembers its fingerprint. A dry run, which asks nobody, makes one up.
func (f *dataflowFlags) key(ctx context.Context, o *pipeline.Options, k keyFlags, file *config.File) (err error) {
	reference, given := o.Dataflow.Secrets[keyed.KeyVariable]
	if !given {
		reference = secret.Reference(k.reference)
		if environment, err := runtime.EnvironmentKey(); reference == "" && k.file == "" && environment == "" && err == nil {
			reference = file.Model.ContactKey
		}
		if of := (workerenv.References{keyed.KeyVariable: reference}); of.Check() == nil {
			o.Dataflow.Secrets = maps.Clone(o.Dataflow.Secrets)
			if o.Dataflow.Secrets == nil {
				o.Dataflow.Secrets = workerenv.References{}
			}
			o.Dataflow.Secrets[keyed.KeyVariable], given = reference, true
		}
	}
	if f.dryRun && given {
		o.ContactKey = rand.Text()
		return nil
	}
	if o.ContactKey, err = k.key(ctx, file); err != nil || o.ContactKey != "" || !given || reference.Check() != nil {
		return err
	}
	key, err := secret.Read(ctx, reference)
	if err != nil {
		return fmt.Errorf("--dataflow-secret %s: this process needs the contact key too: %w", keyed.KeyVariable, err)
	}
	o.ContactKey = key.Reveal()
	return nil
}

// pairs reads the values of a flag that are pairs.
func pairs(flag, such string, values []string) (map[string]string, error) {
	var all map[string]string
	for _, v := range values {
		name, value, ok := strings.Cut(v, "=")
		switch _, twice := all[name]; {
		case !ok || name == "":
			return nil, usagef("--%s: a value has no name and equals sign: write such as %s", flag, such) // it may be a secret
		case twice:
			return nil, usagef("--%s %s: is given twice: leave one out", flag, name)
		}
		if all == nil {
			all = map[string]string{}
		}
		all[name] = value
	}
	return all, nil
}

// onDataflow returns the flags that lead to a job.
func onDataflow(o dataflow.Options) string {
	return fmt.Sprintf("--dataflow-project %s --dataflow-region %s", cmp.Or(o.Project, "PROJECT"), cmp.Or(o.Region, "REGION"))
}
