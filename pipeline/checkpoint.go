package pipeline

import (
	"fmt"

	"flexbeam/pipeline/source"
	"flexbeam/transforms/keyed/local"
)

// checkpoint keeps what a source must remember in the store of the job's state, beside the
// positions that come with the events of each batch.
type checkpoint struct{ store *local.Store }

var _ source.Checkpoint = checkpoint{}

// Load implements source.Checkpoint.
func (c checkpoint) Load() map[string][]byte { return c.store.Positions() }

// Save implements source.Checkpoint.
func (c checkpoint) Save(key string, value []byte) error {
	c.store.SetPosition(key, value)
	return nil
}

// Delete implements source.Checkpoint.
func (c checkpoint) Delete(key string) { c.store.ForgetPosition(key) }

// Sync implements source.Checkpoint.
func (c checkpoint) Sync() error {
	if err := c.store.Checkpoint(func() error { return nil }); err != nil {
		return fmt.Errorf("--state: %w", err)
	}
	return nil
}
