package plan

// Union passes on the rows of all inputs, in the order they come (UNION ALL). The
// inputs have the same types.
type Union struct {
	Traits
	Ins []Node
}

// Inputs returns all inputs.
func (n *Union) Inputs() []Node { return n.Ins }

// SetInput replaces input i.
func (n *Union) SetInput(i int, in Node) { n.Ins[i] = in }

// Name is the operator's name.
func (*Union) Name() string { return "Union" }

// Attrs lists the columns.
func (n *Union) Attrs() []Attr {
	return []Attr{{"all", "[true]"}, {"union", "[" + names(n.Schema) + "]"}}
}
