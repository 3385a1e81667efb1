package bind

import (
	"slices"
	"strings"

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

// expanded is the text of a query with full names for its tables.
func (b *Binder) expanded(q ast.Query) string {
	at := q.Span()
	ctes := map[string]bool{}
	var names []ast.Name
	ast.Walk(q, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.With:
			for _, c := range n.Items {
				ctes[c.Name.Name] = true
			}
		case *ast.TableName:
			names = append(names, n.Name)
		}
		return true
	})
	slices.SortFunc(names, func(a, b ast.Name) int { return a.Span().Start - b.Span().Start })
	var out strings.Builder
	from := at.Start
	for _, n := range names {
		s := n.Span()
		if len(n) == 1 && ctes[n[0].Name] || s.Start < from || s.End > at.End {
			continue
		}
		out.WriteString(b.Text[from:s.Start])
		out.WriteString(b.resolve(n).String())
		from = s.End
	}
	out.WriteString(b.Text[from:at.End])
	return strings.TrimSpace(out.String())
}
