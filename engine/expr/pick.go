package expr

import (
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/kernel"
)

// pick is a condition of a filter that finds its lanes without a bitmap: a number
// compared with a constant, or a remainder by a constant compared with 0.
type pick struct {
	op   kernel.Op
	with *batch.Col     // the constant, or nil:
	by   kernel.Divisor // a multiple of this for Eq, no multiple for Ne
}

// pickOf recognises a condition and gives the number that it tests.
func pickOf(cond Node) (pick, Node, bool) {
	c, ok := cond.(*Compare)
	if !ok || c.Op >= Distinct {
		return pick{}, nil, false
	}
	arg, op := c.L, c.Op
	lit, ok := c.R.(*Literal)
	if !ok {
		if lit, ok = c.L.(*Literal); !ok {
			return pick{}, nil, false
		}
		arg, op = c.R, op.Swap()
	}
	if _, constant := arg.(*Literal); constant || lit.Col.IsNull(0) || !kernel.Picks(lit.Col.Type.Phys()) {
		return pick{}, nil, false
	}
	if x, d, ok := remainder(arg); ok && op <= Ne && lit.Col.Int(0) == 0 {
		return pick{op: kernel.Op(op), by: kernel.MakeDivisor(d)}, x, true
	}
	return pick{op: kernel.Op(op), with: lit.Col}, arg, true
}

// remainder recognises MOD(x, d) of integers, d a constant that is not 0. A cast to
// a wider type on top changes nothing.
func remainder(n Node) (x Node, d int64, ok bool) {
	for {
		c, ok := n.(*Cast)
		if !ok || !c.Implicit || !c.Arg.Type().IsInteger() || !c.To.IsInteger() || c.To.Kind < c.Arg.Type().Kind {
			break
		}
		n = c.Arg
	}
	c, ok := n.(*Call)
	if !ok || c.Func.Name != "MOD" || !c.Type().IsInteger() || !c.Res.Params[0].IsInteger() || !c.Res.Params[1].IsInteger() {
		return nil, 0, false
	}
	l, ok := c.Args[1].(*Literal)
	if !ok || l.Col.IsNull(0) || l.Col.Int(0) == 0 {
		return nil, 0, false
	}
	return c.Args[0], l.Col.Int(0), true
}

// picks compiles the numbers of a filter all of whose conditions are picks. The
// conditions run one after the other for the lanes that are left, but the numbers
// are computed for all lanes before: with several conditions only cheap ones that
// cannot fail are taken.
func (c *compiler) picks(conds []Node) []pick {
	var out []pick
	var args []Node
	for _, cond := range conds {
		p, arg, ok := pickOf(cond)
		if !ok || len(conds) > 1 && lazy(arg) {
			return nil
		}
		out, args = append(out, p), append(args, arg)
	}
	c.emit(instr{op: opPick, dst: -1, args: c.values(args...)})
	return out
}

// opPick holds the numbers of the picks until Calc has read them.
func opPick(*Program, *instr) error { return nil }

// pick finds the lanes of b for which all conditions hold. It reports false when a
// number has nulls or is constant, which is left to the bitmaps.
func (c *Calc) pick(b *batch.Batch) bool {
	p := c.p
	args := p.code[c.picked-1].args
	for _, a := range args {
		if col := p.cols[a]; col.Enc != batch.Flat || col.Nulls != nil {
			return false
		}
	}
	sel := b.Sel
	dst := slices.Grow(c.sel[:0], b.N)[:b.N]
	for i := range c.picks {
		k, a := &c.picks[i], p.cols[args[i]]
		if k.with != nil {
			sel = kernel.PickCompare(dst, sel, k.op, a, k.with, b.N)
		} else {
			sel = kernel.PickMultiples(dst, sel, k.by, k.op == kernel.Ne, a, b.N)
		}
	}
	c.sel = sel
	return true
}
