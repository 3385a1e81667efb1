package expr

import (
	"fmt"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// compiler turns trees into instructions. Every instruction first gets a register
// of its own; registers that are not alive together are merged at the end.
type compiler struct {
	p     *Program
	types []types.Type
	slots []slot
	scope *scope
	keys  keys
	err   error
}

// slot is a column that instructions name.
type slot struct {
	kind  slotKind
	input int
	lit   *batch.Col
	phys  types.Phys
}

type slotKind uint8

const (
	slotInput    slotKind = iota
	slotConst             // a literal
	slotRegister          // memory that may be shared over time
	slotAlias             // the header of somebody's column, or nested values
)

// scope is a set of lanes with the values computed for them. Values of an outer
// scope are good in an inner one.
type scope struct {
	mask int
	up   *scope
	done map[int]int // slot by number of the expression; ^number of rows made flat
	// next is the memory of calls that go on where others stopped, by function and
	// arguments.
	next map[string]*any
}

func newCompiler(input []types.Type) *compiler {
	p := &Program{filtered: -1, nMasks: 1}
	return &compiler{
		p: p, types: input, scope: &scope{done: map[int]int{}},
		keys: keys{ids: map[string]int{}, node: map[Node]keyed{}},
	}
}

// outputs compiles nodes and pins their columns.
func (c *compiler) outputs(nodes []Node) []int {
	outs := make([]int, len(nodes))
	for i, n := range nodes {
		outs[i] = c.value(n)
	}
	return outs
}

// push opens the scope of a mask; pop closes it.
func (c *compiler) push(mask int) {
	c.scope = &scope{mask: mask, up: c.scope, done: map[int]int{}}
}

func (c *compiler) pop() { c.scope = c.scope.up }

func (c *compiler) mask() int {
	c.p.nMasks++
	return c.p.nMasks - 1
}

func (c *compiler) slot(s slot) int {
	c.slots = append(c.slots, s)
	return len(c.slots) - 1
}

// register makes a slot for values of type t.
func (c *compiler) register(t types.Type) int {
	if t.IsNested() {
		return c.slot(slot{kind: slotAlias})
	}
	return c.slot(slot{kind: slotRegister, phys: t.Phys()})
}

func (c *compiler) alias() int { return c.slot(slot{kind: slotAlias}) }

// emit adds an instruction under the lanes of the scope and returns its index.
func (c *compiler) emit(in instr) int {
	in.mask = c.scope.mask
	in.cols = make([]*batch.Col, len(in.args))
	in.flat = make([]batch.Col, max(len(in.args), 1))
	c.p.code = append(c.p.code, in)
	return len(c.p.code) - 1
}

// value compiles n and returns the slot of its value, which is computed once for
// the lanes of a scope.
func (c *compiler) value(n Node) int {
	key, det := c.keys.of(n)
	shared := det != function.PerCall
	if shared {
		for s := c.scope; s != nil; s = s.up {
			if v, ok := s.done[key]; ok {
				return v
			}
		}
	}
	v := c.compute(n)
	if shared {
		c.scope.done[key] = v
	}
	return v
}

// values compiles operands, sparse rows made flat.
func (c *compiler) values(nodes ...Node) []int {
	out := make([]int, len(nodes))
	for i, n := range nodes {
		out[i] = c.flat(n)
	}
	return out
}

// flat is value for loops that cannot read sparse rows.
func (c *compiler) flat(n Node) int {
	v := c.value(n)
	if n.Type().Kind != types.Row {
		return v
	}
	if _, ok := n.(*InputRef); !ok {
		return v
	}
	key, _ := c.keys.of(n)
	key = ^key
	for s := c.scope; s != nil; s = s.up {
		if f, ok := s.done[key]; ok {
			return f
		}
	}
	f := c.alias()
	c.emit(instr{op: opFlatten, dst: f, args: []int{v}})
	c.scope.done[key] = f
	return f
}

func (c *compiler) compute(n Node) int {
	switch n := n.(type) {
	case *InputRef:
		return c.ref(n)
	case *Literal:
		return c.slot(slot{kind: slotConst, lit: n.Col})
	case *Call:
		return c.call(n)
	case *Cast:
		return c.cast(n)
	case *Case:
		return c.choose(n)
	case *Coalesce:
		return c.coalesce(n)
	case *Logic:
		return c.logic(n)
	case *Not:
		dst := c.register(n.Type())
		c.emit(instr{op: opNot, dst: dst, args: c.values(n.Arg), typ: n.Type(), span: n.At})
		return dst
	case *Is:
		opt := uint8(n.What)
		if n.Negated {
			opt |= 8
		}
		args := c.values(n.Arg)
		dst := c.register(n.Type())
		c.emit(instr{op: opIs, dst: dst, args: args, opt: opt, typ: n.Type(), span: n.At})
		return dst
	case *Compare:
		args := c.values(n.L, n.R)
		dst := c.register(n.Type())
		in := instr{op: opCall, dst: dst, args: args, opt: uint8(n.Op), typ: n.Type(), span: n.At, strict: true}
		if n.Op >= Distinct {
			in.op = opDistinct
		}
		c.emit(in)
		return dst
	case *In:
		return c.in(n)
	case *Field:
		arg := c.value(n.Arg)
		dst := c.alias()
		c.emit(instr{op: opField, dst: dst, args: []int{arg}, index: n.Index, typ: n.Type(), span: n.At})
		return dst
	case *Item:
		args := c.values(n.Arg, n.Key)
		dst := c.register(n.Type())
		if n.Arg.Type().Kind == types.Variant {
			c.emit(instr{op: opCall, dst: dst, args: args, typ: n.Type(), span: n.At, strict: true, kern: variantItem})
			return dst
		}
		c.emit(instr{op: opItem, dst: dst, args: args, typ: n.Type(), span: n.At})
		return dst
	case *Make:
		args := c.values(n.Args...)
		dst := c.alias()
		op := opMakeList
		if n.T.Kind == types.Row {
			op = opMakeRow
		}
		c.emit(instr{op: op, dst: dst, args: args, typ: n.T, span: n.At})
		return dst
	}
	c.fail(diag.At(n.Span(), diag.Internal, "cannot compile %T", n))
	return c.slot(slot{kind: slotAlias})
}

func (c *compiler) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

// ref is an input column or a field of one.
func (c *compiler) ref(n *InputRef) int {
	if n.Index < 0 || n.Index >= len(c.types) {
		c.fail(diag.At(n.At, diag.Internal, "no input column %d", n.Index))
		return c.alias()
	}
	if len(n.Path) == 0 {
		return c.slot(slot{kind: slotInput, input: n.Index})
	}
	t := c.types[n.Index]
	up := &InputRef{Index: n.Index, T: t}
	for _, k := range n.Path[:len(n.Path)-1] {
		t = fieldType(t, k)
		up = &InputRef{Index: n.Index, Path: append(up.Path, k), T: t}
	}
	arg := c.value(up)
	dst := c.alias()
	c.emit(instr{op: opField, dst: dst, args: []int{arg}, index: n.Path[len(n.Path)-1], typ: n.T, span: n.At})
	return dst
}

func (c *compiler) call(n *Call) int {
	if dst, ok := c.mulAdd(n); ok {
		return dst
	}
	args := c.values(n.Args...)
	dst := c.register(n.Type())
	c.emit(instr{
		op: opCall, dst: dst, args: args, typ: n.Type(), span: n.At,
		kern: c.kernel(n, args), strict: n.Res.Strict, perCall: max(n.Func.Det, n.Res.Det) == function.PerCall,
	})
	return dst
}

// kernel makes the kernel of a call with arguments in slots args.
func (c *compiler) kernel(n *Call, args []int) function.Kernel {
	if n.Res.MakeNext == nil {
		return n.Res.Kernel()
	}
	key := fmt.Sprint(n.Func.Name, n.Func.ID, args[:len(args)-1])
	// Only in the same scope: calls of a branch leave lanes out that the next call
	// outside of it needs.
	if m := c.scope.next[key]; m != nil {
		return n.Res.MakeNext(m, false)
	}
	if c.scope.next == nil {
		c.scope.next = map[string]*any{}
	}
	m := new(any)
	c.scope.next[key] = m
	return n.Res.MakeNext(m, true)
}

func (c *compiler) cast(n *Cast) int {
	from := n.Arg.Type()
	arg := c.flat(n.Arg)
	if sameValues(from, n.To) {
		dst := c.alias()
		c.emit(instr{op: opAlias, dst: dst, args: []int{arg}, typ: n.To, span: n.At})
		return dst
	}
	k := kernel.FindCast(from, n.To)
	if k == nil {
		c.fail(diag.At(n.At, diag.Unsupported, "CAST from %s to %s is not supported yet", from.Nullable(true), n.To.Nullable(true)))
		return arg
	}
	dst := c.register(n.To)
	c.emit(instr{
		op: opCall, dst: dst, args: []int{arg}, typ: n.To, span: n.At, strict: true,
		cast: k, env: &kernel.CastEnv{Try: n.Try},
	})
	return dst
}

// sameValues reports whether values of one type are values of the other as they
// lie.
func sameValues(from, to types.Type) bool {
	switch {
	case types.SameIgnoringNull(from, to):
		return true
	case from.IsString() && to.Kind == types.VarChar:
		return from.Prec <= to.Prec
	case (from.IsBinary() || from.IsString() || from.Kind == types.Raw) && to.Kind == types.VarBinary:
		return to.Prec == types.MaxLength || from.IsBinary() && from.Prec <= to.Prec
	case from.IsInterval() && from.Kind == to.Kind:
		return true
	case from.Kind == types.Int && to.Kind == types.IntervalYM, from.Kind == types.IntervalYM && to.Kind == types.Int:
		return true
	case from.Kind == types.BigInt && to.Kind == types.IntervalDT, from.Kind == types.IntervalDT && to.Kind == types.BigInt:
		return true
	case from.IsTimestamp() && from.Kind == to.Kind:
		return from.PerSecond() == to.PerSecond() && from.Prec <= to.Prec
	}
	return false
}

// logic folds AND and OR from left to right. What fails or is costly runs only for
// the lanes that are not decided.
func (c *compiler) logic(n *Logic) int {
	opt := uint8(0)
	if n.Or {
		opt = 1
	}
	acc := c.value(n.Args[0])
	own := false // acc is a register that nothing else reads
	for _, a := range n.Args[1:] {
		if !lazy(a) {
			b := c.value(a)
			dst := acc
			if !own {
				dst, own = c.register(n.Type()), true
			}
			c.emit(instr{op: opLogic, dst: dst, args: []int{acc, b}, opt: opt, typ: n.Type(), span: n.At})
			acc = dst
			continue
		}
		if !own {
			dst := c.register(n.Type())
			c.emit(instr{op: opCopyBool, dst: dst, args: []int{acc}, typ: n.Type()})
			acc, own = dst, true
		}
		m := c.mask()
		c.emit(instr{op: opUndecided, dst: -1, args: []int{acc}, opt: opt, f: m, t: -1})
		c.branch(m, func() {
			b := c.value(a)
			c.emit(instr{op: opLogic, dst: acc, args: []int{acc, b}, opt: opt, typ: n.Type(), span: n.At})
		})
	}
	return acc
}

// branch compiles what body emits for the lanes of mask, behind a jump.
func (c *compiler) branch(mask int, body func()) {
	c.push(mask)
	at := c.emit(instr{op: opJump, dst: -1})
	body()
	c.p.code[at].jump = len(c.p.code)
	c.pop()
}

// choose compiles CASE: each value is computed for its lanes and written to the
// common result.
func (c *compiler) choose(n *Case) int {
	dst := c.register(n.T)
	c.emit(instr{op: opBegin, dst: dst, typ: n.T})
	c.when(n, 0, dst)
	return dst
}

// when compiles the branches of a CASE from i on, each in the lanes the ones
// before have left.
func (c *compiler) when(n *Case, i, dst int) {
	if i == len(n.Whens) {
		v := c.flat(n.Else)
		c.emit(instr{op: opBlend, dst: dst, args: []int{v}, typ: n.T})
		return
	}
	cond := c.value(n.Whens[i].Cond)
	t, f := c.mask(), c.mask()
	c.emit(instr{op: opSplit, dst: -1, args: []int{cond}, t: t, f: f})
	c.branch(t, func() {
		v := c.flat(n.Whens[i].Then)
		c.emit(instr{op: opBlend, dst: dst, args: []int{v}, typ: n.T})
	})
	c.branch(f, func() { c.when(n, i+1, dst) })
}

func (c *compiler) coalesce(n *Coalesce) int {
	if len(n.Args) == 1 {
		return c.value(n.Args[0])
	}
	dst := c.register(n.T)
	c.emit(instr{op: opBegin, dst: dst, typ: n.T})
	c.next(n, 0, dst)
	return dst
}

func (c *compiler) next(n *Coalesce, i, dst int) {
	v := c.flat(n.Args[i])
	c.emit(instr{op: opBlend, dst: dst, args: []int{v}, typ: n.T})
	if i+1 == len(n.Args) || n.Args[i].Type().NotNull {
		return
	}
	m := c.mask()
	c.emit(instr{op: opNullMask, dst: -1, args: []int{v}, t: m, f: -1})
	c.branch(m, func() { c.next(n, i+1, dst) })
}

// in compiles IN: a look-up among constants, else a chain of comparisons.
func (c *compiler) in(n *In) int {
	if set := makeSet(n); set != nil {
		args := c.values(n.Arg)
		dst := c.register(n.Type())
		opt := uint8(0)
		if n.Negated {
			opt = 1
		}
		at := c.emit(instr{op: opIn, dst: dst, args: args, typ: n.Type(), span: n.At, set: set, opt: opt, strict: true})
		c.p.code[at].kern = func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
			return set.find(dst, args[0], n, live, opt != 0)
		}
		return dst
	}
	var any []Node
	for _, e := range n.List {
		any = append(any, &Compare{Op: Eq, L: n.Arg, R: e, At: n.At})
	}
	or := newLogic(true, any, n.At)
	if n.Negated {
		or = NewNot(or, n.At)
	}
	return c.value(or)
}

