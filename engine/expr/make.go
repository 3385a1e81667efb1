package expr

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

// CommonType, Arith and CanCast are the rules of package function, for callers
// that work with expressions.

// CommonType gives the type that values of all of ts can have together.
func CommonType(ts ...types.Type) (types.Type, error) { return function.CommonType(ts...) }

// Arith gives the type of a op b for op in + - * / %.
func Arith(op string, a, b types.Type) (types.Type, error) { return function.Arith(op, a, b) }

// CanCast reports whether from can become to, by CAST or (explicit false) by itself.
func CanCast(from, to types.Type, explicit bool) bool { return function.CanCast(from, to, explicit) }

// NewRef makes a reference to input column index.
func NewRef(index int, t types.Type, at diag.Span) *InputRef {
	return &InputRef{Index: index, T: t, At: at}
}

// NewLiteral makes a constant of lane 0 of col.
func NewLiteral(col *batch.Col, at diag.Span) *Literal {
	c := *col
	c.Enc = batch.Const
	c.Type.NotNull = !c.IsNull(0)
	return &Literal{Col: &c, At: at}
}

// NewNull makes NULL of type t.
func NewNull(t types.Type, at diag.Span) *Literal {
	return &Literal{Col: nullCol(t), At: at}
}

// NewCast makes CAST(arg AS to), or TRY_CAST. The nullability of to is replaced by
// that of the value. The error is invalid-cast when no such cast exists.
func NewCast(arg Node, to types.Type, try bool, at diag.Span) (Node, error) {
	from := arg.Type()
	if !function.CanCast(from, to, true) {
		return nil, diag.At(at, diag.InvalidCast, "cannot cast %s to %s", from.Nullable(true), to.Nullable(true)).
			WithHint("%s", castHint(from, to))
	}
	return makeCast(arg, to, try, false, at), nil
}

// NewImplicitCast is the cast that is put in where a value of type to is needed,
// such as a sink's column. It fails with type-mismatch when the value does not
// become one by itself.
func NewImplicitCast(arg Node, to types.Type, at diag.Span) (Node, error) {
	if !function.CanCast(arg.Type(), to, false) {
		return nil, diag.At(at, diag.TypeMismatch, "%s does not become %s by itself", arg.Type().Nullable(true), to.Nullable(true)).
			WithHint("write CAST(... AS %s)", to.Nullable(true))
	}
	return implicit(arg, to), nil
}

// ToLeast casts a value to a type that LeastType gave for it and others.
func ToLeast(arg Node, to types.Type) Node { return implicit(arg, to) }

// makeCast makes a cast that is known to exist; none when the type is the same.
func makeCast(arg Node, to types.Type, try, silent bool, at diag.Span) Node {
	from := arg.Type()
	to = to.Plain()
	if from.Kind == types.Null {
		if l, ok := arg.(*Literal); ok {
			return NewNull(to, l.At)
		}
	}
	to.NotNull = from.NotNull && !try && !function.CastNullable(from, to)
	if types.SameIgnoringNull(from, to) && silent {
		return arg
	}
	c := &Cast{Arg: arg, To: to, Try: try, Implicit: silent, At: at}
	if _, ok := arg.(*Literal); ok && from.NotNull && !try && !to.NotNull {
		// A constant is known to fit or not.
		l, err := evalConst(c, nil)
		c.To.NotNull = err == nil && !l.Col.IsNull(0)
	}
	return c
}

// implicit casts arg to the type to unless it has it.
func implicit(arg Node, to types.Type) Node { return makeCast(arg, to, false, true, arg.Span()) }

// NewField makes arg.name for field index of a ROW.
func NewField(arg Node, index int, at diag.Span) (Node, error) {
	t := arg.Type()
	if t.Kind != types.Row || index < 0 || index >= len(t.Fields) {
		return nil, diag.At(at, diag.TypeMismatch, "%s has no field %d", t.Nullable(true), index+1)
	}
	return newField(arg, index, t.Fields[index].Name, at), nil
}

func newField(arg Node, index int, name string, at diag.Span) Node {
	switch a := arg.(type) {
	case *InputRef:
		return &InputRef{
			Index: a.Index,
			Path:  append(a.Path[:len(a.Path):len(a.Path)], index),
			Names: append(a.Names[:len(a.Names):len(a.Names)], name),
			T:     fieldType(a.T, index),
			At:    a.At.Join(at),
		}
	case *Make:
		if a.T.Kind == types.Row {
			return a.Args[index]
		}
	}
	return &Field{Arg: arg, Index: index, At: at}
}

