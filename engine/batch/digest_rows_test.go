package batch

import (
	"fmt"
	"testing"

	"github.com/minkstream/mink/engine/types"
)

// bids are rows as a generator gives them: numbers, a time and texts, within a ROW that
// every tenth row lacks.
func bids(n int, sparse bool, changes map[int]any) *Batch {
	bid := types.RowT(
		types.Field{Name: "auction", Type: types.BigIntT}, types.Field{Name: "price", Type: types.BigIntT},
		types.Field{Name: "channel", Type: types.StringT}, types.Field{Name: "url", Type: types.StringT},
	).Nullable(true)
	w := NewBatchBuilder(types.BigIntT, bid)
	for i := range n {
		var row any
		if i%10 != 0 {
			row = []any{int64(i * 7), int64(i * 13), "channel-" + fmt.Sprint(i%10), url(i, 1)}
		}
		if change := changes[i]; change != nil {
			row = change
		}
		w.Row(Insert, int64(i), row)
	}
	b := w.Finish()
	row := &b.Cols[1]
	if sparse {
		row.Sparsify(n)
	}
	return b
}

func digest(b *Batch) uint64 { return (&RowDigester{}).Digest(b) }

func url(i, query int) string {
	return fmt.Sprintf("https://www.nexmark.com/abo/irt/%d/item.htm?query=%d&channel_id=%d", i, query, i%100)
}

// The digest is of content: not of how a column lies, nor of what stands in lanes that are
// NULL, and every change of a value, of an order or of a kind makes another.
func TestRowsDigest(t *testing.T) {
	const n = 700
	want := digest(bids(n, false, nil))
	if got := digest(bids(n, true, nil)); got != want {
		t.Errorf("of a sparse column it is %x, and not %x", got, want)
	}
	b := bids(n, false, nil)
	b.Cols[1].Kids[0].I64[10]++ // within a row that is NULL
	if digest(b) != want {
		t.Error("it is of what is not there")
	}
	changes := map[string]func(b *Batch){
		"number":   func(b *Batch) { b.Cols[0].I64[311]++ },
		"field":    func(b *Batch) { b.Cols[1].Kids[1].I64[5]-- },
		"last row": func(b *Batch) { b.Cols[0].I64[n-1] = 0 },
		"order":    func(b *Batch) { b.Cols[0].I64[1], b.Cols[0].I64[2] = 2, 1 },
		"columns":  func(b *Batch) { x := &b.Cols[1]; x.Kids[0].I64, x.Kids[1].I64 = x.Kids[1].I64, x.Kids[0].I64 },
		"kind":     func(b *Batch) { b.Kinds = make([]Kind, b.N); b.Kinds[3] = Delete },
		"fewer":    func(b *Batch) { b.Sel = Span(0, n-1) },
	}
	for what, row := range map[string]any{
		"text":          []any{int64(99 * 7), int64(99 * 13), "channel-9", "https://www.nexmark.com/abo/irt/99/item.htm?query=1&channel_id=98"},
		"short text":    []any{int64(99 * 7), int64(99 * 13), "channel_9", url(99, 1)},
		"null of field": []any{nil, int64(99 * 13), "channel-9", url(99, 1)},
		"null of text":  []any{int64(99 * 7), int64(99 * 13), nil, url(99, 1)},
	} {
		if digest(bids(n, false, map[int]any{99: row})) == want {
			t.Errorf("another %s makes no other digest", what)
		}
	}
	for what, change := range changes {
		b := bids(n, false, nil)
		change(b)
		if digest(b) == want {
			t.Errorf("another %s makes no other digest", what)
		}
	}
	half := bids(n, false, nil)
	half.Sel = Span(350, n)
	var dense Batch
	dense.Gather(half, nil)
	if digest(half) != digest(&dense) {
		t.Error("a selection has another digest than its rows")
	}
}

func BenchmarkRowsDigest(b *testing.B) {
	rows := bids(4096, true, nil)
	var d RowDigester
	for b.Loop() {
		d.Digest(rows)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/4096, "ns/row")
}
