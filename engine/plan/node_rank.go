package plan

import "strconv"

// RankKind is the function that numbers rows.
type RankKind uint8

// The functions. The last two are for batch only.
const (
	RowNumber RankKind = iota
	RankFunc
	DenseRank
)

// String is the name in plans.
func (k RankKind) String() string { return [...]string{"ROW_NUMBER", "RANK", "DENSE_RANK"}[k] }

// RankStrategy says what a Top-N must keep.
type RankStrategy uint8

// The strategies.
const (
	// AppendFast: the input only appends; the first To rows of a key are kept.
	AppendFast RankStrategy = iota
	// UpdateFast: rows are replaced by UniqueKey and only move towards the front.
	UpdateFast
	// Retract: all rows are kept.
	Retract
)

func (s RankStrategy) String() string {
	return [...]string{"AppendFastStrategy", "UpdateFastStrategy", "RetractStrategy"}[s]
}

// Rank keeps the rows From to To (from 1, inclusive) of each partition in order
// (Top-N). Equal sort keys rank by arrival.
//
// Output: the input's columns, then with OutputRank the number as BIGINT NOT NULL.
type Rank struct {
	Traits
	in1
	Kind        RankKind
	PartitionBy []int
	OrderBy     []SortKey
	From, To    int64
	// ToCol is the column that holds To, or -1.
	ToCol      int
	OutputRank bool
	Strategy   RankStrategy
	// UniqueKey identifies rows for UpdateFast, and helps Retract; nil for none.
	UniqueKey []int
	TTL       int64
}

// Name is the operator's name.
func (*Rank) Name() string { return "Rank" }

// Attrs shows strategy, range and order.
func (n *Rank) Attrs() []Attr {
	in := n.In.Info().Schema
	s := n.Strategy.String()
	if n.Strategy == UpdateFast {
		s += "[" + colsTight(n.UniqueKey) + "]"
	}
	to := "rankEnd=" + strconv.FormatInt(n.To, 10)
	if n.ToCol >= 0 {
		to = "rankEnd=" + in[n.ToCol].Name
	}
	out := []Attr{
		{"strategy", "[" + s + "]"}, {"rankType", "[" + n.Kind.String() + "]"},
		{"rankRange", "[rankStart=" + strconv.FormatInt(n.From, 10) + ", " + to + "]"},
		{"partitionBy", "[" + cols(n.PartitionBy, in) + "]"}, {"orderBy", "[" + orderText(n.OrderBy, in) + "]"},
	}
	return append(out, Attr{"select", "[" + names(n.Schema) + "]"})
}

// Deduplicate keeps one row of each key: the first or the last by a time
// attribute. With equal rowtimes the first arrival is first, the last arrival is
// last. Input appends only; keep-last on updating input is a Rank.
//
// Output: the input's columns. Keep-first by rowtime waits for the watermark and
// only appends, as does keep-first by processing time; keep-last updates.
type Deduplicate struct {
	Traits
	in1
	Keys     []int
	KeepLast bool
	// TimeCol is the order column; Rowtime tells which kind of time it is.
	TimeCol int
	Rowtime bool
	// AnyKind: the first row of a key may come as +U, where -U is not asked for.
	AnyKind bool
	TTL     int64
}

// Name is the operator's name.
func (*Deduplicate) Name() string { return "Deduplicate" }

// Attrs shows what is kept.
func (n *Deduplicate) Attrs() []Attr {
	keep, order := "FirstRow", "PROCTIME"
	if n.KeepLast {
		keep = "LastRow"
	}
	if n.Rowtime {
		order = "ROWTIME"
	}
	return []Attr{{"keep", "[" + keep + "]"}, {"key", "[" + cols(n.Keys, n.Schema) + "]"}, {"order", "[" + order + "]"}}
}

// WindowTopN keeps the rows From to To of each window and partition, and emits
// them when the window ends. Input appends only.
//
// Output: the input's columns, then with OutputRank the number.
type WindowTopN struct {
	Traits
	in1
	Window           WindowSpec
	StartCol, EndCol int
	PartitionBy      []int
	OrderBy          []SortKey
	From, To         int64
	OutputRank       bool
}

// Name is the operator's name.
func (*WindowTopN) Name() string { return "WindowRank" }

// Attrs shows window, range and order.
func (n *WindowTopN) Attrs() []Attr {
	in := n.In.Info().Schema
	return []Attr{
		{"window", "[" + n.Window.Kind.String() + "(" + attached(n.StartCol, n.EndCol, in) + ")]"},
		{"rankType", "[ROW_NUMBER]"},
		{"rankRange", "[rankStart=" + strconv.FormatInt(n.From, 10) + ", rankEnd=" + strconv.FormatInt(n.To, 10) + "]"},
		{"partitionBy", "[" + cols(n.PartitionBy, in) + "]"}, {"orderBy", "[" + orderText(n.OrderBy, in) + "]"},
		{"select", "[" + names(n.Schema) + "]"},
	}
}

// WindowDedup keeps the first or last row by rowtime of each window and key, and
// emits it when the window ends. Input appends only.
//
// Output: the input's columns.
type WindowDedup struct {
	Traits
	in1
	Window           WindowSpec
	StartCol, EndCol int
	Keys             []int
	KeepLast         bool
	TimeCol          int
}

// Name is the operator's name.
func (*WindowDedup) Name() string { return "WindowDeduplicate" }

// Attrs shows what is kept.
func (n *WindowDedup) Attrs() []Attr {
	in := n.In.Info().Schema
	keep := "FirstRow"
	if n.KeepLast {
		keep = "LastRow"
	}
	return []Attr{
		{"window", "[" + n.Window.Kind.String() + "(" + attached(n.StartCol, n.EndCol, in) + ")]"},
		{"keep", "[" + keep + "]"}, {"partitionKeys", "[" + cols(n.Keys, in) + "]"}, {"orderKey", "[" + cols([]int{n.TimeCol}, in) + "]"},
		{"order", "[ROWTIME]"},
	}
}
