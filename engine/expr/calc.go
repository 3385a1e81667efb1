package expr

import (
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// Calc is a filter followed by projections, in one pass over a batch.
//
// Usually the output has the lanes of the input, with a selection. When the filter
// keeps exactly the rows of a sparse ROW column that the projections read, or few
// rows and much is to be computed for them, the rows that pass are first brought
// together: the output is dense then, and fields of the sparse row are passed
// uncopied.
type Calc struct {
	p     *Program
	sel   []uint16
	mask  int
	types []types.Type // of the outputs

	picks  []pick // the filter as a whole, when it can be put so
	picked int    // index of the first instruction that picks make unnecessary

	leaves []*InputRef // columns and fields that the projections read
	dense  *Program    // the projections over the leaves, or nil
	heavy  bool        // enough is computed to bring few rows together
	sparse bool        // a leaf may be a field of a sparse row
	shell  batch.Batch
	cols   []batch.Col
	in     batch.Batch
}

// NewCalc compiles a filter (nil keeps every row) and projections over columns of
// types input.
func NewCalc(filter Node, projections []Node, input []types.Type) (*Calc, error) {
	c := newCompiler(input)
	calc := &Calc{mask: -1, sel: make([]uint16, 0, batch.MaxRows)}
	if filter != nil {
		conds := OrderConjuncts(Conjuncts(filter))
		calc.picks = c.picks(conds)
		calc.picked = len(c.p.code)
		calc.mask = c.mask()
		if calc.picks != nil {
			// What picks make unnecessary is in a scope of its own: nothing behind
			// the filter may rely on it.
			c.push(0)
		}
		cond := c.value(andOf(conds))
		c.emit(instr{op: opSplit, dst: -1, args: []int{cond}, t: calc.mask, f: -1})
		if calc.picks != nil {
			c.pop()
		}
		c.p.split = len(c.p.code)
		c.push(calc.mask)
	}
	outs := c.outputs(projections)
	calc.types = nodeTypes(projections)
	calc.p = c.finish(outs)
	if c.err != nil {
		return nil, c.err
	}
	if filter != nil {
		if err := calc.prepareDense(projections, input); err != nil {
			return nil, err
		}
	}
	return calc, nil
}

// andOf joins conditions as they stand, without taking them apart again.
func andOf(conds []Node) Node {
	if len(conds) == 1 {
		return conds[0]
	}
	return &Logic{Args: conds, At: conds[0].Span()}
}

// prepareDense compiles the projections a second time, over their leaves.
func (c *Calc) prepareDense(projections []Node, input []types.Type) error {
	c.leaves = RefPaths(projections...)
	kernels := 0
	for _, n := range projections {
		Walk(n, func(n Node) bool {
			switch n.(type) {
			case *InputRef, *Literal:
			default:
				kernels++
			}
			return true
		})
	}
	c.heavy = kernels >= 3
	for _, l := range c.leaves {
		c.sparse = c.sparse || len(l.Path) > 0
	}
	if !c.heavy && !c.sparse {
		return nil
	}
	ts := make([]types.Type, len(c.leaves))
	for i, l := range c.leaves {
		ts[i] = l.T
	}
	over := make([]Node, len(projections))
	for i, n := range projections {
		over[i] = Rewrite(n, func(n Node) Node {
			r, ok := n.(*InputRef)
			if !ok {
				return n
			}
			k := slices.IndexFunc(c.leaves, func(l *InputRef) bool { return l.Index == r.Index && slices.Equal(l.Path, r.Path) })
			return &InputRef{Index: k, T: r.T, At: r.At}
		})
	}
	var err error
	c.dense, err = Compile(over, ts)
	c.cols = make([]batch.Col, len(c.leaves))
	return err
}

// Run writes the rows of b that pass to out: its columns, N, Sel, Kinds and Marks
// are set, Keys is dropped. out is valid until the next run; it may share columns,
// Kinds and Marks with b. Where rows were brought together the lanes of out are
// not those of b.
func (c *Calc) Run(f *function.Frame, b *batch.Batch, out *batch.Batch) error {
	p := c.p
	f.SetMarks(b.Marks)
	if c.mask < 0 {
		if err := p.run(f, b); err != nil {
			return err
		}
		c.pass(b, out)
		out.Sel = b.Sel
		return nil
	}
	if err := c.filter(f, b); err != nil {
		return c.slow(f, b, err)
	}
	if len(c.sel) == 0 {
		c.none(b, out)
		return nil
	}
	if c.dense != nil && c.bringTogether(b) {
		return c.runDense(f, b, out)
	}
	if p.split < len(p.code) {
		if p.masks[c.mask] == nil {
			kernel.MaskOf(p.newMask(c.mask), c.sel)
		}
		if err := p.exec(f, b, b.N, p.split, len(p.code)); err != nil {
			return c.slow(f, b, err)
		}
	}
	c.pass(b, out)
	out.Sel = c.sel
	if len(c.sel) == b.N {
		out.Sel = nil
	}
	return nil
}

// filter leaves the lanes that pass in c.sel. The mask of the filter is nil behind
// picks: few need it.
func (c *Calc) filter(f *function.Frame, b *batch.Batch) error {
	p := c.p
	from := 0
	if c.picks != nil {
		if err := p.exec(f, b, b.N, 0, c.picked); err != nil {
			return err
		}
		if c.pick(b) {
			p.masks[c.mask] = nil
			return nil
		}
		from = c.picked
	}
	if err := p.exec(f, b, b.N, from, p.split); err != nil {
		return err
	}
	c.sel = kernel.AppendLanes(c.sel[:0], p.masks[c.mask], p.n)
	return nil
}

// slow finds the error of the lowest row, after one was found.
func (c *Calc) slow(f *function.Frame, b *batch.Batch, err error) error {
	le, ok := err.(*batch.LaneError)
	if !ok {
		return err
	}
	for le.Lane > 0 {
		next := c.p.exec(f, b, le.Lane, 0, len(c.p.code))
		if next == nil {
			break
		}
		if le, ok = next.(*batch.LaneError); !ok {
			return next
		}
	}
	return le.Err
}

// pass hands the outputs of the program over at the lanes of b.
func (c *Calc) pass(b *batch.Batch, out *batch.Batch) {
	out.Cols = slices.Grow(out.Cols[:0], len(c.p.outs))[:len(c.p.outs)]
	for i, s := range c.p.outs {
		out.Cols[i] = *c.p.cols[s]
	}
	out.N, out.Kinds, out.Marks, out.Keys = b.N, b.Kinds, b.Marks, nil
}

// none makes out a batch without rows that has the marks of b.
func (c *Calc) none(b *batch.Batch, out *batch.Batch) {
	src := *b
	src.Sel = c.sel
	c.shell.Gather(&src, []int{})
	out.Cols = slices.Grow(out.Cols[:0], len(c.p.outs))[:len(c.p.outs)]
	for i := range out.Cols {
		out.Cols[i] = batch.Col{Type: c.types[i]}
	}
	out.N, out.Sel, out.Kinds, out.Keys, out.Marks = 0, nil, nil, nil, c.shell.Marks
}

// bringTogether decides whether the rows that passed are made dense.
func (c *Calc) bringTogether(b *batch.Batch) bool {
	if c.heavy && len(c.sel) < b.N/4 {
		return true
	}
	if c.sparse {
		for _, l := range c.leaves {
			if r := &b.Cols[l.Index]; len(l.Path) > 0 && r.Enc == batch.Sparse && slices.Equal(r.At, c.sel) {
				return true
			}
		}
	}
	return false
}

// runDense gathers the leaves and computes the projections over them.
func (c *Calc) runDense(f *function.Frame, b *batch.Batch, out *batch.Batch) error {
	c.in = batch.Batch{N: len(c.sel), Cols: c.in.Cols[:0]}
	for i, l := range c.leaves {
		c.in.Cols = append(c.in.Cols, *c.leaf(b, l, i))
	}
	src := *b
	src.Sel = c.sel
	c.shell.Gather(&src, []int{})
	f.SetMarks(c.shell.Marks)
	if err := c.dense.run(f, &c.in); err != nil {
		return err
	}
	out.Cols = slices.Grow(out.Cols[:0], len(c.dense.outs))[:len(c.dense.outs)]
	for i, s := range c.dense.outs {
		out.Cols[i] = *c.dense.cols[s]
	}
	out.N, out.Sel, out.Keys = len(c.sel), nil, nil
	out.Kinds, out.Marks = c.shell.Kinds, c.shell.Marks
	return nil
}

// leaf is a column or field for the rows that passed: the children of a sparse row
// as they are when those are its rows, else gathered.
func (c *Calc) leaf(b *batch.Batch, l *InputRef, i int) *batch.Col {
	src, sel := &b.Cols[l.Index], c.sel
	kid := batch.Col{}
	for k, field := range l.Path {
		switch {
		case src.Enc == batch.Sparse && slices.Equal(src.At, sel):
			// The children hold just these rows: go on below without selection.
			src, sel = &src.Kids[field], nil
		case src.Enc == batch.Flat && src.Nulls == nil:
			src = &src.Kids[field]
		default:
			return c.gatherField(src, l.Path[k:], sel, i)
		}
	}
	if sel == nil {
		kid = *src
		c.cols[i] = kid
		return &c.cols[i]
	}
	c.cols[i].Gather(src, sel, len(sel))
	return &c.cols[i]
}

// gatherField gathers a field of a row whose nulls matter.
func (c *Calc) gatherField(src *batch.Col, path []int, sel []uint16, i int) *batch.Col {
	n := len(c.sel)
	var row batch.Col
	row.Gather(src, sel, n)
	row.Flatten(n)
	for _, field := range path {
		kid := row.Kids[field]
		kid.Flatten(n)
		if row.Nulls != nil {
			nulls := slices.Clone(row.Nulls[:batch.Words(n)])
			for w := range nulls {
				if kid.Nulls != nil {
					nulls[w] |= kid.Nulls[w]
				}
			}
			kid.Nulls = nulls
		}
		row = kid
	}
	c.cols[i] = row
	return &c.cols[i]
}
