package print

import (
	"strings"

	"github.com/minkstream/mink/engine/sql/ast"
)

// How tightly operators bind, as in the parser.
const (
	precAny     = 0
	precNot     = 26
	precPostfix = 28
	precCompare = 30
	precIn      = 32
	precUnary   = 80
	precPrimary = 100 // what may have [i] or .f behind it only in parentheses
	precTight   = 110 // what may have them as it is
)

var binaryPrec = map[ast.BinaryOp]int{
	ast.OpOr: 22, ast.OpAnd: 24, ast.OpAdd: 40, ast.OpSub: 40, ast.OpMul: 60, ast.OpDiv: 60, ast.OpMod: 60,
	ast.OpConcat: 60, ast.OpMultisetUnion: 14, ast.OpMultisetUnionDistinct: 14, ast.OpMultisetExcept: 14,
	ast.OpMultisetExceptDistinct: 14, ast.OpMultisetIntersect: 18, ast.OpMultisetIntersectDistinct: 18,
}

// prec tells how tightly an expression binds as a whole.
func prec(x ast.Expr) int {
	switch x := x.(type) {
	case *ast.Binary:
		if n, ok := binaryPrec[x.Op]; ok {
			return n
		}
		return precCompare
	case *ast.Unary:
		if x.Op == ast.OpNot {
			return precNot
		}
		return precUnary
	case *ast.Is:
		return precPostfix
	case *ast.IsDistinct:
		return precCompare
	case *ast.In, *ast.Between, *ast.Like, *ast.Quantified:
		return precIn
	case *ast.FuncCall:
		switch x.Syntax {
		case ast.CallFormatJSON:
			return precPostfix
		case ast.CallPlain, ast.CallMethod:
			if x.Over == nil && x.Filter == nil && x.WithinGroup == nil && x.WithinDistinct == nil && x.Nulls == ast.NullsDefault {
				return precTight
			}
		}
	case *ast.IndexAccess, *ast.FieldAccess, *ast.ArrayCtor, *ast.MapCtor, *ast.Subquery:
		return precTight
	case *ast.Lambda:
		return precAny - 1
	}
	return precPrimary
}

// expr writes an expression, in parentheses when it binds less tightly than lowest.
func (p *printer) expr(x ast.Expr, lowest int) {
	if x == nil {
		return
	}
	if prec(x) < lowest {
		p.word("(")
		p.bare(x)
		p.word(")")
		return
	}
	p.bare(x)
}

func (p *printer) exprs(list []ast.Expr) {
	p.commas(len(list), func(i int) { p.expr(list[i], precAny) })
}

