package function

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// TableFunc describes a table function: for each row of its arguments it gives any
// number of rows. FROM t, LATERAL TABLE(f(t.a)) and UNNEST are calls of one.
type TableFunc struct {
	// Name is the upper-case name.
	Name string
	// Summary is one sentence, Signatures the accepted forms.
	Summary    string
	Signatures []string
	// Det says whether a call gives the same rows again for the same arguments.
	Det Det
	// AppendOnly functions are not called for rows that may be taken back.
	AppendOnly bool
	// Text writes a call for plans where name and arguments do not say all; nil
	// otherwise.
	Text func(args []string) string
	// Infer works out what a call means, as Func.Infer does.
	Infer func(c *Call) (TableResolved, error)
}

// TableResolved is what a call of a table function means.
type TableResolved struct {
	// Params are the types that the arguments are cast to, one for each.
	Params []types.Type
	// Out are the columns of the rows.
	Out types.Schema
	// Make gives the function for one running operator.
	Make func() TableKernel
	// Begin is Make of a function that holds something outside: end lets go of it, once.
	// One of the two is set.
	Begin func() (k TableKernel, end func() error)
	// Det is set where this call may change more often than TableFunc.Det says.
	Det Det
}

// TableKernel computes the rows of n lanes. args are flat or const; live has a bit
// for each lane that counts, nil means all n do. Nothing is asked of the rows of
// other lanes, and nothing may be read of their arguments but numbers. NULL
// arguments are the kernel's to deal with.
//
// The rows are valid until the next call. Errors are *batch.LaneError for the
// lowest live lane that fails. A kernel keeps neither out nor args.
type TableKernel func(f *Frame, out *TableRows, args []*batch.Col, n int, live []uint64) error

// TableRows are the rows that a table function gives for the lanes of a batch: those
// of lane i are numbered From[i] to To[i], the last left out. Lanes may share rows.
type TableRows struct {
	From, To []uint32
	Cols     []TableCol
}

// TableCol is a column of TableRows: row k is lane At[k] of Col, or lane k where At
// is nil. So a function that hands parts of its arguments on copies nothing.
type TableCol struct {
	Col *batch.Col
	At  []uint32
}
