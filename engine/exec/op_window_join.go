package exec

import (
	"bytes"

	"github.com/minkstream/mink/engine/batch"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// WindowJoinConfig describes a join of rows of the same window. Both inputs only
// append and carry the end of their window as a TIMESTAMP column.
type WindowJoinConfig struct {
	Type        JoinType
	Left, Right []types.Type
	JoinKeys
	LeftEnd, RightEnd int
	Out               []types.Type
	// Firing converts the end of a window to the watermark at which it fires, less
	// 1; nil where ends are watermark time (they are wall-clock time for windows on
	// TIMESTAMP_LTZ).
	Firing func(end int64) int64
}

// NewWindowJoin makes a window join: rows wait until their window ends, then both
// sides of each key meet.
func NewWindowJoin(cfg WindowJoinConfig) Operator { return &windowJoin{cfg: cfg} }

type windowJoin struct {
	cfg    WindowJoinConfig
	queues [2]*state.Queue
	codecs [2]*state.Codec
	types  [2][]types.Type
	res    *residual

	keys  batch.KeyVec
	times []int64
	buf   []byte
	offs  []uint32
	kbuf  []byte
	lanes []uint16
	due   [2]state.Due
	sides [2]batch.Batch
	hit   [2][]bool
	pairL []uint32
	pairR []uint32
	out   batch.Batch
}

// Draw names the operator and its state.
func (j *windowJoin) Draw() Drawing {
	return Drawing{Name: "WindowJoin", State: []string{"left", "right"}}
}

// Open makes both queues of waiting rows.
func (j *windowJoin) Open(c *Ctx) error {
	j.types = [2][]types.Type{j.cfg.Left, j.cfg.Right}
	for s, ts := range j.types {
		j.queues[s] = c.Store.Queue(c.Name+[]string{".left", ".right"}[s], state.QueueSpec{})
		j.codecs[s] = state.NewCodec(ts)
	}
	var err error
	j.res, err = newResidual(j.cfg.Residual, j.cfg.Left, j.cfg.Right, c)
	return err
}

// Process queues the rows of open windows; those of windows that fired are late.
func (j *windowJoin) Process(c *Ctx, in int, b *batch.Batch) error {
	n := b.Rows()
	if n == 0 {
		return nil
	}
	end := j.cfg.LeftEnd
	if in == 1 {
		end = j.cfg.RightEnd
	}
	j.times = append(j.times[:0], Millis(&b.Cols[end], b.N, &j.times)...)
	for i := range j.times {
		if j.cfg.Firing != nil {
			j.times[i] = j.cfg.Firing(j.times[i])
		}
		j.times[i]--
	}
	keys := keyVec(c, in, b, j.cfg.of(in), &j.keys)
	crosses := func(from, to int64) bool { return MinTime(j.times, b.Sel, b.N) <= to || j.waiting() <= to }
	for s := NewSegments(c.Watermark(), b, crosses); s.Next(); {
		seg := *b
		seg.Sel, seg.Marks = Lanes(b, s.Lo, s.Hi), nil
		j.queue(c, in, &seg, keys, s.Before)
		if s.Moved() {
			if err := j.fire(c, s.After); err != nil {
				return err
			}
		}
	}
	return nil
}

// waiting is the earliest firing time of any row.
func (j *windowJoin) waiting() int64 {
	least := batch.MaxWatermark
	for _, q := range j.queues {
		if m, ok := q.Min(); ok {
			least = min(least, m)
		}
	}
	return least
}

func (j *windowJoin) queue(c *Ctx, in int, b *batch.Batch, keys *batch.KeyVec, wm int64) {
	var late []uint16
	j.lanes = j.lanes[:0]
	for i := range b.Rows() {
		l := uint16(b.Lane(i))
		if j.times[l] <= wm {
			late = append(late, l)
		} else {
			j.lanes = append(j.lanes, l)
		}
	}
	keyCols := j.cfg.of(in)
	constant := true // as the bounds of a window are
	for _, col := range keyCols {
		constant = constant && b.Cols[col].Enc == batch.Const
	}
	if len(j.lanes) > 0 {
		j.buf, j.offs = j.codecs[in].AppendRows(j.buf[:0], j.offs[:0], b, j.lanes)
	}
	for i, l := range j.lanes {
		if i == 0 || !constant {
			j.kbuf = j.kbuf[:0]
			for _, col := range keyCols {
				j.kbuf = batch.AppendKey(j.kbuf, &b.Cols[col], int(l))
			}
		}
		k := state.Key{Group: keys.KG[l], Hash: keys.H[l], Bytes: j.kbuf}
		j.queues[in].Add(j.times[l], k, j.buf[j.offs[i]:j.offs[i+1]])
	}
	if late != nil {
		c.Late(b, late, wm)
	}
}

// fire joins the windows that end at or before the watermark, one by one.
func (j *windowJoin) fire(c *Ctx, wm int64) error {
	for {
		ts := j.waiting()
		if ts > wm || ts == batch.MaxWatermark {
			return nil
		}
		for s := range j.due {
			j.queues[s].Due(ts, 1<<30, &j.due[s])
			j.sides[s].Alloc(j.types[s], 0)
			n := len(j.due[s].Keys)
			j.sides[s].Alloc(j.types[s], n)
			if n > 0 {
				j.codecs[s].Decode(j.sides[s].Cols, 0, nil, j.due[s].Payload)
			}
			j.hit[s] = append(j.hit[s][:0], make([]bool, n)...)
		}
		if err := j.window(c); err != nil {
			return err
		}
	}
}

func compareKeys(a, b state.Key) int {
	if a.Group != b.Group {
		return int(a.Group) - int(b.Group)
	}
	return bytes.Compare(a.Bytes, b.Bytes)
}

// window merges the two sides of one window, which come in order of their keys.
func (j *windowJoin) window(c *Ctx) error {
	l, r := j.due[0].Keys, j.due[1].Keys
	a, b := 0, 0
	for a < len(l) && b < len(r) {
		switch d := compareKeys(l[a], r[b]); {
		case d < 0:
			a++
		case d > 0:
			b++
		default:
			ea, eb := runEnd(l, a), runEnd(r, b)
			if j.matchable(a) {
				if err := j.product(c, a, ea, b, eb); err != nil {
					return err
				}
			}
			a, b = ea, eb
		}
	}
	if err := j.flush(c); err != nil {
		return err
	}
	return j.unmatched(c)
}

func runEnd(k []state.Key, i int) int {
	e := i + 1
	for e < len(k) && compareKeys(k[i], k[e]) == 0 {
		e++
	}
	return e
}

// matchable reports that no key of left row i is a NULL that matches nothing.
func (j *windowJoin) matchable(i int) bool {
	for k, col := range j.cfg.JoinKeys.Left {
		if j.sides[0].Cols[col].IsNull(i) && !(j.cfg.NullSafe != nil && j.cfg.NullSafe[k]) {
			return false
		}
	}
	return true
}

// product pairs the rows of one key, left rows first in order.
func (j *windowJoin) product(c *Ctx, a, ea, b, eb int) error {
	for x := a; x < ea; x++ {
		for y := b; y < eb; y++ {
			j.pairL, j.pairR = append(j.pairL, uint32(x)), append(j.pairR, uint32(y))
			if len(j.pairL) == batch.MaxRows {
				if err := j.flush(c); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// flush tests and emits the pairs collected.
func (j *windowJoin) flush(c *Ctx) error {
	n := len(j.pairL)
	if n == 0 {
		return nil
	}
	defer func() { j.pairL, j.pairR = j.pairL[:0], j.pairR[:0] }()
	if j.res != nil {
		pass, err := j.res.test(n, func(dst []batch.Col, i int) {
			if k := len(j.types[0]); i < k {
				dst[0].Alloc(j.types[0][i], 0)
				dst[0].AppendIndex(0, &j.sides[0].Cols[i], j.pairL, n)
			} else {
				dst[0].Alloc(j.types[1][i-k], 0)
				dst[0].AppendIndex(0, &j.sides[1].Cols[i-k], j.pairR, n)
			}
		})
		if err != nil {
			return err
		}
		for i, p := range pass {
			j.pairL[i], j.pairR[i] = j.pairL[p], j.pairR[p]
		}
		n = len(pass)
		j.pairL, j.pairR = j.pairL[:n], j.pairR[:n]
	}
	for i := range n {
		j.hit[0][j.pairL[i]], j.hit[1][j.pairR[i]] = true, true
	}
	if n == 0 || j.cfg.Type.leftOnly() {
		return nil
	}
	return j.emit(c, j.pairL, j.pairR, n)
}

// emit gives out n joined rows; a nil side is NULL.
func (j *windowJoin) emit(c *Ctx, l, r []uint32, n int) error {
	j.out.SetColumns(len(j.cfg.Out))
	nl := len(j.types[0])
	for i := range j.out.Cols {
		side, col, index := 0, i, l
		if i >= nl {
			side, col, index = 1, i-nl, r
		}
		dst := &j.out.Cols[i]
		dst.Alloc(j.cfg.Out[i], 0)
		if index == nil {
			dst.AppendNulls(0, n)
		} else {
			dst.AppendIndex(0, &j.sides[side].Cols[col], index, n)
		}
		dst.Type = j.cfg.Out[i]
	}
	j.out.N = n
	return c.Emit(&j.out)
}

// unmatched gives out the rows of the window that found no match, or for a semi
// join those that did.
func (j *windowJoin) unmatched(c *Ctx) error {
	t := j.cfg.Type
	for s := range j.sides {
		if !t.keeps(s) && !(t.leftOnly() && s == 0) {
			continue
		}
		var rows []uint32
		for i, hit := range j.hit[s] {
			if hit == (t == SemiJoin) {
				rows = append(rows, uint32(i))
			}
		}
		for from := 0; from < len(rows); from += batch.MaxRows {
			part := rows[from:min(len(rows), from+batch.MaxRows)]
			l, r := part, []uint32(nil)
			if s == 1 {
				l, r = nil, part
			}
			if err := j.emit(c, l, r, len(part)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Watermark fires windows.
func (j *windowJoin) Watermark(c *Ctx, ts int64) error { return j.fire(c, ts) }

// Timer is not used.
func (j *windowJoin) Timer(*Ctx, int64) error { return nil }

// Snapshot has nothing outside of the store.
func (j *windowJoin) Snapshot(*Ctx) error { return nil }

// Close has nothing to release.
func (j *windowJoin) Close() error { return nil }
