package ast

// CallSyntax says how a call was written, where that is not name(args). The printer
// needs it; a binder can go by Name and Args alone.
type CallSyntax uint8

// The special forms, with the arguments they are normalised to. K(..) is a Keyword.
const (
	// CallPlain is NAME(args).
	CallPlain CallSyntax = iota
	// CallNiladic is CURRENT_DATE and the like: no parentheses, no args.
	CallNiladic
	// CallExtract is EXTRACT(u FROM x): K(u), x.
	CallExtract
	// CallTrim is TRIM([BOTH|LEADING|TRAILING] [c FROM] s) and TRIM(s): K(BOTH), s or
	// K(BOTH), c, s.
	CallTrim
	// CallSubstringFrom is SUBSTRING(s FROM a [FOR b]): s, a[, b].
	CallSubstringFrom
	// CallPosition is POSITION(a IN b [FROM n]): a, b[, n].
	CallPosition
	// CallOverlay is OVERLAY(s PLACING r FROM a [FOR b]): s, r, a[, b].
	CallOverlay
	// CallRound is CEIL(x TO u), FLOOR(x TO u): x, K(u).
	CallRound
	// CallUnit is TIMESTAMPADD(u, n, t), TIMESTAMPDIFF(u, a, b): K(u), ...
	CallUnit
	// CallConvertUsing is CONVERT(x USING cs), TRANSLATE(x USING cs): x, K(cs).
	CallConvertUsing
	// CallJSON is a JSON_* function: its arguments, and the clauses in JSON. The
	// arguments of JSON_OBJECT and JSON_OBJECTAGG are keys and values by turns.
	CallJSON
	// CallMinusInterval is (a - b) DAY: a, b, and the unit in Interval; Name is empty.
	CallMinusInterval
	// CallEscape is {fn NAME(args)}.
	CallEscape
	// CallPrefix is RUNNING f(x), FINAL f(x): the call as the one argument.
	CallPrefix
	// CallMethod is x.NAME(args) on something that is no plain name: x, args.
	CallMethod
	// CallNew is NEW NAME(args).
	CallNew
	// CallFormatJSON is x FORMAT JSON outside of a JSON function: x. Name is empty.
	CallFormatJSON
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
	// Separator is SEPARATOR 'text' of GROUP_CONCAT.
	Separator String
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
	// FormatJSON are the indexes of arguments followed by FORMAT JSON.
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
	JSONEmpty // EMPTY alone, which the grammar refuses
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
