package bind

import (
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/parse"
	"github.com/minkstream/mink/engine/types"
)

// A function in LANGUAGE SQL is an expression over its arguments. A call is the
// expression with the arguments in place, each brought to its declared type, so that
// nothing of it is left in the plan.

// sqlFunctionOptions are the options of CREATE FUNCTION for LANGUAGE SQL:
// 'arguments' = 'a INT, b STRING' and, to fix the result, 'returns' = 'BIGINT'.
var sqlFunctionOptions = []string{"arguments", "returns"}

// inlineMax is the most calls of SQL functions that a statement may grow by.
const inlineMax = 10_000

// inline binds a call of an SQL function.
func (x *block) inline(u *catalog.UserFunction, e *ast.FuncCall) (expr.Node, error) {
	sig, err := x.b.sqlSignature(u)
	if err != nil {
		return nil, x.b.inFunction(err, u, e)
	}
	names := make([]string, len(sig.params))
	for i, p := range sig.params {
		names[i] = p.Name
	}
	args, err := x.userArgs(e, names)
	if err != nil {
		return nil, err
	}
	if len(args) != len(names) {
		return nil, wrongCount(e, names)
	}
	for i, p := range sig.params {
		a, err := expr.NewImplicitCast(args[i], p.Type, args[i].Span())
		if err != nil {
			d := diag.As(err)
			d.Msg = "argument " + p.Name + " of " + e.Name.String() + ": " + d.Msg
			return nil, d
		}
		if p.Type.NotNull && a.Type().IsNullable() {
			return nil, diag.At(args[i].Span(), diag.TypeMismatch, "argument %s of %s is declared NOT NULL, and this value may be NULL", p.Name, e.Name).
				WithHint("use COALESCE to say what stands for NULL")
		}
		args[i] = a
	}
	n, uses, err := x.b.body(u, sig, args)
	if err != nil {
		return nil, x.b.inFunction(err, u, e)
	}
	for i, k := range uses {
		if k > 1 && expr.Determinism(args[i]) == function.PerCall {
			return nil, diag.At(args[i].Span(), diag.InvalidArgument, "%s uses its argument %s %d times, and this value is another one each time", e.Name, names[i], k).
				WithHint("compute it in a subquery and pass the column")
		}
	}
	return expr.Substitute(expr.Place(n, e.Span()), args), nil
}

// body binds the expression of an SQL function. Argument i is input column i there,
// or itself when it is a constant; uses says how often each is read. Places are bytes
// of the identifier.
func (b *Binder) body(u *catalog.UserFunction, sig signature, args []expr.Node) (n expr.Node, uses []int, err error) {
	if slices.Contains(b.inlined, u) {
		return nil, nil, diag.New(diag.InvalidQuery, "function %s calls itself", u)
	}
	if b.calls == nil {
		b.calls = new(int)
	}
	if *b.calls++; *b.calls > inlineMax {
		return nil, nil, diag.New(diag.LimitExceeded, "a statement may call SQL functions %d times, calls inside of them included", inlineMax)
	}
	text, err := parse.Expr(u.Identifier)
	if err != nil {
		return nil, nil, err
	}
	schema := make(types.Schema, len(args))
	for i, p := range sig.params {
		t := p.Type
		t.NotNull = args[i].Type().NotNull
		schema[i] = types.Field{Name: p.Name, Type: t.Plain()}
	}
	sc := newScope("", nil, schema)
	for i, a := range args {
		if l, ok := a.(*expr.Literal); ok {
			sc.visible[i].node = expr.NewLiteral(l.Col, diag.Span{})
		}
	}
	inner := &Binder{
		Session: b.Session, Text: u.Identifier, from: b.from, views: b.views, depth: b.depth,
		inlined: append(slices.Clone(b.inlined), u), calls: b.calls,
	}
	if !u.System {
		inner.from = u.Path
	}
	y := &block{b: inner, sc: sc, noQuery: true, clause: "the body of function " + u.Name()}
	if n, err = y.expr(text); err != nil {
		return nil, nil, err
	}
	switch {
	case sig.returns.Kind != types.Invalid:
		if n, err = expr.NewImplicitCast(n, sig.returns, n.Span()); err != nil {
			d := diag.As(err)
			d.Msg = "function " + u.Name() + " returns " + sig.returns.String() + ": " + d.Msg
			return nil, nil, d
		}
		if sig.returns.NotNull && n.Type().IsNullable() {
			return nil, nil, diag.At(n.Span(), diag.TypeMismatch, "function %s returns %s, and this value may be NULL", u.Name(), sig.returns)
		}
	case n.Type().Kind == types.Null:
		return nil, nil, diag.At(n.Span(), diag.TypeMismatch, "NULL has no type").WithHint("write CAST(NULL AS type), or add the option 'returns'")
	}
	uses = make([]int, len(args))
	expr.Walk(n, func(n expr.Node) bool {
		if r, ok := n.(*expr.InputRef); ok {
			uses[r.Index]++
		}
		return true
	})
	return n, uses, nil
}

