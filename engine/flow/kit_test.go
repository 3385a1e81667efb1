package flow

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/exec"
	"github.com/minkstream/mink/engine/types"
)

// numbers is a source of splits; split i gives rows (k, v) = (n%keys, n) for n =
// i, i+splits, ... below total. Times are n milliseconds.
type numbers struct {
	total, keys, splits int
	unbounded           bool
	fail                func(n int64) error
}

var numberSchema = types.Schema{{Name: "k", Type: types.BigIntT}, {Name: "v", Type: types.BigIntT}}

func (s *numbers) Changes() connect.Changes                   { return connect.AppendOnly }
func (s *numbers) Bounded() bool                              { return !s.unbounded }
func (s *numbers) Project(connect.Projection)                 {}
func (s *numbers) Discover([]string) ([]connect.Split, error) { return nil, nil }
func (s *numbers) DiscoverInterval() time.Duration            { return 0 }
func (s *numbers) Splits(wanted int) (out []connect.Split, _ error) {
	if s.splits == 0 {
		s.splits = wanted
	}
	for i := range s.splits {
		out = append(out, connect.Split{ID: strconv.Itoa(i)})
	}
	return out, nil
}

func (s *numbers) Open(at connect.Split, _ connect.ReaderCtx) (connect.Reader, error) {
	first, _ := strconv.Atoi(at.ID)
	r := &numberReader{s: s, id: at.ID, next: int64(first)}
	if len(at.Pos) > 0 {
		r.next = int64(binary.LittleEndian.Uint64(at.Pos))
	}
	return r, nil
}

type numberReader struct {
	s    *numbers
	id   string
	next int64
}

func (r *numberReader) Poll(dst *batch.Batch, most int) (connect.Status, error) {
	left := (int64(r.s.total) - r.next + int64(r.s.splits) - 1) / int64(r.s.splits)
	n := int(min(left, int64(most)))
	if n <= 0 {
		if r.s.unbounded {
			return connect.Wait, nil
		}
		return connect.End, nil
	}
	if r.s.fail != nil {
		if err := r.s.fail(r.next); err != nil {
			return connect.More, err
		}
	}
	dst.Alloc(numberSchema.Types(), n)
	for i := range n {
		dst.Cols[0].I64[i] = r.next % int64(r.s.keys)
		dst.Cols[1].I64[i] = r.next
		r.next += int64(r.s.splits)
	}
	return connect.More, nil
}

func (r *numberReader) NextAt() int64 { return 0 }
func (r *numberReader) Position() connect.Split {
	return connect.Split{ID: r.id, Pos: binary.LittleEndian.AppendUint64(nil, uint64(r.next))}
}
func (r *numberReader) Close() error { return nil }

// collector is a sink that keeps rows as text, at once or when they are committed.
type collector struct {
	mu        sync.Mutex
	twoPhase  bool
	rows      []string
	prepared  map[string][]string
	committed map[string]bool
	wms       []int64
	writers   int // opened
}

func (s *collector) Changes(q connect.Changes) connect.Changes { return q }
func (s *collector) Grade() string                             { return "exactly-once" }
func (s *collector) Open(w connect.WriterCtx) (connect.Writer, error) {
	s.mu.Lock()
	s.writers++
	s.mu.Unlock()
	return &collectWriter{s: s}, nil
}

func (s *collector) Committer(connect.WriterCtx) (connect.Committer, error) {
	if !s.twoPhase {
		return nil, nil
	}
	return collectCommitter{s}, nil
}

func (s *collector) sorted() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := slices.Clone(s.rows)
	slices.Sort(out)
	return out
}

func (s *collector) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.rows)
}

type collectWriter struct {
	s    *collector
	open []string
}

func (w *collectWriter) Write(b *batch.Batch) error {
	if b.Sel != nil {
		return fmt.Errorf("rows are not dense")
	}
	var rows []string
	for i := range b.N {
		text := b.Kind(i).String()
		for c := range b.Cols {
			text += " " + strconv.FormatInt(b.Cols[c].I64[i], 10)
		}
		rows = append(rows, text)
	}
	if w.s.twoPhase {
		w.open = append(w.open, rows...)
		return nil
	}
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	w.s.rows = append(w.s.rows, rows...)
	return nil
}

