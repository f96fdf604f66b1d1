# The dataset, and who may write and read it. The tables are flexbeam's to make and to change: a job
# does it when it starts, or `flexbeam schema apply`.

resource "google_bigquery_dataset" "flex" {
  project               = var.project
  dataset_id            = var.dataset
  location              = var.location
  friendly_name         = "Twilio Flex"
  description           = "Engagements, agents, agent status, customers and turns, kept up to date by flexbeam."
  max_time_travel_hours = var.time_travel_hours

  dynamic "default_encryption_configuration" {
    for_each = var.kms_key == null ? [] : [var.kms_key]

    content {
      kms_key_name = default_encryption_configuration.value
    }
  }
}

resource "google_bigquery_dataset_iam_member" "writer" {
  for_each   = var.writers
  project    = var.project
  dataset_id = google_bigquery_dataset.flex.dataset_id
  role       = "roles/bigquery.dataEditor"
  member     = each.value
}

resource "google_project_iam_member" "jobs" {
  for_each = var.writers
  project  = var.project
  role     = "roles/bigquery.jobUser"
  member   = each.value
}

resource "google_bigquery_dataset_iam_member" "reader" {
  for_each   = var.readers
  project    = var.project
  dataset_id = google_bigquery_dataset.flex.dataset_id
  role       = "roles/bigquery.dataViewer"
  member     = each.value
}
