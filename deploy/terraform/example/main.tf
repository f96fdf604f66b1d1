# All modules together: Twilio writes to a stream at AWS, a job on Dataflow reads it and writes to
# BigQuery. Change the values, then: terraform init && terraform plan

terraform {
  required_version = ">= 1.9.0"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.25"
    }
    google = {
      source  = "hashicorp/google"
      version = "~> 6.50"
    }
    google-beta = {
      source  = "hashicorp/google-beta"
      version = "~> 6.50"
    }
  }
}

variable "external_id" {
  description = "The external id that flexbeam setup has drawn."
  type        = string
  sensitive   = true
}

locals {
  project = "my-project"
  region  = "europe-west1"
}

provider "aws" {
  region = "us-east-1"
}

provider "google" {
  project = local.project
  region  = local.region
}

provider "google-beta" {
  project = local.project
  region  = local.region
}

module "kinesis" {
  source      = "../modules/kinesis"
  name        = "flex-events"
  external_id = var.external_id
}

module "bigquery" {
  source   = "../modules/bigquery"
  project  = local.project
  location = "EU"
  writers  = ["serviceAccount:${module.dataflow.worker_account}"]
}

module "dataflow" {
  source       = "../modules/dataflow"
  project      = local.project
  region       = local.region
  bucket       = "my-bucket"
  template     = "gs://my-bucket/templates/flexbeam.json"
  worker_image = "europe-docker.pkg.dev/my-project/flexbeam/flexbeam-worker:0.1.0"
  source_uri   = "kinesis:${module.kinesis.stream_name}?region=us-east-1"
  # The dataset's module waits for the account of the workers, so its output is not used here.
  sink_uri = "bigquery:${local.project}.flex"
}

module "alerts" {
  source                = "../modules/alerts"
  project               = local.project
  job_name              = module.dataflow.job_name
  stream_name           = module.kinesis.stream_name
  notification_channels = ["projects/my-project/notificationChannels/1234567890"]
}

output "setup" {
  description = "Connects Twilio to the stream."
  value       = "flexbeam setup --stream ${module.kinesis.stream_arn} --role ${module.kinesis.twilio_role_arn} --external-id EXTERNAL_ID"
}
