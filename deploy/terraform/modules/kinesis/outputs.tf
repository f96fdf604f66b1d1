output "stream_arn" {
  description = "For flexbeam setup --stream, and kinesis:ARN as a source."
  value       = aws_kinesis_stream.events.arn
}

output "stream_name" {
  description = "Name of the stream."
  value       = aws_kinesis_stream.events.name
}

output "twilio_role_arn" {
  description = "For flexbeam setup --role."
  value       = aws_iam_role.twilio.arn
}

output "reader_role_arn" {
  description = "For ?role_arn= of the source; null if there is no such role."
  value       = one(aws_iam_role.reader[*].arn)
}
