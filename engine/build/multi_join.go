package build

import (
	"slices"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/exec"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
)

func (b *builder) multiJoin(n *plan.MultiJoin) (func() exec.Operator, int64, error) {
	cfg := exec.MultiJoinConfig{Out: n.Schema.Types(), EmitUpdateBefore: n.EmitUpdateBefore() || !n.HasUpdates()}
	for i, in := range n.Ins {
		cfg.Inputs = append(cfg.Inputs, exec.MultiJoinInput{Types: inputTypes(in), Keys: n.Keys[i], TTL: n.TTL[i]})
	}
	for i, step := range n.Joins {
		in := &cfg.Inputs[i+1]
		in.Left = step.Type == plan.LeftOuter
		var rest []expr.Node
		for k, right := range step.RightKeys {
			left := step.LeftKeys[k]
			if at := slices.Index(n.Keys[i+1], right); at >= 0 && !step.NullSafe[k] {
				// Any input of the chain may stand for the key, as long as it is not padded.
				if of, ok := keyOf(n, left, at); ok && of <= i {
					if of > 0 && n.Joins[of-1].Type == plan.LeftOuter && !slices.Contains(in.Needs, of) {
						in.Needs = append(in.Needs, of)
					}
					continue
				}
			}
			c, err := equality(n, left, n.First(i+1)+right, step.NullSafe[k])
			if err != nil {
				return nil, 0, err
			}
			rest = append(rest, c)
		}
		if step.Residual != nil {
			rest = append(rest, step.Residual)
		}
		in.Residual = expr.NewAnd(rest...)
	}
	return func() exec.Operator { return exec.NewMultiJoin(cfg) }, 0, nil
}

// keyOf is the input whose column of the common key at a place is output column col.
func keyOf(n *plan.MultiJoin, col, at int) (int, bool) {
	for i := range n.Ins {
		if n.First(i)+n.Keys[i][at] == col {
			return i, true
		}
	}
	return 0, false
}

func equality(n *plan.MultiJoin, left, right int, nullSafe bool) (expr.Node, error) {
	op := expr.Eq
	if nullSafe {
		op = expr.NotDistinct
	}
	ref := func(i int) expr.Node { return expr.NewRef(i, n.Schema[i].Type, diag.Span{}) }
	return expr.NewCompare(op, ref(left), ref(right), n.Span)
}
