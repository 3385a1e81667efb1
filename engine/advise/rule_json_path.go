package advise

import (
	"strings"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/sql/ast"
)

var jsonPath = &Rule{
	CodeInfo: diag.CodeInfo{
		Code: "json-path", Summary: "a JSON path that finds nothing in any document",
		Cause:   "a path that cannot be read is an error of each row, which JSON_VALUE, JSON_QUERY and JSON_EXISTS answer with what ON ERROR says: NULL or FALSE where it is left out",
		Example: orders + "SELECT JSON_VALUE(sku, 'the price') FROM orders",
		Better:  orders + "SELECT JSON_VALUE(sku, '$.[''the price'']') FROM orders",
		Fix:     "a path begins with $ and goes down by names and indexes: '$.a[0].b'; a name with blanks stands in brackets: $['a b']",
	},
	Warns: true,
	check: func(p *pass) {
		eachTree(p, func(n *ast.FuncCall) {
			name := strings.ToUpper(n.Name.Last())
			if len(n.Name) > 1 || len(n.Args) < 2 || !readsJSON[name] {
				return
			}
			l, ok := n.Args[1].Value.(*ast.Literal)
			if !ok || l.Kind != ast.LitString {
				return
			}
			if path, err := kernel.CompileJSONPath(l.Text); err == nil && path.Mistake != nil {
				p.reportAt(nil, l.Span(), "%s finds nothing in any document: %s", name, path.Mistake).WithHint("a path goes down by names and indexes: '$.a[0].b'")
			}
		})
	},
}

// readsJSON are the functions whose second argument is a path.
var readsJSON = map[string]bool{"JSON_VALUE": true, "JSON_QUERY": true, "JSON_EXISTS": true}
