variable "name" {
  description = "Name of the stream, and the beginning of the names of its roles."
  type        = string
}

variable "external_id" {
  description = "The external id that Twilio must give to assume its role: flexbeam setup draws one and prints it."
  type        = string
  sensitive   = true

  validation {
    condition     = length(var.external_id) >= 16
    error_message = "An external id of fewer than 16 letters can be guessed."
  }
}

variable "shards" {
  description = "Shards of the stream; 0 lets Kinesis scale it by itself (on demand)."
  type        = number
  default     = 0
}

variable "retention_hours" {
  description = "For how long Kinesis keeps what nobody has read: longer than your longest pause."
  type        = number
  default     = 168
}

variable "kms_key_id" {
  description = "Key that encrypts the stream."
  type        = string
  default     = "alias/aws/kinesis"
}

variable "consumers" {
  description = "Names of consumers with enhanced fan-out, for ?consumer=NAME."
  type        = set(string)
  default     = []
}

variable "reader_principals" {
  description = "ARNs of principals that may assume the role of readers: those of the machines that run flexbeam. Empty: no such role is made."
  type        = list(string)
  default     = []
}

variable "tags" {
  description = "Tags of all that is made."
  type        = map(string)
  default     = {}
}
