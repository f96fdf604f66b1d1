variable "project" {
  description = "ID of the project."
  type        = string
}

variable "region" {
  description = "Region of the job, such as europe-west1."
  type        = string
}

variable "name" {
  description = "Name of the job. A change of what follows updates the running job of this name."
  type        = string
  default     = "flexbeam-live"
}

variable "template" {
  description = "gs://BUCKET/FILE that gcloud dataflow flex-template build has written."
  type        = string
}

variable "worker_image" {
  description = "Image of the workers, with its tag."
  type        = string
}

variable "bucket" {
  description = "Bucket for the job's graph and the service's own files, without gs://."
  type        = string
}

variable "source_uri" {
  description = "The source, such as kinesis:flex-events?region=us-east-1."
  type        = string
}

variable "sink_uri" {
  description = "The sink, such as bigquery:my-project.flex."
  type        = string
}

variable "secrets" {
  description = "Environment variables of the workers, and the IDs of the secrets of this project that are their values. The secrets are made here; their versions are yours to add."
  type        = map(string)
  default = {
    FLEXBEAM_CONTACT_KEY  = "flexbeam-contact-key"
    AWS_ACCESS_KEY_ID     = "flexbeam-aws-access-key-id"
    AWS_SECRET_ACCESS_KEY = "flexbeam-aws-secret-access-key"
  }
}

variable "parameters" {
  description = "More parameters of the template (deploy/dataflow/metadata.json), such as hide_activity."
  type        = map(string)
  default     = {}
}

variable "machine_type" {
  description = "Machine type of the workers."
  type        = string
  default     = "e2-standard-2"
}

variable "max_workers" {
  description = "How many workers there are at most."
  type        = number
  default     = 3
}

variable "network" {
  description = "Network of the workers; null: the one named default."
  type        = string
  default     = null
}

variable "subnetwork" {
  description = "regions/REGION/subnetworks/NAME; null: the network's own."
  type        = string
  default     = null
}

variable "public_ips" {
  description = "Whether workers have public addresses. Without them the network needs Cloud NAT for AWS, and Private Google Access."
  type        = bool
  default     = false
}

variable "kms_key" {
  description = "Key of Cloud KMS that encrypts what is at rest; null: Google's own."
  type        = string
  default     = null
}

variable "labels" {
  description = "Labels of the job."
  type        = map(string)
  default     = {}
}
