package exec

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// ToChangelogConfig describes a TO_CHANGELOG.
//
// Output: the columns Keys of the input, the operation as a STRING, the columns Rest,
// and the column Time unless it is -1.
type ToChangelogConfig struct {
	Keys, Rest []int
	Time       int
	// Codes are the texts of the kinds of change; rows of a kind without one are
	// dropped.
	Codes [4]*string
	// Keep, when Partial, are the columns of the input that rows of -D keep.
	Partial bool
	Keep    []int
	Out     []types.Type
}

// NewToChangelog makes the operator that turns changes into inserts.
func NewToChangelog(cfg ToChangelogConfig) Operator {
	o := &toChangelog{cfg: cfg}
	for k, text := range cfg.Codes {
		if text != nil {
			o.code[k] = batch.MakeRef([]byte(*text), 0, uint32(len(o.bytes)))
			o.bytes = append(o.bytes, *text...)
			o.known[k] = true
		}
	}
	for i, c := range append(append([]int(nil), cfg.Keys...), cfg.Rest...) {
		if i >= len(cfg.Keys) {
			i++
		}
		o.from = append(o.from, move{c, i, cfg.Partial && !hasCol(cfg.Keep, c)})
	}
	if cfg.Time >= 0 {
		o.from = append(o.from, move{cfg.Time, len(cfg.Out) - 1, false})
	}
	return o
}

type toChangelog struct {
	Stateless
	cfg   ToChangelogConfig
	code  [4]batch.View
	bytes []byte
	known [4]bool
	from  []move
	sel   []uint16
	dels  []uint64
	out   batch.Batch
}

// move is a column of the input that goes to another place; cleared says that deletes
// lose it.
type move struct {
	from, to int
	cleared  bool
}

func hasCol(list []int, c int) bool {
	for _, k := range list {
		if k == c {
			return true
		}
	}
	return false
}

// Draw names the operator.
func (o *toChangelog) Draw() Drawing { return Drawing{Name: "ToChangelog"} }

// Process adds the column and drops the kinds that have no text.
func (o *toChangelog) Process(c *Ctx, _ int, b *batch.Batch) error {
	o.out.SetColumns(len(o.cfg.Out))
	o.out.N, o.out.Marks = b.N, b.Marks
	op := &o.out.Cols[len(o.cfg.Keys)]
	op.Alloc(o.cfg.Out[len(o.cfg.Keys)], b.N)
	op.Bufs = append(op.Bufs, o.bytes)
	deletes := false
	if b.Kinds == nil {
		if !o.known[batch.Insert] {
			return o.marksOnly(c)
		}
		for i := range op.Views {
			op.Views[i] = o.code[batch.Insert]
		}
		o.out.Sel = b.Sel
	} else {
		o.sel = o.sel[:0]
		if o.sel == nil {
			o.sel = make([]uint16, 0, batch.MaxRows)
		}
		o.dels = grow(o.dels, batch.Words(b.N))
		clear(o.dels)
		clear(op.Views)
		for i := range b.Rows() {
			l := b.Lane(i)
			k := b.Kinds[l]
			if !o.known[k] {
				continue
			}
			op.Views[l] = o.code[k]
			o.sel = append(o.sel, uint16(l))
			if k == batch.Delete {
				batch.SetBit(o.dels, l)
				deletes = true
			}
		}
		if len(o.sel) == 0 {
			return o.marksOnly(c)
		}
		o.out.Sel = o.sel
	}
	for _, m := range o.from {
		dst := &o.out.Cols[m.to]
		if m.cleared && deletes {
			dst.Dense(&b.Cols[m.from], b.N)
			nulls := dst.NullBits(b.N)
			for w, d := range o.dels {
				nulls[w] |= d
			}
		} else {
			*dst = b.Cols[m.from]
		}
		dst.Type = o.cfg.Out[m.to]
	}
	return c.Emit(&o.out)
}

// marksOnly passes the watermarks of a batch of which no row is left.
func (o *toChangelog) marksOnly(c *Ctx) error {
	if len(o.out.Marks) == 0 {
		return nil
	}
	marks := o.out.Marks
	o.out.Alloc(o.cfg.Out, 0)
	for _, m := range marks {
		o.out.AddMark(0, m.WM)
	}
	return c.Emit(&o.out)
}
