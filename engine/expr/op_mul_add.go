package expr

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// mulAdd compiles a sum with a product, a + x * y, as one loop: a column between the two
// would be written and read again, which takes as long as the arithmetic.
func (c *compiler) mulAdd(n *Call) (dst int, ok bool) {
	k := n.Type().Kind
	if n.Func.Name != "+" || len(n.Args) != 2 || k != types.Int && k != types.BigInt && k != types.Double {
		return 0, false
	}
	for i, arg := range n.Args {
		mul, is := arg.(*Call)
		if !is || mul.Func.Name != "*" || !allOfKind(k, mul, n.Args[1-i], mul.Args[0], mul.Args[1]) || c.has(mul) {
			continue
		}
		args := c.values(n.Args[1-i], mul.Args[0], mul.Args[1])
		dst := c.register(n.Type())
		c.emit(instr{op: opCall, dst: dst, args: args, typ: n.Type(), span: n.At, kern: mulAdd, strict: true})
		return dst, true
	}
	return 0, false
}

func allOfKind(k types.Kind, nodes ...Node) bool {
	for _, n := range nodes {
		if n.Type().Kind != k {
			return false
		}
	}
	return true
}

// has tells whether a value is there already.
func (c *compiler) has(n Node) bool {
	key, det := c.keys.of(n)
	if det == function.PerCall {
		return false
	}
	for s := c.scope; s != nil; s = s.up {
		if _, ok := s.done[key]; ok {
			return true
		}
	}
	return false
}

func mulAdd(_ *function.Frame, dst *batch.Col, args []*batch.Col, n int, _ []uint64) error {
	a, x, y := args[0], args[1], args[2]
	ac, xc, yc := a.Enc == batch.Const, x.Enc == batch.Const, y.Enc == batch.Const
	switch dst.Type.Phys() {
	case types.PhysI32:
		kernel.MulAdd(dst.I32[:n], a.I32, x.I32, y.I32, ac, xc, yc)
	case types.PhysI64:
		kernel.MulAdd(dst.I64[:n], a.I64, x.I64, y.I64, ac, xc, yc)
	default:
		kernel.MulAdd(dst.F64[:n], a.F64, x.F64, y.F64, ac, xc, yc)
	}
	return nil
}
