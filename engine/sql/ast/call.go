package ast

// CallSyntax says how a call was written, where that is not name(args). The printer
// needs it; a binder can go by Name and Args alone.
type CallSyntax uint8

// The special forms, with the arguments they are normalised to. K(..) is a Keyword.
const (
	CallPlain         CallSyntax = iota // NAME(args)
	CallNiladic                         // CURRENT_DATE: no parentheses, no args
	CallExtract                         // EXTRACT(u FROM x): K(u), x
	CallTrim                            // TRIM([BOTH|LEADING|TRAILING] [c FROM] s): K(BOTH...), c, s; c is nil-less: ' ' when not written is left out, so args are K, s or K, c, s
	CallSubstringFrom                   // SUBSTRING(s FROM a [FOR b]): s, a[, b]
	CallPosition                        // POSITION(a IN b [FROM n]): a, b[, n]
	CallOverlay                         // OVERLAY(s PLACING r FROM a [FOR b]): s, r, a[, b]
	CallRound                           // CEIL(x TO u), FLOOR(x TO u): x, K(u)
	CallUnit                            // TIMESTAMPADD(u, n, t), TIMESTAMPDIFF(u, a, b): K(u), ...
	CallConvertUsing                    // CONVERT(x USING cs), TRANSLATE(x USING cs): x, K(cs)
	CallJSON                            // JSON_*: arguments, and the clauses in JSON
	CallMinusInterval                   // (a - b) DAY: a, b, and the unit in Interval; Name is empty
	CallEscape                          // {fn NAME(args)}
	CallPrefix                          // RUNNING x, FINAL x: one argument
)

// Arg is one argument of a call.
type Arg struct {
	// Name is set in name => value.
	Name  *Identifier
	Value Expr
}

// SetQuantifier is ALL or DISTINCT after SELECT, in a call or in a set operation.
type SetQuantifier uint8

// The set quantifiers.
const (
	QuantNone SetQuantifier = iota
	QuantifierAll
	QuantifierDistinct
)

// NullTreatment is IGNORE NULLS or RESPECT NULLS.
type NullTreatment uint8

// The treatments of NULL.
const (
	NullsDefault NullTreatment = iota
	NullsIgnore
	NullsRespect
)

// FuncCall is a call of a scalar, aggregate, window or table function.
type FuncCall struct {
	Pos
	// Name has one to three parts. Built-in names the grammar knows are kept as
	// written, so compare without letter case.
	Name   Name
	Syntax CallSyntax
	Args   []Arg
	// Quantifier is ALL or DISTINCT before the arguments.
	Quantifier SetQuantifier
	// OrderBy is ORDER BY inside the parentheses.
	OrderBy []OrderItem
	// Nulls is IGNORE NULLS or RESPECT NULLS; NullsInside tells that it stood inside the
	// parentheses.
	Nulls       NullTreatment
	NullsInside bool
	// Filter is the condition of FILTER (WHERE ...).
	Filter Expr
	// WithinGroup is WITHIN GROUP (ORDER BY ...).
	WithinGroup []OrderItem
	// WithinDistinct is WITHIN DISTINCT (...).
	WithinDistinct []Expr
	// Over is set for a call with OVER.
	Over *WindowSpec
	// Interval is the unit of CallMinusInterval.
	Interval IntervalQualifier
	// JSON holds the clauses of a JSON_* call.
	JSON *JSONClauses
}

// JSONClauses are the clauses of the JSON functions. Zero values mean "not written".
type JSONClauses struct {
	// Returning is the type after RETURNING.
	Returning TypeSpec
	// Wrapper of JSON_QUERY.
	Wrapper JSONWrapper
	// OnEmpty and OnError say what happens then.
	OnEmpty JSONBehavior
	OnError JSONBehavior
	// OnNull is NULL ON NULL or ABSENT ON NULL of the constructors.
	OnNull JSONOnNull
	// FormatJSON marks the arguments that are followed by FORMAT JSON, by index.
	FormatJSON []int
}

// JSONWrapper is the array wrapper of JSON_QUERY.
type JSONWrapper uint8

// The wrappers.
const (
	WrapperDefault JSONWrapper = iota
	WrapperWithout
	WrapperConditional
	WrapperUnconditional // also WITH WRAPPER without a word
)

// JSONBehaviorKind is what to do on an empty result or an error.
type JSONBehaviorKind uint8

// The behaviours.
const (
	JSONUnset JSONBehaviorKind = iota
	JSONError
	JSONNull
	JSONTrue
	JSONFalse
	JSONUnknown
	JSONEmpty // EMPTY without a word
	JSONEmptyArray
	JSONEmptyObject
	JSONDefault // DEFAULT expr
)

// JSONBehavior is a behaviour with the value of DEFAULT.
type JSONBehavior struct {
	Kind    JSONBehaviorKind
	Default Expr
}

// JSONOnNull says how a JSON constructor treats NULL.
type JSONOnNull uint8

// The treatments of NULL by JSON constructors.
const (
	JSONOnNullDefault JSONOnNull = iota
	JSONNullOnNull
	JSONAbsentOnNull
)

// WindowSpec is what follows OVER, or a named window of the WINDOW clause.
type WindowSpec struct {
	Pos
	// Ref is the window's name: OVER w, or the base in OVER (w ...).
	Ref *Identifier
	// Named tells that nothing but Ref was written, without parentheses.
	Named       bool
	PartitionBy []Expr
	OrderBy     []OrderItem
	Frame       *Frame
	// AllowPartial is +1 for ALLOW PARTIAL, -1 for DISALLOW PARTIAL, else 0.
	AllowPartial int
}

// FrameUnit is ROWS or RANGE.
type FrameUnit uint8

// The units of a frame.
const (
	FrameRows FrameUnit = iota
	FrameRange
)

// BoundKind is where a frame begins or ends.
type BoundKind uint8

// The bounds of a frame.
const (
	UnboundedPreceding BoundKind = iota
	Preceding
	CurrentRow
	Following
	UnboundedFollowing
)

// Bound is one end of a frame; Offset is set for Preceding and Following.
type Bound struct {
	Kind   BoundKind
	Offset Expr
}

// FrameExclude is the EXCLUDE clause of a frame.
type FrameExclude uint8

// The exclusions.
const (
	ExcludeDefault FrameExclude = iota
	ExcludeCurrentRow
	ExcludeGroup
	ExcludeTies
	ExcludeNoOthers
)

// Frame is ROWS or RANGE with its bounds. Single tells that only the lower bound was
// written; the upper one is then the current row.
type Frame struct {
	Pos
	Unit    FrameUnit
	Lo      Bound
	Hi      Bound
	Single  bool
	Exclude FrameExclude
}