// bare writes an expression without parentheses around it.
func (p *printer) bare(x ast.Expr) {
	switch x := x.(type) {
	case *ast.ColumnRef:
		p.reference(x)
	case *ast.Star:
		p.star(x)
	case *ast.Literal:
		p.literal(x)
	case *ast.IntervalLiteral:
		p.word("INTERVAL " + flag(x.Negative, "-") + Text(x.Text) + " " + qualifier(x.Qualifier))
	case *ast.IntervalExpr:
		p.intervalExpr(x)
	case *ast.Unary:
		p.unary(x)
	case *ast.Binary:
		n := prec(x)
		p.expr(x.L, n)
		p.word(" " + x.Op.String() + " ")
		p.expr(x.R, n+1)
	case *ast.Is:
		_, again := x.X.(*ast.Is)
		p.expr(x.X, precPostfix+either(p.full != nil && again, 1, 0))
		p.word(" IS " + flag(x.Not, "NOT ") + x.Kind.String() + flag(p.full != nil && x.Kind == ast.IsJSON, " VALUE"))
	case *ast.IsDistinct:
		p.expr(x.L, precCompare)
		p.word(" IS " + flag(x.Not, "NOT ") + "DISTINCT FROM ")
		p.expr(x.R, precCompare+1)
	case *ast.Between:
		p.expr(x.X, precIn)
		p.word(flag(x.Not, " NOT") + " BETWEEN " + flag(x.Symmetric, "SYMMETRIC ") + flag(p.full != nil && !x.Symmetric, "ASYMMETRIC "))
		p.expr(x.Lo, precIn+1)
		p.word(" AND ")
		p.expr(x.Hi, precIn+1)
	case *ast.In:
		p.expr(x.X, precIn)
		p.word(flag(x.Not, " NOT") + " IN ")
		p.listOrQuery(x.List, x.Query)
	case *ast.Like:
		p.expr(x.X, precIn)
		p.word(flag(x.Not, " NOT") + " " + x.Kind.String() + " ")
		p.expr(x.Pattern, precIn+1)
		if x.Escape != nil {
			p.word(" ESCAPE ")
			p.expr(x.Escape, precPrimary)
		}
	case *ast.Exists:
		p.word(either(x.Unique, "UNIQUE ", "EXISTS "))
		p.subquery(x.Query)
	case *ast.Quantified:
		p.expr(x.X, precCompare+2)
		p.word(" " + x.Op.String() + " " + x.Quantifier.String() + " ")
		p.listOrQuery(x.List, x.Query)
	case *ast.Case:
		if p.full != nil {
			x = searched(x)
		}
		p.caseExpr(x)
	case *ast.Cast:
		p.word(flag(x.Try, "TRY_") + "CAST(")
		p.expr(x.X, precAny)
		p.word(" AS ")
		p.typ(x.Type)
		p.after("FORMAT", x.Format)
		p.word(")")
	case *ast.FuncCall:
		p.call(x)
	case *ast.ArrayCtor:
		p.collection("ARRAY", x.Elems, x.Query)
	case *ast.MultisetCtor:
		p.collection("MULTISET", x.Elems, x.Query)
	case *ast.MapCtor:
		p.collection("MAP", x.Elems, x.Query)
	case *ast.RowCtor:
		p.row(x)
	case *ast.Period:
		p.word("PERIOD (")
		p.expr(x.Start, precAny)
		p.word(", ")
		p.expr(x.End, precAny)
		p.word(")")
	case *ast.Subquery:
		p.word(flag(p.full != nil, "(("))
		p.subquery(x.Query)
		p.word(flag(p.full != nil, "))"))
	case *ast.Cursor:
		p.word("CURSOR ")
		p.subquery(x.Query)
	case *ast.IndexAccess:
		p.target(x.X)
		p.word("[")
		if x.Mode != "" {
			p.word(x.Mode + "(")
		}
		p.expr(x.Index, precAny)
		p.word(flag(x.Mode != "", ")") + "]")
	case *ast.FieldAccess:
		p.expr(x.X, precTight)
		p.word(".")
		p.id(x.Field)
	case *ast.FieldStar:
		p.expr(x.X, precTight)
		p.word(".*")
	case *ast.Default:
		p.word("DEFAULT")
	case *ast.Param:
		p.word("?")
	case *ast.Keyword:
		p.word(x.Word)
	case *ast.Descriptor:
		p.word("DESCRIPTOR(")
		p.commas(len(x.Columns), func(i int) { p.name(x.Columns[i]) })
		p.word(")")
	case *ast.TableArg:
		p.tableArg(x)
	case *ast.ModelArg:
		p.word("MODEL ")
		p.name(x.Name)
	case *ast.Lambda:
		p.idList(x.Params)
		p.word(" -> ")
		p.expr(x.Body, precAny)
	case *ast.NextValue:
		p.word(either(x.Current, "CURRENT", "NEXT") + " VALUE FOR ")
		p.name(x.Name)
	}
}

// target writes what an index applies to; a plain column needs no parentheses there.
func (p *printer) target(x ast.Expr) {
	if _, ok := x.(*ast.ColumnRef); ok {
		p.bare(x)
		return
	}
	p.expr(x, precTight)
}

func (p *printer) star(x *ast.Star) {
	if len(x.Qualifier) > 0 {
		p.name(x.Qualifier)
		p.word(".")
	}
	p.word("*")
	if len(x.Exclude) > 0 {
		p.word(" EXCLUDE (")
		p.commas(len(x.Exclude), func(i int) { p.name(x.Exclude[i]) })
		p.word(")")
	}
}

var timePrefix = map[ast.LiteralKind]string{
	ast.LitDate: "DATE", ast.LitTime: "TIME", ast.LitTimestamp: "TIMESTAMP",
	ast.LitTimestampLTZ: "TIMESTAMP WITH LOCAL TIME ZONE", ast.LitTimeTZ: "TIME WITH TIME ZONE",
	ast.LitTimestampTZ: "TIMESTAMP WITH TIME ZONE", ast.LitUUID: "UUID",
}

