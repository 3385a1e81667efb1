// Package plan holds the physical plan: what is to run, as a graph of nodes, one
// for each operator, with everything that is known about the rows between them.
//
// A node is a plain struct in a file of its own (node_*.go). Columns are positions
// in the schema of the input; expressions read the input's columns. The optimizer
// builds the graph and fills in Info; afterwards nobody changes it. Two nodes that
// have the same pointer as input share it: a scan read by three views is one Scan.
//
// plan knows nothing of running. Begin with Node and Info, then Physical, then the
// nodes; explain.go draws them. Package logical below holds the tree that binder
// and rules work on before operators are chosen.
package plan

import (
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// Node is an operator of a plan.
type Node interface {
	// Info is what is known about the node and its output.
	Info() *Traits
	// Inputs are the nodes it reads, left before right.
	Inputs() []Node
	// SetInput replaces input i; for the optimizer, before the plan is finished.
	SetInput(i int, n Node)
	// Name is the operator's name as EXPLAIN shows it.
	Name() string
	// Attrs are the node's properties in the order EXPLAIN shows them.
	Attrs() []Attr
}

// Attr is a property of a node as text.
type Attr struct{ Key, Value string }

// Traits is what is known about a node and the rows it emits. Every node embeds
// it.
type Traits struct {
	// ID counts the nodes of a plan from 1, inputs before their readers.
	ID int
	// UID names the node's state in checkpoints. It depends on the plan only.
	UID string
	// Schema is the output. Time attributes are marked in the types.
	Schema types.Schema
	// Span is the place in the statement the node came from.
	Span diag.Span
	// Emits is the set of change kinds the node may emit.
	Emits connect.Changes
	// KeyDeletes: rows of kind -D may hold the upsert key alone, the other columns
	// NULL whatever their type says.
	KeyDeletes bool
	// UpsertKeys are sets of columns, ascending, of which each identifies a row of
	// the table that the output is the changelog of, and by which its changes may be
	// applied. The empty set says that there is at most one row.
	UpsertKeys [][]int
	// Dist says how rows are dealt to subtasks.
	Dist Distribution
	// Windows are the windows whose bounds are columns of the output, or nil.
	Windows *WindowProps
	// Labels say why the plan's answer may differ from run to run here.
	Labels []Label
	// Exact: changes go out one by one as they come about; otherwise the changes of
	// one key within a step are folded into one.
	Exact bool
	// Bundle says how the rows that the node gets are bundled.
	Bundle Bundle
}

// Bundle is a mini-batch: at most Rows rows, 0 for none, of an interval of Latency
// milliseconds of processing time or, with Rowtime, of event time.
type Bundle struct {
	Rows    int
	Latency int64
	Rowtime bool
}

// Info returns the traits.
func (t *Traits) Info() *Traits { return t }

// AppendOnly reports that only inserts are emitted.
func (t *Traits) AppendOnly() bool { return t.Emits&^connect.HasInsert == 0 }

// EmitUpdateBefore reports that updates are emitted with their -U.
func (t *Traits) EmitUpdateBefore() bool { return t.Emits&connect.HasUpdateBefore != 0 }

// HasUpdates reports that +U, with or without -U, may be emitted.
func (t *Traits) HasUpdates() bool {
	return t.Emits&(connect.HasUpdateBefore|connect.HasUpdateAfter) != 0
}

// HasDeletes reports that -D may be emitted.
func (t *Traits) HasDeletes() bool { return t.Emits&connect.HasDelete != 0 }

// Rowtimes are the columns that are event-time attributes.
func (t *Traits) Rowtimes() []int {
	var out []int
	for i := range t.Schema {
		if t.Schema[i].Type.Attr == types.Rowtime {
			out = append(out, i)
		}
	}
	return out
}

// Proctimes are the columns that are processing-time attributes.
func (t *Traits) Proctimes() []int {
	var out []int
	for i := range t.Schema {
		if t.Schema[i].Type.Attr == types.Proctime {
			out = append(out, i)
		}
	}
	return out
}

// DistKind is the way rows are dealt to subtasks.
type DistKind uint8

// The distributions.
const (
	// Any: nothing is known.
	Any DistKind = iota
	// Hash: rows with equal values in the hashed columns are in one subtask.
	Hash
	// Single: all rows are in one subtask.
	Single
	// Broadcast: every subtask has every row.
	Broadcast
)

// Distribution says how rows are dealt to subtasks.
type Distribution struct {
	Kind DistKind
	// Cols are the hashed columns in the order they were hashed. Each is a set of
	// output columns, ascending, that hold equal values in every row.
	Cols [][]int
}

// WindowProps says that columns of a node's output are the bounds of the window a
// row belongs to. A column is -1 when it is not there.
type WindowProps struct {
	Spec             WindowSpec
	Start, End, Time int
	// Fired: rows come out when their window ends, so that rows still to come belong
	// to windows that end after the watermark.
	Fired bool
}

// LabelKind is a reason why an answer may differ between runs.
type LabelKind uint8

// The labels, from harmless to not. A plan without any is deterministic.
const (
	Deterministic LabelKind = iota
	// OrderDependent: the answer depends on the order in which rows of one key from
	// different channels arrive.
	OrderDependent
	// Replayable: deterministic only together with a tape: processing time, random
	// values, lookups, state that expires.
	Replayable
	// Unsafe: a column that is computed anew for a retraction meets an update
	// stream without an upsert key.
	Unsafe
)

// String is the word EXPLAIN uses.
func (k LabelKind) String() string {
	return [...]string{"deterministic", "order-dependent", "replayable", "unsafe"}[k]
}

// Label is a reason with its words.
type Label struct {
	Kind   LabelKind
	Reason string
}

// Physical is a plan that can run.
type Physical struct {
	// Roots are the sinks of the plan in statement order, or one Collect.
	Roots []Node
	// Nodes are all nodes, inputs before their readers; a node's ID is its position
	// plus 1.
	Nodes []Node
	// Batch says that execution.runtime-mode is BATCH.
	Batch bool
	// Parallelism is that of operators that are not bound to one subtask.
	Parallelism int
	// Warnings are what the optimizer itself has to say, such as an unsafe column.
	Warnings []*diag.Error
	// Advice is what package advise finds in the finished plan.
	Advice []Advice
	// Logical is the tree before optimization as EXPLAIN shows it.
	Logical string
}

// Advice is a finding about a plan.
type Advice struct {
	*diag.Error
	// Node is the operator it is about, or nil.
	Node Node
	// Warns: it makes results wrong or late. Denied: the session wants no such plan.
	Warns, Denied bool
	// Text is the finding with its place in the statement, as shown to people.
	Text string
}

// Label is the worst label of the plan.
func (p *Physical) Label() LabelKind {
	worst := Deterministic
	for _, n := range p.Nodes {
		for _, l := range n.Info().Labels {
			worst = max(worst, l.Kind)
		}
	}
	return worst
}

// in1 and in2 are the inputs of nodes that have one or two.
type in1 struct{ In Node }

// Inputs returns the input.
func (x *in1) Inputs() []Node { return []Node{x.In} }

// SetInput replaces the input.
func (x *in1) SetInput(_ int, n Node) { x.In = n }

type in2 struct{ Left, Right Node }

// Inputs returns both inputs.
func (x *in2) Inputs() []Node { return []Node{x.Left, x.Right} }

// SetInput replaces the left (0) or right (1) input.
func (x *in2) SetInput(i int, n Node) {
	if i == 0 {
		x.Left = n
	} else {
		x.Right = n
	}
}

type in0 struct{}

// Inputs returns nothing.
func (in0) Inputs() []Node { return nil }

// SetInput must not be called.
func (in0) SetInput(int, Node) {}
