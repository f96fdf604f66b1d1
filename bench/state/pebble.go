package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"flexbeam/internal/statedisk"
)

// A pebbleDisk is a Disk in a log-structured merge tree. Changes between two marks are one of its
// batches, which waits in memory until Sync commits it.
//
// A record is a merge of pieces. A spilled value has a number, under which lie its head and, apart
// from it, the value: at a start only heads are read.
type pebbleDisk struct {
	db *pebble.DB

	mu      sync.Mutex
	open    *pebble.Batch // since the last mark
	marked  []marked
	mark    statedisk.Mark    // of the last batch of marked
	number  uint64            // of the last spilled value
	written uint64            // of the last one that is in the database
	waiting map[uint64][]byte // those behind it

	syncing sync.Mutex // held by the one that commits
}

// marked is a batch that waits for Sync, and the number of the last spilled value that it or one
// before it has.
type marked struct {
	batch *pebble.Batch
	last  uint64
}

func openPebble(dir string, restore statedisk.Restore) (statedisk.Disk, error) {
	cache := pebble.NewCache(8 << 20)
	defer cache.Unref()
	options := &pebble.Options{
		Cache:                      cache,
		MemTableSize:               32 << 20, // so that most records of tasks that end soon never leave it
		FormatMajorVersion:         pebble.FormatNewest,
		Logger:                     quiet{},
		CompactionConcurrencyRange: func() (int, int) { return 1, 2 },
	}
	// What is spilled is compressed already, and is best kept apart from the tree: this took 11
	// microseconds an event instead of 17.
	options.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionNone })
	options.Experimental.ValueSeparationPolicy = func() pebble.ValueSeparationPolicy {
		return pebble.ValueSeparationPolicy{Enabled: true, MinimumSize: 1024, MaxBlobReferenceDepth: 10, RewriteMinimumAge: time.Minute, TargetGarbageRatio: 0.5}
	}
	db, err := pebble.Open(dir, options)
	if err != nil {
		return nil, err
	}
	d := &pebbleDisk{db: db, open: db.NewBatch(), waiting: map[uint64][]byte{}}
	if err := d.restore(restore); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// quiet is a logger that says nothing, and ends the process where pebble demands it.
type quiet struct{}

func (quiet) Infof(string, ...any)           {}
func (quiet) Errorf(string, ...any)          {}
func (quiet) Fatalf(format string, a ...any) { panic(fmt.Sprintf(format, a...)) }

func (d *pebbleDisk) restore(restore statedisk.Restore) error {
	err := d.each(ofRecord, func(key, value []byte) error {
		return eachPiece(key, value, func(c statedisk.Change) error { return restore(c, noRelease) })
	})
	if err != nil {
		return err
	}
	return d.each(ofHead, func(key, head []byte) error {
		d.number = binary.BigEndian.Uint64(key)
		d.written = d.number
		return restore(spilled(d.number, head), noRelease)
	})
}

// each calls f with all keys that have a first byte.
func (d *pebbleDisk) each(first byte, f func(key, value []byte) error) error {
	it, err := d.db.NewIter(&pebble.IterOptions{LowerBound: []byte{first}, UpperBound: []byte{first + 1}})
	if err != nil {
		return err
	}
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err == nil {
			err = f(it.Key()[1:], value)
		}
		if err != nil {
			return errors.Join(err, it.Close())
		}
	}
	return it.Close()
}

// Commit implements statedisk.Disk.
func (d *pebbleDisk) Commit(b *statedisk.Batch) (refs []statedisk.Ref, err error) {
	var key, value []byte
	d.mu.Lock()
	defer d.mu.Unlock()
	for c := range b.Changes() {
		key = append(append(key[:0], ofRecord), c.Key...)
		switch c.Op {
		case statedisk.Put:
			value = piece(value[:0], c)
			err = d.open.Set(key, value, nil)
		case statedisk.Append:
			value = piece(value[:0], c)
			err = d.open.Merge(key, value, nil)
		case statedisk.Delete:
			err = d.open.Delete(key, nil)
		case statedisk.Spill:
			d.number++
			d.waiting[d.number] = append([]byte(nil), c.Value...)
			refs = append(refs, refOf(d.number, len(c.Value)))
			err = errors.Join(d.open.Set(numbered(ofHead, d.number), headOf(c), nil), d.open.Set(numbered(ofValue, d.number), c.Value, nil))
		}
		if err != nil {
			return nil, err
		}
	}
	for _, r := range b.Released() {
		err = errors.Join(err, d.open.Delete(numbered(ofHead, numberOf(r)), nil), d.open.Delete(numbered(ofValue, numberOf(r)), nil))
	}
	return refs, err
}

// Load implements statedisk.Disk.
func (d *pebbleDisk) Load(ref statedisk.Ref, buf []byte) ([]byte, error) {
	d.mu.Lock()
	value, ok := d.waiting[numberOf(ref)]
	d.mu.Unlock()
	if ok {
		return append(buf[:0], value...), nil
	}
	value, closer, err := d.db.Get(numbered(ofValue, numberOf(ref)))
	if err != nil {
		return nil, err
	}
	return append(buf[:0], value...), closer.Close()
}

// Mark implements statedisk.Disk.
func (d *pebbleDisk) Mark() statedisk.Mark {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open.Empty() {
		return d.mark
	}
	d.marked = append(d.marked, marked{d.open, d.number})
	d.open = d.db.NewBatch()
	d.mark++
	return d.mark
}

// Sync implements statedisk.Disk.
func (d *pebbleDisk) Sync(to statedisk.Mark) error {
	d.syncing.Lock()
	defer d.syncing.Unlock()
	d.mu.Lock()
	n := max(0, len(d.marked)-int(d.mark-to))
	batches := d.marked[:n:n]
	d.mu.Unlock()
	for i, b := range batches {
		durable := pebble.NoSync
		if i == n-1 {
			durable = pebble.Sync
		}
		if err := errors.Join(d.db.Apply(b.batch, durable), b.batch.Close()); err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, b := range batches {
		for d.written < b.last {
			d.written++
			delete(d.waiting, d.written)
		}
	}
	d.marked = append([]marked(nil), d.marked[n:]...)
	return nil
}

// NeedsSnapshot implements statedisk.Disk.
func (d *pebbleDisk) NeedsSnapshot(int64) bool { return false }

// Snapshot implements statedisk.Disk: everything is in its place already.
func (d *pebbleDisk) Snapshot(at statedisk.Mark, _ iter.Seq[statedisk.Change]) error {
	return d.Sync(at)
}

// Size implements statedisk.Disk.
func (d *pebbleDisk) Size() int64 { return int64(d.db.Metrics().DiskSpaceUsage()) }

// Close implements statedisk.Disk.
func (d *pebbleDisk) Close() error {
	for _, b := range d.marked {
		b.batch.Close()
	}
	d.open.Close()
	return d.db.Close()
}
