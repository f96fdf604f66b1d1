// Package config reads flexbeam.yaml: the accounts of Twilio, the sinks, and the options of a job, in one
// file.
//
// The structs of this file are the only description of it: what a key is called, what it takes and what
// it is for stand in their tags, from which come the checks of Parse, the JSON Schema for editors and the
// reference in docs/configuration.md:
//
//	yaml      the key
//	doc       what it is for
//	flag      the flag of run that it stands for
//	pattern   a regular expression for the value; example is one
//	enum      the values that there are, with bars between
//	example   a value
//	required  true: there must be one
//
// A file holds no secret, only references to secrets (internal/secret).
package config

import (
	"time"

	"flexbeam/internal/secret"
)

// A File is a configuration.
type File struct {
	Accounts []Account         `yaml:"accounts" doc:"Accounts of Twilio, one for each instance of Flex."`
	Sinks    map[string]string `yaml:"sinks" doc:"Names for sinks, which run.sink and --sink may then say instead of a URI." example:"duckdb:calls.duckdb"`
	Model    Model             `yaml:"model" doc:"What shapes the rows. A sink remembers it, and refuses a job with another one."`
	Turns    Turns             `yaml:"turns" doc:"Transcripts of conversations."`
	Run      Run               `yaml:"run" doc:"Options of flexbeam run, by the names of its flags."`

	name string
	at   map[string]Position // of each key that is set, by its path, such as accounts[0].secret
}

// An Account is an account of Twilio.
type Account struct {
	Name        string           `yaml:"name" doc:"What commands and messages call it." pattern:"^[A-Za-z0-9_.-]+$" example:"emea"`
	SID         string           `yaml:"account" doc:"SID of the account." pattern:"^AC[0-9a-f]{32}$" example:"AC0123456789abcdef0123456789abcdef" required:"true"`
	Key         string           `yaml:"key" doc:"SID of an API key of the account, or the account's own SID if secret leads to its token." pattern:"^(SK|AC)[0-9a-f]{32}$" example:"SK0123456789abcdef0123456789abcdef" required:"true"`
	Secret      secret.Reference `yaml:"secret" doc:"Where the secret of the key is; never the secret itself." example:"env:TWILIO_API_SECRET" required:"true"`
	Region      string           `yaml:"region" doc:"Where the account's data are; us1 unless said otherwise." enum:"us1|ie1"`
	Workspaces  []string         `yaml:"workspaces" doc:"SIDs of its TaskRouter workspaces, which the source taskrouter: may name." pattern:"^WS[0-9a-f]{32}$" example:"WS0123456789abcdef0123456789abcdef"`
	ChatService string           `yaml:"chat_service" doc:"SID of the chat service that has its conversations; the account's default one, else that of Flex, unless said otherwise." pattern:"^IS[0-9a-f]{32}$" example:"IS0123456789abcdef0123456789abcdef"`
	Streams     []Stream         `yaml:"streams" doc:"Kinesis streams that its events come through. Without run.source a job reads those of all accounts."`
	Parallel    int              `yaml:"parallel" doc:"Calls to Twilio at once; 20 unless said otherwise." min:"1" max:"1000" example:"20"`
	Endpoint    string           `yaml:"endpoint" doc:"URL in place of Twilio's hosts, such as that of flexbeam local twilio." pattern:"^https?://.+$" example:"http://127.0.0.1:4010"`
}

