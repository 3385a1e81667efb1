package expr

import (
	"strconv"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
)

// Key is a text that two expressions share when they have the same structure:
// same columns, functions, types and constants. Places and nullability are left
// out. It is stable, so it may name things in plans.
func Key(n Node) string { return string(appendKey(nil, n)) }

func appendKey(b []byte, n Node) []byte {
	b = appendHead(b, n)
	kids := n.kids()
	if len(kids) == 0 {
		return b
	}
	b = append(b, '(')
	for i, k := range kids {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendKey(b, k)
	}
	return append(b, ')')
}

// keys numbers expressions: two have the same number exactly if they have the same
// Key. Each node is looked at once, so that deep trees cost no more than wide ones.
type keys struct {
	ids  map[string]int
	node map[Node]keyed
	buf  []byte
}

type keyed struct {
	id  int
	det function.Det
}

// of gives the number of n and its determinism.
func (k *keys) of(n Node) (id int, det function.Det) {
	if v, ok := k.node[n]; ok {
		return v.id, v.det
	}
	if c, ok := n.(*Call); ok {
		det = max(c.Func.Det, c.Res.Det)
	}
	kids := n.kids()
	ids := make([]int, len(kids))
	for i, kid := range kids {
		var d function.Det
		ids[i], d = k.of(kid)
		det = max(det, d)
	}
	b := appendHead(k.buf[:0], n)
	for _, i := range ids {
		b = strconv.AppendInt(append(b, ','), int64(i), 10)
	}
	k.buf = b
	id, ok := k.ids[string(b)]
	if !ok {
		id = len(k.ids)
		k.ids[string(b)] = id
	}
	k.node[n] = keyed{id, det}
	return id, det
}

// appendHead is what of n is not its operands.
func appendHead(b []byte, n Node) []byte {
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
		if n.Col.Type.IsNested() {
			// The text of a list does not tell 'a, b' from 'a', 'b'.
			b = strconv.AppendQuote(b, string(batch.AppendKey(nil, n.Col, 0)))
		}
		return b
	case *Call:
		b = append(b, n.Func.Name...)
		b = append(b, n.Func.ID...)
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
	return b
}
