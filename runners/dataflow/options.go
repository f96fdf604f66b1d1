package dataflow

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"flexbeam/internal/workerenv"
	"flexbeam/runners/dataflow/dataflowapi"
)

// The goals of flexible resource scheduling of a batch.
const (
	AtOnce  = "none"  // workers are there at once
	ForCost = "cost"  // the job waits for cheap ones, up to six hours
	ForTime = "speed" // for quick ones
)

// Goals are all of them.
var Goals = []string{AtOnce, ForCost, ForTime}

// goals are their names in the service's words.
var goals = map[string]string{AtOnce: "", ForCost: "FLEXRS_COST_OPTIMIZED", ForTime: "FLEXRS_SPEED_OPTIMIZED"}

// Options say where on Dataflow a job runs, and how. Get the defaults from NewOptions.
type Options struct {
	Project string // required: ID of the project
	Region  string // required: such as europe-west1
	Staging string // required: gs://BUCKET/FOLDER, where the graph of the job is put
	Temp    string // gs://BUCKET/FOLDER for the service's own files; empty: tmp within Staging
	Image   string // required: of the worker (deploy/docker/worker.Dockerfile)
	Name    string // of the job; empty: flexbeam- and some letters

	MachineType  string // empty: the service chooses
	Workers      int    // at the start; 0: the service chooses
	MaxWorkers   int    // up to which the service scales; 0: its own limit
	DiskGB       int    // of each worker; 0: the service chooses
	WorkerRegion string // where the workers are, if not in Region
	WorkerZone   string // the same, one zone of it
	Network      string // empty: the one named default
	Subnetwork   string // regions/REGION/subnetworks/NAME, or its URL
	NoPublicIPs  bool   // workers have private addresses only
	Account      string // e-mail of the service account of the workers; empty: the project's default
	KMSKey       string // projects/P/locations/L/keyRings/R/cryptoKeys/K, with which all at rest is encrypted
	AtLeastOnce  bool   // of a stream: its engine may process a thing twice, which is cheaper; rows settle by key and version
	FlexRS       string // of a batch, one of Goals

	Labels         map[string]string
	ServiceOptions []string // of the service, such as enable_google_cloud_profiler
	Experiments    []string // beside those that the runner needs

	// Secrets are environment variables of the workers, each with the reference of the secret that is
	// its value. What travels is the reference; the worker reads the secret.
	Secrets workerenv.References

	Update  bool              // take the place of the running job of this name, with its state
	Renames map[string]string // of transforms: what they were called in the job that is updated, and what now

	Detach   bool   // return once the job is created
	Template string // gs://BUCKET/FILE: write the job there for a template, and create none

	Endpoint        string        // URL of the service; empty: Google's
	StorageEndpoint string        // URL of Cloud Storage's JSON interface; empty: Google's
	LookEvery       time.Duration // how often the service is asked how the job stands
}

// NewOptions returns the defaults.
func NewOptions() Options {
	return Options{FlexRS: AtOnce, LookEvery: 5 * time.Second}
}

// Place returns where the jobs are.
func (o Options) Place() dataflowapi.Place {
	return dataflowapi.Place{Project: o.Project, Region: o.Region, Endpoint: o.Endpoint, StorageEndpoint: o.StorageEndpoint}
}

// A form is what the value of an option must look like.
type form struct {
	flag, value string
	required    bool
	pattern     *regexp.Regexp // of the whole value
	such        string         // an example
}

// forms returns the forms of the options.
func (o Options) forms() []form {
	return []form{
		{"project", o.Project, true, projectForm, "my-project"},
		{"region", o.Region, true, regionForm, "europe-west1"},
		{"staging", o.Staging, true, folderForm, "gs://my-bucket/staging"},
		{"temp", o.Temp, false, folderForm, "gs://my-bucket/temp"},
		{"image", o.Image, true, imageForm, "europe-docker.pkg.dev/my-project/flexbeam/worker:0.1.0"},
		{"job-name", o.Name, o.Update, nameForm, "flexbeam-live"},
		{"machine-type", o.MachineType, false, machineForm, "e2-standard-2"},
		{"worker-region", o.WorkerRegion, false, regionForm, "europe-west1"},
		{"worker-zone", o.WorkerZone, false, zoneForm, "europe-west1-b"},
		{"network", o.Network, false, networkForm, "my-network"},
		{"subnetwork", o.Subnetwork, false, subnetworkForm, "regions/europe-west1/subnetworks/my-subnetwork"},
		{"service-account", o.Account, false, accountForm, "flexbeam@my-project.iam.gserviceaccount.com"},
		{"kms-key", o.KMSKey, false, keyForm, "projects/my-project/locations/europe-west1/keyRings/my-ring/cryptoKeys/my-key"},
		{"flexrs", o.FlexRS, true, goalForm, ForCost},
		{"template", o.Template, false, fileForm, "gs://my-bucket/templates/job"},
	}
}

