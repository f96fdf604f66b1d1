variable "project" {
  description = "ID of the project."
  type        = string
}

variable "dataset" {
  description = "ID of the dataset, for bigquery:PROJECT.DATASET as a sink."
  type        = string
  default     = "flex"
}

variable "location" {
  description = "Location of the dataset, such as EU. It cannot be changed."
  type        = string
}

variable "writers" {
  description = "Members that write and read rows, such as serviceAccount:flexbeam@my-project.iam.gserviceaccount.com."
  type        = set(string)
}

variable "readers" {
  description = "Members that read rows."
  type        = set(string)
  default     = []
}

variable "kms_key" {
  description = "Key of Cloud KMS that encrypts the tables; null: Google's own."
  type        = string
  default     = null
}

variable "time_travel_hours" {
  description = "For how long erased and changed rows can be brought back, 48 to 168. Rows of erased persons too."
  type        = number
  default     = 48
}
