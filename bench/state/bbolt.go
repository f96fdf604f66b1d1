package main

import (
	"encoding/binary"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"

	"flexbeam/internal/statedisk"
)

// A boltDisk is a Disk in a B+ tree of pages. Batches wait in memory until Sync writes those before
// its mark in one transaction.
type boltDisk struct {
	db *bolt.DB

	mu      sync.Mutex
	pending []numberedBatch
	first   statedisk.Mark    // of the first pending batch
	number  uint64            // of the last spilled value
	waiting map[uint64][]byte // spilled values that are pending

	syncing sync.Mutex // held by the one that commits
}

// numberedBatch is a batch, and the number of its first spilled value.
type numberedBatch struct {
	changes  []statedisk.Change
	released []statedisk.Ref
	number   uint64
}

func openBolt(dir string, restore statedisk.Restore) (statedisk.Disk, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	db, err := bolt.Open(filepath.Join(dir, "state"), 0o600, &bolt.Options{Timeout: time.Second, NoFreelistSync: true, FreelistType: bolt.FreelistMapType})
	if err != nil {
		return nil, err
	}
	d := &boltDisk{db: db, waiting: map[uint64][]byte{}}
	err = db.Update(func(tx *bolt.Tx) error {
		for _, name := range []byte{ofRecord, ofHead, ofValue} {
			if _, err := tx.CreateBucketIfNotExists([]byte{name}); err != nil {
				return err
			}
		}
		return d.restore(tx, restore)
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return d, nil
}

func (d *boltDisk) restore(tx *bolt.Tx, restore statedisk.Restore) error {
	err := tx.Bucket([]byte{ofRecord}).ForEach(func(key, value []byte) error {
		return eachPiece(key, value, func(c statedisk.Change) error { return restore(c, noRelease) })
	})
	if err != nil {
		return err
	}
	return tx.Bucket([]byte{ofHead}).ForEach(func(key, head []byte) error {
		d.number = binary.BigEndian.Uint64(key)
		return restore(spilled(d.number, head), noRelease)
	})
}

// Commit implements statedisk.Disk.
func (d *boltDisk) Commit(b *statedisk.Batch) (refs []statedisk.Ref, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := numberedBatch{released: slices.Clone(b.Released()), number: d.number + 1}
	for c := range b.Changes() {
		c.Key, c.Value = slices.Clone(c.Key), slices.Clone(c.Value)
		if c.Op == statedisk.Spill {
			d.number++
			d.waiting[d.number] = c.Value
			refs = append(refs, refOf(d.number, len(c.Value)))
		}
		n.changes = append(n.changes, c)
	}
	d.pending = append(d.pending, n)
	return refs, nil
}

// Load implements statedisk.Disk.
func (d *boltDisk) Load(ref statedisk.Ref, buf []byte) (value []byte, err error) {
	d.mu.Lock()
	waiting, ok := d.waiting[numberOf(ref)]
	d.mu.Unlock()
	if ok {
		return append(buf[:0], waiting...), nil
	}
	err = d.db.View(func(tx *bolt.Tx) error {
		v := tx.Bucket([]byte{ofValue}).Get(key(numberOf(ref)))
		if v == nil {
			return errors.New("no such value")
		}
		value = append(buf[:0], v...)
		return nil
	})
	return value, err
}

// Mark implements statedisk.Disk.
func (d *boltDisk) Mark() statedisk.Mark {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.first + statedisk.Mark(len(d.pending))
}

// Sync implements statedisk.Disk.
func (d *boltDisk) Sync(to statedisk.Mark) error {
	d.syncing.Lock()
	defer d.syncing.Unlock()
	d.mu.Lock()
	n := max(0, int(to-d.first))
	batches := d.pending[:n:n]
	d.mu.Unlock()
	if n == 0 {
		return nil
	}
	err := d.db.Update(func(tx *bolt.Tx) error {
		records, heads, values := tx.Bucket([]byte{ofRecord}), tx.Bucket([]byte{ofHead}), tx.Bucket([]byte{ofValue})
		heads.FillPercent, values.FillPercent = 1, 1 // keys rise
		for _, b := range batches {
			if err := b.write(records, heads, values); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, b := range batches {
		for _, c := range b.changes {
			if c.Op == statedisk.Spill {
				delete(d.waiting, b.number)
				b.number++
			}
		}
	}
	d.pending, d.first = slices.Clone(d.pending[n:]), to
	return nil
}

// write writes the batch.
func (b numberedBatch) write(records, heads, values *bolt.Bucket) (err error) {
	for _, c := range b.changes {
		switch c.Op {
		case statedisk.Put:
			err = records.Put(c.Key, piece(nil, c))
		case statedisk.Append:
			err = records.Put(c.Key, piece(slices.Clone(records.Get(c.Key)), c))
		case statedisk.Delete:
			err = records.Delete(c.Key)
		case statedisk.Spill:
			err = errors.Join(heads.Put(key(b.number), headOf(c)), values.Put(key(b.number), c.Value))
			b.number++
		}
		if err != nil {
			return err
		}
	}
	for _, r := range b.released {
		err = errors.Join(err, heads.Delete(key(numberOf(r))), values.Delete(key(numberOf(r))))
	}
	return err
}

// key is the key of a numbered value.
func key(number uint64) []byte { return binary.BigEndian.AppendUint64(nil, number) }

// NeedsSnapshot implements statedisk.Disk.
func (d *boltDisk) NeedsSnapshot(int64) bool { return false }

// Snapshot implements statedisk.Disk: everything is in its place already.
func (d *boltDisk) Snapshot(at statedisk.Mark, _ iter.Seq[statedisk.Change]) error { return d.Sync(at) }

// Size implements statedisk.Disk.
func (d *boltDisk) Size() int64 {
	st, err := os.Stat(d.db.Path())
	if err != nil {
		return 0
	}
	return st.Size()
}

// Close implements statedisk.Disk.
func (d *boltDisk) Close() error { return d.db.Close() }
