// Package parallel spreads the work on one element over the processors.
//
// Beam's embedded runners process the elements of a stage one after the other, and elements here
// are whole blocks; so the transforms divide a block themselves.
package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"

	"flexbeam/internal/mapped"
)

// Workers returns how many workers there should be: one for each processor. The number may change
// while a process runs, since the limits of its container may: who allocates memory for each worker
// must ask once and keep the answer.
func Workers() int { return runtime.GOMAXPROCS(0) }

// Do calls work for every piece from 0 to n-1, in as many goroutines as workers says. Each call gets
// the number of its goroutine, from 0 to workers-1, so that every goroutine can have memory of its
// own. Do returns the first error of work; after it, no further piece is begun. work may touch
// mapped memory (package mapped): if the file was truncated, the error is mapped.ErrChanged.
func Do(workers, n int, work func(worker, piece int) error) error {
	workers = min(workers, n)
	if workers <= 1 {
		return mapped.Guard(func() error {
			for i := range n {
				if err := work(0, i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	var (
		next   atomic.Int64
		failed atomic.Bool
		once   sync.Once
		first  error
		wg     sync.WaitGroup
	)
	for w := range workers {
		wg.Go(func() {
			for !failed.Load() {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := mapped.Guard(func() error { return work(w, i) }); err != nil {
					once.Do(func() { first = err })
					failed.Store(true)
				}
			}
		})
	}
	wg.Wait()
	return first
}
