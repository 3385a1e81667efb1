// Package build turns a physical plan into a job graph: the one package that knows
// both what is to run and what runs it.
//
// Nodes become operators; exchanges become edges; a run of nodes without an
// exchange between them becomes one vertex, whose operators call each other. The
// shape of the graph does not depend on the parallelism, so that a job can be
// restored with another one; but a sink with one of its own is chained to what has
// the same.
//
// Begin with Graph; one file for each family of operators follows.
package build

import (
	"fmt"
	"time"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/exec"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/plan"
)

// Config says how a plan is to run.
type Config struct {
	// Parallelism of operators that are not bound to one subtask.
	Parallelism int
	// MaxParallelism is the number of key groups; 0 is the default.
	MaxParallelism int
	Zone           *time.Location
	// Collect receives the rows of a plan that ends in a plan.Collect.
	Collect connect.Sink
}

// Graph builds the job graph of a plan.
func Graph(p *plan.Physical, cfg Config) (*flow.Graph, error) {
	if cfg.Parallelism < 1 {
		cfg.Parallelism = 1
	}
	if cfg.Zone == nil {
		cfg.Zone = time.UTC
	}
	b := &builder{
		cfg:   cfg,
		batch: p.Batch,
		graph: &flow.Graph{MaxParallelism: cfg.MaxParallelism, Zone: cfg.Zone},
		at:    map[plan.Node]place{},
	}
	for _, n := range p.Nodes {
		if err := b.add(n); err != nil {
			return nil, err
		}
	}
	if err := b.graph.Validate(); err != nil {
		return nil, err
	}
	return b.graph, nil
}

type builder struct {
	cfg   Config
	batch bool
	graph *flow.Graph
	at    map[plan.Node]place
}

// place is where a plan node's output comes from: a node of a vertex, or with
// node < 0 the reader of a source vertex.
type place struct {
	vertex *flow.Vertex
	node   int
}

// feed is one way rows reach an input: the producer and how its rows are dealt.
type feed struct {
	from plan.Node
	kind flow.EdgeKind
	keys []int
	deal bool // an exchange stands between
}

// feeds follows unions and exchanges from an input to the nodes that produce rows.
func feeds(n plan.Node) []feed {
	switch n := n.(type) {
	case *plan.Union:
		var out []feed
		for _, in := range n.Ins {
			out = append(out, feeds(in)...)
		}
		return out
	case *plan.Exchange:
		out := feeds(n.In)
		for i := range out {
			out[i].deal = true
			out[i].keys = n.Keys
			out[i].kind = edgeKinds[n.Kind]
		}
		return out
	}
	return []feed{{from: n}}
}

var edgeKinds = map[plan.ExchangeKind]flow.EdgeKind{
	plan.ExchangeHash:      flow.Hash,
	plan.ExchangeSingle:    flow.Single,
	plan.ExchangeBroadcast: flow.Broadcast,
	plan.ExchangeRebalance: flow.Rebalance,
}

// add places one node; its inputs have been placed.
func (b *builder) add(n plan.Node) error {
	switch n := n.(type) {
	case *plan.Exchange, *plan.Union:
		return nil
	case *plan.Scan:
		return b.addScan(n)
	case *plan.Values:
		return b.addValues(n)
	}
	ins := n.Inputs()
	all := make([][]feed, len(ins))
	for i, in := range ins {
		all[i] = feeds(in)
	}
	node, err := b.node(n)
	if err != nil {
		return err
	}
	nodes := append(guards(n, node), node)
	if len(ins) == 1 && len(all[0]) == 1 && !all[0][0].deal {
		from := b.at[all[0][0].from]
		if b.chainable(n, from) {
			for _, node := range nodes {
				b.chain(n, node, from)
				from = b.at[n]
			}
			from.vertex.Name += " -> " + n.Name()
			return nil
		}
	}
	v := b.vertex(n, b.parallelism(n, all))
	v.Nodes = append(v.Nodes, nodes[0])
	b.at[n] = place{v, 0}
	for _, node := range nodes[1:] {
		b.chain(n, node, b.at[n])
	}
	for input, fs := range all {
		for _, f := range fs {
			b.edge(f, v, input)
		}
	}
	return nil
}

// chainable reports whether n may run inside the vertex of its only producer.
func (b *builder) chainable(n plan.Node, from place) bool {
	if s, ok := n.(*plan.Sink); ok && s.Parallelism > 0 && s.Parallelism != from.vertex.Parallelism {
		return false
	}
	if _, ok := n.(*plan.Collect); ok && from.vertex.Parallelism != 1 {
		return false
	}
	return true
}

func (b *builder) chain(n plan.Node, node flow.Node, from place) {
	v := from.vertex
	v.Nodes = append(v.Nodes, node)
	b.at[n] = place{v, len(v.Nodes) - 1}
	b.out(from, flow.ToNode(len(v.Nodes)-1, 0))
}

