package ast

// TableName is a table, view or named query of FROM.
type TableName struct {
	Pos
	Name  Name
	Hints []Hint
	// Extend are the columns of EXTEND (name type, ...), a form no planner takes.
	Extend []Field
}

// DerivedTable is a query in FROM.
type DerivedTable struct {
	Pos
	Query   Query
	Lateral bool
}

// TableFunc is a function call in FROM: TABLE(f(...)), LATERAL TABLE(f(...)) or
// f(...).
type TableFunc struct {
	Pos
	Call    Expr // a *FuncCall
	Lateral bool
	// Wrapped tells that TABLE( ) stood around the call.
	Wrapped bool
	// Specific is TABLE(SPECIFIC f(...)).
	Specific bool
}

// Unnest is UNNEST(e, ...) [WITH ORDINALITY].
type Unnest struct {
	Pos
	Exprs      []Expr
	Ordinality bool
	Lateral    bool
}

// AliasedTable gives a FROM item a name and names for its columns.
type AliasedTable struct {
	Pos
	Input   TableRef
	Alias   Identifier
	Columns []Identifier
}

// SnapshotTable is t FOR SYSTEM_TIME AS OF expr.
type SnapshotTable struct {
	Pos
	Input TableRef
	AsOf  Expr
}

// TableSample is t TABLESAMPLE method (...).
type TableSample struct {
	Pos
	Input TableRef
	// Method is BERNOULLI, SYSTEM or SUBSTITUTE.
	Method string
	// Percent is a number Literal, or the name literal of SUBSTITUTE.
	Percent Expr
	// Repeatable is the seed, or nil.
	Repeatable Expr
}

// JoinKind is the kind of a join.
type JoinKind uint8

// The kinds of joins. JoinComma is a comma in FROM: a cross join that binds less
// tightly.
const (
	JoinInner JoinKind = iota
	JoinLeft
	JoinRight
	JoinFull
	JoinCross
	JoinComma
	JoinAsof
	JoinLeftAsof
	// The kinds below are made by rewrites; the grammar refuses their words.
	JoinLeftSemi
	JoinLeftAnti
	JoinCrossApply
	JoinOuterApply
)

// Join joins two items of FROM. At most one of On and Using is set.
type Join struct {
	Pos
	Kind    JoinKind
	Natural bool
	L       TableRef
	R       TableRef
	On      Expr
	Using   []Identifier
	// Match is MATCH_CONDITION of an ASOF join.
	Match Expr
}

// Pivot is t PIVOT (agg, ... FOR axis IN (...)).
type Pivot struct {
	Pos
	Input TableRef
	Aggs  []SelectItem
	Axes  []Identifier
	In    []PivotValue
}

// PivotValue is a value list of PIVOT ... IN with its alias.
type PivotValue struct {
	Values []Expr
	Alias  *Identifier
}

// Unpivot is t UNPIVOT [INCLUDE|EXCLUDE NULLS] (measures FOR axes IN (...)).
type Unpivot struct {
	Pos
	Input    TableRef
	Nulls    NullTreatment // NullsRespect for INCLUDE NULLS, NullsIgnore for EXCLUDE NULLS
	Measures []Identifier
	Axes     []Identifier
	In       []UnpivotValue
}

// UnpivotValue is a column list of UNPIVOT ... IN with its labels.
type UnpivotValue struct {
	Columns []Identifier
	Values  []Expr
}

// MatchRecognize is t MATCH_RECOGNIZE (...).
type MatchRecognize struct {
	Pos
	Input       TableRef
	PartitionBy []Expr
	OrderBy     []OrderItem
	Measures    []SelectItem // every item has an alias
	// Rows is how many rows a match gives.
	Rows    RowsPerMatch
	Skip    AfterMatch
	Pattern Pattern
	// StartAnchor and EndAnchor are ^ and $.
	StartAnchor bool
	EndAnchor   bool
	Within      Expr
	Subsets     []Subset
	Defines     []Define
}

// RowsPerMatch is ONE ROW or ALL ROWS PER MATCH.
type RowsPerMatch uint8

// The rows per match.
const (
	RowsDefault RowsPerMatch = iota // not written: one row
	OneRow
	AllRows
)

// SkipKind is where matching goes on after a match.
type SkipKind uint8

// The places to go on.
const (
	SkipDefault SkipKind = iota // not written: to the next row
	SkipToNextRow
	SkipPastLastRow
	SkipToFirst
	SkipToLast
)

// AfterMatch is the AFTER MATCH SKIP clause; Var is set for SkipToFirst and
// SkipToLast.
type AfterMatch struct {
	Kind SkipKind
	Var  Identifier
}

// Subset is name = (var, ...).
type Subset struct {
	Name Identifier
	Vars []Identifier
}

// Define is var AS condition.
type Define struct {
	Var  Identifier
	Cond Expr
}

// Pattern is a row pattern.
type Pattern interface {
	Node
	pattern()
}

// PatternVar is a pattern variable.
type PatternVar struct {
	Pos
	Name Identifier
}

// PatternConcat is a sequence of patterns.
type PatternConcat struct {
	Pos
	Items []Pattern
}

// PatternAlt is a choice: a | b.
type PatternAlt struct {
	Pos
	Items []Pattern
}

// PatternQuant repeats a pattern. Max is Unspecified for no upper limit.
type PatternQuant struct {
	Pos
	X         Pattern
	Min       int
	Max       int
	Reluctant bool
}

// PatternPermute is PERMUTE(a, b).
type PatternPermute struct {
	Pos
	Items []Pattern
}

// PatternExclude is {- pattern -}.
type PatternExclude struct {
	Pos
	X Pattern
}

func (*PatternVar) pattern()     {}
func (*PatternConcat) pattern()  {}
func (*PatternAlt) pattern()     {}
func (*PatternQuant) pattern()   {}
func (*PatternPermute) pattern() {}
func (*PatternExclude) pattern() {}

func (*TableName) tableRef()      {}
func (*DerivedTable) tableRef()   {}
func (*TableFunc) tableRef()      {}
func (*Unnest) tableRef()         {}
func (*AliasedTable) tableRef()   {}
func (*SnapshotTable) tableRef()  {}
func (*TableSample) tableRef()    {}
func (*Join) tableRef()           {}
func (*Pivot) tableRef()          {}
func (*Unpivot) tableRef()        {}
func (*MatchRecognize) tableRef() {}