func (w *collectWriter) Watermark(ts int64) error {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	w.s.wms = append(w.s.wms, ts)
	return nil
}
func (w *collectWriter) Timer(int64) error { return nil }
func (w *collectWriter) Prepare(txn string) ([]byte, error) {
	if !w.s.twoPhase || len(w.open) == 0 {
		return nil, nil
	}
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	if w.s.prepared == nil {
		w.s.prepared, w.s.committed = map[string][]string{}, map[string]bool{}
	}
	w.s.prepared[txn] = w.open
	w.open = nil
	return []byte(txn), nil
}
func (w *collectWriter) State() []byte          { return nil }
func (w *collectWriter) Restore([][]byte) error { return nil }
func (w *collectWriter) Close() error           { return nil }

type collectCommitter struct{ s *collector }

func (c collectCommitter) Commit(data []byte) error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	txn := string(data)
	if c.s.committed[txn] {
		return nil
	}
	rows, ok := c.s.prepared[txn]
	if !ok {
		return fmt.Errorf("transaction %s is not known", txn)
	}
	delete(c.s.prepared, txn)
	c.s.committed[txn] = true
	c.s.rows = append(c.s.rows, rows...)
	return nil
}

func (c collectCommitter) Fence(_ int64, keep [][]byte) error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	for txn := range c.s.prepared {
		if !slices.ContainsFunc(keep, func(k []byte) bool { return string(k) == txn }) {
			delete(c.s.prepared, txn)
		}
	}
	return nil
}
func (c collectCommitter) Close() error { return nil }

// counter emits (key, count of the key so far) for each row; its state is a plain
// map, so it does not survive restarts.
type counter struct {
	exec.Stateless
	n   map[int64]int64
	out batch.Batch
}

func (o *counter) Process(c *exec.Ctx, _ int, b *batch.Batch) error {
	if o.n == nil {
		o.n = map[int64]int64{}
	}
	o.out.Alloc(numberSchema.Types(), b.Rows())
	for i := range b.Rows() {
		k := b.Cols[0].I64[b.Lane(i)]
		o.n[k]++
		o.out.Cols[0].I64[i], o.out.Cols[1].I64[i] = k, o.n[k]
	}
	return c.Emit(&o.out)
}

// evens is a filter that keeps marks.
type evens struct {
	exec.Stateless
	sel []uint16
	out batch.Batch
}

func (o *evens) Process(c *exec.Ctx, _ int, b *batch.Batch) error {
	o.sel = append(o.sel[:0], 0)[:0] // never nil: that would select all
	for i := range b.Rows() {
		if l := b.Lane(i); b.Cols[1].I64[l]%2 == 0 {
			o.sel = append(o.sel, uint16(l))
		}
	}
	o.out = *b
	o.out.Sel = o.sel
	return c.Emit(&o.out)
}

func byValue(b *batch.Batch, out []int64) error {
	copy(out, b.Cols[1].I64[:b.N])
	return nil
}

// countGraph is source -> even rows -> hash by k -> count -> single sink.
func countGraph(src connect.Source, sink connect.Sink, sourceP, countP int) *Graph {
	return &Graph{
		Vertices: []*Vertex{
			{ID: 0, UID: "src", Name: "Source", Parallelism: sourceP,
				Source: &SourceSpec{Source: src, Schema: numberSchema, Name: "numbers", Watermark: func(func() int64) WatermarkEval { return byValue }},
				Nodes:  []Node{{Op: func() exec.Operator { return &evens{} }, Name: "Filter", UID: "filter", Outs: []Out{ToEdge(0)}}}},
			{ID: 1, UID: "count", Name: "Count", Parallelism: countP,
				Nodes: []Node{{Op: func() exec.Operator { return &counter{} }, Name: "Count", UID: "counter", Outs: []Out{ToEdge(1)}}}},
			{ID: 2, UID: "sink", Name: "Sink", Parallelism: 1, Nodes: []Node{{Sink: sink, Name: "Sink", UID: "collect"}}},
		},
		Edges: []Edge{{From: 0, To: 1, Kind: Hash, Keys: []int{0}}, {From: 1, To: 2, Kind: Single}},
	}
}

// wantCounts are the rows of countGraph, worked out plainly.
func wantCounts(total, keys int) []string {
	n := map[int]int{}
	var out []string
	for i := 0; i < total; i += 2 {
		k := i % keys
		n[k]++
		out = append(out, fmt.Sprintf("+I %d %d", k, n[k]))
	}
	slices.Sort(out)
	return out
}
