# The stream into which Twilio's Event Streams write, the role that Twilio assumes for it, and one for
# those who read. `flexbeam setup --stream STREAM_ARN --role ROLE_ARN` connects Twilio to it.

locals {
  # The account at AWS from which Twilio assumes roles.
  twilio = "arn:aws:iam::177261743968:root"
}

resource "aws_kinesis_stream" "events" {
  name             = var.name
  shard_count      = var.shards > 0 ? var.shards : null
  retention_period = var.retention_hours
  encryption_type  = "KMS"
  kms_key_id       = var.kms_key_id
  tags             = var.tags

  stream_mode_details {
    stream_mode = var.shards > 0 ? "PROVISIONED" : "ON_DEMAND"
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_kinesis_stream_consumer" "reader" {
  for_each   = var.consumers
  name       = each.value
  stream_arn = aws_kinesis_stream.events.arn
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = [local.twilio]
    }

    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = [var.external_id]
    }
  }
}

data "aws_iam_policy_document" "write" {
  statement {
    actions   = ["kinesis:PutRecord", "kinesis:PutRecords", "kinesis:ListShards", "kinesis:DescribeStreamSummary"]
    resources = [aws_kinesis_stream.events.arn]
  }

  statement {
    actions   = ["kinesis:DescribeLimits"]
    resources = ["*"]
  }
}

resource "aws_iam_role" "twilio" {
  name               = "${var.name}-twilio"
  description        = "Twilio's Event Streams write to the stream ${var.name}."
  assume_role_policy = data.aws_iam_policy_document.trust.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "twilio" {
  name   = "write"
  role   = aws_iam_role.twilio.id
  policy = data.aws_iam_policy_document.write.json
}

data "aws_iam_policy_document" "readers" {
  count = length(var.reader_principals) > 0 ? 1 : 0

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = var.reader_principals
    }
  }
}

data "aws_iam_policy_document" "read" {
  statement {
    actions   = ["kinesis:ListShards", "kinesis:DescribeStreamSummary", "kinesis:GetShardIterator", "kinesis:GetRecords", "kinesis:DescribeStreamConsumer", "kinesis:RegisterStreamConsumer"]
    resources = [aws_kinesis_stream.events.arn]
  }

  statement {
    actions   = ["kinesis:SubscribeToShard", "kinesis:DescribeStreamConsumer"]
    resources = ["${aws_kinesis_stream.events.arn}/consumer/*"]
  }
}

resource "aws_iam_role" "reader" {
  count              = length(var.reader_principals) > 0 ? 1 : 0
  name               = "${var.name}-reader"
  description        = "flexbeam reads the stream ${var.name}: ?role_arn= of the source."
  assume_role_policy = data.aws_iam_policy_document.readers[0].json
  tags               = var.tags
}

resource "aws_iam_role_policy" "reader" {
  count  = length(var.reader_principals) > 0 ? 1 : 0
  name   = "read"
  role   = aws_iam_role.reader[0].id
  policy = data.aws_iam_policy_document.read.json
}
