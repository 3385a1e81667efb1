package scalar_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/types"
)

// term is a random expression with its evaluation for one row: a text as hold wants
// it, with evaluation strictly from left to right and no operand computed that is
// not needed.
type term struct {
	node expr.Node
	eval func(row []any) string
}

// terms draws expressions over two BOOLEAN columns (0, 1) and two INT columns (2, 3).
type terms struct {
	t *rapid.T
	c *drawn
}

func (g *terms) boolean(depth int) term {
	if depth == 0 {
		k := rapid.IntRange(0, 2).Draw(g.t, "leaf")
		if k == 2 {
			return g.comparison(0)
		}
		return term{g.c.ref(k), func(row []any) string {
			if row[k] == nil {
				return "NULL"
			}
			return boolText(row[k].(bool))
		}}
	}
	switch rapid.IntRange(0, 5).Draw(g.t, "kind") {
	case 0, 1:
		return g.logic(depth)
	case 2:
		x := g.boolean(depth - 1)
		return term{call(g.t, "NOT", x.node), func(row []any) string {
			switch v := x.eval(row); v {
			case "TRUE":
				return "FALSE"
			case "FALSE":
				return "TRUE"
			default:
				return v
			}
		}}
	case 3:
		x := g.boolean(depth - 1)
		what := rapid.SampledFrom([]string{"TRUE", "FALSE", "UNKNOWN"}).Draw(g.t, "is")
		negated := rapid.Bool().Draw(g.t, "negated")
		name := "IS " + what
		if negated {
			name = "IS NOT " + what
		}
		return term{call(g.t, name, x.node), func(row []any) string {
			v := x.eval(row)
			if strings.HasPrefix(v, "ERROR") {
				return v
			}
			if v == "NULL" {
				v = "UNKNOWN"
			}
			return boolText((v == what) != negated)
		}}
	case 4:
		return g.choice(depth, types.Boolean)
	}
	return g.comparison(depth - 1)
}

// logic is AND or OR of two or three operands.
func (g *terms) logic(depth int) term {
	or := rapid.Bool().Draw(g.t, "or")
	decides, name := "FALSE", "AND"
	if or {
		decides, name = "TRUE", "OR"
	}
	var parts []term
	var nodes []expr.Node
	for range rapid.IntRange(2, 3).Draw(g.t, "operands") {
		p := g.boolean(depth - 1)
		parts, nodes = append(parts, p), append(nodes, p.node)
	}
	return term{call(g.t, name, nodes...), func(row []any) string {
		result := boolText(!or)
		for _, p := range parts {
			switch v := p.eval(row); {
			case v == decides, strings.HasPrefix(v, "ERROR"):
				return v
			case v == "NULL":
				result = v
			}
		}
		return result
	}}
}

// comparison compares two numbers, which may fail to divide.
func (g *terms) comparison(depth int) term {
	x, y := g.number(depth), g.number(depth)
	return term{call(g.t, "<", x.node, y.node), func(row []any) string {
		a := x.eval(row)
		if strings.HasPrefix(a, "ERROR") {
			return a
		}
		b := y.eval(row)
		switch {
		case strings.HasPrefix(b, "ERROR"):
			return b
		case a == "NULL" || b == "NULL":
			return "NULL"
		}
		return boolText(atoi(a) < atoi(b))
	}}
}

func atoi(s string) (v int64) {
	fmt.Sscan(s, &v)
	return v
}

// number is a column, a quotient or a choice.
func (g *terms) number(depth int) term {
	if depth <= 0 {
		k := rapid.IntRange(2, 3).Draw(g.t, "column")
		return term{g.c.ref(k), func(row []any) string {
			if row[k] == nil {
				return "NULL"
			}
			return fmt.Sprint(row[k])
		}}
	}
	if rapid.Bool().Draw(g.t, "choice") {
		return g.choice(depth, types.Int)
	}
	x, y := g.number(depth-1), g.number(depth-1)
	return term{call(g.t, "/", x.node, y.node), func(row []any) string {
		a := x.eval(row)
		if strings.HasPrefix(a, "ERROR") {
			return a
		}
		b := y.eval(row)
		switch {
		case strings.HasPrefix(b, "ERROR"):
			return b
		case a == "NULL" || b == "NULL":
			return "NULL"
		case b == "0":
			return "ERROR division-by-zero"
		}
		return fmt.Sprint(int32(atoi(a) / atoi(b)))
	}}
}

