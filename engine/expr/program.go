package expr

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// Program is compiled expressions over the columns of one input type. It owns the
// columns it computes and caches of its functions, so each running operator
// compiles its own; it serves one goroutine at a time.
//
// It is a list of instructions without loops. Each fills one column, its register,
// for all lanes of the batch; registers are used again once nothing needs their
// value. Instructions of a branch stand behind a jump that is taken when no lane
// needs the branch.
type Program struct {
	code []instr
	// cols are the columns that instructions name by number: inputs first, bound
	// to the batch of a run, then constants and registers.
	cols  []*batch.Col
	input []int // which input column each of the first cols is
	// masks are the lanes of a branch; mask 0 is those of the batch. A nil mask is
	// all lanes.
	masks    [][]uint64
	maskBuf  [][]uint64
	outs     []int
	nMasks   int
	filtered int // mask of the rows that pass the filter of a Calc, or -1
	split    int // Calc: index of the first instruction behind the filter

	f     *function.Frame
	n     int
	words int
	live  []uint64
	spare [2][]uint64
	remap []uint32
	index []uint32
}

// instr is one instruction.
type instr struct {
	op   func(p *Program, in *instr) error
	dst  int
	args []int
	mask int
	// t and f are masks that the instruction makes; jump is where it goes on when
	// mask is empty.
	t, f, jump int
	typ        types.Type
	span       diag.Span
	opt        uint8 // of the operation: comparison, negation and so on
	index      int   // field of a row

	kern    function.Kernel
	strict  bool
	perCall bool
	cast    kernel.Cast
	env     *kernel.CastEnv
	set     *inSet

	cols []*batch.Col // scratch: arguments of the kernel
	flat []batch.Col  // scratch: constants as columns of one lane
	tmp  *batch.Col   // scratch column
	bits []uint64     // scratch bitmap
}

// Compile turns expressions over columns of types input into a program with one
// output column each. Common parts are computed once.
func Compile(nodes []Node, input []types.Type) (*Program, error) {
	c := newCompiler(input)
	return c.finish(c.outputs(nodes)), c.err
}

// Run computes the outputs for b, at the lanes of b; lanes that b.Sel leaves out
// hold any value. out gets one column for each expression: an input column, passed
// by reference, or one of the program's own, valid until its next run. Columns may
// be const. The error is a *diag.Error: that of the lowest row and leftmost
// expression.
func (p *Program) Run(f *function.Frame, b *batch.Batch, out []*batch.Col) error {
	if err := p.run(f, b); err != nil {
		return err
	}
	for i, s := range p.outs {
		out[i] = p.cols[s]
	}
	return nil
}

// Filter appends to sel the lanes of b for which the program's first output, a
// BOOLEAN, is true, ascending.
func (p *Program) Filter(f *function.Frame, b *batch.Batch, sel []uint16) ([]uint16, error) {
	if err := p.run(f, b); err != nil {
		return sel, err
	}
	m := p.words2(0)
	kernel.True(m, p.cols[p.outs[0]], p.n)
	p.within(m, 0)
	return kernel.AppendLanes(sel, m, p.n), nil
}

// run executes the program. When a lane fails, the lanes below it are run again by
// themselves, until the lowest lane that fails is known; instructions stand in the
// order of evaluation, so the one that stopped is the leftmost.
func (p *Program) run(f *function.Frame, b *batch.Batch) error {
	n := b.N
	var first *diag.Error
	for {
		err := p.exec(f, b, n, 0, len(p.code))
		if err == nil {
			break
		}
		le, ok := err.(*batch.LaneError)
		if !ok {
			return err
		}
		first = le.Err
		if n = le.Lane; n == 0 {
			break
		}
	}
	if first != nil {
		return first
	}
	return nil
}

// bind sets the program on a batch of which the first n lanes count.
func (p *Program) bind(f *function.Frame, b *batch.Batch, n int) {
	if f != p.f {
		p.setFrame(f)
	}
	p.n, p.words = n, batch.Words(n)
	for i, c := range p.input {
		p.cols[i] = &b.Cols[c]
	}
	p.masks[0] = nil
	if b.Sel != nil {
		m := p.newMask(0)
		clear(m)
		for _, l := range b.Sel {
			if int(l) >= n {
				break
			}
			m[l>>6] |= 1 << (l & 63)
		}
		p.masks[0] = m
	}
}

// exec runs instructions from..to. The error is a *batch.LaneError whose mistake
// has its place, or the error of something that has no lane.
func (p *Program) exec(f *function.Frame, b *batch.Batch, n, from, to int) error {
	if from == 0 {
		p.bind(f, b, n)
	}
	for pc := from; pc < to; {
		in := &p.code[pc]
		if in.jump > 0 {
			if p.empty(in.mask) {
				pc = in.jump
				continue
			}
			pc++
			continue
		}
		if err := in.op(p, in); err != nil {
			return p.fail(in, err)
		}
		pc++
	}
	return nil
}

// fail gives an error its place.
func (p *Program) fail(in *instr, err error) error {
	switch e := err.(type) {
	case *batch.LaneError:
		e.Err.Or(in.span)
	case *diag.Error:
		return e.Or(in.span)
	}
	return err
}

func (p *Program) setFrame(f *function.Frame) {
	p.f = f
	for i := range p.code {
		if env := p.code[i].env; env != nil {
			env.Scratch = &f.Scratch
			env.Zone = kernel.MakeZone(f.Zone())
		}
	}
}

// newMask returns memory for mask m.
func (p *Program) newMask(m int) []uint64 {
	if cap(p.maskBuf[m]) < p.words {
		p.maskBuf[m] = make([]uint64, max(p.words, batch.Words(batch.MaxRows)))
	}
	p.masks[m] = p.maskBuf[m][:p.words]
	return p.masks[m]
}

// words2 returns one of two scratch bitmaps.
func (p *Program) words2(i int) []uint64 {
	if cap(p.spare[i]) < p.words {
		p.spare[i] = make([]uint64, max(p.words, batch.Words(batch.MaxRows)))
	}
	return p.spare[i][:p.words]
}

// empty reports whether a mask has no lane.
func (p *Program) empty(mask int) bool {
	m := p.masks[mask]
	if m == nil {
		return p.n == 0
	}
	return !kernel.Any(m, p.n)
}

// within takes lanes that are not in mask out of m.
func (p *Program) within(m []uint64, mask int) {
	if o := p.masks[mask]; o != nil {
		for i := range m {
			m[i] &= o[i]
		}
	}
}

// firstLane is the lowest lane of a mask.
func (p *Program) firstLane(mask int) int {
	for i := range kernel.Lanes(p.n, p.masks[mask]) {
		return i
	}
	return 0
}

// reg makes the register of an instruction a column of its type for the lanes of
// the batch.
func (p *Program) reg(in *instr) *batch.Col {
	c := p.cols[in.dst]
	c.Alloc(in.typ, p.n)
	if c.Views != nil {
		clear(c.Views)
	}
	if c.Bits != nil {
		clear(c.Bits)
	}
	return c
}
