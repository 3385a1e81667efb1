package plan

import "github.com/minkstream/mink/engine/expr"

// Values gives rows of expressions that read no input. They are emitted once, in
// order, as a bounded input by subtask 0. A row without columns is an empty slice.
type Values struct {
	Traits
	in0
	Rows [][]expr.Node
}

// Name is the operator's name.
func (*Values) Name() string { return "Values" }

// Attrs lists the tuples.
func (n *Values) Attrs() []Attr {
	var rows []string
	for i, r := range n.Rows {
		if i == 8 {
			rows = append(rows, "...")
			break
		}
		rows = append(rows, "{ "+exprList(r, nil)+" }")
	}
	return []Attr{{"tuples", "[" + join(rows) + "]"}}
}