// A Stream is a Kinesis stream.
type Stream struct {
	Stream     string `yaml:"stream" doc:"Its name or its ARN; flexbeam setup needs the ARN." pattern:"^[^?&,]+$" example:"arn:aws:kinesis:eu-west-1:123456789012:stream/flex-events" required:"true"`
	Start      string `yaml:"start" doc:"Where a job without a state begins: trim-horizon, latest or at:TIME." pattern:"^(trim-horizon|latest|at:.+)$" example:"trim-horizon"`
	Region     string `yaml:"region" doc:"AWS region, of a stream that is named without an ARN." pattern:"^[a-z0-9-]+$" example:"eu-west-1"`
	Endpoint   string `yaml:"endpoint" doc:"URL in place of Kinesis." pattern:"^https?://.+$" example:"http://127.0.0.1:4567"`
	Consumer   string `yaml:"consumer" doc:"Name of a consumer with enhanced fan-out." pattern:"^[a-zA-Z0-9_.-]+$" example:"flexbeam"`
	RoleARN    string `yaml:"role_arn" doc:"Role that flexbeam takes on to read." pattern:"^arn:.+$" example:"arn:aws:iam::123456789012:role/flexbeam"`
	ExternalID string `yaml:"external_id" doc:"External id in the trust policy of role_arn." pattern:"^[^&?]+$" example:"flexbeam-read"`

	TwilioRole       string `yaml:"twilio_role" doc:"Role that Twilio takes on to write, for flexbeam setup." pattern:"^arn:.+$" example:"arn:aws:iam::123456789012:role/twilio"`
	TwilioExternalID string `yaml:"twilio_external_id" doc:"External id in the trust policy of twilio_role, for flexbeam setup." pattern:"^.+$" example:"flexbeam-write"`
}

// Model is what shapes rows.
type Model struct {
	OfflineActivities   []string         `yaml:"offline_activities" doc:"Activities that agent_status leaves out, in any case of their letters." flag:"hide-activity" example:"Offline"`
	CustomerLeftReasons []string         `yaml:"customer_left_reasons" doc:"Reasons of a cancellation that mean that the customer left." flag:"customer-left-reason" example:"hangup"`
	ContactKey          secret.Reference `yaml:"contact_key" doc:"Where the key is with which contacts are hashed. A remote worker takes the key from its own environment." example:"file:/etc/flexbeam/contact.key"`
	Columns             []Column         `yaml:"columns" doc:"Attribute paths of your own for columns."`
}

// A Column gets further attribute paths.
type Column struct {
	Column string   `yaml:"column" doc:"Table and column." pattern:"^[a-z_]+[.][a-z0-9_]+$" example:"engagements.language" required:"true"`
	Before []string `yaml:"before" doc:"Paths that count before the built-in ones: into task_attributes, or of agents into worker_attributes." example:"conversations.lang"`
	Behind []string `yaml:"behind" doc:"Paths that count where the built-in ones are empty." example:"language"`
}

// Turns says what is fetched of conversations, and what becomes of their texts.
type Turns struct {
	Fetch    string   `yaml:"fetch" doc:"Which transcripts are fetched: those of which the sink does not have the turns, all, or none." enum:"missing|all|none"`
	Every    Duration `yaml:"every" doc:"How often a stream looks at conversations that are open; 5m unless said otherwise." example:"5m"`
	Text     string   `yaml:"text" doc:"What becomes of texts: keep puts them into turn_contents, apart puts that table into text_sink, none leaves them null." flag:"turns-text" enum:"keep|apart|none"`
	TextSink string   `yaml:"text_sink" doc:"With text: apart, the sink of turn_contents, by its URI or its name in sinks." flag:"turns-text-sink" example:"duckdb:texts.duckdb"`
}