// makeSet collects constants for look-up; nil when the list has others, or values
// of a type that is not looked up so.
func makeSet(n *In) *inSet {
	t := n.Arg.Type()
	text := t.IsString()
	switch t.Phys() {
	case types.PhysI8, types.PhysI16, types.PhysI32, types.PhysI64:
	default:
		if !text {
			return nil
		}
	}
	s := &inSet{}
	var texts []string
	short := true
	for _, e := range n.List {
		l, ok := e.(*Literal)
		if !ok {
			return nil
		}
		if l.Col.IsNull(0) {
			s.hasNull = true
			continue
		}
		if !text {
			s.ints = append(s.ints, l.Col.Int(0))
			continue
		}
		var tmp [batch.InlineMax]byte
		v := l.Col.Bytes(0, &tmp)
		texts = append(texts, string(v))
		if len(v) > batch.InlineMax {
			short = false
			continue
		}
		s.views = append(s.views, batch.MakeInline(v))
	}
	switch {
	case text && (!short || len(texts) > 8):
		s.views = nil
		s.strings = make(map[string]struct{}, len(texts))
		for _, v := range texts {
			s.strings[v] = struct{}{}
		}
	case !text && len(s.ints) > 8:
		s.table = make(map[int64]struct{}, len(s.ints))
		for _, v := range s.ints {
			s.table[v] = struct{}{}
		}
	case text && s.views == nil:
		s.views = []batch.View{}
	}
	return s
}

// finish assigns registers and makes the program.
func (c *compiler) finish(outs []int) *Program {
	p := c.p
	c.assign(outs)
	p.masks = make([][]uint64, p.nMasks)
	p.maskBuf = make([][]uint64, p.nMasks)
	return p
}
