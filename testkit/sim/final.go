package sim

import (
	"fmt"
	"slices"
)

// final compares what was committed with what the input says.
func (w *world) final() error {
	if w.err != nil {
		return w.err
	}
	if n := len(w.ext.prepared); n > 0 && !w.kind.endless() {
		return fmt.Errorf("%d transactions are left open: %v", n, w.ext.order)
	}
	if w.kind == Window {
		return w.finalWindows()
	}
	n := map[int64]int64{}
	var want []out
	for _, rows := range w.input {
		for _, r := range rows {
			n[r.key]++
			if w.kind == Expand {
				for range copies {
					want = append(want, out{r.key, r.time})
				}
				continue
			}
			want = append(want, out{r.key, n[r.key]})
		}
	}
	return compare(want, w.ext.rows)
}

// compare looks for rows that are missing or should not be there.
func compare(want, got []out) error {
	got = slices.Clone(got)
	sortRows(want)
	sortRows(got)
	lost, extra := 0, 0
	i, j := 0, 0
	for i < len(want) || j < len(got) {
		switch {
		case j == len(got) || i < len(want) && less(want[i], got[j]):
			lost++
			i++
		case i == len(want) || less(got[j], want[i]):
			extra++
			j++
		default:
			i++
			j++
		}
	}
	if lost+extra > 0 {
		return fmt.Errorf("of %d rows %d are lost, and %d are there that should not be", len(want), lost, extra)
	}
	return nil
}

// finalWindows checks that each window fired once and that its count and the late
// rows together are the rows of the input. Without idle splits no row may be late:
// each lies within the bound of its split's watermark.
func (w *world) finalWindows() error {
	type cell struct{ key, window int64 }
	left := map[cell]int64{}
	fired := map[cell]bool{}
	for _, rows := range w.input {
		for _, r := range rows {
			left[cell{r.key, windowOf(r.time)}]++
		}
	}
	for _, o := range w.ext.rows {
		c := cell{o.key / windowsMax, o.key % windowsMax}
		if o.n == lateRow {
			left[c]--
			continue
		}
		if fired[c] {
			return fmt.Errorf("window %d of key %d fired twice", c.window, c.key)
		}
		fired[c] = true
		left[c] -= o.n
	}
	for c, n := range left {
		if n != 0 {
			return fmt.Errorf("window %d of key %d counts %d rows too few", c.window, c.key, n)
		}
	}
	return nil
}

func less(a, b out) bool { return a.key < b.key || a.key == b.key && a.n < b.n }

func sortRows(rows []out) {
	slices.SortFunc(rows, func(a, b out) int {
		if a.key != b.key {
			return int(a.key - b.key)
		}
		return int(a.n - b.n)
	})
}
