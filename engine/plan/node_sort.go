package plan

import "strconv"

// NoLimit is the Fetch of a limit that takes all rows after Offset.
const NoLimit int64 = -1

// SortLimit keeps rows Offset to Offset+Fetch in order: a Top-N over one partition
// without its number (ORDER BY ... LIMIT). In batch the result comes out sorted at
// the end of the input, and Fetch may be NoLimit.
type SortLimit struct {
	Traits
	in1
	OrderBy       []SortKey
	Offset, Fetch int64
	Strategy      RankStrategy
	UniqueKey     []int
	TTL           int64
}

// Name is the operator's name.
func (*SortLimit) Name() string { return "SortLimit" }

// Attrs shows order and limits.
func (n *SortLimit) Attrs() []Attr {
	out := []Attr{
		{"orderBy", "[" + orderText(n.OrderBy, n.Schema) + "]"},
		{"offset", "[" + strconv.FormatInt(n.Offset, 10) + "]"}, {"fetch", "[" + fetchText(n.Fetch) + "]"},
	}
	return append(out, Attr{"strategy", "[" + n.Strategy.String() + "]"})
}

// Limit keeps the first Fetch rows that come after Offset rows. When the input
// takes a row back, the next one takes its place.
type Limit struct {
	Traits
	in1
	Offset, Fetch int64
	// InputRetracts: rows may be taken back, so all are kept.
	InputRetracts bool
	// TTL is how long what was seen is kept when no row counts, in milliseconds; 0 is
	// for ever.
	TTL int64
}

// Name is the operator's name.
func (*Limit) Name() string { return "Limit" }

// Attrs shows the limits.
func (n *Limit) Attrs() []Attr {
	return []Attr{{"offset", "[" + strconv.FormatInt(n.Offset, 10) + "]"}, {"fetch", "[" + fetchText(n.Fetch) + "]"}}
}

func fetchText(n int64) string {
	if n == NoLimit {
		return "unlimited"
	}
	return strconv.FormatInt(n, 10)
}

// TemporalSort puts rows in the order of a time attribute: by rowtime when the
// watermark passes, by processing time per tick. Further keys order rows of equal
// time. Rows at or below the last time given out are dropped.
type TemporalSort struct {
	Traits
	in1
	OrderBy []SortKey
	// Rowtime tells which kind of time the first key is.
	Rowtime bool
	// Partitioned sorts the rows of each combination of Keys on their own, and drops rows
	// at or below the watermark: for tables that are arguments.
	Partitioned bool
	Keys        []int
}

// Name is the operator's name.
func (*TemporalSort) Name() string { return "TemporalSort" }

// Attrs shows the order.
func (n *TemporalSort) Attrs() []Attr {
	out := []Attr{{"orderBy", "[" + orderText(n.OrderBy, n.Schema) + "]"}}
	if len(n.Keys) > 0 {
		out = append([]Attr{{"partitionBy", "[" + cols(n.Keys, n.Schema) + "]"}}, out...)
	}
	return out
}

// Sort orders all rows of a bounded input when it has ended. It is for batch.
type Sort struct {
	Traits
	in1
	OrderBy []SortKey
	// Offset and Fetch cut the sorted rows; Fetch may be NoLimit.
	Offset, Fetch int64
}

// Name is the operator's name.
func (*Sort) Name() string { return "Sort" }

// Attrs shows the order.
func (n *Sort) Attrs() []Attr {
	return []Attr{{"orderBy", "[" + orderText(n.OrderBy, n.Schema) + "]"}}
}
