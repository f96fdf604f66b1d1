variable "project" {
  description = "ID of the project in which the job runs."
  type        = string
}

variable "job_name" {
  description = "Name of the job on Dataflow."
  type        = string
}

variable "stream_name" {
  description = "Name of the stream."
  type        = string
}

variable "retention_hours" {
  description = "For how long the stream keeps what nobody has read."
  type        = number
  default     = 168
}

variable "notification_channels" {
  description = "Names of notification channels of Cloud Monitoring."
  type        = list(string)
}

variable "sns_topics" {
  description = "ARNs of SNS topics for alarms of the stream."
  type        = list(string)
  default     = []
}

variable "playbooks" {
  description = "Where the playbooks are."
  type        = string
  default     = "https://example.com/flexbeam/docs/playbooks.md"
}
