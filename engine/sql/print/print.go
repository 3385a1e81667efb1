// Package print turns trees back into SQL text.
//
// What it prints parses to the same tree again, places aside. SQL prints one line,
// Pretty lines with indents, Tree the nodes themselves. Names are printed as they
// were quoted, and quoted where they must be; keywords in capitals; parentheses only
// where the tree needs them.
//
// Begin with SQL below; the families are in stmt.go, query.go, expr.go and types.go.
package print

import (
	"strings"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/token"
)

// SQL prints a statement, query, expression, table, type or other node on one line,
// without a semicolon.
func SQL(n ast.Node) string {
	p := &printer{}
	p.node(n)
	return p.b.String()
}

// Pretty prints a statement or query over several lines, without a semicolon.
func Pretty(n ast.Node) string {
	p := &printer{pretty: true}
	p.node(n)
	return p.b.String()
}

// Quoted prints an expression with every column in backticks and functions in
// capitals, as the catalog shows computed columns and watermarks.
func Quoted(e ast.Expr) string {
	p := &printer{quoted: true}
	p.expr(e, precAny)
	return p.b.String()
}

// printer collects the text. Its methods are named after what they print.
type printer struct {
	b      strings.Builder
	pretty bool
	quoted bool // every name
	indent int
	// full is set while a query is written with all names in full, outputs within
	// its ORDER BY: the names of its own columns, which stay as they are.
	full    *Names
	outputs map[string]bool
	// tables is set for the call whose arguments are written next when they may be tables.
	tables bool
}

func (p *printer) node(n ast.Node) {
	switch n := n.(type) {
	case ast.Statement:
		p.statement(n)
	case ast.Query:
		p.query(n)
	case ast.Expr:
		p.expr(n, precAny)
	case ast.TableRef:
		p.table(n)
	case ast.TypeSpec:
		p.typ(n)
	case ast.AlterAction:
		p.action(n)
	case ast.Pattern:
		p.pattern(n, false)
	case *ast.GroupBy:
		p.groupBy(n)
	case *ast.GroupItem:
		p.groupItem(*n)
	case *ast.WindowSpec:
		p.window(n)
	case *ast.Frame:
		p.frame(n)
	case *ast.Column:
		p.column(n)
	case *ast.Watermark:
		p.watermark(n)
	case *ast.Constraint:
		p.constraint(n)
	case *ast.Distribution:
		p.distribution(n)
	case *ast.StartMode:
		p.startMode(n)
	case *ast.TableLike:
		p.like(n)
	}
}

// word writes text as it is.
func (p *printer) word(s string) { p.b.WriteString(s) }

// words writes the parts that are not empty, each after a space.
func (p *printer) words(parts ...string) {
	for _, s := range parts {
		if s != "" {
			p.b.WriteByte(' ')
			p.b.WriteString(s)
		}
	}
}

// flag is the word when the flag is set.
func flag(set bool, word string) string {
	if set {
		return word
	}
	return ""
}

// either is one of two words.
func either[T any](cond bool, yes, no T) T {
	if cond {
		return yes
	}
	return no
}

// line begins a new line when printing pretty, else writes a space.
func (p *printer) line() {
	if !p.pretty {
		p.b.WriteByte(' ')
		return
	}
	p.newline()
}

// clause begins a new line for a clause of a query.
func (p *printer) clause() {
	if p.full != nil {
		p.word("\n")
		return
	}
	p.line()
}

// fold begins a new line when printing pretty, else writes nothing.
func (p *printer) fold() {
	if p.pretty {
		p.newline()
	}
}

func (p *printer) newline() {
	p.b.WriteByte('\n')
	for range p.indent {
		p.b.WriteString("  ")
	}
}

// block writes parts indented, one a line when printing pretty, with commas.
func (p *printer) block(n int, part func(int)) {
	p.indent++
	for i := range n {
		if i > 0 {
			p.word(",")
			p.line()
		} else {
			p.fold()
		}
		part(i)
	}
	p.indent--
	p.fold()
}

