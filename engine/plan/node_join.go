package plan

import (
	"strconv"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/types"
)

// JoinType is the kind of a join.
type JoinType uint8

// The kinds. Semi and Anti give rows of the left input only.
const (
	Inner JoinType = iota
	LeftOuter
	RightOuter
	FullOuter
	Semi
	Anti
)

// String is the name in plans.
func (t JoinType) String() string {
	return [...]string{"InnerJoin", "LeftOuterJoin", "RightOuterJoin", "FullOuterJoin", "LeftSemiJoin", "LeftAntiJoin"}[t]
}

// KeepsLeft and KeepsRight report that rows of that side come out, padded with
// NULL, even when nothing matches them.
func (t JoinType) KeepsLeft() bool { return t == LeftOuter || t == FullOuter }

// KeepsRight is KeepsLeft for the right side.
func (t JoinType) KeepsRight() bool { return t == RightOuter || t == FullOuter }

// LeftOnly reports that the output has the columns of the left input alone.
func (t JoinType) LeftOnly() bool { return t == Semi || t == Anti }

// Cond is the condition of a join: equal keys and what is left.
type Cond struct {
	// LeftKeys[i] of the left input equals RightKeys[i] of the right one; both have
	// the same type but for nullability. Empty for a cross join.
	LeftKeys, RightKeys []int
	// NullSafe[i]: the key pair is compared by IS NOT DISTINCT FROM, so NULL matches
	// NULL. A NULL in any other key matches nothing.
	NullSafe []bool
	// Residual must be TRUE too. It reads the columns of the left input, then those
	// of the right one, also in a semi or anti join. nil for none.
	Residual expr.Node
}

// JoinSide is what a regular join may know about one input to store it.
type JoinSide struct {
	// UniqueKey is a key of the input, or nil: with it the rows are stored one a key
	// and an update replaces the row.
	UniqueKey []int
	// KeyInJoinKey: the join key contains UniqueKey, so a key matches at most one row.
	KeyInJoinKey bool
	// Append: only inserts come, so nothing is ever taken back.
	Append bool
	// TTL is how long an untouched row is kept, in milliseconds; 0 is for ever.
	TTL int64
}

// Prune says when a stored row can match nothing that may still come: when the
// watermark of the join is at or past the row's Col (a timestamp in milliseconds)
// plus Lag milliseconds. Rows that arrive later than that still look for matches
// but need not be stored.
type Prune struct {
	Col int
	Lag int64
}

// Join is a regular join: both inputs are kept and either may change.
//
// Output: the left columns then the right ones, those of a padded side nullable;
// Semi and Anti give the left ones.
type Join struct {
	Traits
	in2
	Type JoinType
	Cond
	LeftSide, RightSide JoinSide
	// PruneLeft and PruneRight are nil unless pruning that side is exact.
	PruneLeft, PruneRight *Prune
}

// Name is the operator's name.
func (*Join) Name() string { return "Join" }

// Attrs shows type, condition and the storage of the sides.
func (n *Join) Attrs() []Attr {
	out := n.Cond.attrs(n.Type, n.Left, n.Right)
	out = append(out, Attr{"select", "[" + names(n.Schema) + "]"},
		Attr{"leftInputSpec", "[" + n.LeftSide.text() + "]"},
		Attr{"rightInputSpec", "[" + n.RightSide.text() + "]"})
	if n.Bundle.Rows > 0 {
		out = append(out, Attr{"miniBatch", "[true]"})
	}
	if n.PruneLeft != nil {
		out = append(out, Attr{"pruneLeft", "[" + n.PruneLeft.text(n.Left.Info().Schema) + "]"})
	}
	if n.PruneRight != nil {
		out = append(out, Attr{"pruneRight", "[" + n.PruneRight.text(n.Right.Info().Schema) + "]"})
	}
	return out
}

func (p *Prune) text(s types.Schema) string {
	return cols([]int{p.Col}, s) + " + " + millis(p.Lag) + " <= watermark"
}

func (s JoinSide) text() string {
	switch {
	case s.UniqueKey == nil:
		return "NoUniqueKey"
	case s.KeyInJoinKey:
		return "JoinKeyContainsUniqueKey"
	}
	return "HasUniqueKey"
}

func (c Cond) attrs(t JoinType, left, right Node) []Attr {
	return []Attr{{"joinType", "[" + t.String() + "]"}, {"where", "[" + c.text(left.Info().Schema, right.Info().Schema) + "]"}}
}

// text writes the condition. Names that both sides have get a suffix on the right,
// as in the output.
func (c Cond) text(left, right types.Schema) string {
	all := concatNames(left, right)
	var parts []string
	for i := range c.LeftKeys {
		op := " = "
		if c.NullSafe[i] {
			op = " IS NOT DISTINCT FROM "
		}
		parts = append(parts, "("+all[c.LeftKeys[i]]+op+all[len(left)+c.RightKeys[i]]+")")
	}
	if c.Residual != nil {
		for _, r := range expr.Conjuncts(c.Residual) {
			parts = append(parts, exprText(r, all))
		}
	}
	switch len(parts) {
	case 0:
		return "true"
	case 1:
		return parts[0]
	}
	s := parts[0]
	for _, p := range parts[1:] {
		s += " AND " + p
	}
	return "(" + s + ")"
}

