package ast

import "github.com/minkstream/mink/engine/diag"

// ColumnRef is a dotted path: a column, a qualified column, or fields inside one.
// Which part is what is for the binder to say.
type ColumnRef struct {
	Pos
	Name Name
}

// Star is * or t.* or t.row.*; in a call such as COUNT(*) it is the argument.
type Star struct {
	Pos
	Qualifier Name // empty for a bare *
	// Exclude are the columns of * EXCLUDE (...), which the grammar does not have yet.
	Exclude []Name
}

// LiteralKind says what a literal is.
type LiteralKind uint8

// The kinds of literals.
const (
	LitNull         LiteralKind = iota
	LitTrue                     // TRUE
	LitFalse                    // FALSE
	LitUnknown                  // UNKNOWN
	LitInteger                  // 12: digits in Text; INT, or BIGINT when too large
	LitDecimal                  // 1.5 or DECIMAL '1.5': exact; digits and point in Text
	LitDouble                   // 1.5e0: Text as written
	LitString                   // '..', U&'..', E'..': decoded in Text
	LitBytes                    // x'45F0': the hex digits in Text, decoded by Bytes
	LitDate                     // DATE '..'
	LitTime                     // TIME '..'
	LitTimestamp                // TIMESTAMP '..'
	LitTimestampLTZ             // TIMESTAMP WITH LOCAL TIME ZONE '..'
	LitTimeTZ                   // TIME WITH [LOCAL] TIME ZONE '..'
	LitTimestampTZ              // TIMESTAMP WITH TIME ZONE '..'
	LitUUID                     // UUID '..'
)

// Literal is a constant. Numbers carry no sign: a sign is a Unary around it. The
// text of a date or time is not checked by the parser; DateValue and its brothers
// in literal.go decode it.
type Literal struct {
	Pos
	Kind LiteralKind
	// Text is the decoded content: for strings without quotes and escapes, for dates
	// and times what stood in the quotes, for numbers the digits.
	Text string
	// Charset is the name in _charset'..', or "".
	Charset string
	// SameLine is the first piece of a string that goes on on the line where the piece
	// before it ends; it is parsed and has no meaning.
	SameLine diag.Span
}

// IntervalLiteral is INTERVAL [-]'..' units.
type IntervalLiteral struct {
	Pos
	Negative  bool // a minus between INTERVAL and the quote
	Text      string
	Qualifier IntervalQualifier
}

// IntervalExpr is INTERVAL with a computed quantity: INTERVAL (a + 1) DAY,
// INTERVAL 5 DAY, INTERVAL a DAY.
type IntervalExpr struct {
	Pos
	Negative  bool
	X         Expr
	Qualifier IntervalQualifier
}

// UnaryOp is an operator with one operand.
type UnaryOp uint8

// The operators with one operand.
const (
	OpNeg  UnaryOp = iota // - x
	OpPlus                // + x
	OpNot                 // NOT x
)

// Unary is an operator before its operand.
type Unary struct {
	Pos
	Op UnaryOp
	X  Expr
}

// BinaryOp is an operator with two operands.
type BinaryOp uint8

// The operators with two operands.
const (
	OpOr BinaryOp = iota
	OpAnd
	OpEq
	OpNe
	OpLt
	OpLe
	OpGt
	OpGe
	OpAdd
	OpSub
	OpMul
	OpDiv
	OpMod
	OpConcat // ||
	OpOverlaps
	OpContains
	OpPeriodEquals // EQUALS
	OpPrecedes
	OpSucceeds
	OpImmediatelyPrecedes
	OpImmediatelySucceeds
	OpMemberOf
	OpSubmultisetOf
	OpMultisetUnion // MULTISET UNION [ALL]
	OpMultisetUnionDistinct
	OpMultisetIntersect
	OpMultisetIntersectDistinct
	OpMultisetExcept
	OpMultisetExceptDistinct
)

// Binary is an operator between two operands. Chains nest to the left: a + b + c is
// (a + b) + c.
type Binary struct {
	Pos
	Op BinaryOp
	L  Expr
	R  Expr
}

// IsKind is what IS asks.
type IsKind uint8

// The questions of IS.
const (
	IsNull IsKind = iota
	IsTrue
	IsFalse
	IsUnknown
	IsJSON // IS JSON and IS JSON VALUE
	IsJSONScalar
	IsJSONArray
	IsJSONObject
	IsASet
	IsEmpty
)

// Is is X IS [NOT] NULL, TRUE, ...
type Is struct {
	Pos
	X    Expr
	Kind IsKind
	Not  bool
}

// IsDistinct is L IS [NOT] DISTINCT FROM R.
type IsDistinct struct {
	Pos
	L   Expr
	R   Expr
	Not bool
}

// Between is X [NOT] BETWEEN [SYMMETRIC] Lo AND Hi.
type Between struct {
	Pos
	X         Expr
	Lo        Expr
	Hi        Expr
	Not       bool
	Symmetric bool
}

// In is X [NOT] IN (list) or X [NOT] IN (query): one of List and Query is set.
type In struct {
	Pos
	X     Expr
	List  []Expr
	Query Query
	Not   bool
}

// LikeKind is the language of a pattern.
type LikeKind uint8

// The languages of patterns.
const (
	LikePlain LikeKind = iota // LIKE
	Similar                   // SIMILAR TO
	ILike                     // ILIKE
	RLike                     // RLIKE
)

// Like is X [NOT] LIKE Pattern [ESCAPE Escape] and its brothers.
type Like struct {
	Pos
	X       Expr
	Pattern Expr
	Escape  Expr
	Kind    LikeKind
	Not     bool
}

