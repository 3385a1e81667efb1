package plan

// TemporalJoin joins each row of its left input with the version of the right one
// that was valid at the row's event time. Versions are told apart by RightKeys, which
// hold a key of the right input; other equalities are in Residual.
//
// Output as Join; time attributes of the left input stay what they are. Kinds are
// those of the left input. The right input needs no -U.
type TemporalJoin struct {
	Traits
	in2
	Type JoinType // Inner or LeftOuter
	Cond
	LeftTime, RightTime int
	// TTL of versions in milliseconds; 0 keeps the last version of a key for ever.
	TTL int64
}

// Name is the operator's name.
func (*TemporalJoin) Name() string { return "TemporalJoin" }

// Attrs shows type, condition and times.
func (n *TemporalJoin) Attrs() []Attr {
	c := n.Cond.attrs(n.Type, n.Left, n.Right)
	return []Attr{
		c[0], c[1],
		{"leftTime", "[" + cols([]int{n.LeftTime}, n.Left.Info().Schema) + "]"},
		{"rightTime", "[" + cols([]int{n.RightTime}, n.Right.Info().Schema) + "]"},
		{"select", "[" + names(n.Schema) + "]"},
	}
}
