package optimize

import (
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
)

// foldExpr folds and simplifies one expression. What cannot be computed stays: it
// may never be reached.
func (o *optimizer) foldExpr(n expr.Node) (expr.Node, error) {
	return expr.Fold(n, function.NewFrame(function.FixedEnv{}, o.s.Config.Zone(o.s.Host.Zone))), nil
}
