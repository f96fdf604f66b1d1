package local

import (
	"errors"

	"flexbeam/internal/statedisk"
)

// openDisks opens where the states are that are not in memory, and restores what an earlier process
// left in a directory. What an earlier version left is on s.temporary then, until settle.
func (s *Store) openDisks(o Options) (r statedisk.Recovery, err error) {
	temporary, err := statedisk.OpenTemporary(o.Dir)
	if err != nil {
		return r, err
	}
	s.disk, s.temporary = temporary, temporary
	if o.Dir != "" {
		log, recovery, err := statedisk.OpenLog(o.Dir, s.restore)
		if r = recovery; err != nil {
			return r, errors.Join(err, temporary.Close())
		}
		if o.MinRewrite != 0 {
			log.MinSnapshot = o.MinRewrite
		}
		s.disk, s.keeps = log, true
	}
	for _, z := range s.kinds {
		z.disk, z.kept = s.disk, s.keeps && !z.kind.Volatile
		if z.kind.Volatile {
			z.disk = s.temporary
		}
	}
	return r, nil
}

// closeDisks gives the directory back.
func (s *Store) closeDisks() error {
	err := s.disk.Close()
	if s.keeps {
		err = errors.Join(err, s.temporary.Close())
	}
	return err
}

// commit commits a batch that spills nothing: there is no error of that.
func commit(d statedisk.Disk, b *statedisk.Batch) {
	if _, err := d.Commit(b); err != nil {
		panic(err)
	}
}

// Checkpoint makes durable what was added, and what is known to be over: once flush has stored what was
// written to the sink. States that ended a while ago go to the disk.
func (s *Store) Checkpoint(flush func() error) error {
	// What processing has let go of is committed, or missing in a snapshot, only behind what it has
	// written to the sink.
	s.processing.Lock()
	if s.broken.Load() { // the job is about to end
		s.processing.Unlock()
		return flush()
	}
	ripe := make([][]spillable, len(s.kinds))
	for i, z := range s.kinds {
		ripe[i] = z.spill.ripe(s.Watermark())
	}
	makeDurable := s.beginKeep()
	s.processing.Unlock()
	if err := flush(); err != nil {
		return err
	}
	if err := makeDurable(); err != nil {
		return err
	}
	for i, z := range s.kinds {
		if err := s.spillOut(z, ripe[i]); err != nil {
			return err
		}
	}
	return nil
}

// beginKeep returns what makes durable what the store holds now: by a snapshot where the disk wants
// one.
func (s *Store) beginKeep() (makeDurable func() error) {
	mark := s.disk.Mark()
	if !s.disk.NeedsSnapshot(s.kept()) {
		return func() error { return s.disk.Sync(mark) }
	}
	return s.beginSnapshot(mark)
}

func (s *Store) beginSnapshot(mark statedisk.Mark) (write func() error) {
	records := s.records()
	return func() error {
		if err := s.disk.Snapshot(mark, records); err != nil {
			return err
		}
		s.rewrites.Add(1)
		return nil
	}
}
