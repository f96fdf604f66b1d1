package parallel_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"

	"flexbeam/internal/mapped"
	"flexbeam/internal/parallel"
)

func TestEveryPieceIsDoneOnceByAWorkerOfItsOwn(t *testing.T) {
	for _, procs := range []int{1, 2, 8} {
		before := runtime.GOMAXPROCS(procs)
		for _, n := range []int{0, 1, 2, 7, 1000} {
			t.Run(fmt.Sprintf("%d pieces on %d processors", n, procs), func(t *testing.T) {
				done := make([]atomic.Int32, n)
				workers := parallel.Workers()
				busy := make([]atomic.Bool, workers)
				runtime.GOMAXPROCS(procs + 3) // as when a container's limit is raised
				err := parallel.Do(workers, n, func(worker, piece int) error {
					if busy[worker].Swap(true) {
						return fmt.Errorf("worker %d does two pieces at once", worker)
					}
					done[piece].Add(1)
					runtime.Gosched()
					busy[worker].Store(false)
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				for i := range done {
					if c := done[i].Load(); c != 1 {
						t.Fatalf("piece %d was done %d times", i, c)
					}
				}
			})
		}
		runtime.GOMAXPROCS(before)
	}
}

func TestNoPieceIsBegunAfterAnError(t *testing.T) {
	want := errors.New("enough")
	for _, n := range []int{1, 100_000} {
		var begun atomic.Int64
		err := parallel.Do(parallel.Workers(), n, func(_, _ int) error {
			begun.Add(1)
			return want
		})
		if !errors.Is(err, want) {
			t.Errorf("%d pieces: got %v", n, err)
		}
		if got := begun.Load(); got > int64(parallel.Workers()) {
			t.Errorf("%d of %d pieces were begun", got, n)
		}
	}
}

func TestAFileThatIsTruncatedIsAnErrorWithAnyNumberOfWorkers(t *testing.T) {
	for _, workers := range []int{1, 4} {
		f, err := os.Create(filepath.Join(t.TempDir(), "f"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := f.Truncate(1 << 20); err != nil {
			t.Fatal(err)
		}
		data, release, err := mapped.Map(f, 0, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		defer release()
		if err := f.Truncate(0); err != nil {
			t.Fatal(err)
		}
		var sum atomic.Int64
		err = parallel.Do(workers, 8, func(_, piece int) error {
			sum.Add(int64(data[piece<<17]))
			return nil
		})
		if runtime.GOOS == "linux" && !errors.Is(err, mapped.ErrChanged) {
			t.Errorf("%d workers: got %v", workers, err)
		}
	}
}
