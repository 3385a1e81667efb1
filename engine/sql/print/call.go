package print

import (
	"strings"

	"github.com/minkstream/mink/engine/sql/ast"
)

// funcName writes the name of a call: built-in names may be reserved words, which
// are not quoted there.
func (p *printer) funcName(n ast.Name) {
	if f := p.full.function(n); f != nil {
		p.name(f)
		return
	}
	if len(n) == 1 && !n[0].Quoted && isWord(n[0].Name) {
		if p.quoted {
			name := strings.ToUpper(n[0].Name)
			if byName[name] {
				name = backticks(name)
			}
			p.word(name)
			return
		}
		p.word(n[0].Name)
		return
	}
	p.name(n)
}

// byName are the functions that Flink finds by their name like those of users, which it
// writes in backticks; the others are operators to its parser.
var byName = func() map[string]bool {
	m := map[string]bool{}
	for n := range strings.FieldsSeq(`
		ARRAY_APPEND ARRAY_CONCAT ARRAY_CONTAINS ARRAY_DISTINCT ARRAY_EXCEPT ARRAY_INTERSECT ARRAY_JOIN ARRAY_MAX ARRAY_MIN ARRAY_POSITION
		ARRAY_PREPEND ARRAY_REMOVE ARRAY_REVERSE ARRAY_SLICE ARRAY_SORT ARRAY_UNION BITMAP_AND BITMAP_ANDNOT BITMAP_BUILD BITMAP_CARDINALITY
		BITMAP_FROM_BYTES BITMAP_OR BITMAP_TO_ARRAY BITMAP_TO_BYTES BITMAP_TO_STRING BITMAP_XOR BTRIM CURRENT_WATERMARK ELT ENDSWITH GREATEST
		IFNULL INET_ATON INET_NTOA JSON JSON_LENGTH JSON_QUOTE JSON_STRING JSON_UNQUOTE LEAST MAP_ENTRIES MAP_FROM_ARRAYS MAP_KEYS MAP_UNION
		MAP_VALUES OBJECT_OF OBJECT_UPDATE PARSE_JSON PRINTF REGEXP_COUNT REGEXP_EXTRACT_ALL REGEXP_INSTR REGEXP_SUBSTR SOURCE_WATERMARK SPLIT
		STARTSWITH TO_TIMESTAMP_LTZ TYPEOF UNHEX URL_DECODE URL_ENCODE`) {
		m[n] = true
	}
	return m
}()

// isWord reports whether a name consists of ASCII letters, digits and underscores.
func isWord(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '_' && (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9' || i == 0) {
			return false
		}
	}
	return s != ""
}

// arg is the n-th argument's value, or nil.
func arg(x *ast.FuncCall, n int) ast.Expr {
	if n < len(x.Args) {
		return x.Args[n].Value
	}
	return nil
}

// after writes a word and an argument, if it is there.
func (p *printer) argAfter(word string, x *ast.FuncCall, n int) {
	if a := arg(x, n); a != nil {
		p.word(word)
		p.expr(a, precAny)
	}
}

