package optimize

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/types"
)

// constant makes a literal of a bool, int64 or string.
func constant(t types.Type, at diag.Span, v any) *expr.Literal {
	b := batch.NewBuilder(t.Nullable(false))
	switch v := v.(type) {
	case bool:
		b.AppendBool(v)
	case int64:
		b.AppendInt(v)
	case string:
		b.AppendString(v)
	}
	c := b.Finish()
	return expr.NewLiteral(&c, at)
}
