package expr

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

// Program is compiled expressions over the columns of one input type. It owns the
// columns it computes and caches of its functions, so each running operator
// compiles its own; it serves one goroutine at a time.
type Program struct{}

// Compile turns expressions over columns of types input into a program with one
// output column each. Common parts are computed once.
func Compile(nodes []Node, input []types.Type) (*Program, error) { return &Program{}, nil }

// Run computes the outputs for b, at the lanes of b; lanes that b.Sel leaves out
// hold any value. out gets one column for each expression: an input column, passed
// by reference, or one of the program's own, valid until its next run. Columns may
// be const. The error is a *diag.Error: that of the lowest row and leftmost
// expression.
func (p *Program) Run(f *function.Frame, b *batch.Batch, out []*batch.Col) error { return nil }

// Filter appends to sel the lanes of b for which the program's first output, a
// BOOLEAN, is true, ascending.
func (p *Program) Filter(f *function.Frame, b *batch.Batch, sel []uint16) ([]uint16, error) {
	return nil, nil
}

// Calc is a filter followed by projections, in one pass over a batch.
type Calc struct{}

// NewCalc compiles a filter (nil keeps every row) and projections over columns of
// types input.
func NewCalc(filter Node, projections []Node, input []types.Type) (*Calc, error) { return &Calc{}, nil }

// Run writes the rows of b that pass to out: its columns, N, Sel, Kinds and Marks
// are set, Keys is dropped. out is valid until the next run; it may share columns,
// Kinds and Marks with b. Where most rows were dropped the output is dense: its
// lanes are then not those of b.
func (c *Calc) Run(f *function.Frame, b *batch.Batch, out *batch.Batch) error { return nil }

func evalConst(n Node, f *function.Frame) (*Literal, error) { return nil, nil }

// Fold computes constant parts of n and simplifies it. f gives the session zone.
func Fold(n Node, f *function.Frame) Node  { return n }
func newCol(t types.Type, n int) batch.Col { return batch.Col{Type: t} }
