package advise

import (
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/types"
)

var integerDivision = &Rule{
	CodeInfo: diag.CodeInfo{
		Code: "integer-division", Summary: "a division of integers drops the remainder",
		Cause:   "INT / INT is INT: 1 / 2 is 0",
		Example: orders + "SELECT sku, qty / 3 FROM orders",
		Better:  orders + "SELECT sku, qty / 3.0 FROM orders",
		Fix:     "make one side DECIMAL or DOUBLE: a * 1.0 / b, or CAST(a AS DOUBLE) / b; FLOOR(a / b) if it is meant",
	},
	check: func(p *pass) {
		eachCall(p, func(n *plan.Calc, c *expr.Call) {
			if c.Func.Name != "/" || len(c.Args) != 2 || !whole(c.Args[0].Type()) || !whole(c.Args[1].Type()) {
				return
			}
			p.reportAt(n, place(c.At, n.Span), "a division of integers drops the remainder").WithHint("CAST(... AS DOUBLE) / ... keeps it")
		})
	},
}

// whole reports an integer type.
func whole(t types.Type) bool {
	switch t.Kind {
	case types.TinyInt, types.SmallInt, types.Int, types.BigInt:
		return true
	}
	return false
}
