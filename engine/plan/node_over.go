package plan

import (
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/types"
)

// SortKey is a column to sort by.
type SortKey struct {
	Col        int
	Desc       bool
	NullsFirst bool
}

// FrameBound is where the frame of an OVER aggregate begins or ends.
type FrameBound struct {
	Kind BoundKind
	// Offset is a number of rows; with RANGE milliseconds, or if Number a number with
	// Scale digits behind the point.
	Offset int64
	Number bool
	Scale  int
}

// BoundKind is the kind of a frame's bound.
type BoundKind uint8

// The bounds.
const (
	UnboundedPreceding BoundKind = iota
	Preceding
	CurrentRow
	Following
	UnboundedFollowing
)

// OverAggregate adds to each row aggregates over the rows around it.
//
// Output: the input's columns, then Calls. In streaming the order is one ascending
// time attribute, or any column with an unbounded frame; the frame ends at the
// current row. ROW_NUMBER, RANK, LAG and the like are calls too.
type OverAggregate struct {
	Traits
	in1
	PartitionBy []int
	OrderBy     []SortKey
	// Rows tells ROWS from RANGE.
	Rows   bool
	Lo, Hi FrameBound
	Calls  []AggCall
	// Time says what the first order column is: types.Rowtime rows wait for the
	// watermark, types.Proctime rows are taken as they come, types.NotTime means
	// that the order is by value and earlier results are updated (in batch: sorted).
	Time          types.TimeAttr
	InputRetracts bool
	TTL           int64
}

// Name is the operator's name.
func (*OverAggregate) Name() string { return "OverAggregate" }

// Attrs lists partition, order, frame and calls.
func (n *OverAggregate) Attrs() []Attr {
	in := n.In.Info().Schema
	var out []Attr
	if len(n.PartitionBy) > 0 {
		out = append(out, Attr{"partitionBy", "[" + cols(n.PartitionBy, in) + "]"})
	}
	if len(n.OrderBy) > 0 {
		out = append(out, Attr{"orderBy", "[" + orderText(n.OrderBy, in) + "]"})
	}
	unit := "RANGE"
	if n.Rows {
		unit = "ROWS"
	}
	out = append(out, Attr{"window", "[" + unit + " BETWEEN " + n.Lo.text(n.Rows) + " AND " + n.Hi.text(n.Rows) + "]"})
	sel := names(in)
	for _, c := range n.Calls {
		sel += ", " + aggText(c, in) + " AS " + c.Name
	}
	return append(out, Attr{"select", "[" + sel + "]"})
}

func (b FrameBound) text(rows bool) string {
	off := strconv.FormatInt(b.Offset, 10)
	switch {
	case b.Number && b.Scale > 0:
		off = strings.Repeat("0", max(0, b.Scale+1-len(off))) + off
		off = off[:len(off)-b.Scale] + "." + off[len(off)-b.Scale:]
	case !rows && !b.Number:
		off += " ms"
	}
	switch b.Kind {
	case UnboundedPreceding:
		return "UNBOUNDED PRECEDING"
	case Preceding:
		return off + " PRECEDING"
	case Following:
		return off + " FOLLOWING"
	case UnboundedFollowing:
		return "UNBOUNDED FOLLOWING"
	}
	return "CURRENT ROW"
}
