output "worker_account" {
  description = "E-mail of the account of the workers: a writer of the dataset."
  value       = google_service_account.worker.email
}

output "job_name" {
  description = "For flexbeam job status."
  value       = google_dataflow_flex_template_job.live.name
}
