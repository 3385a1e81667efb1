package conform

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
)

// ReaderCtx is a context for readers under test; now is the processing time.
func ReaderCtx(now *int64) connect.ReaderCtx {
	return connect.ReaderCtx{
		Parallelism: 1, Seed: 7,
		Now:  func() int64 { return *now },
		Wake: func() {},
	}
}

// ReadSplit reads a split until it ends, or until it has given limit rows (0: no
// limit), in polls of at most max rows. It moves now on where the reader waits.
func ReadSplit(src connect.Source, s connect.Split, max, limit int) (Rows, connect.Split, error) {
	now := int64(1_600_000_000_000)
	r, err := src.Open(s, ReaderCtx(&now))
	if err != nil {
		return nil, s, err
	}
	defer r.Close()
	var out Rows
	var b batch.Batch
	for idle := 0; idle < 1000; {
		if limit > 0 {
			if len(out) >= limit {
				return out, r.Position(), nil
			}
			max = min(max, limit-len(out))
		}
		b.Reset()
		st, err := r.Poll(&b, max)
		if err != nil {
			return out, r.Position(), err
		}
		if b.N > max {
			return out, r.Position(), fmt.Errorf("a poll for %d rows gave %d", max, b.N)
		}
		out = append(out, TextOf(&b)...)
		switch st {
		case connect.End:
			return out, r.Position(), nil
		case connect.Wait:
			at := r.NextAt()
			if a, ok := r.(connect.Awaiter); ok && at == 0 && a.Await(10*time.Second) {
				continue
			}
			if at <= now {
				return out, r.Position(), fmt.Errorf("a reader waits for what does not come")
			}
			now = at
		}
		if b.N == 0 {
			idle++
		} else {
			idle = 0
		}
	}
	return out, r.Position(), fmt.Errorf("1000 polls gave no row")
}

// ReadAll reads all splits of a bounded source in their order.
func ReadAll(src connect.Source, max int) (Rows, error) {
	splits, err := src.Splits(1)
	if err != nil {
		return nil, err
	}
	var out Rows
	for _, s := range splits {
		rows, _, err := ReadSplit(src, s, max, 0)
		out = append(out, rows...)
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

// Source checks a bounded source: splits are sorted, the size of polls does not
// matter, and reading from the position after any row gives the rest.
func Source(t *testing.T, open func() connect.Source) {
	t.Helper()
	src := open()
	splits, err := src.Splits(1)
	if err != nil {
		t.Fatalf("splits: %v", err)
	}
	if !slices.IsSortedFunc(splits, func(a, b connect.Split) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	}) {
		t.Errorf("splits are not sorted by id: %v", splits)
	}
	for _, s := range splits {
		want, end, err := ReadSplit(open(), s, batch.MaxRows, 0)
		if err != nil {
			t.Fatalf("split %s: %v", s.ID, err)
		}
		for _, max := range []int{1, 3} {
			got, _, err := ReadSplit(open(), s, max, 0)
			if err != nil || !slices.Equal(got, want) {
				t.Fatalf("split %s, polls of %d rows: %d rows, %v; want %d rows", s.ID, max, len(got), err, len(want))
			}
		}
		for k := range len(want) + 1 {
			if len(want) > 100 && k%(len(want)/50) != 0 {
				continue
			}
			pos := s
			if k > 0 {
				head, p, err := ReadSplit(open(), s, 5, k)
				if err != nil || !slices.Equal(head, want[:k]) {
					t.Fatalf("split %s: first %d rows: %v, %v", s.ID, k, head, err)
				}
				pos = p
			}
			rest, _, err := ReadSplit(open(), pos, 4, 0)
			if err != nil || !slices.Equal(rest, want[k:]) {
				t.Fatalf("split %s from row %d: got\n%v, %v\nwant\n%v", s.ID, k, rest, err, want[k:])
			}
		}
		if rest, _, err := ReadSplit(open(), end, 4, 0); err != nil || len(rest) > 0 {
			t.Errorf("split %s from its end: %v, %v", s.ID, rest, err)
		}
	}
}
