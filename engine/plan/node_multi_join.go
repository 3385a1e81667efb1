package plan

// MultiJoin is a chain of inner and left joins whose inputs all have one key in common.
// Each input is kept under that key, and nothing of what is joined on the way.
//
// Output: the columns of all inputs in turn, those of left-joined ones nullable.
type MultiJoin struct {
	Traits
	Ins []Node
	// Joins[i] joins Ins[i+1] with all inputs before, whose columns side by side are
	// the left ones of its condition. Type is Inner or LeftOuter.
	Joins []MultiJoinStep
	// Keys are the columns of the common key in each input, in the same order.
	Keys [][]int
	// TTL is how long an untouched row of each input is kept, in milliseconds; 0 is for
	// ever.
	TTL []int64
}

// MultiJoinStep is one join of a chain.
type MultiJoinStep struct {
	Type JoinType
	Cond
}

// Inputs returns all inputs.
func (n *MultiJoin) Inputs() []Node { return n.Ins }

// SetInput replaces input i.
func (n *MultiJoin) SetInput(i int, in Node) { n.Ins[i] = in }

// Name is the operator's name.
func (*MultiJoin) Name() string { return "MultiJoin" }

// First is the output column of input i's first one.
func (n *MultiJoin) First(i int) int {
	at := 0
	for _, in := range n.Ins[:i] {
		at += len(in.Info().Schema)
	}
	return at
}

// Attrs shows the common key, types and conditions of the joins, and the keys of rows.
func (n *MultiJoin) Attrs() []Attr {
	types, conds, unique := make([]string, len(n.Joins)), make([]string, len(n.Joins)), make([]string, len(n.Ins))
	for i, j := range n.Joins {
		types[i] = j.Type.String()
		at := n.First(i + 1)
		conds[i] = j.text(n.Schema[:at], n.Schema[at:at+len(n.Ins[i+1].Info().Schema)])
	}
	for i, in := range n.Ins {
		unique[i] = "noUniqueKey"
		if keys := in.Info().UpsertKeys; len(keys) > 0 {
			unique[i] = "(" + cols(keys[0], in.Info().Schema) + ")"
		}
	}
	out := []Attr{
		{"commonJoinKey", "[" + cols(n.Keys[0], n.Schema) + "]"},
		{"joinTypes", "[" + join(types) + "]"},
		{"inputUniqueKeys", "[" + join(unique) + "]"},
		{"joinConditions", "[" + join(conds) + "]"},
		{"select", "[" + names(n.Schema) + "]"},
	}
	return out
}