// Run are options of flexbeam run.
type Run struct {
	Source              string   `yaml:"source" doc:"URI of the events; the streams of all accounts unless said otherwise." flag:"source" example:"file:events/*.ndjson.gz"`
	Sink                string   `yaml:"sink" doc:"URI of the tables, or its name in sinks; the only one there unless said otherwise." flag:"sink" example:"duckdb:calls.duckdb"`
	Runner              string   `yaml:"runner" doc:"What runs the Beam graph: auto, direct, prism, flink or dataflow." flag:"runner" example:"auto"`
	Mode                string   `yaml:"mode" doc:"auto is batch for files and stream for streams." flag:"mode" enum:"auto|batch|stream"`
	AsOf                string   `yaml:"as_of" doc:"Time up to which running activities count: ISO 8601, epoch, or now." flag:"as-of" example:"now"`
	NoDeadLetterPayload bool     `yaml:"no_dead_letter_payload" doc:"Write dead letters without their record." flag:"no-dead-letter-payload"`
	MaxDeadLetters      string   `yaml:"max_dead_letters" doc:"Fail, once all is written, if there are more: a number, or a share of the records." flag:"max-dead-letters" example:"0.5%"`
	FlushEvery          Duration `yaml:"flush_every" doc:"In stream mode, how often rows become visible." flag:"flush-every" example:"2s"`
	State               string   `yaml:"state" doc:"Directory that holds what a stream's next process needs to go on." flag:"state" example:"calls.state"`
	AtOnce              bool     `yaml:"at_once" doc:"Of a stream: fold events when they are read." flag:"at-once"`
	Progress            string   `yaml:"progress" doc:"How progress is shown." flag:"progress" enum:"auto|bar|plain|none"`
	MetricsAddr         string   `yaml:"metrics_addr" doc:"HOST:PORT that serves metrics and health checks." flag:"metrics-addr" example:"127.0.0.1:9464"`
	LogLevel            string   `yaml:"log_level" doc:"Least level of the logs." flag:"log-level" enum:"debug|info|warn|error"`
	LogFormat           string   `yaml:"log_format" doc:"How logs are written." flag:"log-format" enum:"text|json"`
	Flink               Flink    `yaml:"flink" doc:"Options of --runner flink."`
	Dataflow            Dataflow `yaml:"dataflow" doc:"Options of --runner dataflow."`
}

// Flink are options of jobs on Flink.
type Flink struct {
	Endpoint        string   `yaml:"endpoint" doc:"HOST:PORT of Beam's job service." flag:"flink-endpoint" example:"127.0.0.1:8099"`
	REST            string   `yaml:"rest" doc:"HOST:PORT of Flink's own REST interface." flag:"flink-rest" example:"127.0.0.1:8081"`
	Environment     string   `yaml:"environment" doc:"Where transforms run." flag:"flink-environment" enum:"loopback|process|external"`
	Worker          string   `yaml:"worker" doc:"COMMAND of process, or HOST:PORT of the pool of external." flag:"flink-worker" example:"127.0.0.1:50000"`
	Parallelism     int      `yaml:"parallelism" doc:"Of each part of the job, how many run at a time." flag:"flink-parallelism" example:"4"`
	MaxParallelism  int      `yaml:"max_parallelism" doc:"Up to which a later job may go on from a savepoint." flag:"flink-max-parallelism" example:"128"`
	CheckpointEvery Duration `yaml:"checkpoint_every" doc:"Time between two checkpoints." flag:"flink-checkpoint-every" example:"10s"`
	RenewEvery      Duration `yaml:"renew_every" doc:"How long a stream runs before it goes on from a savepoint as a new job; 0s for never." flag:"flink-renew-every" example:"2h"`
	BundleSize      int      `yaml:"bundle_size" doc:"Elements at most that are processed at a time." flag:"flink-bundle-size" example:"1000"`
	BundleTime      Duration `yaml:"bundle_time" doc:"How long they are gathered at most." flag:"flink-bundle-time" example:"100ms"`
	Restarts        int      `yaml:"restarts" doc:"How often a job is restarted after a failure; -1 is what the cluster is configured for." flag:"flink-restarts" min:"-1" example:"3"`
	RestartDelay    Duration `yaml:"restart_delay" doc:"How long it waits before." flag:"flink-restart-delay" example:"10s"`
}