// NewAnd joins conditions by AND; it is nil for none and the condition itself for
// one. ANDs among them are taken apart.
func NewAnd(args ...Node) Node { return newLogic(false, args, diag.Span{}) }

// NewOr joins conditions by OR.
func NewOr(args ...Node) Node { return newLogic(true, args, diag.Span{}) }

func newLogic(or bool, args []Node, at diag.Span) Node {
	var flat []Node
	for _, a := range args {
		if a == nil {
			continue
		}
		at = at.Join(a.Span())
		if l, ok := a.(*Logic); ok && l.Or == or {
			flat = append(flat, l.Args...)
			continue
		}
		flat = append(flat, a)
	}
	switch len(flat) {
	case 0:
		return nil
	case 1:
		return flat[0]
	}
	return &Logic{Or: or, Args: flat, At: at}
}

// NewNot makes NOT arg.
func NewNot(arg Node, at diag.Span) Node { return &Not{Arg: arg, At: at} }

// NewIs makes arg IS [NOT] NULL, TRUE or FALSE.
func NewIs(what IsWhat, negated bool, arg Node, at diag.Span) Node {
	return &Is{What: what, Negated: negated, Arg: arg, At: at}
}

// NewCompare makes l op r, with both sides brought to one type.
func NewCompare(op CompareOp, l, r Node, at diag.Span) (Node, error) {
	order := op == Lt || op == Le || op == Gt || op == Ge
	t, err := function.CompareType(l.Type(), r.Type(), order)
	if err != nil {
		return nil, place(err, at)
	}
	if tooWide(l.Type(), r.Type()) {
		return compareWide(op, l, r, at)
	}
	if l, err = forCompare(l, t, !order); err != nil {
		return nil, err
	}
	if r, err = forCompare(r, t, !order); err != nil {
		return nil, err
	}
	return &Compare{Op: op, L: l, R: r, At: at}, nil
}

// forCompare casts a side of a comparison. Text that is no date-time is an error where
// it stands in the statement, and where it comes with the rows unless try is set: then
// it becomes NULL, as beside = and <>.
func forCompare(n Node, t types.Type, try bool) (Node, error) {
	if !n.Type().IsString() || !t.IsTemporal() {
		return implicit(n, t), nil
	}
	if _, ok := n.(*Literal); ok {
		c := implicit(n, t)
		if _, err := evalConst(c, nil); err != nil {
			return nil, place(err, n.Span())
		}
		return c, nil
	}
	return makeCast(n, t, try, true, n.Span()), nil
}

// NewBetween makes x [NOT] BETWEEN [SYMMETRIC] low AND high.
func NewBetween(x, low, high Node, symmetric, negated bool, at diag.Span) (Node, error) {
	within := func(low, high Node) (Node, error) {
		a, err := NewCompare(Ge, x, low, at)
		if err != nil {
			return nil, err
		}
		b, err := NewCompare(Le, x, high, at)
		if err != nil {
			return nil, err
		}
		return newLogic(false, []Node{a, b}, at), nil
	}
	n, err := within(low, high)
	if err != nil {
		return nil, err
	}
	if symmetric {
		m, err := within(high, low)
		if err != nil {
			return nil, err
		}
		n = newLogic(true, []Node{n, m}, at)
	}
	if negated {
		n = NewNot(n, at)
	}
	return n, nil
}

// NewOverlaps makes (a, b) OVERLAPS (c, d) of points in time. The ends of a stretch
// may stand in either order. It is written out in comparisons, as the standard
// does, so that a NULL end makes it UNKNOWN only where it matters.
func NewOverlaps(a, b, c, d Node, at diag.Span) (Node, error) {
	order := func(lo, hi Node) (first, last Node, err error) {
		le, err := NewCompare(Le, lo, hi, at)
		if err != nil {
			return nil, nil, err
		}
		if first, err = NewCase([]Node{le, lo, hi}, at); err != nil {
			return nil, nil, err
		}
		last, err = NewCase([]Node{le, hi, lo}, at)
		return first, last, err
	}
	a, b, err := order(a, b)
	if err != nil {
		return nil, err
	}
	if c, d, err = order(c, d); err != nil {
		return nil, err
	}
	p, err := NewCompare(Ge, b, c, at)
	if err != nil {
		return nil, err
	}
	q, err := NewCompare(Ge, d, a, at)
	if err != nil {
		return nil, err
	}
	return NewAnd(p, q), nil
}