var (
	projectForm    = regexp.MustCompile(`^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$`)
	regionForm     = regexp.MustCompile(`^[a-z]+-[a-z]+[0-9]+$`)
	zoneForm       = regexp.MustCompile(`^[a-z]+-[a-z]+[0-9]+-[a-z]$`)
	folderForm     = regexp.MustCompile(`^gs://[a-z0-9][a-z0-9._-]+[a-z0-9](/.*)?$`)
	fileForm       = regexp.MustCompile(`^gs://[a-z0-9][a-z0-9._-]+[a-z0-9]/.*[^/]$`)
	imageForm      = regexp.MustCompile(`^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+(:[A-Za-z0-9_][A-Za-z0-9._-]*|@sha256:[0-9a-f]{64})$`)
	nameForm       = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,60}[a-z0-9])?$`)
	machineForm    = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)+$`)
	networkForm    = regexp.MustCompile(`^[a-z0-9/._:-]+$`)
	subnetworkForm = regexp.MustCompile(`^(https://www\.googleapis\.com/compute/v1/projects/[^/]+/)?regions/[^/]+/subnetworks/[^/]+$`)
	accountForm    = regexp.MustCompile(`^[^@\s]+@[^@\s]+\.gserviceaccount\.com$`)
	keyForm        = regexp.MustCompile(`^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$`)
	goalForm       = regexp.MustCompile(`^(none|cost|speed)$`)
	labelKeyForm   = regexp.MustCompile(`^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}$`)
	labelValueForm = regexp.MustCompile(`^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$`)
)

// mostLabels is how many labels the service takes.
const mostLabels = 64

// Check returns an error that says what to write instead where the options cannot be. streaming is
// whether the job is a stream.
func (o Options) Check(streaming bool) error {
	for _, f := range o.forms() {
		switch {
		case f.value == "" && f.required:
			return fmt.Errorf("--dataflow-%s is missing: write such as %s", f.flag, f.such)
		case f.value != "" && !f.pattern.MatchString(f.value):
			return fmt.Errorf("--dataflow-%s %s: write such as %s", f.flag, f.value, f.such)
		}
	}
	switch {
	case o.Workers < 0 || o.MaxWorkers < 0 || o.DiskGB < 0:
		return errors.New("--dataflow-workers, --dataflow-max-workers and --dataflow-disk: write 0 or more")
	case o.MaxWorkers > 0 && o.Workers > o.MaxWorkers:
		return fmt.Errorf("--dataflow-workers %d is above --dataflow-max-workers %d", o.Workers, o.MaxWorkers)
	case o.WorkerRegion != "" && o.WorkerZone != "":
		return errors.New("--dataflow-worker-region and --dataflow-worker-zone: leave one out")
	case streaming && o.FlexRS != AtOnce:
		return fmt.Errorf("--dataflow-flexrs %s: only a batch can wait for its workers: leave it out, or read a source that has an end", o.FlexRS)
	case !streaming && o.AtLeastOnce:
		return errors.New("--dataflow-at-least-once: it is of streams: leave it out")
	case !streaming && o.Update:
		return errors.New("--dataflow-update: only a stream can take the place of another job: leave it out")
	case !o.Update && len(o.Renames) > 0:
		return errors.New("--dataflow-rename: no job is updated: add --dataflow-update, or leave it out")
	}
	if err := o.checkLabels(); err != nil {
		return err
	}
	if err := o.Secrets.Check(); err != nil {
		return fmt.Errorf("--dataflow-secret %w", err)
	}
	return nil
}

// checkLabels refuses labels that the service would refuse.
func (o Options) checkLabels() error {
	if len(o.Labels) > mostLabels {
		return fmt.Errorf("--dataflow-label: %d labels: Dataflow takes %d", len(o.Labels), mostLabels)
	}
	for _, key := range slices.Sorted(maps.Keys(o.Labels)) {
		if value := o.Labels[key]; !labelKeyForm.MatchString(key) || !labelValueForm.MatchString(value) {
			return fmt.Errorf("--dataflow-label %s=%s: a key begins with a small letter, and both have small letters, digits, - and _, at most 63: write such as team=contact-centre", key, value)
		}
	}
	return nil
}

// temp returns where the service puts its own files.
func (o Options) temp() string {
	if o.Temp != "" {
		return o.Temp
	}
	return strings.TrimRight(o.Staging, "/") + "/tmp"
}