// choice is CASE, IF, COALESCE or IFNULL.
func (g *terms) choice(depth int, kind types.Kind) term {
	value := func() term {
		if kind == types.Boolean {
			return g.boolean(depth - 1)
		}
		return g.number(depth - 1)
	}
	if rapid.Bool().Draw(g.t, "coalesce") {
		a, b := value(), value()
		name := rapid.SampledFrom([]string{"COALESCE", "IFNULL"}).Draw(g.t, "name")
		return term{call(g.t, name, a.node, b.node), func(row []any) string {
			if v := a.eval(row); v != "NULL" {
				return v
			}
			return b.eval(row)
		}}
	}
	var conds, thens []term
	var nodes []expr.Node
	for range rapid.IntRange(1, 2).Draw(g.t, "branches") {
		c, v := g.boolean(depth-1), value()
		conds, thens = append(conds, c), append(thens, v)
		nodes = append(nodes, c.node, v.node)
	}
	var otherwise *term
	if len(conds) == 1 || rapid.Bool().Draw(g.t, "else") {
		e := value()
		otherwise = &e
		nodes = append(nodes, e.node)
	}
	name := "CASE"
	if len(conds) == 1 && rapid.Bool().Draw(g.t, "if") {
		name = "IF"
	}
	return term{call(g.t, name, nodes...), func(row []any) string {
		for i, c := range conds {
			switch v := c.eval(row); {
			case strings.HasPrefix(v, "ERROR"):
				return v
			case v == "TRUE":
				return thens[i].eval(row)
			}
		}
		if otherwise == nil {
			return "NULL"
		}
		return otherwise.eval(row)
	}}
}

// TestLogic holds trees of AND, OR, NOT, IS, comparisons, CASE, IF, COALESCE and
// divisions to an evaluation row by row: three-valued, and with errors only of
// operands that are needed. Folding changes no value.
func TestLogic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		boolean := rapid.Custom(func(t *rapid.T) any { return rapid.Bool().Draw(t, "v") })
		small := rapid.Custom(func(t *rapid.T) any { return int64(rapid.IntRange(-2, 6).Draw(t, "v")) })
		c := draw(t, []types.Type{types.BooleanT, types.BooleanT, types.IntT, types.IntT}, []*rapid.Generator[any]{boolean, boolean, small, small})
		g := &terms{t, c}
		x := g.boolean(rapid.IntRange(1, 4).Draw(t, "depth"))
		c.hold(t, x.node, x.eval)
		c.compare(t, expr.Fold(x.node, nil), x.eval, true)
	})
}

// TestIn holds IN and NOT IN to a look through the list.
func TestIn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		letters := rapid.Custom(func(t *rapid.T) any {
			return rapid.SampledFrom([]string{"a", "b", "c", "", "a longer text than twelve"}).Draw(t, "v")
		})
		small := rapid.Custom(func(t *rapid.T) any { return int64(rapid.IntRange(0, 15).Draw(t, "v")) })
		typ, gen := types.StringT, letters
		if rapid.Bool().Draw(t, "numbers") {
			typ, gen = rapid.SampledFrom(intTypes).Draw(t, "type"), small
		}
		c := draw(t, []types.Type{typ, typ}, []*rapid.Generator[any]{gen, gen})
		args := []expr.Node{c.ref(0)}
		var list []any
		for range rapid.IntRange(1, 14).Draw(t, "list") {
			switch rapid.IntRange(0, 9).Draw(t, "entry") {
			case 0:
				args, list = append(args, c.ref(1)), append(list, 1)
			case 1:
				args, list = append(args, expr.NewNull(typ, diag.Span{})), append(list, nil)
			default:
				b := batch.NewBuilder(typ)
				v := gen.Draw(t, "constant")
				b.AppendAny(v)
				col := b.Finish()
				args, list = append(args, expr.NewLiteral(&col, diag.Span{})), append(list, v)
			}
		}
		negated := rapid.Bool().Draw(t, "negated")
		name := "IN"
		if negated {
			name = "NOT IN"
		}
		c.hold(t, call(t, name, args...), func(row []any) string {
			if row[0] == nil {
				return "NULL"
			}
			unknown := false
			for _, v := range list {
				if k, ok := v.(int); ok {
					v = row[k]
				}
				if v == row[0] {
					return boolText(!negated)
				}
				unknown = unknown || v == nil
			}
			if unknown {
				return "NULL"
			}
			return boolText(negated)
		})
	})
}

// likeMatch is LIKE by trying everything.
func likeMatch(s, p []rune, escape rune) bool {
	if len(p) == 0 {
		return len(s) == 0
	}
	switch {
	case p[0] == escape && len(p) > 1:
		return len(s) > 0 && s[0] == p[1] && likeMatch(s[1:], p[2:], escape)
	case p[0] == '%':
		for i := 0; i <= len(s); i++ {
			if likeMatch(s[i:], p[1:], escape) {
				return true
			}
		}
		return false
	case p[0] == '_':
		return len(s) > 0 && likeMatch(s[1:], p[1:], escape)
	}
	return len(s) > 0 && s[0] == p[0] && likeMatch(s[1:], p[1:], escape)
}

func texts(alphabet string, most int) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		return rapid.StringOfN(rapid.RuneFrom([]rune(alphabet)), 0, most, -1).Draw(t, "text")
	})
}

func textLiteral(s string) expr.Node {
	b := batch.NewBuilder(types.StringT)
	b.AppendString(s)
	col := b.Finish()
	return expr.NewLiteral(&col, diag.Span{})
}