// commas writes n parts with commas between.
func (p *printer) commas(n int, part func(int)) {
	for i := range n {
		if i > 0 {
			p.word(", ")
		}
		part(i)
	}
}

// parens writes a part in parentheses.
func (p *printer) parens(part func()) {
	p.word("(")
	part()
	p.word(")")
}

// Quote writes a name so that it reads back as itself: in backticks when it must be.
func Quote(name string) string {
	lx := token.NewLexer(name)
	if t := lx.Next(); t.Kind == token.Word && t.IsName() && t.Text == name && lx.Next().Kind == token.EOF {
		return name
	}
	return backticks(name)
}

func backticks(name string) string {
	return "`" + strings.ReplaceAll(name, "`", "``") + "`"
}

// Text writes a string as a literal.
func Text(s string) string {
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

func (p *printer) id(id ast.Identifier) {
	if id.Quoted {
		p.word(backticks(id.Name))
		return
	}
	if p.quoted {
		p.word(backticks(id.Name))
		return
	}
	p.word(Quote(id.Name))
}

func (p *printer) ids(list []ast.Identifier) {
	p.commas(len(list), func(i int) { p.id(list[i]) })
}

// idList writes names in parentheses.
func (p *printer) idList(list []ast.Identifier) {
	p.parens(func() { p.ids(list) })
}

// idOrList writes one name bare, several in parentheses.
func (p *printer) idOrList(list []ast.Identifier) {
	if len(list) == 1 {
		p.id(list[0])
		return
	}
	p.idList(list)
}

func (p *printer) name(n ast.Name) {
	for i, id := range n {
		if i > 0 {
			p.word(".")
		}
		p.id(id)
	}
}

// str writes a string, and nothing for none.
func (p *printer) str(s ast.String) {
	if s.Set || s.Value != "" {
		p.word(Text(s.Value))
	}
}

// after writes a word and a string, if there is one.
func (p *printer) after(word string, s ast.String) {
	if s.Set || s.Value != "" {
		p.word(" " + word + " " + Text(s.Value))
	}
}

func (p *printer) options(list []ast.Option) {
	p.word("(")
	if len(list) > 0 {
		p.block(len(list), func(i int) {
			p.word(Text(list[i].Key.Value) + " = " + Text(list[i].Value.Value))
		})
	}
	p.word(")")
}

func (p *printer) keys(list []ast.String) {
	p.parens(func() {
		p.commas(len(list), func(i int) { p.word(Text(list[i].Value)) })
	})
}

func (p *printer) partition(list []ast.Partition) {
	p.parens(func() {
		p.commas(len(list), func(i int) {
			p.id(list[i].Column)
			if v := list[i].Value; v != nil {
				p.word(" = ")
				p.expr(v, precAny)
			}
		})
	})
}

func (p *printer) hints(list []ast.Hint) {
	if len(list) == 0 {
		return
	}
	p.word(either(p.full != nil, "\n", " ") + "/*+ ")
	p.commas(len(list), func(i int) { p.hint(list[i]) })
	p.word(" */")
}

func (p *printer) hint(h ast.Hint) {
	p.id(h.Name)
	if !h.Parens && len(h.Options)+len(h.Args) == 0 {
		return
	}
	p.parens(func() {
		p.commas(len(h.Options), func(i int) {
			p.word(Text(h.Options[i].Key.Value) + " = " + Text(h.Options[i].Value.Value))
		})
		p.commas(len(h.Args), func(i int) {
			if a := h.Args[i]; a.Literal != nil {
				p.expr(a.Literal, precAny)
			} else {
				p.name(a.Name)
			}
		})
	})
}

// Place is the span of a node as text, for dumps.
func place(s diag.Span) string { return "@" + itoa(s.Start) + ":" + itoa(s.End) }