// Exists is EXISTS (query) or UNIQUE (query).
type Exists struct {
	Pos
	Query  Query
	Unique bool
}

// Quantifier is the word before the right side of a quantified comparison.
type Quantifier uint8

// The quantifiers. ANY is a synonym of SOME and folded into it.
const (
	QuantSome Quantifier = iota
	QuantAll
)

// Quantified is X op SOME|ALL (list or query): one of List and Query is set.
type Quantified struct {
	Pos
	Op         BinaryOp // OpEq to OpGe
	X          Expr
	Quantifier Quantifier
	List       []Expr
	Query      Query
}

// When is a branch of CASE. With an operand there may be several conditions: CASE x
// WHEN 1, 2 THEN ...
type When struct {
	Conds []Expr
	Then  Expr
}

// Case is CASE [Operand] WHEN ... [ELSE ...] END.
type Case struct {
	Pos
	Operand Expr
	Whens   []When
	Else    Expr
}

// Cast is CAST(X AS Type) or TRY_CAST; Format is the text after FORMAT, if any.
type Cast struct {
	Pos
	X      Expr
	Type   TypeSpec
	Try    bool
	Format String
}

// ArrayCtor is ARRAY[a, b] or ARRAY(query).
type ArrayCtor struct {
	Pos
	Elems []Expr
	Query Query
}

// MultisetCtor is MULTISET[a, b] or MULTISET(query).
type MultisetCtor struct {
	Pos
	Elems []Expr
	Query Query
}

// MapCtor is MAP[k, v, ...] (Elems alternate) or MAP(query).
type MapCtor struct {
	Pos
	Elems []Expr
	Query Query
}

// RowCtor is ROW(a, b) or (a, b).
type RowCtor struct {
	Pos
	Elems    []Expr
	Explicit bool // the word ROW was written
}

// Period is PERIOD (start, end), an operand of OVERLAPS and its brothers.
type Period struct {
	Pos
	Start Expr
	End   Expr
}

// Subquery is a query in parentheses used as a value.
type Subquery struct {
	Pos
	Query Query
}

// Cursor is CURSOR (query).
type Cursor struct {
	Pos
	Query Query
}

// IndexAccess is X[Index]: an element of an array, map or variant, from 1. Mode is
// the word in X[OFFSET(i)] and its brothers (OFFSET, ORDINAL, SAFE_OFFSET,
// SAFE_ORDINAL), usually "".
type IndexAccess struct {
	Pos
	X     Expr
	Index Expr
	Mode  string
}

// FieldAccess is X.Field where X is not a plain name; a path of names is a
// ColumnRef.
type FieldAccess struct {
	Pos
	X     Expr
	Field Identifier
}

// FieldStar is X.* where X is not a plain name, the fields of a row: (f(x)).*.
type FieldStar struct {
	Pos
	X Expr
}

// Default is the word DEFAULT in a row of VALUES or as a call argument.
type Default struct {
	Pos
}

// Param is a question mark: a value given later. Index counts from 0.
type Param struct {
	Pos
	Index int
}

// Keyword is a bare word that a call takes as argument, in capitals: BOTH in TRIM,
// a unit in EXTRACT or TIMESTAMPADD.
type Keyword struct {
	Pos
	Word string
}

// Descriptor is DESCRIPTOR(c, ...).
type Descriptor struct {
	Pos
	Columns []Name
}

// TableArg is a table given to a call: TABLE t or (query), with its partitioning and
// order.
type TableArg struct {
	Pos
	// One of Table, Call and Query is set.
	Table Name
	Call  *FuncCall // TABLE(f(...))
	Query Query
	// PartitionBy are the columns of PARTITION BY.
	PartitionBy []Expr
	OrderBy     []OrderItem
}

// ModelArg is a model given to a call: MODEL m.
type ModelArg struct {
	Pos
	Name Name
}

// Lambda is (a, b) -> Body.
type Lambda struct {
	Pos
	Params []Identifier
	Body   Expr
}

// NextValue is NEXT VALUE FOR seq, or CURRENT VALUE FOR seq.
type NextValue struct {
	Pos
	Name    Name
	Current bool
}

func (*ColumnRef) expr()       {}
func (*Star) expr()            {}
func (*Literal) expr()         {}
func (*IntervalLiteral) expr() {}
func (*IntervalExpr) expr()    {}
func (*Unary) expr()           {}
func (*Binary) expr()          {}
func (*Is) expr()              {}
func (*IsDistinct) expr()      {}
func (*Between) expr()         {}
func (*In) expr()              {}
func (*Like) expr()            {}
func (*Exists) expr()          {}
func (*Quantified) expr()      {}
func (*Case) expr()            {}
func (*Cast) expr()            {}
func (*FuncCall) expr()        {}
func (*ArrayCtor) expr()       {}
func (*MultisetCtor) expr()    {}
func (*MapCtor) expr()         {}
func (*RowCtor) expr()         {}
func (*Period) expr()          {}
func (*Subquery) expr()        {}
func (*Cursor) expr()          {}
func (*IndexAccess) expr()     {}
func (*FieldAccess) expr()     {}
func (*FieldStar) expr()       {}
func (*Default) expr()         {}
func (*Param) expr()           {}
func (*Keyword) expr()         {}
func (*Descriptor) expr()      {}
func (*TableArg) expr()        {}
func (*ModelArg) expr()        {}
func (*Lambda) expr()          {}
func (*NextValue) expr()       {}
