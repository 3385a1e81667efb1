package function

import "github.com/minkstream/mink/engine/types"

// Runtime runs user functions of one language. What it starts outside of the process
// lives while somebody holds it.
type Runtime interface {
	// Language is the word after LANGUAGE, in capitals.
	Language() string
	// Options are the options of CREATE FUNCTION that it knows.
	Options() []string
	// Describe asks what a definition is. The answer may be kept; the code named by the
	// definition may run. Errors are *diag.Error without a place.
	Describe(d *Definition) (*Declared, error)
	// Scalar makes the kernels of a scalar function, one for each program: arguments
	// have the types of params, the value that of result. The kernel asks the outside
	// through Frame.Outside and returns *batch.LaneError for a row that failed.
	Scalar(d *Definition, params []types.Type, result types.Type) (func() Kernel, error)
	// Table makes the kernels of a table function.
	Table(d *Definition, params, results []types.Type) (func() TableKernel, error)
	// Hold and Release say that a statement or a job that may use the runtime begins and
	// has ended, as Lease counts them.
	Hold()
	Release(ended bool)
	// Close stops everything.
	Close()
}

// AggregateRuntime is a Runtime that has aggregate functions.
type AggregateRuntime interface {
	Runtime
	// Aggregate makes the code of an aggregate function, one for each operator.
	Aggregate(d *Definition, params []types.Type, result types.Type) (func() AggregateKernel, error)
}

// ToldRuntime is a Runtime that can be told what a function is, so that its code is not asked
// and need not be there: a tape has what Describe said.
type ToldRuntime interface {
	Runtime
	Tell(d *Definition, said *Declared)
}

// Definition is what CREATE FUNCTION said, and the session it is used in.
type Definition struct {
	// Name is the function's name, for messages.
	Name       string
	Identifier string
	Options    map[string]string
	// Setting gives the value of a configuration key.
	Setting func(key string) string
	// Zone is the session time zone.
	Zone string
}

// Kind says what calls of a user function give.
type Kind uint8

// The kinds of user functions.
const (
	ScalarKind Kind = iota
	TableKind
	AggregateKind
)

// String is the kind as DESCRIBE FUNCTION writes it.
func (k Kind) String() string { return [...]string{"SCALAR", "TABLE", "AGGREGATE"}[k] }

// Declared is what the code of a function says of itself. Types are SQL text.
type Declared struct {
	Kind Kind
	// Names are those of the arguments; nil if they have none. A call has at least
	// Least arguments and at most Most, or any number when Most is negative.
	Names       []string
	Least, Most int
	// Params are the types of the arguments; nil when they are taken as they come.
	Params []string
	// Results is the type of the value, or the types of the columns of a table
	// function.
	Results []string
	// Columns are the names of a table function's columns; nil for f0, f1, ...
	Columns []string
	// Returns, when Results is nil, are the columns of a table function as one text,
	// 'a INT, b STRING'.
	Returns string
	Det     Det
	// Retracts and Merges: an aggregate function takes rows back, and joins
	// accumulators.
	Retracts, Merges bool
	// Words is that of AggregateResolved.
	Words int
	// Arguments, when Params is nil, are names and types as one text, 'a INT, b STRING'.
	Arguments string
	// Version tells one state of the code from another; empty where that is not known.
	Version string
	// Form is what else the runtime has to know of it, in words of its own.
	Form string
}
