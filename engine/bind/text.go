package bind

import (
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

// queryText is a query as SQL.
func (b *Binder) queryText(q ast.Query) string { return b.textAt(q.Span()) }
