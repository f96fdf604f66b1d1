output "names" {
  description = "Names of the alerts."
  value       = concat(keys(local.dataflow), keys(local.counters), keys(local.kinesis))
}