// NewIn makes x [NOT] IN (list), with all brought to one type.
func NewIn(x Node, list []Node, negated bool, at diag.Span) (Node, error) {
	// The list has one type of its own, which then meets that of x.
	t := list[0].Type()
	for _, e := range list {
		if tooWide(x.Type(), e.Type()) || tooWide(t, e.Type()) {
			return inWide(x, list, negated, at)
		}
		c, err := function.CompareType(t, e.Type(), false)
		if err != nil {
			return nil, place(err, at.Join(e.Span()))
		}
		t = c
	}
	if tooWide(x.Type(), t) {
		return inWide(x, list, negated, at)
	}
	t, err := function.InType(x.Type(), t)
	if err != nil {
		return nil, place(err, at.Join(list[len(list)-1].Span()))
	}
	if x, err = forCompare(x, t, false); err != nil {
		return nil, err
	}
	n := &In{Arg: x, Negated: negated, At: at}
	for _, e := range list {
		if _, ok := e.(*Literal); ok && e.Type().IsString() && t.IsTemporal() {
			n.List = append(n.List, makeCast(e, t, true, true, e.Span())) // NULL where it is no date-time, as in Flink
			continue
		}
		if e, err = forCompare(e, t, false); err != nil {
			return nil, err
		}
		n.List = append(n.List, e)
	}
	return n, nil
}

// inWide writes x IN (list) out, for decimals without a common type.
func inWide(x Node, list []Node, negated bool, at diag.Span) (Node, error) {
	parts := make([]Node, len(list))
	for i, e := range list {
		c, err := NewCompare(Eq, x, e, at)
		if err != nil {
			return nil, err
		}
		parts[i] = c
	}
	n := newLogic(true, parts, at)
	if negated {
		n = NewNot(n, at)
	}
	return n, nil
}

// NewCase makes CASE WHEN; conditions and values alternate, a last odd one is
// ELSE, which is NULL when absent.
func NewCase(args []Node, at diag.Span) (Node, error) {
	var otherwise Node = NewNull(types.NullT, at)
	if len(args)%2 == 1 {
		otherwise = args[len(args)-1]
	}
	if len(args) < 2 {
		return nil, diag.At(at, diag.InvalidArgument, "CASE needs a WHEN")
	}
	var ts []types.Type
	for i := 0; i+1 < len(args); i += 2 {
		if k := args[i].Type().Kind; k != types.Boolean && k != types.Null {
			return nil, diag.At(args[i].Span(), diag.TypeMismatch, "a condition must be BOOLEAN, not %s", args[i].Type().Nullable(true))
		}
		ts = append(ts, args[i+1].Type())
	}
	ts = append(ts, otherwise.Type())
	t, err := function.LeastType(ts...)
	if err != nil {
		return nil, place(err, at)
	}
	c := &Case{T: t, At: at}
	for i := 0; i+1 < len(args); i += 2 {
		c.Whens = append(c.Whens, When{implicit(args[i], types.BooleanT), implicit(args[i+1], t)})
	}
	c.Else = implicit(otherwise, t)
	return c, nil
}

// NewCoalesce makes COALESCE(args).
func NewCoalesce(args []Node, at diag.Span) (Node, error) {
	ts := make([]types.Type, len(args))
	nullable := true
	for i, a := range args {
		ts[i] = a.Type()
		nullable = nullable && a.Type().IsNullable()
	}
	t, err := function.CoalesceType(ts...)
	if err != nil {
		return nil, place(err, at)
	}
	c := &Coalesce{T: t.Nullable(nullable), At: at}
	for _, a := range args {
		c.Args = append(c.Args, implicit(a, t))
	}
	return c, nil
}

