package keyed

import (
	"context"
	"slices"

	"flexbeam/internal/parallel"
)

const (
	foldKeys   = 512       // keys that are folded before their changes go on
	foldBlocks = 256 << 10 // bytes of changes that go on together, about
)

// Fold folds keys of a store on so many goroutines: fold, with the number of the goroutine, from 0 to folders-1, makes of a locked state what collect, on the
// caller's goroutine and in the order of the keys, turns into changes.
func Fold[R any](ctx context.Context, s *Store, kind Kind, folders int, keys []string, fold func(folder int, key string, l *Live) (R, error), collect func(block []byte, r R) ([]byte, error), changes func([]byte)) error {
	for group := range slices.Chunk(keys, foldKeys) {
		if err := foldGroup(ctx, s, kind, folders, group, fold, collect, changes); err != nil {
			return err
		}
	}
	return nil
}

func foldGroup[R any](ctx context.Context, s *Store, kind Kind, folders int, keys []string, fold func(folder int, key string, l *Live) (R, error), collect func(block []byte, r R) ([]byte, error), changes func([]byte)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.folding.RLock()
	whole := false
	defer func() {
		if !whole {
			s.broken.Store(true)
		}
		s.folding.RUnlock()
	}()
	type result struct {
		made, waited bool
		r            R
	}
	results := make([]result, len(keys))
	err := parallel.Do(folders, len(keys), func(folder, i int) error {
		l := s.Lock(kind, keys[i])
		if l == nil {
			return nil
		}
		defer l.Unlock()
		r, err := fold(folder, keys[i], l)
		if err != nil {
			return err
		}
		results[i] = result{true, s.Folded(l), r}
		return nil
	})
	if err != nil {
		return err
	}
	var block []byte
	waited := 0
	for _, r := range results {
		if !r.made {
			continue
		}
		if r.waited {
			waited++
		}
		if block, err = collect(block, r.r); err != nil {
			return err
		}
		if len(block) >= foldBlocks {
			changes(block)
			block = nil
		}
	}
	if len(block) > 0 {
		changes(block)
	}
	s.Done(waited)
	whole = true
	return nil
}
