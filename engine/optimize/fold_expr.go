package optimize

import (
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
)

// perQuery are the functions of the clock that have one value for a query in batch,
// and one for a record in a stream.
var perQuery = map[string]bool{
	"LOCALTIME": true, "LOCALTIMESTAMP": true, "CURRENT_TIME": true, "CURRENT_DATE": true, "CURRENT_TIMESTAMP": true,
}

// foldExpr folds and simplifies one expression. What cannot be computed stays: it
// may never be reached. In batch the clock is read here, once.
func (o *optimizer) foldExpr(n expr.Node) (expr.Node, error) {
	f := function.NewFrame(function.FixedEnv{NowMillis: o.s.Now()}, o.s.Config.Zone(o.s.Host.Zone))
	if o.batch && !o.opts.ClockStays && o.s.Host.Deps.Env != nil {
		n = expr.Rewrite(n, func(n expr.Node) expr.Node {
			c, ok := n.(*expr.Call)
			if !ok || !perQuery[c.Func.Name] {
				return n
			}
			l, err := expr.Eval(c, f)
			if err != nil {
				return n
			}
			l.At = c.Span()
			return l
		})
	}
	return expr.Fold(n, f), nil
}
