# Alerts of a job on Dataflow and of its stream. Each has a section in docs/playbooks.md, whose anchor
# is its name in small letters.

locals {
  job = "resource.type = \"dataflow_job\" AND resource.label.job_name = \"${var.job_name}\""

  # Of Cloud Monitoring: what is compared, over how long, and what it means.
  dataflow = {
    DataflowJobFailed = {
      filter    = "metric.type = \"dataflow.googleapis.com/job/is_failed\" AND ${local.job}"
      aligner   = "ALIGN_MAX"
      threshold = 0
      duration  = "0s"
      severity  = "CRITICAL"
      summary   = "The job has failed: no rows are written."
    }
    DataflowWatermarkOld = {
      filter    = "metric.type = \"dataflow.googleapis.com/job/data_watermark_age\" AND ${local.job}"
      aligner   = "ALIGN_MAX"
      threshold = 600
      duration  = "300s"
      severity  = "CRITICAL"
      summary   = "The watermark is more than ten minutes old: rows come late or not at all."
    }
    DataflowLag = {
      filter    = "metric.type = \"dataflow.googleapis.com/job/system_lag\" AND ${local.job}"
      aligner   = "ALIGN_MAX"
      threshold = 300
      duration  = "600s"
      severity  = "WARNING"
      summary   = "What was read waits for more than five minutes to be processed."
    }
  }

  # Of Cloud Monitoring too: counters of the workers, by how much they grow within fifteen minutes. Their metric is a
  # gauge to the service, of which no aligner gives the growth.
  counters = {
    DataflowDeadLetters = {
      counter   = "dead_letters"
      threshold = 10
      severity  = "WARNING"
      summary   = "More than ten records in fifteen minutes could not be used."
    }
  }

  # Of CloudWatch: of the stream itself, whoever reads it.
  kinesis = {
    KinesisReadersBehind = {
      metric    = "GetRecords.IteratorAgeMilliseconds"
      statistic = "Maximum"
      threshold = 300000
      periods   = 10
      summary   = "A reader is five minutes behind the newest record."
    }
    KinesisNearRetention = {
      metric    = "GetRecords.IteratorAgeMilliseconds"
      statistic = "Maximum"
      threshold = var.retention_hours * 3600000 / 2
      periods   = 5
      summary   = "A reader has used up half of the stream's retention: records may be lost."
    }
    KinesisWritesRefused = {
      metric    = "WriteProvisionedThroughputExceeded"
      statistic = "Sum"
      threshold = 0
      periods   = 5
      summary   = "Twilio's records are refused for their rate: it tries again for four hours, then they are lost."
    }
  }
}

resource "google_monitoring_alert_policy" "dataflow" {
  for_each              = local.dataflow
  project               = var.project
  display_name          = each.key
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = var.notification_channels

  conditions {
    display_name = each.value.summary

    condition_threshold {
      filter          = each.value.filter
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.threshold
      duration        = each.value.duration

      aggregations {
        alignment_period   = "60s"
        per_series_aligner = each.value.aligner
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "${each.value.summary} What to do: ${var.playbooks}#${lower(each.key)}"
  }
}

resource "google_monitoring_alert_policy" "counters" {
  for_each              = local.counters
  project               = var.project
  display_name          = each.key
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = var.notification_channels

  conditions {
    display_name = each.value.summary

    condition_prometheus_query_language {
      query               = "sum(delta(dataflow_googleapis_com:job_user_counter{monitored_resource=\"dataflow_job\",job_name=\"${var.job_name}\",metric_name=\"${each.value.counter}\"}[15m])) > ${each.value.threshold}"
      duration            = "0s"
      evaluation_interval = "60s"
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "${each.value.summary} What to do: ${var.playbooks}#${lower(each.key)}"
  }
}

resource "aws_cloudwatch_metric_alarm" "kinesis" {
  for_each            = local.kinesis
  alarm_name          = each.key
  alarm_description   = "${each.value.summary} What to do: ${var.playbooks}#${lower(each.key)}"
  namespace           = "AWS/Kinesis"
  metric_name         = each.value.metric
  statistic           = each.value.statistic
  period              = 60
  evaluation_periods  = each.value.periods
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.sns_topics
  ok_actions          = var.sns_topics

  dimensions = {
    StreamName = var.stream_name
  }
}