// guards are the operators that stand between a sink's input and the sink: -U for
// a sink that replaces by key become deletes, and NULL is kept out of columns that
// are NOT NULL.
func guards(n plan.Node, sink flow.Node) []flow.Node {
	s, ok := n.(*plan.Sink)
	if !ok {
		return nil
	}
	var out []flow.Node
	add := func(name string, op func() exec.Operator) {
		out = append(out, flow.Node{Name: name, UID: sink.UID + "/" + name, Exact: sink.Exact, Span: sink.Span, Op: op})
	}
	if s.DeleteUpdateBefore {
		add("DropUpdateBefore", func() exec.Operator { return exec.NewDropUpdateBefore(true) })
	}
	if len(s.NotNull) > 0 {
		schema := s.In.Info().Schema
		names := make([]string, len(s.NotNull))
		for i, c := range s.NotNull {
			if names[i] = schema[c].Name; c < len(s.Conn.Schema) {
				names[i] = s.Conn.Schema[c].Name
			}
		}
		add("ConstraintEnforcer", func() exec.Operator {
			return exec.NewNotNull(s.NotNull, names, s.Table.Path.Object, s.DropNulls)
		})
	}
	if enforce := constraints(s); enforce() != nil {
		add("NestedConstraintEnforcer", enforce)
	}
	return out
}

// out adds a receiver to a producer's output.
func (b *builder) out(from place, o flow.Out) {
	if from.node < 0 {
		from.vertex.Source.Outs = append(from.vertex.Source.Outs, o)
		return
	}
	node := &from.vertex.Nodes[from.node]
	node.Outs = append(node.Outs, o)
}

func (b *builder) vertex(n plan.Node, parallelism int) *flow.Vertex {
	v := &flow.Vertex{
		ID:          len(b.graph.Vertices),
		UID:         n.Info().UID,
		Name:        n.Name(),
		Parallelism: parallelism,
	}
	b.graph.Vertices = append(b.graph.Vertices, v)
	return v
}

// parallelism of a vertex that begins with n.
func (b *builder) parallelism(n plan.Node, all [][]feed) int {
	switch n := n.(type) {
	case *plan.Collect:
		return 1
	case *plan.Sink:
		if n.Parallelism > 0 {
			return n.Parallelism
		}
	}
	forward := 0
	for _, fs := range all {
		for _, f := range fs {
			if f.deal && f.kind == flow.Single {
				return 1
			}
			if !f.deal {
				forward = max(forward, b.at[f.from].vertex.Parallelism)
			}
		}
	}
	if forward > 0 {
		return forward
	}
	return b.cfg.Parallelism
}

// edge leads from a producer to an input of v's head.
func (b *builder) edge(f feed, v *flow.Vertex, input int) {
	from := b.at[f.from]
	e := flow.Edge{From: from.vertex.ID, To: v.ID, Input: input, Kind: f.kind, Keys: f.keys}
	if !f.deal {
		switch {
		case from.vertex.Parallelism == v.Parallelism:
			e.Kind = flow.Forward
		case v.Parallelism == 1, !f.from.Info().AppendOnly():
			// Changes keep their order: what takes a row back must not overtake it.
			e.Kind = flow.Single
		default:
			e.Kind = flow.Rebalance
		}
	}
	b.graph.Edges = append(b.graph.Edges, e)
	b.out(from, flow.ToEdge(len(b.graph.Edges)-1))
}

// node makes the runtime node of a plan node.
func (b *builder) node(n plan.Node) (flow.Node, error) {
	info := n.Info()
	node := flow.Node{Name: n.Name(), UID: info.UID, Exact: info.Exact, Span: info.Span}
	node.Dealt = make([][][]int, len(n.Inputs()))
	for i, in := range n.Inputs() {
		if d := in.Info().Dist; d.Kind == plan.Hash {
			node.Dealt[i] = d.Cols
		}
	}
	var err error
	switch n := n.(type) {
	case *plan.Collect:
		if b.cfg.Collect == nil {
			return node, diag.New(diag.Internal, "the plan collects rows and nobody takes them")
		}
		node.Sink = b.cfg.Collect
		return node, nil
	case *plan.Sink:
		node.Sink = n.Sink
		return node, nil
	default:
		node.Op, node.TTL, err = b.operator(n)
		if op := node.Op; info.Bundle.Rows > 0 && err == nil {
			cfg := exec.BundleConfig(info.Bundle)
			node.Op = func() exec.Operator { return exec.NewBundle(op(), cfg) }
		}
	}
	if err != nil {
		if d := diag.As(err); d != nil {
			return node, d.Or(info.Span)
		}
		return node, fmt.Errorf("%s: %w", n.Name(), err)
	}
	return node, nil
}
