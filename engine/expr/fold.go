package expr

import (
	"math"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// Fold computes constant parts of n and simplifies it. f gives the session zone;
// nil is UTC. A part whose computation fails is left as it is: it may never run.
//
// What comes out as a constant is a literal, and literals are decimal numbers, which have
// no -0; within a part that is computed as a whole there is one.
func Fold(n Node, f *function.Frame) Node {
	zero := false
	n = Rewrite(n, func(n Node) Node {
		n = simplify(n, f)
		zero = zero || negativeZero(n)
		return n
	})
	if !zero {
		return n
	}
	return Rewrite(n, func(n Node) Node {
		if !negativeZero(n) {
			return n
		}
		return positiveZero(n.(*Literal))
	})
}

// negativeZero tells a literal that is -0.0.
func negativeZero(n Node) bool {
	l, ok := n.(*Literal)
	if !ok || !l.Col.Type.IsApprox() || l.Col.IsNull(0) {
		return false
	}
	v := l.Col.Float(0)
	return v == 0 && math.Signbit(v)
}

func positiveZero(l *Literal) *Literal {
	col := *l.Col
	switch {
	case col.F32 != nil:
		col.F32 = []float32{0}
	default:
		col.F64 = []float64{0}
	}
	return &Literal{Col: &col, At: l.At}
}

// simplify simplifies a node whose operands are simple already.
func simplify(n Node, f *function.Frame) Node {
	if constantNode(n) {
		if l := foldCast(n); l != nil {
			return l
		}
		if l, err := evalConst(n, f); err == nil {
			l.At = n.Span()
			return l
		}
		return n
	}
	switch n := n.(type) {
	case *Logic:
		return foldLogic(n)
	case *Not:
		return foldNot(n)
	case *Is:
		if n.What == IsNull && n.Arg.Type().NotNull && !Fallible(n.Arg) {
			return boolLiteral(n.Negated, n.At)
		}
	case *Case:
		return foldCase(n)
	case *Coalesce:
		return foldCoalesce(n)
	case *Cast:
		if n.Implicit && types.SameIgnoringNull(n.Arg.Type(), n.To) {
			return n.Arg
		}
	}
	return n
}

// foldCast computes what casts do to most literals, such as the ten thousands of a
// long IN list, without a program: an integer becomes a wider one, or a value is one
// of the other type as it lies. It returns nil for other casts.
func foldCast(n Node) *Literal {
	c, ok := n.(*Cast)
	if !ok {
		return nil
	}
	l := c.Arg.(*Literal)
	from, to := l.Col.Type, c.To.Plain().Nullable(false)
	switch {
	case l.Col.IsNull(0):
		return nil
	case from.IsInteger() && to.IsInteger() && from.Kind <= to.Kind:
		col := batch.ConstInt(to, l.Col.Int(0))
		return &Literal{Col: &col, At: c.At}
	case from.IsString() && to.IsApprox():
		// A literal, too, and no part of what is computed as a whole.
		size := 64
		if to.Kind == types.Float {
			size = 32
		}
		var t [batch.InlineMax]byte
		v, ok := kernel.ParseFloat(l.Col.Bytes(0, &t), size)
		if !ok || v != 0 || c.Try {
			return nil
		}
		col := batch.ConstFloat(to, 0)
		return &Literal{Col: &col, At: c.At}
	case from.IsString() && sameValues(from, to):
		col := *l.Col
		col.Type = to
		return &Literal{Col: &col, At: c.At}
	}
	return nil
}

// constantNode reports whether n computes something from literals alone.
func constantNode(n Node) bool {
	switch n := n.(type) {
	case *Literal, *InputRef:
		return false
	case *Call:
		if max(n.Func.Det, n.Res.Det) != function.Deterministic {
			return false
		}
	}
	for _, k := range n.kids() {
		if _, ok := k.(*Literal); !ok {
			return false
		}
	}
	return true
}

// evalConst computes an expression without input.
func evalConst(n Node, f *function.Frame) (*Literal, error) {
	if f == nil {
		f = function.NewFrame(function.FixedEnv{}, nil)
	}
	p, err := Compile([]Node{n}, nil)
	if err != nil {
		return nil, err
	}
	out := make([]*batch.Col, 1)
	if err := p.Run(f, &batch.Batch{N: 1}, out); err != nil {
		return nil, err
	}
	return &Literal{Col: detach(out[0], n.Type())}, nil
}

// Eval computes an expression that reads no input. f gives zone, time and
// randomness. Errors are *diag.Error.
func Eval(n Node, f *function.Frame) (*Literal, error) {
	l, err := evalConst(n, f)
	if err == nil {
		l.At = n.Span()
	}
	return l, err
}

// detach copies lane 0 to a constant of its own.
func detach(c *batch.Col, t types.Type) *batch.Col {
	t = t.Plain()
	t.NotNull = !c.IsNull(0)
	var out batch.Col
	switch {
	case c.IsNull(0):
		return nullCol(t)
	case t.Phys() == types.PhysBytes:
		var tmp [batch.InlineMax]byte
		out = batch.ConstBytes(t, append([]byte(nil), c.Bytes(0, &tmp)...))
	default:
		out.Append(0, c, nil, 1)
		out.Enc, out.Type = batch.Const, t
	}
	return &out
}

// nullCol is a const column of one NULL of type t.
func nullCol(t types.Type) *batch.Col {
	c := batch.ConstNull(t.Nullable(true).Plain())
	if c.Nulls == nil {
		c.Nulls = []uint64{1}
	}
	return &c
}

func boolLiteral(v bool, at diag.Span) *Literal {
	c := batch.ConstBool(v)
	return &Literal{Col: &c, At: at}
}

// literalBool is the value of a BOOLEAN literal: 1, 0, -1 for NULL, or -2 for
// another node.
func literalBool(n Node) int {
	l, ok := n.(*Literal)
	switch {
	case !ok || l.Col.Type.Kind != types.Boolean:
		return -2
	case l.Col.IsNull(0):
		return -1
	case batch.Bit(l.Col.Bits, 0):
		return 1
	}
	return 0
}

// foldLogic drops operands that do not matter and what was said before.
func foldLogic(n *Logic) Node {
	neutral, decides := 1, 0
	if n.Or {
		neutral, decides = 0, 1
	}
	var args []Node
	seen := map[string]bool{}
	for _, a := range n.Args {
		switch literalBool(a) {
		case neutral:
			continue
		case decides:
			return boolLiteral(decides == 1, n.At)
		}
		if Determinism(a) != function.PerCall {
			k := Key(a)
			if seen[k] {
				continue
			}
			seen[k] = true
		}
		args = append(args, a)
	}
	if len(args) == 0 {
		return boolLiteral(neutral == 1, n.At)
	}
	return newLogic(n.Or, args, n.At)
}

// foldNot moves NOT into what it negates, where that is the same for NULL and NaN.
func foldNot(n *Not) Node {
	switch a := n.Arg.(type) {
	case *Not:
		return a.Arg
	case *Is:
		c := *a
		c.Negated = !a.Negated
		return &c
	case *In:
		c := *a
		c.Negated = !a.Negated
		return &c
	case *Compare:
		if a.Op == Eq || a.Op == Ne || a.Op >= Distinct || !a.L.Type().IsApprox() {
			c := *a
			c.Op = a.Op.Negate()
			return &c
		}
	}
	return n
}

// foldCase drops branches that are never taken.
func foldCase(n *Case) Node {
	c := &Case{T: n.T, At: n.At, Else: n.Else}
	for _, w := range n.Whens {
		switch literalBool(w.Cond) {
		case 0, -1:
			continue
		case 1:
			c.Else = w.Then
			if len(c.Whens) == 0 {
				return c.Else
			}
			return c
		}
		c.Whens = append(c.Whens, w)
	}
	switch len(c.Whens) {
	case 0:
		return c.Else
	case len(n.Whens):
		return n
	}
	return c
}

// foldCoalesce drops NULLs and what stands behind a value that never is NULL.
func foldCoalesce(n *Coalesce) Node {
	c := &Coalesce{T: n.T, At: n.At}
	for _, a := range n.Args {
		if l, ok := a.(*Literal); ok && l.Col.IsNull(0) {
			continue
		}
		c.Args = append(c.Args, a)
		if a.Type().NotNull {
			break
		}
	}
	switch len(c.Args) {
	case 0:
		return NewNull(n.T, n.At)
	case 1:
		return c.Args[0]
	}
	return c
}
