package kinesisio

import "time"

// estimator says how far a reading went in time.
type estimator struct {
	own    int64 // ms since 1970: of the shard alone; survives
	report int64 // ms since 1970: what the runner is told
}

// CurrentWatermark returns what the runner is told.
func (e *estimator) CurrentWatermark() time.Time { return time.UnixMilli(e.report) }

// estimators are the methods that both DoFns have.
type estimators struct{}

// CreateWatermarkEstimator returns an estimator that stands at a time in ms. What it reports is set
// by each call.
func (estimators) CreateWatermarkEstimator(ms int64) *estimator {
	return &estimator{own: ms, report: unknown}
}

// WatermarkEstimatorState returns the watermark in ms.
func (estimators) WatermarkEstimatorState(e *estimator) int64 { return e.own }
