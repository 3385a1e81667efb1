package support

import (
	"strings"

	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/parse"
)

// Uses are the functions and operators in the statements of a script, by the names of
// functions.txt. Statements that do not parse add nothing.
func Uses(script string) map[string]bool {
	u := uses{}
	for _, it := range parse.Script(script) {
		if it.Err == nil {
			ast.Walk(it.Stmt, u.node)
		}
	}
	return u
}

type uses map[string]bool

var binary = map[ast.BinaryOp]string{
	ast.OpOr: "OR", ast.OpAnd: "AND", ast.OpEq: "=", ast.OpNe: "<>", ast.OpLt: "<", ast.OpLe: "<=", ast.OpGt: ">", ast.OpGe: ">=",
	ast.OpAdd: "+", ast.OpSub: "-", ast.OpMul: "*", ast.OpDiv: "/", ast.OpMod: "%", ast.OpConcat: "||", ast.OpOverlaps: "OVERLAPS",
}

var isWords = map[ast.IsKind]string{
	ast.IsNull: "NULL", ast.IsTrue: "TRUE", ast.IsFalse: "FALSE", ast.IsUnknown: "UNKNOWN",
	ast.IsJSON: "JSON", ast.IsJSONScalar: "JSON", ast.IsJSONArray: "JSON", ast.IsJSONObject: "JSON",
}

var literals = map[ast.LiteralKind]string{ast.LitDate: "DATE", ast.LitTime: "TIME", ast.LitTimestamp: "TIMESTAMP"}

// but puts a word in front where the expression is negated.
func but(not bool, text string) string {
	if not {
		return "NOT " + text
	}
	return text
}

func is(not bool, text string) string { return "IS " + but(not, text) }

func (u uses) node(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.FuncCall:
		u.call(n)
	case *ast.Unary:
		u.unary(n)
	case *ast.Binary:
		u[binary[n.Op]] = true
	case *ast.Is:
		u[is(n.Not, isWords[n.Kind])] = true
	case *ast.IsDistinct:
		u[is(n.Not, "DISTINCT FROM")] = true
	case *ast.Between:
		u[but(n.Not, "BETWEEN")] = true
		if n.Symmetric {
			u["BETWEEN SYMMETRIC"] = true
		}
	case *ast.In:
		word := "IN"
		if n.Query != nil {
			word = "IN (query)"
		}
		u[but(n.Not, word)] = true
	case *ast.Like:
		u.like(n)
	case *ast.Exists:
		u["EXISTS"] = true
	case *ast.Case:
		if n.Operand != nil {
			u["CASE x"] = true
		} else {
			u["CASE"] = true
		}
	case *ast.Cast:
		if n.Try {
			u["TRY_CAST"] = true
		} else {
			u["CAST"] = true
		}
	case *ast.Literal:
		if word := literals[n.Kind]; word != "" {
			u[word+" literal"] = true
		}
	case *ast.IntervalLiteral:
		u["INTERVAL literal"] = true
	case *ast.ArrayCtor:
		u["ARRAY"] = true
	case *ast.MapCtor:
		u["MAP"] = true
	case *ast.RowCtor:
		u["ROW"] = true
	case *ast.IndexAccess:
		u["a[i]"] = true
	case *ast.FieldAccess:
		u["x.f"] = true
	case *ast.ColumnRef:
		if len(n.Name) > 2 {
			u["x.f"] = true
		}
	case *ast.FieldStar:
		u["x.*"] = true
	case *ast.Star:
		if len(n.Qualifier) > 1 {
			u["x.*"] = true
		}
	case *ast.Descriptor:
		u["DESCRIPTOR"] = true
	case *ast.Unnest:
		u["UNNEST"] = true
	}
	return true
}

func (u uses) unary(n *ast.Unary) {
	switch n.Op {
	case ast.OpNeg:
		u["- x"] = true
	case ast.OpPlus:
		u["+ x"] = true
	case ast.OpNot:
		if _, ok := n.X.(*ast.Exists); ok {
			u["NOT EXISTS"] = true
			return
		}
		u["NOT"] = true
	}
}

func (u uses) like(n *ast.Like) {
	switch n.Kind {
	case ast.LikePlain:
		u[but(n.Not, "LIKE")] = true
		if n.Escape != nil {
			u["LIKE ESCAPE"] = true
		}
	case ast.Similar:
		u[but(n.Not, "SIMILAR TO")] = true
	}
}

func (u uses) call(n *ast.FuncCall) {
	name := strings.ToUpper(n.Name.Last())
	word := ""
	if len(n.Args) > 0 {
		if k, ok := n.Args[0].Value.(*ast.Keyword); ok {
			word = strings.ToUpper(k.Word)
		}
	}
	switch {
	case name == "COUNT" && n.Quantifier == ast.QuantifierDistinct, name == "SUM" && n.Quantifier == ast.QuantifierDistinct:
		u[name+"(DISTINCT)"] = true
	case name == "COUNT" && len(n.Args) == 1 && isStar(n.Args[0].Value):
		name = "COUNT(*)"
	case n.Syntax == ast.CallRound:
		name += " TO"
	case n.Syntax == ast.CallTrim && (word == "LEADING" || word == "TRAILING"):
		name += " " + word
	}
	u[name] = true
}

func isStar(x ast.Expr) bool {
	s, ok := x.(*ast.Star)
	return ok && len(s.Qualifier) == 0
}
