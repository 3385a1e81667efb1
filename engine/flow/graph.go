package flow

import (
	"fmt"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/exec"
	"github.com/minkstream/mink/engine/types"
)

// DefaultMaxParallelism is the number of key groups of a job that does not say.
const DefaultMaxParallelism = 128

// Graph is a job ready to run. It is read-only once submitted.
type Graph struct {
	// Vertices have IDs equal to their positions.
	Vertices []*Vertex
	Edges    []Edge
	// MaxParallelism is the number of key groups, fixed for the life of the job;
	// 0 means DefaultMaxParallelism.
	MaxParallelism int
	// Zone is the session time zone; nil means UTC.
	Zone *time.Location
	// Planned is the parallelism.default that it was planned with, where that is not the
	// session's: a job may go on with another graph, and its tape says with which.
	Planned int
	// Disk puts the stores that the job's settings name, such as s3://bucket, on top of the
	// disk that its checkpoints are on; nil: there are none.
	Disk func(below env.Disk) env.Disk
}

// on is the disk that the job's checkpoints are on.
func (g *Graph) on(d env.Disk) env.Disk {
	if g.Disk == nil || d == nil {
		return d
	}
	return g.Disk(d)
}

// Vertex is a part of the graph that runs as Parallelism tasks.
type Vertex struct {
	ID int
	// UID names the vertex in checkpoints; it must be stable over restarts and
	// unique within the graph. Name is for people.
	UID, Name   string
	Parallelism int
	// Source makes it a source vertex: the reader stands before its nodes.
	Source *SourceSpec
	// Nodes form a tree (or a graph without cycles) inside the task, parents
	// before children. Node 0 is the head: edges lead to its inputs.
	Nodes []Node
}

// Node is an operator of a vertex, or a sink.
type Node struct {
	// Op makes the operator of one subtask. Nil for a sink.
	Op func() exec.Operator
	// Sink makes the node a sink; it has no Outs.
	Sink connect.Sink
	// UID names the operator's state in checkpoints, unique within the graph.
	Name, UID string
	// Exact and TTL are handed to the operator in its Ctx. TTL is in milliseconds.
	Exact bool
	TTL   int64
	// Dealt says how the rows of each input were dealt, see exec.Ctx.
	Dealt [][][]int
	// Span is the place in the statement the operator came from, for errors.
	Span diag.Span
	// Outs receive what the node emits, in this order; each gets the same
	// read-only batch.
	Outs []Out
}

// Out is a receiver of a node's output: input Input of node Node of the same
// vertex, or, with Node < 0, edge Edge of the graph.
type Out struct {
	Node, Input int
	Edge        int
}

// ToNode leads to an input of another node of the vertex.
func ToNode(node, input int) Out { return Out{Node: node, Input: input} }

// ToEdge leads to an edge of the graph, by its position in Graph.Edges.
func ToEdge(edge int) Out { return Out{Node: -1, Edge: edge} }

// EdgeKind says how an edge deals rows to the tasks of its target.
type EdgeKind uint8

// Kinds of edges.
const (
	// Forward: subtask i to subtask i. Both vertices have the same parallelism.
	Forward EdgeKind = iota
	// Hash: by the key group of columns Keys. State of the target's operators
	// that is keyed by the same columns lives in that subtask.
	Hash
	// Rebalance: whole batches in turn.
	Rebalance
	// Broadcast: every row to every subtask.
	Broadcast
	// Single: everything to subtask 0.
	Single
)

// String gives the name used in EXPLAIN and the REST interface.
func (k EdgeKind) String() string {
	return [...]string{"forward", "hash", "rebalance", "broadcast", "single"}[k]
}

// Edge leads from a vertex to the head of another. Several edges may lead to the
// same input (UNION ALL).
type Edge struct {
	From, To int // vertices
	// Input of the target's head node.
	Input int
	Kind  EdgeKind
	// Keys are the columns of a Hash edge, in key order.
	Keys []int
}

// WatermarkEval computes the candidate watermark (milliseconds) of each lane of b:
// out has b.N entries, batch.NoWatermark where a lane has none (a null). The task
// keeps the running maximum. One instance serves one subtask.
type WatermarkEval func(b *batch.Batch, out []int64) error

// SourceSpec is the reading end of a source vertex.
type SourceSpec struct {
	Source connect.Source
	// Schema is what the reader fills.
	Schema types.Schema
	// Read is what of it is read. A reader may fill more.
	Read connect.Projection
	// Name is the table, Span its place in the statement, for errors.
	Name string
	Span diag.Span
	// Table is the table's full name, under which another job finds the positions of
	// this one: Config.SourcesOnly. "" for rows of no table.
	Table string
	// Outs receive the rows; nil means input 0 of node 0.
	Outs []Out
	// Watermark makes the evaluator of one subtask; nil when the table has none. now is the
	// processing time of the step, in milliseconds, for watermarks of columns that are
	// computed from it.
	Watermark func(now func() int64) WatermarkEval
	// Periodic emits the largest watermark every interval instead of after each
	// row (Flink's default strategy); 0 emits on every row.
	Periodic time.Duration
	// Idle is the time without rows after which a split no longer holds the
	// watermark back; 0 never.
	Idle time.Duration
	// AlignGroup pauses splits that run ahead of the slowest member of the group
	// by more than AlignDrift; "" does not. Members report every AlignInterval.
	AlignGroup    string
	AlignDrift    time.Duration
	AlignInterval time.Duration
	// BatchRows is the most rows a poll asks for; 0 means Config.BatchRows.
	BatchRows int
}

