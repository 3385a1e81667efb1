package function

import (
	"strings"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// ProcessFunc describes a process table function: it takes whole tables and values,
// may keep state and set timers for each key, and gives a table. Flink's page "Process
// Table Functions (PTFs)" says what calls look like.
type ProcessFunc struct {
	// Name is the upper-case name.
	Name string
	// Summary is one sentence.
	Summary string
	// Args are the arguments in their order. on_time and uid come by themselves.
	Args []ProcessArg
	// Infer works out what a call means, from the columns of its tables and the values
	// of its constants. The caller adds the place to an error.
	Infer func(c *ProcessCall) (ProcessResolved, error)
}

// ProcessTrait is a property of an argument.
type ProcessTrait uint16

// Properties of arguments. An argument with neither of the first two is a value.
const (
	// RowSemanticTable: rows have nothing to do with each other, and there is no state.
	RowSemanticTable ProcessTrait = 1 << iota
	// SetSemanticTable: rows of a key belong together.
	SetSemanticTable
	// OptionalPartitionBy: without PARTITION BY all rows are one set.
	OptionalPartitionBy
	// PassColumnsThrough puts all columns of the table in front of the result, not only
	// those of PARTITION BY.
	PassColumnsThrough
	// SupportUpdates: rows may be updated and deleted. Rows with a key by which the new
	// one replaces the old one come without -U where PARTITION BY names it.
	SupportUpdates
	// RequireUpdateBefore: every update comes with its -U.
	RequireUpdateBefore
	// RequireFullDelete: deletes have all columns, not those of the key alone.
	RequireFullDelete
	// RequireOnTime: the call must name a column of time.
	RequireOnTime
	// ConstantArg: the value is known before the first row. An expression that gives
	// another one for each row is refused.
	ConstantArg

	// ScalarArg is a value.
	ScalarArg ProcessTrait = 0
)

// ProcessArg is an argument of a process table function.
type ProcessArg struct {
	// Name is the name in calls.
	Name   string
	Traits ProcessTrait
	// Type is the type of a value. A table with Columns has at least as many
	// columns, the first of which are cast to these types; other tables have any columns.
	Type    types.Type
	Columns []types.Type
	// Optional values are NULL where they are not given, optional tables absent.
	Optional bool
	// When gives further traits that the argument has in a call, such as SupportUpdates
	// where the table has PARTITION BY; nil for none.
	When func(c *ProcessCall) ProcessTrait
}

// Is reports a trait.
func (t ProcessTrait) Is(of ProcessTrait) bool { return t&of != 0 }

// ProcessCall is a call as Infer sees it. Lists are by number of the argument.
type ProcessCall struct {
	Name string
	// Tables are the columns of tables; nil for values and tables that are absent.
	Tables []types.Schema
	// PartitionBy are the key columns of tables.
	PartitionBy [][]int
	// Values are the constants, one lane each; nil for tables, and for expressions that
	// give another value for each row, which ProcessRows has.
	Values []*batch.Col
	// OnTime says that the call names columns of time.
	OnTime bool
}

// ProcessChanges says which changes a function gives besides inserts. Updates without
// UpdateBefore replace by the columns of PARTITION BY, as do deletes with KeyDeletes,
// which need no other columns.
type ProcessChanges struct{ UpdateBefore, UpdateAfter, Delete, KeyDeletes bool }

// ProcessResolved is what a call means.
type ProcessResolved struct {
	// Out are the function's own columns. In front of them come the columns of
	// PARTITION BY, or all with PassColumnsThrough, and behind them rowtime with on_time.
	Out     types.Schema
	Changes ProcessChanges
	// State is what is kept for each key, and Timers says that the function sets timers
	// or looks at the watermark. Both need a set semantic table.
	State  []ProcessState
	Timers bool
	// Make gives the function for one running operator.
	Make func() Processor
	// Det says how far the result follows from the rows.
	Det Det
}

// ProcessStateKind is the form of a piece of state.
type ProcessStateKind uint8

// Forms of state: one value, a list of values, values by key.
const (
	ValueKind ProcessStateKind = iota
	ListKind
	MapKind
)

// ProcessState is a piece of state that each key has.
type ProcessState struct {
	// Name is unique in the function and stays the same over its versions.
	Name string
	Kind ProcessStateKind
	// Type is the type of values, and Key that of the keys of a map.
	Type, Key types.Type
	// TTL is how long an entry lives after it was written. 0 takes
	// table.exec.state.ttl, KeepState keeps it.
	TTL time.Duration
}

// KeepState is a TTL that never ends.
const KeepState time.Duration = -1

// Processor is a process table function at work in one operator. It is called from one
// goroutine at a time, and again after a restore with the state of the snapshot: what it
// keeps in itself is lost, and must not change what it gives.
type Processor interface {
	// Eval takes rows of one table, in their order; those of a set semantic table have
	// one key. How many come at a time means nothing: a call with three rows must come
	// to the same table as three calls.
	Eval(c ProcessContext, in ProcessRows) error
	// OnTimer runs when the watermark has passed a timer of the key.
	OnTimer(c ProcessContext, t ProcessTimer) error
}

// ProcessRows are rows of one table. They are valid until Eval returns and must not be
// written.
type ProcessRows struct {
	// Arg is the number of the argument.
	Arg int
	// Cols are the columns, flat; rows are the lanes Lanes of them.
	Cols  []*batch.Col
	Lanes []uint16
	// Kinds are the kinds of change by lane; nil says that all are inserts.
	Kinds []batch.Kind
	// Times are the times of on_time by lane, in milliseconds; nil without.
	Times []int64
	// Values are the values by lane, by number of the argument: flat where an expression
	// gives them, const where they are constants; nil for tables.
	Values []*batch.Col
}

// Value is the value of argument arg for the row in a lane, as batch.Col.Any gives it.
func (r *ProcessRows) Value(arg int, lane uint16) any { return r.Values[arg].Any(int(lane)) }

// Kind is the kind of change of the row in a lane.
func (r *ProcessRows) Kind(lane uint16) batch.Kind {
	if r.Kinds == nil {
		return batch.Insert
	}
	return r.Kinds[lane]
}

// ProcessTimer is a timer that has come; Name is empty for one without a name. At is
// the time it was set to, in milliseconds.
type ProcessTimer struct {
	Name string
	At   int64
}

// NoRow is the place of a result that comes of no row: of a timer.
const NoRow = -1

// ProcessContext is what a call of a Processor may use, valid during the call. State
// and timers are those of the key at hand; lists of state are numbered as in
// ProcessResolved.State. Go values are those of batch.Builder.AppendAny: nil, bool,
// int64 for all that is kept as an integer, float64, string, batch.Dec, []any.
type ProcessContext interface {
	// Value, List and Map give the pieces of state.
	Value(i int) ValueState
	List(i int) ListState
	Map(i int) MapState
	// ClearState forgets all state of the key.
	ClearState()
	// Watermark is the watermark in milliseconds; ok is false before the first one.
	Watermark() (ms int64, ok bool)
	// SetTimer sets a timer; the same time twice is one timer. One with a name moves
	// when it is set again. A time that the watermark has passed comes with the next one.
	SetTimer(ms int64)
	SetNamed(name string, ms int64)
	// ClearTimer, ClearNamed and ClearTimers take timers back; unset ones are no error.
	ClearTimer(ms int64)
	ClearNamed(name string)
	ClearTimers()
	// Key is the value of a column of PARTITION BY.
	Key(i int) any
	// Row gives a row: values for the function's own columns. row is the lane of the
	// row it comes of, whose columns are passed through and whose time it has, or NoRow
	// in OnTimer.
	Row(row int, kind batch.Kind, values ...any)
	// Columns gives one row for each of rows, lanes as for Row, or with nil for each of
	// the rows of Eval in order. cols have as many lanes and are the function's own
	// columns; nil kinds are inserts.
	Columns(cols []*batch.Col, rows []uint16, kinds []batch.Kind) error
}

// ValueState is one value of a key.
type ValueState interface {
	// Get is nil when nothing is set. It allocates; Int does not.
	Get() any
	Set(v any)
	// Int and SetInt are Get and Set of a type that is kept as an integer; unset and
	// NULL are 0.
	Int() int64
	SetInt(v int64)
	Clear()
}

// ListState is a list of values of a key, in the order they were added.
type ListState interface {
	Len() int
	Add(v any)
	// Each visits the values until visit returns false. visit must not change the list.
	Each(visit func(v any) bool)
	Clear()
}

// MapState is values by key, within a key.
type MapState interface {
	Get(key any) (v any, ok bool)
	Put(key, v any)
	Remove(key any)
	Len() int
	// Each visits the entries in order of key until visit returns false. visit must not
	// change the map.
	Each(visit func(key, v any) bool)
	Clear()
}

// Check finds what is wrong with a declaration; nil when nothing is.
func (f *ProcessFunc) Check() error {
	seen := map[string]bool{"on_time": true, "uid": true}
	optional := false
	for _, a := range f.Args {
		name := strings.ToLower(a.Name)
		table := a.Traits.Is(RowSemanticTable | SetSemanticTable)
		var why string
		switch {
		case name == "":
			why = "an argument has no name"
		case seen[name]:
			why = "argument " + a.Name + " is declared twice, or named as one that every function has"
		case a.Traits.Is(RowSemanticTable) && a.Traits.Is(SetSemanticTable):
			why = "table " + a.Name + " has row and set semantics"
		case table && a.Traits.Is(ConstantArg):
			why = "table " + a.Name + " is no constant"
		case !table && a.Traits&^ConstantArg != ScalarArg:
			why = "argument " + a.Name + " is no table and has traits of one"
		case a.Traits.Is(OptionalPartitionBy) && !a.Traits.Is(SetSemanticTable):
			why = "table " + a.Name + " has no set semantics, and OptionalPartitionBy is for those"
		case a.Traits.Is(RequireUpdateBefore|RequireFullDelete) && !a.Traits.Is(SupportUpdates):
			why = "table " + a.Name + " does not support updates, and requires a form of them"
		case a.Traits.Is(PassColumnsThrough) && a.Traits.Is(SupportUpdates):
			why = "table " + a.Name + " passes columns through, which updates cannot be"
		case optional && !a.Optional:
			why = "argument " + a.Name + " stands behind an optional one"
		default:
			seen[name], optional = true, a.Optional
			continue
		}
		return diag.New(diag.InvalidArgument, "process table function %s: %s", f.Name, why)
	}
	return nil
}
