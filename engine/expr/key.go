package expr

import (
	"strconv"

	"github.com/minkstream/mink/engine/kernel"
)

// Key is a text that two expressions share when they have the same structure:
// same columns, functions, types and constants. Places and nullability are left
// out. It is stable, so it may name things in plans.
func Key(n Node) string { return string(appendKey(nil, n)) }

func appendKey(b []byte, n Node) []byte {
	switch n := n.(type) {
	case *InputRef:
		b = append(b, '$')
		b = strconv.AppendInt(b, int64(n.Index), 10)
		for _, p := range n.Path {
			b = append(b, '.')
			b = strconv.AppendInt(b, int64(p), 10)
		}
		return b
	case *Literal:
		b = append(b, '#')
		b = append(b, n.Col.Type.Nullable(true).String()...)
		b = append(b, ' ')
		if n.Col.IsNull(0) {
			return append(b, "NULL"...)
		}
		b = strconv.AppendQuote(b, string(kernel.AppendText(nil, n.Col, 0, nil)))
		return b
	case *Call:
		b = append(b, n.Func.Name...)
		b = append(b, ':')
		b = append(b, n.Res.Result.Nullable(true).String()...)
	case *Cast:
		b = append(b, "CAST"...)
		if n.Try {
			b = append(b, '?')
		}
		b = append(b, ':')
		b = append(b, n.To.Nullable(true).String()...)
	case *Case:
		b = append(b, "CASE"...)
	case *Coalesce:
		b = append(b, "COALESCE"...)
	case *Logic:
		if n.Or {
			b = append(b, "OR"...)
		} else {
			b = append(b, "AND"...)
		}
	case *Not:
		b = append(b, "NOT"...)
	case *Is:
		b = append(b, "IS"...)
		b = append(b, '0'+byte(n.What))
		if n.Negated {
			b = append(b, '!')
		}
	case *Compare:
		b = append(b, n.Op.String()...)
	case *In:
		b = append(b, "IN"...)
		if n.Negated {
			b = append(b, '!')
		}
	case *Field:
		b = append(b, "FIELD"...)
		b = strconv.AppendInt(b, int64(n.Index), 10)
	case *Item:
		b = append(b, "ITEM"...)
	case *Make:
		b = append(b, "MAKE:"...)
		b = append(b, n.T.Nullable(true).String()...)
	}
	b = append(b, '(')
	for i, k := range n.kids() {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendKey(b, k)
	}
	return append(b, ')')
}