// outs are the receivers of the reader.
func (s *SourceSpec) outs() []Out {
	if s.Outs == nil {
		return []Out{ToNode(0, 0)}
	}
	return s.Outs
}

// Validate reports the first inconsistency of the graph. Graphs are made by mink,
// so a fault in one is an internal error.
func (g *Graph) Validate() error {
	bad := func(format string, args ...any) error {
		return diag.New(diag.Internal, "job graph: "+format, args...)
	}
	m := g.maxParallelism()
	uids := map[string]string{}
	for i, v := range g.Vertices {
		if v.ID != i {
			return bad("vertex %q stands at %d but has id %d", v.Name, i, v.ID)
		}
		if v.Parallelism < 1 || v.Parallelism > m {
			return diag.New(diag.Config, "parallelism %d of %s is not between 1 and the maximum parallelism %d", v.Parallelism, v.Name, m).
				WithHint("the maximum parallelism is fixed when a job is created: set pipeline.max-parallelism, or rewrite a savepoint")
		}
		if who, dup := uids[v.UID]; v.UID == "" || dup {
			return bad("vertex %q has no uid of its own (%q, also %s)", v.Name, v.UID, who)
		}
		uids[v.UID] = "vertex " + v.Name
		if v.Source == nil && len(v.Nodes) == 0 {
			return bad("vertex %q has neither a source nor operators", v.Name)
		}
		if v.Source != nil && v.Source.Source == nil {
			return bad("source of %q is missing", v.Name)
		}
		for j, n := range v.Nodes {
			if (n.Op == nil) == (n.Sink == nil) {
				return bad("node %q must have either an operator or a sink", n.Name)
			}
			if who, dup := uids["/"+n.UID]; n.UID == "" || dup {
				return bad("node %q has no uid of its own (%q, also %s)", n.Name, n.UID, who)
			}
			uids["/"+n.UID] = "node " + n.Name
			if err := g.validOuts(v, j, n.Outs); err != nil {
				return err
			}
		}
		if v.Source != nil {
			if err := g.validOuts(v, -1, v.Source.outs()); err != nil {
				return err
			}
		}
	}
	for i, e := range g.Edges {
		if e.From < 0 || e.From >= len(g.Vertices) || e.To < 0 || e.To >= len(g.Vertices) || e.Input < 0 {
			return bad("edge %d leads from %d to input %d of %d", i, e.From, e.Input, e.To)
		}
		from, to := g.Vertices[e.From], g.Vertices[e.To]
		if e.Kind == Forward && from.Parallelism != to.Parallelism {
			return bad("forward edge from %s (%d) to %s (%d)", from.Name, from.Parallelism, to.Name, to.Parallelism)
		}
		if to.Source != nil {
			return bad("edge %d leads to the source %s", i, to.Name)
		}
	}
	return nil
}

func (g *Graph) validOuts(v *Vertex, node int, outs []Out) error {
	for _, o := range outs {
		ok := o.Node > node && o.Node < len(v.Nodes) && o.Input >= 0
		if o.Node < 0 {
			ok = o.Edge >= 0 && o.Edge < len(g.Edges) && g.Edges[o.Edge].From == v.ID
		}
		if !ok {
			return diag.New(diag.Internal, "job graph: node %d of %s has an output that leads nowhere: %s", node, v.Name, fmt.Sprint(o))
		}
	}
	return nil
}

// apart reports that the subtasks of vertex v see watermarks of their own: it reads
// splits itself, or rows come to it, from subtask to subtask, from a vertex that does.
func (g *Graph) apart(v int) bool {
	if g.Vertices[v].Source != nil {
		return true
	}
	for i := range g.Edges {
		if e := &g.Edges[i]; e.To == v && e.Kind == Forward && g.apart(e.From) {
			return true
		}
	}
	return false
}

func (g *Graph) maxParallelism() int {
	if g.MaxParallelism <= 0 {
		return DefaultMaxParallelism
	}
	return g.MaxParallelism
}

// Tasks is the number of subtasks of all vertices.
func (g *Graph) Tasks() int {
	n := 0
	for _, v := range g.Vertices {
		n += v.Parallelism
	}
	return n
}

// Slots is the number of slots the graph needs: a slot holds one subtask of each
// vertex.
func (g *Graph) Slots() int {
	n := 0
	for _, v := range g.Vertices {
		n = max(n, v.Parallelism)
	}
	return n
}

// Bounded reports whether all sources end by themselves.
func (g *Graph) Bounded() bool {
	for _, v := range g.Vertices {
		if v.Source != nil && !v.Source.Source.Bounded() {
			return false
		}
	}
	return true
}
