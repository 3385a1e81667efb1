package bind

import (
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/sql/ast"
)

func (b *Binder) createTableAs(s *ast.CreateTable, p catalog.Path) (Bound, error) {
	return nil, unsupported(s.Span(), "CREATE TABLE AS is")
}