// IntervalJoin joins rows whose times are near: left time - right time lies in
// [Lower, Upper] milliseconds. Both inputs only append.
//
// Output as Join; time attributes stay what they are.
type IntervalJoin struct {
	Traits
	in2
	Type JoinType
	Cond
	LeftTime, RightTime int
	// Rowtime tells event time from processing time.
	Rowtime      bool
	Lower, Upper int64
	// Cleanup is how much longer than needed rows stay, in milliseconds.
	Cleanup int64
}

// Name is the operator's name.
func (*IntervalJoin) Name() string { return "IntervalJoin" }

// Attrs shows type, bounds and condition.
func (n *IntervalJoin) Attrs() []Attr {
	out := n.Cond.attrs(n.Type, n.Left, n.Right)
	b := "isRowTime=" + strconv.FormatBool(n.Rowtime) +
		", leftLowerBound=" + strconv.FormatInt(n.Lower, 10) + ", leftUpperBound=" + strconv.FormatInt(n.Upper, 10) +
		", leftTimeIndex=" + strconv.Itoa(n.LeftTime) + ", rightTimeIndex=" + strconv.Itoa(n.RightTime)
	return []Attr{out[0], {"windowBounds", "[" + b + "]"}, out[1], {"select", "[" + names(n.Schema) + "]"}}
}

// WindowJoin joins rows of the same window when the window ends. Both inputs only
// append and carry the bounds of their windows as columns, which are not among the
// keys.
//
// Output as Join.
type WindowJoin struct {
	Traits
	in2
	Type JoinType
	Cond
	Window             WindowSpec
	LeftStart, LeftEnd int
	RightStart         int
	RightEnd           int
}

// Name is the operator's name.
func (*WindowJoin) Name() string { return "WindowJoin" }

// Attrs shows windows, type and condition.
func (n *WindowJoin) Attrs() []Attr {
	k := n.Window.Kind.String()
	c := n.Cond.attrs(n.Type, n.Left, n.Right)
	return []Attr{
		{"leftWindow", "[" + k + "(" + attached(n.LeftStart, n.LeftEnd, n.Left.Info().Schema) + ")]"},
		{"rightWindow", "[" + k + "(" + attached(n.RightStart, n.RightEnd, n.Right.Info().Schema) + ")]"},
		c[0], c[1], {"select", "[" + names(n.Schema) + "]"},
	}
}

// LookupJoin reads for each row of its input the matching rows of a table, at
// processing time. Later changes of the table do not touch earlier results.
//
// Output: the input's columns, then Read columns of the table's schema, nullable
// in a left join. Rows with a NULL in a key column match nothing.
type LookupJoin struct {
	Traits
	in1
	Type JoinType // Inner or LeftOuter
	// Conn and Lookup are the table as its connector sees it.
	Conn   *connect.Table
	Lookup connect.Lookup
	// Table is its name for EXPLAIN.
	Table string
	// TableKeys are key columns (positions in Conn.Schema, ascending); Keys[i] of
	// the input has the value of TableKeys[i], or Consts[i] holds it when Keys[i]
	// is -1. Types are those of the table's columns.
	TableKeys []int
	Keys      []int
	Consts    []expr.Node
	// Filter must be TRUE of a table row (over Conn.Schema); nil for none.
	Filter expr.Node
	// Read are the columns of the table that come out, as expressions over
	// Conn.Schema (computed columns and casts of metadata included).
	Read []expr.Node
	// Residual must be TRUE of the joined row (over the output); nil for none.
	Residual expr.Node
	// Async, Retry and the like of the LOOKUP hint as written, keys in lower case.
	Hint map[string]string
	// How says how the table is read outside of steps; nil reads within them.
	How *LookupHow
	// Cache is what is kept of rows that were read.
	Cache connect.LookupCache
	// KeepKey, unless nil, are the columns of the input by which what a row found may be
	// kept, so that its retraction finds the same; KeepUnique: they are a key of it. Keep:
	// somebody finds the rows by what was looked up, so it is kept, for TTL milliseconds
	// (0 for ever).
	KeepKey          []int
	KeepUnique, Keep bool
	TTL              int64
}

// Name is the operator's name.
func (*LookupJoin) Name() string { return "LookupJoin" }

// Attrs shows table, type and keys.
func (n *LookupJoin) Attrs() []Attr {
	in, tbl := n.In.Info().Schema, n.Conn.Schema
	var keys []string
	for i, k := range n.TableKeys {
		v := ""
		if n.Keys[i] >= 0 {
			v = cols([]int{n.Keys[i]}, in)
		} else {
			v = exprText(n.Consts[i], nil)
		}
		keys = append(keys, tbl[k].Name+"="+v)
	}
	out := []Attr{{"table", "[" + n.Table + "]"}, {"joinType", "[" + n.Type.String() + "]"}, {"lookup", "[" + join(keys) + "]"}}
	if n.Filter != nil {
		out = append(out, Attr{"where", "[" + exprText(n.Filter, tbl.Names()) + "]"})
	}
	if n.Residual != nil {
		out = append(out, Attr{"joinCondition", "[" + exprText(n.Residual, n.Schema.Names()) + "]"})
	}
	out = append(out, Attr{"select", "[" + names(n.Schema) + "]"})
	if n.Keep {
		out = append(out, Attr{"upsertMaterialize", "[true]"})
	}
	return append(out, n.how()...)
}
