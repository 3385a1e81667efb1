// Package aggregate holds the aggregate functions: what they are called, what
// types they take and give, and how each accumulates over columns.
//
// The running form of a call is an Acc. Its accumulator is a few 64-bit lanes in a
// row of words, all zero when nothing was added; some lanes hold references to
// bytes on a heap. Rows lie in state tables or in a step's own memory, an Acc does
// not know which. It works on whole vectors: Fold adds rows of columns to rows of
// a batch's own, Merge joins two accumulators, Final writes results to a column.
// Everything an operator does (grouping ahead, message by message, panes of
// windows, two phases) is made of these three.
//
// Accumulators do not depend on the order of rows unless the function does (first,
// last, lists), and take rows back exactly: sums of FLOAT and DOUBLE are exact.
// DISTINCT and FILTER are the business of operators, which choose the rows.
//
// Begin with Func and Acc here, then count.go; All lists the functions.
package aggregate

import (
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/invariant"
	"github.com/minkstream/mink/engine/types"
)

// Func describes an aggregate function. Values of it are never changed.
type Func struct {
	// Name is the upper-case name, Aliases are others for the same.
	Name    string
	Aliases []string
	// Summary is one sentence.
	Summary string
	// Signatures are the accepted forms.
	Signatures []string
	// Examples aggregate over a VALUES list.
	Examples []function.Example
	// NoDistinct: DISTINCT is refused.
	NoDistinct bool
	// OverOnly functions stand in OVER only; they have no Acc.
	OverOnly bool
	// OrderDependent: the result depends on the order of rows.
	OrderDependent bool
	// Infer gives the result for argument types, and the types the arguments are
	// cast to. The result is nullable unless the value is never NULL for a group
	// with at least one row; the caller makes it nullable where a group may be
	// empty (no GROUP BY, FILTER), except that of functions in NeverNull.
	Infer func(args []types.Type, distinct bool) (result types.Type, params []types.Type, err error)
	// New makes the running form.
	New func(s Spec) Acc
	// NeverNull: the result of no rows is not NULL (COUNT).
	NeverNull bool
}

// Spec is a call to be run. Args have the types of Infer's params.
type Spec struct {
	Func   string
	Args   []types.Type
	Result types.Type
	// IgnoreNulls is IGNORE NULLS, for ARRAY_AGG; also ABSENT ON NULL.
	IgnoreNulls bool
	// Retract: rows may be taken back (Fold.Signs).
	Retract bool
	// User is set for a function of a user, which runs in Frame. Lazy says that
	// accumulators are merged one by one, Emits that Final always follows Merge with the
	// same heap, for rows that were its bases or came out of it.
	User        *User
	Frame       *function.Frame
	Lazy, Emits bool
}

// Acc accumulates. It is plain code and scratch memory: all content is in the rows
// it is given, so one Acc serves any number of rows, of one task.
type Acc interface {
	// Lanes is the number of lanes of an accumulator.
	Lanes() int
	// Blobs are those lanes that hold heap references.
	Blobs() []int
	// WantsNulls: rows whose argument is NULL are to be given too.
	WantsNulls() bool
	// Fold adds (or takes back) rows.
	Fold(f *Fold)
	// Merge makes dst[i] the accumulator of the rows of base[i] followed by those
	// of src[i], going up in i: a base may be an earlier dst, and may be dst[i]
	// itself. Accumulators begin at lane off; references of all three are to h. Only
	// functions of users fail.
	Merge(dst, base, src [][]uint64, off int, h *Heap) error
	// Final writes the results of rows to the lanes 0, 1, ... of out, a column that
	// has been made with Alloc of the result type for len(rows) lanes. References
	// are to h.
	Final(out *batch.Col, rows [][]uint64, off int, h Blobs) error
}

// Fold is a run of rows to be added to accumulators.
type Fold struct {
	// Rows lie in L, Stride lanes each; the accumulator is at lane Off of a row.
	L           []uint64
	Stride, Off int
	// Row i of the run goes to row G[i] of L and has its arguments at Lanes[i].
	G, Lanes []uint16
	// Signs says +1 or -1 for each row of the run; nil adds all.
	Signs []int64
	// Args are the argument columns, flat.
	Args []*batch.Col
	Heap *Heap
}

// sign is +1 or -1 for row i.
func (f *Fold) sign(i int) int64 {
	if f.Signs == nil {
		return 1
	}
	return f.Signs[i]
}

// row is the accumulator that row i goes to.
func (f *Fold) row(i, lanes int) []uint64 {
	k := int(f.G[i])*f.Stride + f.Off
	return f.L[k : k+lanes : k+lanes]
}

// Blobs gives the bytes of references.
type Blobs interface {
	Blob(ref uint64) []byte
}

// Registry finds aggregate functions by name.
type Registry struct {
	byName map[string]*Func
	list   []Func
}

// NewRegistry makes a registry of All.
func NewRegistry() *Registry {
	r := &Registry{byName: map[string]*Func{}, list: All()}
	for i := range r.list {
		f := &r.list[i]
		for _, n := range append([]string{f.Name}, f.Aliases...) {
			invariant.Check(r.byName[n] == nil, "aggregate %s is listed twice", n)
			r.byName[n] = f
		}
	}
	return r
}

// Lookup returns the function of that name, in any case, or nil.
func (r *Registry) Lookup(name string) *Func { return r.byName[strings.ToUpper(name)] }

// Funcs lists the functions in name order.
func (r *Registry) Funcs() []Func { return r.list }

// Lookup finds a function among All.
func Lookup(name string) *Func {
	name = strings.ToUpper(name)
	for _, f := range All() {
		if f.Name == name {
			return &f
		}
		for _, a := range f.Aliases {
			if a == name {
				return &f
			}
		}
	}
	return nil
}

// New makes the running form of a call.
func New(s Spec) (Acc, error) {
	if s.User != nil {
		return newUser(s), nil
	}
	f := Lookup(s.Func)
	if f == nil {
		return nil, diag.New(diag.UnknownFunction, "no aggregate function %s", s.Func)
	}
	if f.New == nil {
		return nil, diag.New(diag.InvalidQuery, "%s stands in OVER only", s.Func)
	}
	return f.New(s), nil
}

// PartialTypes are the columns in which an accumulator travels from a local to a
// global aggregation: BIGINT for a lane of numbers, BYTES for one of references.
func PartialTypes(a Acc) []types.Type {
	out := make([]types.Type, a.Lanes())
	for i := range out {
		out[i] = types.BigIntT.Nullable(false)
	}
	for _, i := range a.Blobs() {
		out[i] = types.BytesT
	}
	return out
}

// wrong is the error of arguments that a function does not take.
func wrong(name string, args []types.Type) error {
	s := make([]string, len(args))
	for i, t := range args {
		s[i] = t.Nullable(true).Plain().String()
	}
	return diag.New(diag.InvalidArgument, "%s does not take (%s)", name, strings.Join(s, ", "))
}

// noBlobs is embedded by accumulators without references that skip NULLs.
type noBlobs struct{}

func (noBlobs) Blobs() []int     { return nil }
func (noBlobs) WantsNulls() bool { return false }

// Additive reports accumulators whose lanes are sums modulo 2^64: two are merged,
// and one is taken out of another, lane by lane.
func Additive(a Acc) bool {
	switch a.(type) {
	case countAcc, *intSum:
		return true
	}
	return false
}