// checkBody binds the expression with arguments of the declared types.
func (b *Binder) checkBody(u *catalog.UserFunction) error {
	_, err := b.plainBody(u)
	return b.inFunction(err, u, nil)
}

func (b *Binder) plainBody(u *catalog.UserFunction) (expr.Node, error) {
	sig, err := b.sqlSignature(u)
	if err != nil {
		return nil, err
	}
	args := make([]expr.Node, len(sig.params))
	for i, p := range sig.params {
		args[i] = expr.NewRef(i, p.Type, diag.Span{})
	}
	n, _, err := b.body(u, sig, args)
	return n, err
}

// bodyDeterminism reports whether the function is one of its arguments alone.
func (b *Binder) bodyDeterminism(u *catalog.UserFunction) (bool, error) {
	n, err := b.plainBody(u)
	if err != nil {
		return false, b.inFunction(err, u, nil)
	}
	return expr.Determinism(n) == function.Deterministic, nil
}

// sqlSignature reads the options of an SQL function. Errors name the option.
func (b *Binder) sqlSignature(u *catalog.UserFunction) (signature, error) {
	var sig signature
	if text := strings.TrimSpace(u.Options["arguments"]); text != "" {
		t, err := typeText("ROW<" + text + ">")
		if err != nil {
			return sig, badArguments(u, err)
		}
		sig.params = t.Fields
	}
	if text := u.Options["returns"]; text != "" {
		t, err := typeText(text)
		if err != nil {
			return sig, diag.New(diag.CodeOf(err), "option 'returns' of function %s: %s", u.Name(), diag.As(err).Msg)
		}
		sig.returns = t
	}
	return sig, nil
}

// typeText reads a type from text.
func typeText(text string) (types.Type, error) {
	s, err := parse.Type(text)
	if err != nil {
		return types.Type{}, err
	}
	return typeOf(s)
}

// inFunction says that an error, whose place is in the identifier of a function, came
// up in a call of it. Where the function was made by a statement its place there is
// given.
func (b *Binder) inFunction(err error, u *catalog.UserFunction, e *ast.FuncCall) error {
	d := diag.As(err)
	if d == nil {
		return err
	}
	if d.In == "" {
		d.In = u.Identifier
		if d.Span.IsZero() {
			d.Span = diag.Span{End: len(u.Identifier)}
		}
		if at, ok := insideText(u, d.Span); ok {
			d.In, d.Span = u.Statement, at
		}
		for i := range d.Notes {
			d.Notes[i].Span = diag.Span{} // they lay in the identifier
		}
	} else {
		for i := range d.Notes {
			d.Notes[i].Span = diag.Span{}
		}
	}
	if e != nil {
		d.WithNote(e.Span(), "in this call of %s", e.Name)
	}
	return d
}

// insideText finds a place of the identifier in the statement that has it as a
// string, where a quote is written twice.
func insideText(u *catalog.UserFunction, at diag.Span) (diag.Span, bool) {
	lo, hi := u.At.Start+1, u.At.End-1
	if u.Statement == "" || lo > hi || hi > len(u.Statement) || u.Statement[lo-1] != '\'' {
		return diag.Span{}, false
	}
	raw := u.Statement[lo:hi]
	if strings.ReplaceAll(raw, "''", "'") != u.Identifier {
		return diag.Span{}, false
	}
	where := func(k int) int {
		i := 0
		for ; k > 0 && i < len(raw); k-- {
			if raw[i] == '\'' {
				i++
			}
			i++
		}
		return lo + i
	}
	return diag.Span{Start: where(at.Start), End: where(at.End)}, true
}
