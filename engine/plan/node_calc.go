package plan

import "github.com/minkstream/mink/engine/expr"

// Calc filters and projects: for each input row for which Filter is TRUE (nil lets
// all pass) one row of Exprs, with the input row's kind. Schema has the names.
//
// A retraction computes its expressions anew, so they must be deterministic where
// the input updates; the optimizer labels what is not.
type Calc struct {
	Traits
	in1
	Filter expr.Node
	Exprs  []expr.Node
}

// Name is the operator's name.
func (*Calc) Name() string { return "Calc" }

// Attrs lists select and where.
func (n *Calc) Attrs() []Attr {
	in := n.In.Info().Schema.Names()
	out := []Attr{{"select", "[" + selectList(n.Exprs, in, n.Schema.Names()) + "]"}}
	if n.Filter != nil {
		out = append(out, Attr{"where", exprText(n.Filter, in)})
	}
	return out
}
