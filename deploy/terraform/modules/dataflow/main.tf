# A job on Dataflow from the Flex Template, the account of its workers, and the secrets that they read.

resource "google_service_account" "worker" {
  project      = var.project
  account_id   = "${var.name}-worker"
  display_name = "Workers of ${var.name}"
}

locals {
  worker = "serviceAccount:${google_service_account.worker.email}"
}

resource "google_project_iam_member" "worker" {
  for_each = toset(["roles/dataflow.worker", "roles/artifactregistry.reader", "roles/bigquery.jobUser"])
  project  = var.project
  role     = each.value
  member   = local.worker
}

resource "google_storage_bucket_iam_member" "worker" {
  bucket = var.bucket
  role   = "roles/storage.objectAdmin"
  member = local.worker
}

resource "google_secret_manager_secret" "of" {
  for_each  = var.secrets
  project   = var.project
  secret_id = each.value

  replication {
    auto {}
  }
}

resource "google_secret_manager_secret_iam_member" "worker" {
  for_each  = google_secret_manager_secret.of
  project   = var.project
  secret_id = each.value.secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = local.worker
}

resource "google_dataflow_flex_template_job" "live" {
  provider                = google-beta
  project                 = var.project
  region                  = var.region
  name                    = var.name
  container_spec_gcs_path = var.template
  service_account_email   = google_service_account.worker.email
  sdk_container_image     = var.worker_image
  machine_type            = var.machine_type
  max_workers             = var.max_workers
  network                 = var.network
  subnetwork              = var.subnetwork
  ip_configuration        = var.public_ips ? "WORKER_IP_PUBLIC" : "WORKER_IP_PRIVATE"
  kms_key_name            = var.kms_key
  enable_streaming_engine = true
  staging_location        = "gs://${var.bucket}/staging"
  temp_location           = "gs://${var.bucket}/temp"
  labels                  = var.labels
  on_delete               = "drain"

  parameters = merge(
    {
      source = var.source_uri
      sink   = var.sink_uri
      dataflow_secret = join(",", [
        for name, id in var.secrets : "${name}=gcpsecretmanager://projects/${var.project}/secrets/${id}"
      ])
    },
    var.parameters,
  )

  depends_on = [
    google_project_iam_member.worker,
    google_storage_bucket_iam_member.worker,
    google_secret_manager_secret_iam_member.worker,
  ]
}