func (p *printer) literal(x *ast.Literal) {
	switch x.Kind {
	case ast.LitNull, ast.LitTrue, ast.LitFalse, ast.LitUnknown:
		p.word(x.Kind.String())
	case ast.LitInteger, ast.LitDecimal, ast.LitDouble:
		p.word(either(p.full != nil, strings.ToUpper(x.Text), x.Text))
	case ast.LitString:
		if x.Charset != "" {
			p.word("_" + x.Charset)
		}
		p.word(either(p.full != nil, ascii(x.Text), Text(x.Text)))
	case ast.LitBytes:
		p.word(either(p.full != nil, "X"+Text(strings.ToUpper(x.Text)), "x"+Text(x.Text)))
	default:
		p.word(timePrefix[x.Kind] + " " + Text(x.Text))
	}
}

func (p *printer) intervalExpr(x *ast.IntervalExpr) {
	p.word("INTERVAL " + flag(x.Negative, "-"))
	switch y := x.X.(type) {
	case *ast.ColumnRef:
		p.name(y.Name)
	case *ast.Literal:
		if y.Kind == ast.LitInteger || y.Kind == ast.LitDecimal || y.Kind == ast.LitDouble {
			p.literal(y)
		} else {
			p.parens(func() { p.bare(y) })
		}
	default:
		p.parens(func() { p.bare(x.X) })
	}
	p.word(" " + qualifier(x.Qualifier))
}

func (p *printer) unary(x *ast.Unary) {
	if x.Op == ast.OpNot {
		p.word("NOT ")
		p.expr(x.X, precNot)
		return
	}
	p.word(x.Op.String())
	if _, number := x.X.(*ast.Literal); p.full != nil && !number {
		p.word(" ")
		p.expr(x.X, precUnary+1)
		return
	}
	if y, ok := x.X.(*ast.Unary); ok && y.Op == ast.OpNeg {
		p.word(" ") // two signs in a row would begin a comment
	}
	p.expr(x.X, precUnary)
}

func (p *printer) listOrQuery(list []ast.Expr, q ast.Query) {
	if q != nil {
		p.subquery(q)
		return
	}
	p.parens(func() { p.exprs(list) })
}

// subquery writes a query in parentheses.
func (p *printer) subquery(q ast.Query) {
	p.word("(")
	p.indent++
	p.fold()
	p.query(q)
	p.indent--
	p.fold()
	p.word(")")
}

func (p *printer) collection(word string, list []ast.Expr, q ast.Query) {
	p.word(word)
	if q != nil {
		p.subquery(q)
		return
	}
	p.word("[")
	p.exprs(list)
	p.word("]")
}

func (p *printer) row(x *ast.RowCtor) {
	p.word(flag(x.Explicit || p.full != nil, "ROW"))
	p.parens(func() {
		p.commas(len(x.Elems), func(i int) {
			// A single row in the parentheses would be taken for the row itself.
			if r, ok := x.Elems[i].(*ast.RowCtor); ok && r.Explicit && len(x.Elems) == 1 && !x.Explicit && p.full == nil {
				p.parens(func() { p.bare(r) })
				return
			}
			p.expr(x.Elems[i], precAny)
		})
	})
}

func (p *printer) caseExpr(x *ast.Case) {
	p.word("CASE")
	if x.Operand != nil {
		p.word(" ")
		p.expr(x.Operand, precAny)
	}
	p.indent++
	for _, w := range x.Whens {
		p.line()
		p.word("WHEN ")
		p.exprs(w.Conds)
		p.word(" THEN ")
		p.expr(w.Then, precAny)
	}
	if x.Else != nil {
		p.line()
		p.word("ELSE ")
		p.expr(x.Else, precAny)
	}
	p.indent--
	p.line()
	p.word("END")
}

func (p *printer) tableArg(x *ast.TableArg) {
	switch {
	case x.Query != nil:
		p.subquery(x.Query)
	case x.Call != nil:
		p.word("TABLE(")
		p.call(x.Call)
		p.word(")")
	case p.full != nil:
		p.parens(func() { p.fullTable(x.Span(), x.Table) })
	default:
		p.word("TABLE ")
		p.name(x.Table)
	}
	if p.full != nil {
		p.fullOrders(x)
		return
	}
	if len(x.PartitionBy) > 0 {
		p.word(" PARTITION BY (")
		p.exprs(x.PartitionBy)
		p.word(")")
	}
	if len(x.OrderBy) > 0 {
		p.word(" ORDER BY (")
		p.orderItems(x.OrderBy)
		p.word(")")
	}
}