// Dataflow are options of jobs on Google's Dataflow.
type Dataflow struct {
	Project        string   `yaml:"project" doc:"ID of the project." flag:"dataflow-project" example:"my-project"`
	Region         string   `yaml:"region" doc:"Region of the job." flag:"dataflow-region" example:"europe-west1"`
	Staging        string   `yaml:"staging" doc:"Where the graph of the job is put." flag:"dataflow-staging" pattern:"^gs://.+$" example:"gs://my-bucket/staging"`
	Temp           string   `yaml:"temp" doc:"For the service's own files; tmp in the staging folder unless said otherwise." flag:"dataflow-temp" pattern:"^gs://.+$" example:"gs://my-bucket/temp"`
	Image          string   `yaml:"image" doc:"Image of the worker, with a tag or a digest." flag:"dataflow-image" example:"europe-docker.pkg.dev/my-project/flexbeam/flexbeam-worker:0.1.0"`
	JobName        string   `yaml:"job_name" doc:"Name of the job." flag:"dataflow-job-name" example:"flexbeam-live"`
	MachineType    string   `yaml:"machine_type" doc:"Machine type of the workers." flag:"dataflow-machine-type" example:"e2-standard-2"`
	Workers        int      `yaml:"workers" doc:"Workers at the start; 0 lets the service choose." flag:"dataflow-workers" example:"1"`
	MaxWorkers     int      `yaml:"max_workers" doc:"Workers at most; 0 is the service's limit." flag:"dataflow-max-workers" example:"3"`
	Disk           int      `yaml:"disk" doc:"GB of disk of each worker; 0 lets the service choose." flag:"dataflow-disk" example:"30"`
	WorkerRegion   string   `yaml:"worker_region" doc:"Region of the workers, if it is not the job's." flag:"dataflow-worker-region" example:"europe-west4"`
	WorkerZone     string   `yaml:"worker_zone" doc:"Zone of the workers." flag:"dataflow-worker-zone" example:"europe-west1-b"`
	Network        string   `yaml:"network" doc:"Network of the workers." flag:"dataflow-network" example:"my-network"`
	Subnetwork     string   `yaml:"subnetwork" doc:"Their subnetwork." flag:"dataflow-subnetwork" example:"regions/europe-west1/subnetworks/my-subnetwork"`
	NoPublicIPs    bool     `yaml:"no_public_ips" doc:"Workers have private addresses only." flag:"dataflow-no-public-ips"`
	ServiceAccount string   `yaml:"service_account" doc:"E-mail of the service account of the workers." flag:"dataflow-service-account" example:"flexbeam@my-project.iam.gserviceaccount.com"`
	KMSKey         string   `yaml:"kms_key" doc:"Key of Cloud KMS with which what is at rest is encrypted." flag:"dataflow-kms-key" example:"projects/my-project/locations/europe-west1/keyRings/my-ring/cryptoKeys/my-key"`
	AtLeastOnce    bool     `yaml:"at_least_once" doc:"Of a stream: its engine may process a thing twice, which is cheaper." flag:"dataflow-at-least-once"`
	FlexRS         string   `yaml:"flexrs" doc:"Of a batch: flexible resource scheduling." flag:"dataflow-flexrs" enum:"none|cost|speed"`
	Labels         []string `yaml:"labels" doc:"Labels of the job, KEY=VALUE each." flag:"dataflow-label" pattern:"^[^=]+=.*$" example:"team=contact-centre"`
	ServiceOptions []string `yaml:"service_options" doc:"Options of the service." flag:"dataflow-service-option" example:"enable_google_cloud_profiler"`
	Experiments    []string `yaml:"experiments" doc:"Experiments of the service." flag:"dataflow-experiment" example:"some_experiment"`
	Secrets        []string `yaml:"secrets" doc:"Environment variables of the workers, each with the reference of its value. That of model.contact_key comes by itself." flag:"dataflow-secret" pattern:"^[A-Za-z_][A-Za-z0-9_]*=(gcpsecretmanager|awssecretsmanager)://.+$" example:"AWS_SECRET_ACCESS_KEY=gcpsecretmanager://projects/my-project/secrets/aws-secret-access-key"`
}

// A Duration is written as time.ParseDuration reads it, such as 90s or 5m.
type Duration time.Duration

// A Position is where something stands in a file, from 1.
type Position struct{ Line, Column int }
