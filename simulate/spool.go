package simulate

import "io"

// spool writes blocks on a goroutine of its own, so that drawing goes on while the file system
// takes a block.
type spool struct {
	w     io.Writer
	block []byte
	full  chan []byte
	empty chan []byte
	done  chan error
}

const spoolBlock = 1 << 20

func newSpool(w io.Writer) *spool {
	s := &spool{w: w, full: make(chan []byte, 2), empty: make(chan []byte, 4), done: make(chan error, 1)}
	for range cap(s.empty) - 1 {
		s.empty <- make([]byte, 0, spoolBlock+1<<14)
	}
	s.block = <-s.empty
	go s.run()
	return s
}

func (s *spool) run() {
	var err error
	for b := range s.full {
		if err == nil {
			if _, err = s.w.Write(b); err != nil {
				s.done <- err
			}
		}
		s.empty <- b[:0]
	}
	if err == nil {
		s.done <- nil
	}
}

// line adds a line. An error of an earlier block comes back with a later line.
func (s *spool) line(text []byte) error {
	s.block = append(append(s.block, text...), '\n')
	if len(s.block) < spoolBlock {
		return nil
	}
	select {
	case err := <-s.done:
		s.done <- err
		return err
	default:
	}
	s.full <- s.block
	s.block = <-s.empty
	return nil
}

// close writes what is left and waits until the writer is no longer used.
func (s *spool) close() error {
	if len(s.block) > 0 {
		s.full <- s.block
	}
	close(s.full)
	return <-s.done
}
