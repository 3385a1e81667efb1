package sim

import (
	"encoding/binary"
	"strconv"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/types"
)

var rowSchema = types.Schema{{Name: "key", Type: types.BigIntT}, {Name: "time", Type: types.BigIntT}}

var rowTypes = rowSchema.Types()

// inSchema is what the source gives. Rows of one run have no empty poll between
// them. Once a run's first row has come to a task no watermark at its rows may be
// above their limit, or what it was at the first: see reader.limit.
var (
	inSchema = append(rowSchema[:2:2], types.Field{Name: "run", Type: types.BigIntT}, types.Field{Name: "limit", Type: types.BigIntT})
	inTypes  = inSchema.Types()
)

// source gives the rows of the scenario.
type source struct{ w *world }

func (s *source) Changes() connect.Changes                   { return connect.AppendOnly }
func (s *source) Bounded() bool                              { return !s.w.kind.endless() }
func (s *source) Project(connect.Projection)                 {}
func (s *source) Discover([]string) ([]connect.Split, error) { return nil, nil }
func (s *source) DiscoverInterval() time.Duration            { return 0 }

func (s *source) Splits(int) (out []connect.Split, _ error) {
	for i := range s.w.input {
		out = append(out, connect.Split{ID: strconv.Itoa(i)})
	}
	return out, nil
}

func (s *source) Open(at connect.Split, c connect.ReaderCtx) (connect.Reader, error) {
	i, err := strconv.Atoi(at.ID)
	if err != nil {
		return nil, err
	}
	r := &reader{w: s.w, id: at.ID, rows: s.w.input[i], now: c.Now, limit: s.w.released, run: s.w.newRun()}
	if len(at.Pos) > 0 {
		n, _ := binary.Uvarint(at.Pos)
		r.next = int(n)
	}
	for _, x := range r.rows[:r.next] {
		r.limit = max(r.limit, x.time-disorder)
	}
	return r, nil
}

type reader struct {
	w    *world
	id   string
	rows []row
	next int
	now  func() int64
	wait int64
	// limit is the greatest watermark that may be ahead of the next row. While the
	// split is not idle its own rows hold the watermark back; it may have been idle
	// before the reader was opened and after an empty poll, and then the watermark
	// may have gone as far as the rows read by then.
	limit int64
	empty bool // the last poll was
	run   int64
}

func (r *reader) Poll(dst *batch.Batch, most int) (connect.Status, error) {
	left := len(r.rows) - r.next
	if left == 0 {
		r.wait = 0
		if r.w.kind.endless() {
			return connect.Wait, nil
		}
		return connect.End, nil
	}
	n := 1 + r.w.sim.Choose(min(most, r.w.sc.Poll), "poll")
	n = min(n, left)
	if r.w.sc.Gaps {
		now := r.now() - r.w.start
		k := 0
		for k < n && r.rows[r.next+k].at <= now {
			k++
		}
		if k == 0 {
			r.empty = true
			r.wait = r.rows[r.next].at + r.w.start
			return connect.Wait, nil
		}
		n = k
	}
	if r.empty {
		r.empty, r.run = false, r.w.newRun()
		r.limit = max(r.limit, r.w.released)
	}
	dst.Alloc(inTypes, n)
	for i, x := range r.rows[r.next : r.next+n] {
		dst.Cols[0].I64[i], dst.Cols[1].I64[i], dst.Cols[2].I64[i], dst.Cols[3].I64[i] = x.key, x.time, r.run, r.limit
		r.limit = max(r.limit, x.time-disorder)
		r.w.released = max(r.w.released, x.time-disorder)
	}
	r.next += n
	return connect.More, nil
}

func (r *reader) NextAt() int64 { return r.wait }
func (r *reader) Position() connect.Split {
	return connect.Split{ID: r.id, Pos: binary.AppendUvarint(nil, uint64(r.next))}
}
func (r *reader) Close() error { return nil }

// bounded is the watermark of the Window job: no row is later than disorder.
func bounded(b *batch.Batch, out []int64) error {
	for i, t := range b.Cols[1].I64[:b.N] {
		out[i] = t - disorder
	}
	return nil
}
