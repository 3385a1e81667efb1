package bind

import (
	"strings"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/print"
)

// textAt is what stands at a place of the statement.
func (b *Binder) textAt(s diag.Span) string {
	if s.Start < 0 || s.End > len(b.Text) || s.Start > s.End {
		return ""
	}
	return strings.TrimSpace(b.Text[s.Start:s.End])
}

// exprText is an expression as SQL, as SHOW CREATE and DESCRIBE write it.
func (b *Binder) exprText(e ast.Expr) string { return print.Quoted(e) }

// keepNames begins to note what the names of a query mean, whose text is kept.
func (b *Binder) keepNames(q ast.Query) { b.full = print.NewNames(q) }

// resolveTables notes which tables a query names without looking whether they are there.
func (b *Binder) resolveTables(q ast.Query) {
	ctes := map[string]bool{}
	ast.Walk(q, func(n ast.Node) bool {
		if w, ok := n.(*ast.With); ok {
			for _, c := range w.Items {
				ctes[c.Name.Name] = true
			}
		}
		return true
	})
	ast.Walk(q, func(n ast.Node) bool {
		if t, ok := n.(*ast.TableName); ok && !(len(t.Name) == 1 && ctes[t.Name[0].Name]) {
			b.full.Tables[t.Name.Span()] = fullPath(b.resolve(t.Name))
		}
		return true
	})
}

// noteTable notes which table a name means.
func (b *Binder) noteTable(name ast.Name, t *catalog.Table) {
	if b.full != nil {
		b.full.Tables[name.Span()] = fullPath(t.Path)
	}
}

func fullPath(p catalog.Path) ast.Name {
	return ast.Name{{Name: p.Catalog}, {Name: p.Database}, {Name: p.Object}}
}

// shownAs is the name that a query of FROM without one has in the text of a view.
func (b *Binder) shownAs(t ast.TableRef) string {
	if b.full == nil {
		return ""
	}
	return b.full.Aliases[t.Span()]
}

// newStar begins to note the columns of a *, which may be bound again.
func (b *Binder) newStar(at diag.Span) {
	if b.full != nil {
		delete(b.full.Stars, at)
	}
}

// noteStar notes a column that a * stands for: unique is its name in the result, col its
// own.
func (b *Binder) noteStar(at diag.Span, unique string, col ast.Name) {
	if b.full == nil || len(col) == 0 {
		return
	}
	it := ast.SelectItem{Expr: &ast.ColumnRef{Name: col}}
	if unique != col.Last() {
		it.Alias = &ast.Identifier{Name: unique}
	}
	b.full.Stars[at] = append(b.full.Stars[at], it)
}

func columnRefs(names []ast.Name) []ast.Expr {
	out := make([]ast.Expr, len(names))
	for i, n := range names {
		out[i] = &ast.ColumnRef{Name: n}
	}
	return out
}

// noteMerged writes the column of a * that was noted last as what USING merges, if it does.
func (b *Binder) noteMerged(at diag.Span, v visible) {
	if b.full == nil || len(v.sides) == 0 {
		return
	}
	it := &b.full.Stars[at][len(b.full.Stars[at])-1]
	if it.Alias == nil {
		it.Alias = &ast.Identifier{Name: v.name}
	}
	it.Expr = &ast.FuncCall{Name: ast.Name{{Name: "COALESCE"}}}
	for _, side := range columnRefs(v.sides) {
		it.Expr.(*ast.FuncCall).Args = append(it.Expr.(*ast.FuncCall).Args, ast.Arg{Value: side})
	}
}

// noteColumns notes the columns of a table that stands for all of them.
func (b *Binder) noteColumns(at diag.Span, sc *scope) {
	b.newStar(at)
	for _, v := range sc.visible {
		if !v.unstarred {
			b.noteStar(at, v.name, v.of())
		}
	}
}

// expanded is the text of a query that was bound after keepNames, with all names in full.
func (b *Binder) expanded(q ast.Query) string { return print.Full(q, b.full) }
