package ast

// Select is one query block.
type Select struct {
	Pos
	Hints      []Hint
	Quantifier SetQuantifier
	Items      []SelectItem
	From       TableRef // nil without FROM; commas are cross joins with Comma set
	Where      Expr
	GroupBy    *GroupBy
	Having     Expr
	Windows    []NamedWindow
	Qualify    Expr
	// Stream is SELECT STREAM.
	Stream bool
}

// SelectItem is a column of the result. Alias is empty when none was written; a
// Star has none.
type SelectItem struct {
	Expr  Expr
	Alias *Identifier
}

// GroupBy is the GROUP BY clause.
type GroupBy struct {
	Pos
	Quantifier SetQuantifier
	Items      []GroupItem
}

// GroupKind is the form of a grouping item.
type GroupKind uint8

// The forms of grouping items.
const (
	GroupExpr    GroupKind = iota // one expression
	GroupSet                      // (a, b) or ()
	GroupRollup                   // ROLLUP (items)
	GroupCube                     // CUBE (items)
	GroupingSets                  // GROUPING SETS (items)
)

// GroupItem is an item of GROUP BY. GroupExpr and GroupSet use Exprs, the others
// Items, whose elements are themselves items.
type GroupItem struct {
	Pos
	Kind  GroupKind
	Exprs []Expr
	Items []GroupItem
}

// NamedWindow is w AS (spec) of the WINDOW clause.
type NamedWindow struct {
	Name Identifier
	Spec *WindowSpec
}

// OrderItem is a sort key.
type OrderItem struct {
	Expr  Expr
	Desc  bool
	Nulls NullOrder
}

// NullOrder says where NULL sorts.
type NullOrder uint8

// The orders of NULL. By default NULL is first when ascending, last when descending.
const (
	NullsUnspecified NullOrder = iota
	NullsFirst
	NullsLast
)

// Values is VALUES row, ... Each row is a RowCtor, or another expression for a row
// of one column written without parentheses.
type Values struct {
	Pos
	Rows []Expr
}

// TableQuery is TABLE t as a query: SELECT * FROM t.
type TableQuery struct {
	Pos
	Name Name
}

// SetOpKind is UNION, INTERSECT or EXCEPT.
type SetOpKind uint8

// The set operations.
const (
	Union SetOpKind = iota
	Intersect
	Except
)

// SetOp combines two queries. Without ALL it is DISTINCT.
type SetOp struct {
	Pos
	Op  SetOpKind
	All bool
	L   Query
	R   Query
}

// With is a query under named queries.
type With struct {
	Pos
	Recursive bool
	Items     []WithItem
	Body      Query
}

// WithItem is one named query.
type WithItem struct {
	Name    Identifier
	Columns []Identifier
	Query   Query
}

// Ordered is a query under ORDER BY, LIMIT, OFFSET or FETCH.
type Ordered struct {
	Pos
	Body    Query
	OrderBy []OrderItem
	// Offset and Limit are a number literal or a Param. FETCH FIRST n and LIMIT n are
	// the same; LIMIT ALL leaves Limit nil.
	Offset Expr
	Limit  Expr
}

// Hint is one hint of /*+ ... */. Options are 'k'='v' pairs, Args the names or
// literals of NAME(a, b). A hint without parentheses has neither.
type Hint struct {
	Name    Identifier
	Args    []HintArg
	Options []Option
	// Parens tells NAME() from NAME.
	Parens bool
}

// HintArg is an argument of a hint: a (dotted) name, a number or a string.
type HintArg struct {
	Name    Name
	Literal *Literal
}

func (*Select) query()     {}
func (*Values) query()     {}
func (*TableQuery) query() {}
func (*SetOp) query()      {}
func (*With) query()       {}
func (*Ordered) query()    {}
