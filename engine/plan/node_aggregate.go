package plan

import (
	"strings"

	"github.com/minkstream/mink/engine/function/aggregate"
	"github.com/minkstream/mink/engine/types"
)

// AggCall is one aggregate of an aggregation.
type AggCall struct {
	// Func is the name of the function; User is set if it is one of a user.
	Func string
	User *aggregate.User
	// Args are columns of the input, none for COUNT(*). They have the types of
	// Res.Params.
	Args []int
	// Distinct values of Args count once.
	Distinct bool
	// Filter is a BOOLEAN column of the input; rows where it is not TRUE are left
	// out. -1 for none.
	Filter int
	// IgnoreNulls is IGNORE NULLS of ARRAY_AGG, LAG and the like.
	IgnoreNulls bool
	// Retract: the function gets -U and -D rows to take back.
	Retract bool
	// Type is the result.
	Type types.Type
	// Name of the output column.
	Name string
}

// GroupAggregate keeps aggregates for each group and emits their changes.
//
// Output: Keys, then Aggs. Without keys there is one group: in streaming it first
// emits when the first row comes, in batch it emits a row for empty input too
// (EmitEmpty). With no Aggs it is DISTINCT.
type GroupAggregate struct {
	Traits
	in1
	Keys []int
	Aggs []AggCall
	// InputRetracts: rows may be -U or -D, so groups count their rows and end.
	InputRetracts bool
	// EmitEmpty: emit the row of an empty group at the end of input (batch).
	EmitEmpty bool
	// Merge: the input is a LocalGroupAggregate; Aggs.Args are not columns but the
	// accumulators lie in its output as described there.
	Merge bool
	// TTL is how long an untouched group is kept, in milliseconds; 0 is for ever.
	TTL int64
}

// Name is the operator's name.
func (n *GroupAggregate) Name() string {
	if n.Merge {
		return "GlobalGroupAggregate"
	}
	return "GroupAggregate"
}

// Attrs lists keys and aggregates.
func (n *GroupAggregate) Attrs() []Attr {
	in := n.In.Info().Schema
	if n.Merge {
		if l, ok := Below(n.In).(*LocalGroupAggregate); ok {
			return groupAttrs(n.Keys, nil, in, n.Aggs, l.In.Info().Schema, n.Schema)
		}
	}
	return groupAttrs(n.Keys, nil, in, n.Aggs, in, n.Schema)
}

// LocalGroupAggregate aggregates the rows of one batch before they are exchanged.
// It keeps no state.
//
// Output: Keys, then the accumulator columns of each aggregate in the order of
// aggregate.Resolved.Local, then the number of rows of the group (BIGINT, additions
// less retractions). All rows are +I.
type LocalGroupAggregate struct {
	Traits
	in1
	Keys          []int
	Aggs          []AggCall
	InputRetracts bool
}

// Name is the operator's name.
func (*LocalGroupAggregate) Name() string { return "LocalGroupAggregate" }

// Attrs lists keys and aggregates.
func (n *LocalGroupAggregate) Attrs() []Attr {
	in := n.In.Info().Schema
	return groupAttrs(n.Keys, nil, in, n.Aggs, in, nil)
}

// Below is the node under exchanges.
func Below(n Node) Node {
	for {
		x, ok := n.(*Exchange)
		if !ok {
			return n
		}
		n = x.In
	}
}

// Called reports that a person who says name means an operator of that Name. The second
// phase of an aggregation, which keeps its state, answers to GroupAggregate too.
func Called(operator, name string) bool {
	return strings.EqualFold(operator, name) || strings.EqualFold(operator, "Global"+name)
}

// RowCalls are the calls of aggregates of a node that see whole rows, and so not those of
// the second phase of two; nil for other nodes.
func RowCalls(n Node) []AggCall {
	switch n := n.(type) {
	case *GroupAggregate:
		if !n.Merge {
			return n.Aggs
		}
	case *LocalGroupAggregate:
		return n.Aggs
	case *WindowAggregate:
		return n.Aggs
	case *GroupWindowAggregate:
		return n.Aggs
	case *OverAggregate:
		return n.Calls
	}
	return nil
}
