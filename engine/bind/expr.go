package bind

import (
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// expr binds an expression in the scope of the block.
func (x *block) expr(e ast.Expr) (expr.Node, error) {
	switch e := e.(type) {
	case *ast.ColumnRef:
		return x.column(e)
	case *ast.Literal:
		return literal(e)
	case *ast.IntervalLiteral:
		return interval(e)
	case *ast.IntervalExpr:
		return x.intervalExpr(e)
	case *ast.Unary:
		return x.unary(e)
	case *ast.Binary:
		return x.binary(e)
	case *ast.Is:
		return x.is(e)
	case *ast.IsDistinct:
		l, r, err := x.pair(e.L, e.R)
		if err != nil {
			return nil, err
		}
		op := expr.Distinct
		if e.Not {
			op = expr.NotDistinct
		}
		return expr.NewCompare(op, l, r, e.Span())
	case *ast.Between:
		list, err := x.exprs(e.X, e.Lo, e.Hi)
		if err != nil {
			return nil, err
		}
		return expr.NewBetween(list[0], list[1], list[2], e.Symmetric, e.Not, e.Span())
	case *ast.In:
		if e.Query != nil {
			return x.inQuery(e.X, e.Query, e.Not, e.Span())
		}
		l, err := x.expr(e.X)
		if err != nil {
			return nil, err
		}
		list, err := x.exprs(e.List...)
		if err != nil {
			return nil, err
		}
		return expr.NewIn(l, list, e.Not, e.Span())
	case *ast.Like:
		return x.like(e)
	case *ast.Exists:
		if e.Unique {
			return nil, parsedOnly(e.Span(), "UNIQUE (query)")
		}
		return x.exists(e)
	case *ast.Quantified:
		return x.quantified(e)
	case *ast.Case:
		return x.caseWhen(e)
	case *ast.Cast:
		return x.cast(e)
	case *ast.FuncCall:
		return x.call(e)
	case *ast.ArrayCtor:
		if e.Query != nil {
			return nil, parsedOnly(e.Span(), "ARRAY (query)").WithHint("ARRAY_AGG makes an array of rows")
		}
		list, err := x.exprs(e.Elems...)
		if err != nil {
			return nil, err
		}
		return expr.NewArray(list, e.Span())
	case *ast.MultisetCtor:
		return nil, diag.At(e.Span(), diag.UnsupportedByFlink, "MULTISET[...] is parsed but cannot be planned").WithHint("COLLECT makes a multiset of rows")
	case *ast.MapCtor:
		if e.Query != nil {
			return nil, parsedOnly(e.Span(), "MAP (query)")
		}
		list, err := x.exprs(e.Elems...)
		if err != nil {
			return nil, err
		}
		return expr.NewMap(list, e.Span())
	case *ast.RowCtor:
		list, err := x.exprs(e.Elems...)
		if err != nil {
			return nil, err
		}
		return expr.NewRow(list, nil, e.Span()), nil
	case *ast.Subquery:
		return x.scalarQuery(e)
	case *ast.IndexAccess:
		if e.Mode != "" {
			return nil, parsedOnly(e.Span(), "indexing by "+e.Mode).WithHint("a[1] is the first element")
		}
		l, r, err := x.pair(e.X, e.Index)
		if err != nil {
			return nil, err
		}
		return expr.NewItem(l, r, e.Span())
	case *ast.FieldAccess:
		return x.field(e)
	case *ast.Star, *ast.FieldStar:
		return nil, diag.At(e.Span(), diag.InvalidQuery, "* stands for columns and is not a value here")
	case *ast.Default:
		return nil, diag.At(e.Span(), diag.UnsupportedByFlink, "DEFAULT has no value here")
	case *ast.Param:
		return nil, parsedOnly(e.Span(), "a parameter")
	case *ast.Descriptor:
		return nil, diag.At(e.Span(), diag.InvalidArgument, "DESCRIPTOR is an argument of table functions only")
	case *ast.Keyword:
		return text(e.Word, e.Span()), nil
	}
	return nil, unsupported(e.Span(), "this expression is")
}

func (x *block) exprs(list ...ast.Expr) ([]expr.Node, error) {
	out := make([]expr.Node, len(list))
	for i, e := range list {
		n, err := x.expr(e)
		if err != nil {
			return nil, err
		}
		out[i] = n
	}
	return out, nil
}

func (x *block) pair(l, r ast.Expr) (expr.Node, expr.Node, error) {
	list, err := x.exprs(l, r)
	if err != nil {
		return nil, nil, err
	}
	return list[0], list[1], nil
}

// condition binds a BOOLEAN.
func (x *block) condition(e ast.Expr, clause string) (expr.Node, error) {
	old := x.clause
	x.clause = clause
	defer func() { x.clause = old }()
	n, err := x.expr(e)
	if err != nil {
		return nil, err
	}
	return truth(n, clause)
}

// truth checks that n is BOOLEAN.
func truth(n expr.Node, clause string) (expr.Node, error) {
	switch n.Type().Kind {
	case types.Boolean:
		return n, nil
	case types.Null:
		return expr.NewNull(types.BooleanT, n.Span()), nil
	}
	return nil, diag.At(n.Span(), diag.TypeMismatch, "%s needs a BOOLEAN, not %s", clause, n.Type().Nullable(true)).
		WithHint("write a comparison, such as a > 0 or a IS NOT NULL")
}

func (x *block) column(e *ast.ColumnRef) (expr.Node, error) {
	n, err := x.fromColumn(e)
	if err != nil && len(e.Name) == 1 {
		if x.aliases != nil {
			if a, ok := x.aliases[e.Name[0].Name]; ok && a != nil {
				return a, nil
			}
		}
		// A name without parentheses may be a function: CURRENT_DATE.
		if f := x.b.function(e.Name); f != nil && niladic[strings.ToUpper(e.Name[0].Name)] {
			return x.scalarCall(f, nil, e.Span())
		}
		if strings.EqualFold(e.Name[0].Name, "CURRENT_DATABASE") {
			return x.currentDatabase(e.Span()), nil
		}
		for _, it := range x.selectNames {
			if it == e.Name[0].Name && x.clause != "" {
				d := diag.As(err)
				d.Hint = "the alias " + it + " of the same SELECT is not visible in " + x.clause + "; repeat its expression or use a subquery"
			}
		}
	}
	return n, err
}

// fromColumn resolves a column of the rows of FROM.
func (x *block) fromColumn(e *ast.ColumnRef) (expr.Node, error) {
	if x.match != nil {
		return x.matchColumn(e)
	}
	n, err := x.sc.column(e.Name)
	if full := x.b.full; full != nil && err == nil {
		if name := x.sc.fullName(e.Name); name != nil {
			full.Columns[e.Span()] = name
		} else if sides := x.sc.merged(e.Name); sides != nil {
			full.Merged[e.Span()] = columnRefs(sides)
		}
	}
	return n, err
}

// niladic functions may be written without parentheses.
var niladic = map[string]bool{
	"CURRENT_DATE": true, "CURRENT_TIME": true, "CURRENT_TIMESTAMP": true, "LOCALTIME": true,
	"LOCALTIMESTAMP": true, "CURRENT_ROW_TIMESTAMP": true, "PI": true, "E": true,
}

func (x *block) field(e *ast.FieldAccess) (expr.Node, error) {
	n, err := x.expr(e.X)
	if err != nil {
		return nil, err
	}
	t := n.Type()
	if t.Kind != types.Row {
		return nil, diag.At(e.Field.Span, diag.UnknownColumn, "%s has no field %q", t.Nullable(true), e.Field.Name)
	}
	i := fieldIndex(t, e.Field.Name)
	if i < 0 {
		return nil, noField(t, e.Field)
	}
	return expr.NewField(n, i, e.Span())
}

func (x *block) intervalExpr(e *ast.IntervalExpr) (expr.Node, error) {
	n, err := x.expr(e.X)
	if err != nil {
		return nil, err
	}
	t, err := intervalType(e.Qualifier, e.Span())
	if err != nil {
		return nil, err
	}
	num, den := perUnit(e.Qualifier.From)
	if den != 1 {
		return nil, unsupported(e.Span(), "a computed interval in %s is", e.Qualifier.From)
	}
	if e.Negative {
		num = -num
	}
	one := constant(t, e.Span(), func(b *batch.Builder) { b.AppendInt(num) })
	return x.op("*", e.Span(), n, one)
}

// op calls an operator by its sign or name.
func (x *block) op(name string, at diag.Span, args ...expr.Node) (expr.Node, error) {
	f := x.b.Session.Host.Functions.Lookup(name)
	if f == nil {
		if strings.Contains(name, "ILIKE") {
			return nil, diag.At(at, diag.UnsupportedByFlink, "%s is no operator of Flink SQL", name).WithHint("LOWER(a) LIKE 'x%' takes no account of case")
		}
		return nil, unsupported(at, "operator %s is", name)
	}
	return expr.NewCall(f, args, at)
}

func (x *block) unary(e *ast.Unary) (expr.Node, error) {
	if l, ok := e.X.(*ast.Literal); ok && e.Op == ast.OpNeg && (l.Kind == ast.LitInteger || l.Kind == ast.LitDecimal || l.Kind == ast.LitDouble) && !strings.HasPrefix(l.Text, "-") {
		c := *l
		c.Text = "-" + l.Text
		c.At = e.Span()
		return literal(&c)
	}
	n, err := x.expr(e.X)
	if err != nil {
		return nil, err
	}
	switch e.Op {
	case ast.OpNeg:
		return x.op("NEG", e.Span(), n)
	case ast.OpPlus:
		return n, nil
	case ast.OpNot:
		if n, err = truth(n, "NOT"); err != nil {
			return nil, err
		}
		return negate(n, e.Span()), nil
	}
	return nil, parsedOnly(e.Span(), "PRIOR")
}

// negate makes NOT n; a NOT around it goes away.
func negate(n expr.Node, at diag.Span) expr.Node {
	if m, ok := n.(*expr.Not); ok {
		return m.Arg
	}
	return expr.NewNot(n, at)
}

var compareOps = map[ast.BinaryOp]expr.CompareOp{
	ast.OpEq: expr.Eq, ast.OpNe: expr.Ne, ast.OpLt: expr.Lt, ast.OpLe: expr.Le, ast.OpGt: expr.Gt, ast.OpGe: expr.Ge,
}

var arithOps = map[ast.BinaryOp]string{
	ast.OpAdd: "+", ast.OpSub: "-", ast.OpMul: "*", ast.OpDiv: "/", ast.OpMod: "%", ast.OpConcat: "||",
}

func (x *block) binary(e *ast.Binary) (expr.Node, error) {
	if e.Op == ast.OpAnd || e.Op == ast.OpOr {
		return x.logic(e)
	}
	if sign, ok := arithOps[e.Op]; ok {
		l, r, err := x.pair(e.L, e.R)
		if err != nil {
			return nil, err
		}
		return x.op(sign, e.Span(), l, r)
	}
	if op, ok := compareOps[e.Op]; ok {
		l, r, err := x.pair(e.L, e.R)
		if err != nil {
			return nil, err
		}
		return compareRows(op, l, r, e.Span())
	}
	switch e.Op {
	case ast.OpOverlaps:
		return x.overlaps(e)
	}
	return nil, unsupported(e.Span(), "this operator is")
}

// logic binds AND and OR; long chains are taken iteratively from the left.
func (x *block) logic(e *ast.Binary) (expr.Node, error) {
	var parts []ast.Expr
	var cur ast.Expr = e
	for {
		b, ok := cur.(*ast.Binary)
		if !ok || b.Op != e.Op {
			parts = append(parts, cur)
			break
		}
		parts = append(parts, b.R)
		cur = b.L
	}
	word := "AND"
	if e.Op == ast.OpOr {
		word = "OR"
	}
	nodes := make([]expr.Node, len(parts))
	for i := range parts {
		n, err := x.expr(parts[len(parts)-1-i])
		if err != nil {
			return nil, err
		}
		if nodes[i], err = truth(n, word); err != nil {
			return nil, err
		}
	}
	if e.Op == ast.OpOr {
		return expr.NewOr(nodes...), nil
	}
	return expr.NewAnd(nodes...), nil
}

// compareRows compares rows field by field for = and <>, and values otherwise.
func compareRows(op expr.CompareOp, l, r expr.Node, at diag.Span) (expr.Node, error) {
	lm, ok1 := l.(*expr.Make)
	rm, ok2 := r.(*expr.Make)
	if !ok1 || !ok2 || lm.T.Kind != types.Row || rm.T.Kind != types.Row || op != expr.Eq && op != expr.Ne {
		return expr.NewCompare(op, l, r, at)
	}
	if len(lm.Args) != len(rm.Args) {
		return nil, diag.At(at, diag.TypeMismatch, "cannot compare rows of %d and %d fields", len(lm.Args), len(rm.Args))
	}
	var parts []expr.Node
	for i := range lm.Args {
		c, err := expr.NewCompare(op, lm.Args[i], rm.Args[i], at)
		if err != nil {
			return nil, err
		}
		parts = append(parts, c)
	}
	if op == expr.Ne {
		return expr.NewOr(parts...), nil
	}
	return expr.NewAnd(parts...), nil
}

// overlaps binds (a, b) OVERLAPS (c, d); an interval as end is added to its start.
func (x *block) overlaps(e *ast.Binary) (expr.Node, error) {
	side := func(n ast.Expr) (lo, hi expr.Node, err error) {
		var parts []ast.Expr
		switch p := n.(type) {
		case *ast.RowCtor:
			parts = p.Elems
		case *ast.Period:
			parts = []ast.Expr{p.Start, p.End}
		}
		if len(parts) != 2 {
			return nil, nil, diag.At(n.Span(), diag.InvalidArgument, "OVERLAPS takes periods (start, end)")
		}
		if lo, err = x.expr(parts[0]); err != nil {
			return nil, nil, err
		}
		if hi, err = x.expr(parts[1]); err != nil {
			return nil, nil, err
		}
		if hi.Type().IsInterval() {
			hi, err = x.op("+", n.Span(), lo, hi)
		}
		return lo, hi, err
	}
	a, b, err := side(e.L)
	if err != nil {
		return nil, err
	}
	c, d, err := side(e.R)
	if err != nil {
		return nil, err
	}
	return x.op("OVERLAPS", e.Span(), a, b, c, d)
}

func (x *block) is(e *ast.Is) (expr.Node, error) {
	n, err := x.expr(e.X)
	if err != nil {
		return nil, err
	}
	switch e.Kind {
	case ast.IsNull:
		return expr.NewIs(expr.IsNull, e.Not, n, e.Span()), nil
	case ast.IsTrue, ast.IsFalse, ast.IsUnknown:
		if n, err = truth(n, "IS"); err != nil {
			return nil, err
		}
		w := map[ast.IsKind]expr.IsWhat{ast.IsTrue: expr.IsTrue, ast.IsFalse: expr.IsFalse, ast.IsUnknown: expr.IsNull}[e.Kind]
		return expr.NewIs(w, e.Not, n, e.Span()), nil
	}
	name := map[ast.IsKind]string{
		ast.IsJSON: "IS JSON VALUE", ast.IsJSONScalar: "IS JSON SCALAR", ast.IsJSONArray: "IS JSON ARRAY",
		ast.IsJSONObject: "IS JSON OBJECT", ast.IsASet: "IS A SET", ast.IsEmpty: "IS EMPTY",
	}[e.Kind]
	n, err = x.op(name, e.Span(), n)
	if err == nil && e.Not {
		n = expr.NewNot(n, e.Span())
	}
	return n, err
}

func (x *block) like(e *ast.Like) (expr.Node, error) {
	args := []ast.Expr{e.X, e.Pattern}
	if e.Escape != nil {
		args = append(args, e.Escape)
	}
	list, err := x.exprs(args...)
	if err != nil {
		return nil, err
	}
	name := map[ast.LikeKind]string{ast.LikePlain: "LIKE", ast.Similar: "SIMILAR TO", ast.ILike: "ILIKE", ast.RLike: "RLIKE"}[e.Kind]
	n, err := x.op(name, e.Span(), list...)
	if err == nil && e.Not {
		n = expr.NewNot(n, e.Span())
	}
	return n, err
}

func (x *block) quantified(e *ast.Quantified) (expr.Node, error) {
	op := compareOps[e.Op]
	if e.Query != nil {
		switch {
		case op == expr.Eq && e.Quantifier == ast.QuantSome:
			return x.inQuery(e.X, e.Query, false, e.Span())
		case op == expr.Ne && e.Quantifier == ast.QuantAll:
			return x.inQuery(e.X, e.Query, true, e.Span())
		}
		return x.quantifiedQuery(e, op)
	}
	l, err := x.expr(e.X)
	if err != nil {
		return nil, err
	}
	var parts []expr.Node
	for _, r := range e.List {
		n, err := x.expr(r)
		if err != nil {
			return nil, err
		}
		c, err := expr.NewCompare(op, l, n, e.Span())
		if err != nil {
			return nil, err
		}
		parts = append(parts, c)
	}
	if e.Quantifier == ast.QuantAll {
		return expr.NewAnd(parts...), nil
	}
	return expr.NewOr(parts...), nil
}

func (x *block) caseWhen(e *ast.Case) (expr.Node, error) {
	var operand expr.Node
	var err error
	if e.Operand != nil {
		if operand, err = x.expr(e.Operand); err != nil {
			return nil, err
		}
	}
	var args []expr.Node
	for _, w := range e.Whens {
		var conds []expr.Node
		list := w.Conds
		if operand != nil && len(list) > 1 { // WHEN 1, 2 is IN (1, 2)
			n, err := x.expr(&ast.In{Pos: ast.Pos{At: list[0].Span().Join(list[len(list)-1].Span())}, X: e.Operand, List: list})
			if err != nil {
				return nil, err
			}
			conds, list = append(conds, n), nil
		}
		for _, c := range list {
			n, err := x.expr(c)
			if err != nil {
				return nil, err
			}
			if operand != nil {
				n, err = expr.NewCompare(expr.Eq, operand, n, c.Span())
			} else {
				n, err = truth(n, "WHEN")
			}
			if err != nil {
				return nil, err
			}
			conds = append(conds, n)
		}
		then, err := x.expr(w.Then)
		if err != nil {
			return nil, err
		}
		args = append(args, expr.NewOr(conds...), then)
	}
	if e.Else != nil {
		n, err := x.expr(e.Else)
		if err != nil {
			return nil, err
		}
		args = append(args, n)
	}
	n, err := expr.NewCase(args, e.Span())
	if err == nil && n.Type().Kind == types.Null {
		return nil, diag.At(e.Span(), diag.TypeMismatch, "CASE needs a value that is not NULL, or a CAST(NULL AS type)")
	}
	return n, err
}

func (x *block) cast(e *ast.Cast) (expr.Node, error) {
	if e.Format.Set {
		return nil, parsedOnly(e.Span(), "CAST with FORMAT").WithHint("TO_DATE, TO_TIMESTAMP and DATE_FORMAT take formats")
	}
	n, err := x.expr(e.X)
	if err != nil {
		return nil, err
	}
	t, err := typeOf(e.Type)
	if err != nil {
		return nil, err
	}
	if x.b.Session.Config.Bool("table.legacy-nested-row-nullability") {
		t = looseFields(t, !n.Type().NotNull)
	}
	if n.Type().IsBinary() && t.IsString() && x.b.Session.Config.Bool("table.exec.legacy-bytes-to-string-cast") {
		if n, err = expr.NewCall(x.b.Session.Host.Functions.Lookup("MAKE_VALID_UTF8"), []expr.Node{n}, e.Span()); err != nil {
			return nil, err
		}
	}
	try := e.Try || strings.EqualFold(x.b.Session.Config.Get("table.exec.legacy-cast-behaviour"), "ENABLED")
	return expr.NewCast(n, t, try, e.Span())
}
