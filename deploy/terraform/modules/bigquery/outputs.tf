output "sink" {
  description = "The sink's URI."
  value       = "bigquery:${var.project}.${google_bigquery_dataset.flex.dataset_id}"
}