func (p *printer) call(x *ast.FuncCall) {
	if p.full != nil && isNullIf(x) {
		p.caseExpr(&ast.Case{
			Whens: []ast.When{{Conds: []ast.Expr{&ast.Binary{Op: ast.OpEq, L: arg(x, 0), R: arg(x, 1)}}, Then: &ast.Literal{Kind: ast.LitNull}}},
			Else:  arg(x, 0),
		})
		return
	}
	switch x.Syntax {
	case ast.CallNiladic:
		p.funcName(x.Name)
		return
	case ast.CallMinusInterval:
		p.word("(")
		p.bare(&ast.Binary{Op: ast.OpSub, L: arg(x, 0), R: arg(x, 1)})
		p.word(") " + qualifier(x.Interval))
		return
	case ast.CallFormatJSON:
		p.expr(arg(x, 0), precPostfix)
		p.word(" FORMAT JSON")
		return
	case ast.CallPrefix:
		p.funcName(x.Name)
		p.word(" ")
		p.expr(arg(x, 0), precAny)
		return
	case ast.CallEscape:
		p.word("{fn ")
		p.funcName(x.Name)
		p.args(x, 0)
		p.word("}")
		return
	case ast.CallMethod:
		p.expr(arg(x, 0), precTight)
		p.word(".")
		p.name(x.Name)
		p.args(x, 1)
		return
	case ast.CallNew:
		p.word("NEW ")
		p.name(x.Name)
		p.args(x, 0)
		return
	}
	p.funcName(x.Name)
	switch x.Syntax {
	case ast.CallExtract:
		p.word("(")
		p.argAfter("", x, 0)
		p.argAfter(" FROM ", x, 1)
		p.word(")")
	case ast.CallTrim:
		p.trim(x)
	case ast.CallSubstringFrom:
		if p.full != nil {
			p.args(x, 0)
			break
		}
		p.word("(")
		p.argAfter("", x, 0)
		p.argAfter(" FROM ", x, 1)
		p.argAfter(" FOR ", x, 2)
		p.word(")")
	case ast.CallPosition:
		p.word("(")
		p.expr(arg(x, 0), precPrimary)
		p.argAfter(" IN ", x, 1)
		p.argAfter(" FROM ", x, 2)
		p.word(")")
	case ast.CallOverlay:
		p.word("(")
		p.argAfter("", x, 0)
		p.argAfter(" PLACING ", x, 1)
		p.argAfter(" FROM ", x, 2)
		p.argAfter(" FOR ", x, 3)
		p.word(")")
	case ast.CallRound:
		p.word("(")
		p.argAfter("", x, 0)
		p.argAfter(" TO ", x, 1)
		p.word(")")
	case ast.CallConvertUsing:
		p.word("(")
		p.argAfter("", x, 0)
		if k, ok := arg(x, 1).(*ast.Keyword); ok {
			p.word(" USING " + Quote(k.Word))
		}
		p.word(")")
	case ast.CallJSON:
		p.json(x)
	default:
		p.args(x, 0)
	}
	p.clauses(x)
}

// args writes the arguments from the n-th on, in parentheses.
func (p *printer) args(x *ast.FuncCall, n int) {
	p.word("(")
	if q := x.Quantifier.String(); q != "" {
		p.word(q + " ")
	}
	list := x.Args[min(n, len(x.Args)):]
	tables := p.tables
	p.tables = false
	p.commas(len(list), func(i int) {
		if list[i].Name != nil {
			p.id(*list[i].Name)
			p.word(" => ")
		}
		if q, ok := list[i].Value.(*ast.Subquery); ok && tables {
			p.subquery(q.Query)
			return
		}
		p.expr(list[i].Value, precAny-1)
	})
	if x.NullsInside {
		p.words(x.Nulls.String())
	}
	if len(x.OrderBy) > 0 {
		p.word(" ORDER BY ")
		p.orderItems(x.OrderBy)
	}
	p.after("SEPARATOR", x.Separator)
	p.word(")")
}

func (p *printer) trim(x *ast.FuncCall) {
	p.word("(")
	p.argAfter("", x, 0)
	if len(x.Args) > 2 {
		p.argAfter(" ", x, 1)
		p.argAfter(" FROM ", x, 2)
	} else {
		p.word(flag(p.full != nil, " ' '"))
		p.argAfter(" FROM ", x, 1)
	}
	p.word(")")
}

// clauses writes what follows the parentheses of a call.
func (p *printer) clauses(x *ast.FuncCall) {
	if !x.NullsInside {
		p.words(x.Nulls.String())
	}
	if len(x.WithinDistinct) > 0 {
		p.word(" WITHIN DISTINCT (")
		p.exprs(x.WithinDistinct)
		p.word(")")
	}
	if len(x.WithinGroup) > 0 {
		p.word(" WITHIN GROUP (ORDER BY ")
		p.orderItems(x.WithinGroup)
		p.word(")")
	}
	if x.Filter != nil {
		p.word(" FILTER (WHERE ")
		p.expr(x.Filter, precAny)
		p.word(")")
	}
	if x.Over != nil {
		p.word(" OVER ")
		p.window(x.Over)
	}
}

