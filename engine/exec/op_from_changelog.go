package exec

import (
	"bytes"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// FromChangelogConfig describes a FROM_CHANGELOG.
//
// Output: the columns Cols of the input, with the kind of change that the text in
// column Op stands for.
type FromChangelogConfig struct {
	Cols  []int
	Op    int
	Texts []string
	Kinds []batch.Kind
	// Skip drops rows whose text is NULL or none of Texts; otherwise they are errors.
	Skip bool
	Out  []types.Type
}

// NewFromChangelog makes the operator that turns rows into changes.
func NewFromChangelog(cfg FromChangelogConfig) Operator {
	o := &fromChangelog{cfg: cfg}
	for _, t := range cfg.Texts {
		o.texts = append(o.texts, []byte(t))
	}
	return o
}

type fromChangelog struct {
	Stateless
	cfg   FromChangelogConfig
	texts [][]byte
	sel   []uint16
	out   batch.Batch
}

// Draw names the operator.
func (o *fromChangelog) Draw() Drawing { return Drawing{Name: "FromChangelog"} }

// Process gives each row its kind.
func (o *fromChangelog) Process(c *Ctx, _ int, b *batch.Batch) error {
	o.out.SetColumns(len(o.cfg.Cols))
	o.out.N, o.out.Marks = b.N, b.Marks
	kinds := o.out.AllocKinds()
	op := &b.Cols[o.cfg.Op]
	s := kernel.StrsOf(op)
	o.sel = o.sel[:0]
	if o.sel == nil {
		o.sel = make([]uint16, 0, batch.MaxRows)
	}
	skipped := int64(0)
	last := 0 // the text of the row before, which most often is that of the next
	for i := range b.Rows() {
		l := b.Lane(i)
		k := -1
		if !op.IsNull(l) {
			if k = o.find(s.At(l), last); k >= 0 {
				last = k
			}
		}
		if k >= 0 {
			kinds[l] = o.cfg.Kinds[k]
			o.sel = append(o.sel, uint16(l))
			continue
		}
		if !o.cfg.Skip {
			return o.unknown(op, &s, l)
		}
		skipped++
	}
	if skipped > 0 {
		c.Count("skippedChanges", skipped)
	}
	if len(o.sel) == 0 && len(b.Marks) == 0 {
		return nil
	}
	for i, k := range o.cfg.Cols {
		o.out.Cols[i] = b.Cols[k]
		o.out.Cols[i].Type = o.cfg.Out[i]
	}
	o.out.Sel = o.sel
	return c.Emit(&o.out)
}

// find is the number of a text, or -1; last is tried first.
func (o *fromChangelog) find(t []byte, last int) int {
	if bytes.Equal(o.texts[last], t) {
		return last
	}
	for i, x := range o.texts {
		if bytes.Equal(x, t) {
			return i
		}
	}
	return -1
}

func (o *fromChangelog) unknown(op *batch.Col, s *kernel.Strs, l int) error {
	what := "NULL"
	if !op.IsNull(l) {
		what = "'" + string(s.At(l)) + "'"
	}
	e := diag.New(diag.MalformedRecord, "the operation %s of a row of FROM_CHANGELOG is none of its codes", what)
	e.WithNote(diag.Span{}, "codes are: %s", string(bytes.Join(o.texts, []byte(", "))))
	return e.WithHint("map it in op_mapping, or drop such rows with error_handling => 'SKIP'")
}
