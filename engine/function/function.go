// Package function says what a function is: its names, how it takes argument
// types, and the loop that computes it over columns.
//
// A Func is a plain value; the lists of functions live in the packages below
// (scalar, aggregate, window, table) and are put into a Registry by name. What a
// call means is worked out once, by Func.Infer, from the argument types and the
// arguments that are constant. The result says which types the arguments are cast
// to, the type of the value, and the Kernel.
//
// The rules of types that every function and the binder share are here too:
// common types, arithmetic results, which casts exist. Nothing here reads the
// clock, randomness or the environment: they come through Frame.
//
// Begin with Func, then Resolved, then Frame in frame.go.
package function

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// Det says how often a function's value may change for the same arguments.
type Det uint8

// Degrees of determinism.
const (
	// Deterministic: a function of its arguments and the session zone.
	Deterministic Det = iota
	// PerStep: one value for all rows of a step, such as CURRENT_TIMESTAMP.
	PerStep
	// PerCall: another value for each row, such as UUID().
	PerCall
)

// Form marks functions that are not computed by a kernel: the expression builder
// turns a call into nodes of its own, because arguments are evaluated only when
// needed or because the optimizer must see the shape.
type Form uint8

// Forms. The zero form is an ordinary function.
const (
	Ordinary     Form = iota
	FormEqual         // a = b
	FormNotEqual      // a <> b
	FormLess          // a < b
	FormLessEqual
	FormGreater
	FormGreaterEqual
	FormDistinct    // a IS DISTINCT FROM b
	FormNotDistinct // a IS NOT DISTINCT FROM b
	FormAnd
	FormOr
	FormNot
	FormIsNull
	FormIsNotNull
	FormIsTrue
	FormIsNotTrue
	FormIsFalse
	FormIsNotFalse
	FormIsUnknown
	FormIsNotUnknown
	FormBetween    // BETWEEN(x, low, high)
	FormNotBetween // NOT BETWEEN(x, low, high)
	FormBetweenSymmetric
	FormNotBetweenSymmetric
	FormIn    // IN(x, a, ...)
	FormNotIn // NOT IN(x, a, ...)
	FormCoalesce
	FormIfNull
	FormNullIf
	FormIf
	FormCase // CASE(cond, value, ..., [else])
	FormArray
	FormMap
	FormRow
	FormItem         // ITEM(collection, key): a[i], m[k], r[i]
	FormOverlaps     // OVERLAPS(start, end, start, end)
	FormObjectOf     // OBJECT_OF(class, field, value, ...)
	FormObjectUpdate // OBJECT_UPDATE(object, field, value, ...)
)

// Example is a use of a function with the text of its value.
type Example struct {
	SQL  string // an expression
	Want string // its value as CAST(... AS STRING) writes it, or NULL
}

// Func describes a scalar function. Values of it are never changed after they
// were registered.
type Func struct {
	// Name is the upper-case name; operators have their sign. Aliases are other
	// names of the same function.
	Name    string
	Aliases []string
	// ID tells user functions of one name apart; empty for built-in ones.
	ID string
	// Category is the group in documentation: "string", "temporal", ...
	Category string
	// Summary is one sentence.
	Summary string
	// Signatures are the accepted forms, for documentation and messages.
	Signatures []string
	Examples   []Example
	// Det says whether calls may be folded and shared.
	Det Det
	// Form is set for functions that become nodes of their own; then Infer is nil.
	Form Form
	// Infer works out what a call means. An error it returns has code
	// invalid-argument or another of package diag; the caller adds the place.
	Infer func(c *Call) (Resolved, error)
}

// Arg is an argument as Infer sees it.
type Arg struct {
	Type types.Type
	// Lit is the value when the argument is a constant, one Const lane; nil
	// otherwise. It has type Type.
	Lit *batch.Col
}

// clauseClass is the class of the CHAR type that clauses of a call have.
const clauseClass = "clause"

// ClauseType is the type of a constant argument that stands for a clause of the
// call, such as NULL ON EMPTY, and not for a value.
func ClauseType() types.Type {
	t := types.CharT(1)
	t.Class = clauseClass
	return t
}

// Clause is the text of an argument that stands for a clause; empty for values.
func (a Arg) Clause() string {
	if a.Type.Class != clauseClass || a.Lit == nil {
		return ""
	}
	var tmp [batch.InlineMax]byte
	return string(a.Lit.Bytes(0, &tmp))
}

// Call is a call to be understood.
type Call struct {
	Name string
	Args []Arg
}

// Resolved is what a call means. One Resolved may serve several running programs.
type Resolved struct {
	// Params are the types that the arguments are cast to, one for each.
	Params []types.Type
	// Result is the type of the value. Its nullability is exact: NOT NULL only if
	// the value never is NULL.
	Result types.Type
	// Eval computes the value. A function that keeps scratch memory or caches
	// between batches sets Make instead, which is called once for each program.
	Eval Kernel
	Make func() Kernel
	// MakeNext, when set, is used in place of Make. Calls of the function in one
	// program whose arguments are the same, but for the last, get the same memory
	// and run one after the other for the same lanes: a call can go on where the one
	// before stopped. first marks the one in front.
	MakeNext func(memory *any, first bool) Kernel
	// Strict: a NULL argument gives NULL. Null bitmaps are then combined by the
	// caller, and lanes with a NULL argument are not live.
	Strict bool
	// Fallible: the kernel may return an error or must not see lanes that do not
	// count.
	Fallible bool
	// Det is set where this call may change more often than Func.Det says.
	Det Det
	// Cost is the rough price per row in nanoseconds; 0 means 1. From CostLazy on
	// an expression is computed only for the lanes that need it.
	Cost int
}

// CostLazy is the cost from which it pays to compute fewer lanes.
const CostLazy = 5

// Kernel computes a column over n lanes.
//
// dst has type Resolved.Result and room for n lanes in the slice of its layout
// (Views and Bits are zeroed, Bufs is empty, list and row columns have no
// children yet); its encoding is Flat. args are flat or const, at least one of
// them flat unless there are none or n is 1. live has a bit for each lane that
// counts; nil means all n do. Lanes that are not live may be written or not and
// may hold any value in args, strings included: never look at the bytes of a
// string or at list children of such a lane.
//
// With Strict, dst.Nulls holds the combined nulls already and live leaves them
// out. A kernel sets further nulls by dst.SetNull(lane, n). Errors are
// *batch.LaneError for the lowest live lane that fails. It allocates nothing per
// row, and keeps neither dst nor args.
type Kernel func(f *Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error

// Kernel returns the function's kernel for one program.
func (r *Resolved) Kernel() Kernel {
	if r.MakeNext != nil {
		return r.MakeNext(new(any), true)
	}
	if r.Make != nil {
		return r.Make()
	}
	return r.Eval
}

// Categories of functions, in the order of the documentation.
const (
	Operators   = "operators" // written between two operands
	Comparison  = "comparison"
	Logical     = "logical"
	Arithmetic  = "arithmetic"
	Text        = "string"
	Temporal    = "temporal"
	Conditional = "conditional"
	Conversion  = "conversion"
	Collection  = "collection"
	JSON        = "json"
	Variant     = "variant"
	Bitmap      = "bitmap"
	Hash        = "hash"
	Auxiliary   = "auxiliary"
)