func (p *printer) window(w *ast.WindowSpec) {
	if w.Named && w.Ref != nil {
		p.id(*w.Ref)
		return
	}
	p.word("(")
	sep := ""
	if w.Ref != nil {
		p.id(*w.Ref)
		sep = " "
	}
	if len(w.PartitionBy) > 0 {
		p.word(sep + "PARTITION BY ")
		p.exprs(w.PartitionBy)
		sep = " "
	}
	if len(w.OrderBy) > 0 {
		p.word(sep + "ORDER BY ")
		p.orderItems(w.OrderBy)
		sep = " "
	}
	if w.Frame != nil {
		p.word(sep)
		p.frame(w.Frame)
		sep = " "
	}
	switch {
	case w.AllowPartial > 0:
		p.word(sep + "ALLOW PARTIAL")
	case w.AllowPartial < 0:
		p.word(sep + "DISALLOW PARTIAL")
	}
	p.word(")")
}

func (p *printer) frame(f *ast.Frame) {
	p.word(f.Unit.String() + " ")
	if f.Single {
		p.bound(f.Lo)
	} else {
		p.word("BETWEEN ")
		p.bound(f.Lo)
		p.word(" AND ")
		p.bound(f.Hi)
	}
	p.words(f.Exclude.String())
}

func (p *printer) bound(b ast.Bound) {
	if b.Offset != nil {
		// AND would end the first bound of BETWEEN.
		p.expr(b.Offset, precIn)
		p.word(" ")
	}
	p.word(b.Kind.String())
}

func (p *printer) orderItems(list []ast.OrderItem) {
	p.commas(len(list), func(i int) {
		p.expr(list[i].Expr, precAny)
		p.words(flag(list[i].Desc, "DESC"), list[i].Nulls.String())
	})
}

// json writes the arguments and clauses of a JSON function.
func (p *printer) json(x *ast.FuncCall) {
	j := x.JSON
	if j == nil {
		j = &ast.JSONClauses{}
	}
	if p.full != nil {
		j = fullJSON(strings.ToUpper(x.Name.Last()), j)
	}
	p.word("(")
	pairs := strings.HasPrefix(strings.ToUpper(x.Name.Last()), "JSON_OBJECT")
	for i, a := range x.Args {
		switch {
		case pairs && i%2 == 1:
			p.word(" VALUE ")
		case i > 0:
			p.word(", ")
		}
		if pairs && i%2 == 0 {
			p.word("KEY ")
		}
		formatted := false
		for _, f := range j.FormatJSON {
			formatted = formatted || f == i
		}
		if formatted {
			p.expr(a.Value, precPostfix)
			p.word(" FORMAT JSON")
		} else {
			p.expr(a.Value, precAny)
		}
	}
	if len(x.OrderBy) > 0 {
		p.word(" ORDER BY ")
		p.orderItems(x.OrderBy)
	}
	if j.Returning != nil {
		p.word(" RETURNING ")
		p.typ(j.Returning)
	}
	p.words(j.Wrapper.String())
	if n := j.OnNull.String(); n != "" {
		p.word(flag(len(x.Args) > 0, " ") + n)
	}
	p.behavior(j.OnEmpty, "EMPTY")
	p.behavior(j.OnError, "ERROR")
	p.word(")")
}

func (p *printer) behavior(b ast.JSONBehavior, on string) {
	if b.Kind == ast.JSONUnset {
		return
	}
	p.words(b.Kind.String())
	if b.Default != nil {
		p.word(" ")
		p.expr(b.Default, precAny)
	}
	p.word(" ON " + on)
}