// TestLike holds LIKE, with constant patterns and with those of a column.
func TestLike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := texts("ab%_ä", 8)
		c := draw(t, []types.Type{types.StringT, types.StringT}, []*rapid.Generator[any]{texts("abä\n", 16), pattern})
		var p expr.Node = c.ref(1)
		constant, ok := "", rapid.Bool().Draw(t, "constant pattern")
		escape := rune(-1)
		if ok {
			constant = pattern.Draw(t, "pattern").(string)
			if rapid.Bool().Draw(t, "escape") {
				escape = '#'
				constant = strings.NewReplacer("b%", "#%", "b_", "#_", "ab", "##").Replace(constant)
			}
			p = textLiteral(constant)
		}
		args := []expr.Node{c.ref(0), p}
		if escape > 0 {
			args = append(args, textLiteral("#"))
		}
		c.hold(t, call(t, "LIKE", args...), func(row []any) string {
			q := row[1]
			if ok {
				q = constant
			}
			if row[0] == nil || q == nil {
				return "NULL"
			}
			return boolText(likeMatch([]rune(row[0].(string)), []rune(q.(string)), escape))
		})
	})
}

// TestSimilar holds SIMILAR TO against the same pattern in Go's regular expressions.
func TestSimilar(t *testing.T) {
	part := rapid.Custom(func(t *rapid.T) string {
		return rapid.SampledFrom([]string{"a", "b", "%", "_", "[ab]", "[^a]", "(a|b)", "(ab)*", "a+", "b?", "b{2}", "a{1,2}", "[a-c]+"}).Draw(t, "part")
	})
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(part, 0, 5).Draw(t, "parts")
		pattern := strings.Join(parts, "")
		re := regexp.MustCompile(`^(?:` + strings.NewReplacer("%", "(?s:.*)", "_", "(?s:.)").Replace(pattern) + `)$`)
		c := draw(t, []types.Type{types.StringT}, []*rapid.Generator[any]{texts("abc", 6)})
		c.hold(t, call(t, "SIMILAR TO", c.ref(0), textLiteral(pattern)), func(row []any) string {
			if row[0] == nil {
				return "NULL"
			}
			return boolText(re.MatchString(row[0].(string)))
		})
	})
}

// TestRegexp holds the REGEXP functions to Go's regular expressions, in the part
// that Java and Go share.
func TestRegexp(t *testing.T) {
	part := rapid.Custom(func(t *rapid.T) string {
		return rapid.SampledFrom([]string{"a", "b", "id=", ".", "[ab]", "[^&]*", "(a|b)", "(a)(b)?", "a+", "b*?", "\\d+", "(&|^)", "([^&]*)", "$", "x{2,3}"}).Draw(t, "part")
	})
	rapid.Check(t, func(t *rapid.T) {
		pattern := strings.Join(rapid.SliceOfN(part, 1, 4).Draw(t, "parts"), "")
		re := regexp.MustCompile(pattern)
		c := draw(t, []types.Type{types.StringT}, []*rapid.Generator[any]{texts("abid=&x12ä", 24)})
		group := rapid.IntRange(0, 3).Draw(t, "group")
		g := batch.ConstInt(types.IntT, int64(group))
		c.hold(t, call(t, "REGEXP_EXTRACT", c.ref(0), textLiteral(pattern), expr.NewLiteral(&g, diag.Span{})), func(row []any) string {
			if row[0] == nil || group > re.NumSubexp() {
				return "NULL"
			}
			s := row[0].(string)
			m := re.FindStringSubmatchIndex(s)
			if m == nil || m[2*group] < 0 {
				return "NULL"
			}
			return s[m[2*group]:m[2*group+1]]
		})
		c.hold(t, call(t, "REGEXP", c.ref(0), textLiteral(pattern)), func(row []any) string {
			if row[0] == nil {
				return "NULL"
			}
			return boolText(re.MatchString(row[0].(string)))
		})
		c.hold(t, call(t, "REGEXP_REPLACE", c.ref(0), textLiteral(pattern), textLiteral("<$1>")), func(row []any) string {
			if row[0] == nil {
				return "NULL"
			}
			return javaReplace(re, row[0].(string), "<$1>")
		})
	})
}

// javaReplace replaces all matches as java.util.regex does: it searches on where the
// last match ended, one character further behind an empty one.
func javaReplace(re *regexp.Regexp, s, with string) string {
	var out strings.Builder
	last := 0
	for at := 0; at <= len(s); {
		m := matchFrom(re, s, at)
		if m == nil {
			break
		}
		out.WriteString(s[last:m[0]] + with)
		last, at = m[1], m[1]
		if m[0] == m[1] {
			at += runeLen(s, at)
		}
	}
	return out.String() + s[last:]
}

func runeLen(s string, at int) int {
	for _, r := range s[at:] {
		return len(string(r))
	}
	return 1
}

// matchFrom is the first match that begins at a place of s or behind, with what
// stands before it in sight.
func matchFrom(re *regexp.Regexp, s string, at int) []int {
	for ; at <= len(s); at += runeLen(s, at) {
		before := len([]rune(s[:at]))
		p := regexp.MustCompile(fmt.Sprintf(`\A(?s:.{%d})(?:%s)`, before, re))
		if m := p.FindStringIndex(s); m != nil {
			return []int{at, m[1]}
		}
	}
	return nil
}