// NewItem makes arg[key] for an ARRAY, a MAP, a VARIANT, or a ROW with a constant
// position.
func NewItem(arg, key Node, at diag.Span) (Node, error) {
	t := arg.Type()
	switch t.Kind {
	case types.Array:
		if !key.Type().IsInteger() {
			return nil, diag.At(key.Span(), diag.TypeMismatch, "an ARRAY is indexed by an integer, not %s", key.Type().Nullable(true))
		}
		return &Item{Arg: arg, Key: implicit(key, types.BigIntT), At: at}, nil
	case types.Map:
		k := t.Key.Plain()
		if _, err := function.CompareType(*t.Key, key.Type(), false); err != nil || !function.CanCast(key.Type(), k, false) {
			return nil, diag.At(key.Span(), diag.TypeMismatch, "the keys of %s are %s, not %s", t.Nullable(true), k.Nullable(true), key.Type().Nullable(true)).
				WithHint("CAST the key to %s", k.Nullable(true))
		}
		return &Item{Arg: arg, Key: implicit(key, k), At: at}, nil
	case types.Variant:
		switch kt := key.Type(); {
		case kt.IsInteger():
			return &Item{Arg: arg, Key: implicit(key, types.BigIntT), At: at}, nil
		case kt.IsString():
			return &Item{Arg: arg, Key: implicit(key, types.StringT), At: at}, nil
		}
	case types.Row:
		if l, ok := key.(*Literal); ok && !l.Col.IsNull(0) {
			if l.Col.Type.Kind == types.Int {
				return NewField(arg, int(l.Col.I32[0])-1, at)
			}
			if l.Col.Type.IsString() {
				var tmp [12]byte
				name := string(l.Col.Bytes(0, &tmp))
				for i := range t.Fields {
					if t.Fields[i].Name == name {
						return NewField(arg, i, at)
					}
				}
				return nil, diag.At(key.Span(), diag.UnknownColumn, "no field %q in %s", name, t.Nullable(true))
			}
		}
	}
	return nil, diag.At(at, diag.TypeMismatch, "%s cannot be indexed by %s", t.Nullable(true), key.Type().Nullable(true)).
		WithHint("arrays are indexed by numbers from 1, maps and VARIANT by keys")
}

// NewArray makes ARRAY[args] with the common type of args as element.
func NewArray(args []Node, at diag.Span) (Node, error) {
	t, err := function.LeastType(nodeTypes(args)...)
	if err != nil {
		return nil, place(err, at)
	}
	m := &Make{T: types.ArrayT(t).Nullable(false), At: at}
	for _, a := range args {
		m.Args = append(m.Args, implicit(a, t))
	}
	return m, nil
}

// NewMap makes MAP[k, v, ...]; a repeated key keeps the last value.
func NewMap(args []Node, at diag.Span) (Node, error) {
	if len(args)%2 != 0 {
		return nil, diag.At(at, diag.InvalidArgument, "MAP needs as many values as keys")
	}
	var ks, vs []types.Type
	for i := 0; i < len(args); i += 2 {
		ks, vs = append(ks, args[i].Type()), append(vs, args[i+1].Type())
	}
	kt, err := function.LeastType(ks...)
	if err != nil {
		return nil, place(err, at)
	}
	vt, err := function.LeastType(vs...)
	if err != nil {
		return nil, place(err, at)
	}
	m := &Make{T: types.MapT(kt, vt).Nullable(false), At: at}
	for i, a := range args {
		if i%2 == 0 {
			m.Args = append(m.Args, implicit(a, kt))
		} else {
			m.Args = append(m.Args, implicit(a, vt))
		}
	}
	return m, nil
}

// NewRow makes ROW(args). names may be nil: then fields are called EXPR$0, EXPR$1
// and so on.
func NewRow(args []Node, names []string, at diag.Span) Node {
	t := types.Type{Kind: types.Row, NotNull: true}
	for i, a := range args {
		f := types.Field{Name: defaultName(i), Type: a.Type().Plain()}
		if i < len(names) {
			f.Name = names[i]
		}
		t.Fields = append(t.Fields, f)
	}
	return &Make{Args: args, T: t, At: at}
}

func nodeTypes(nodes []Node) []types.Type {
	out := make([]types.Type, len(nodes))
	for i, n := range nodes {
		out[i] = n.Type()
	}
	return out
}

// place gives an error of the type rules its place.
func place(err error, at diag.Span) error {
	if e := diag.As(err); e != nil {
		return e.Or(at)
	}
	return err
}
