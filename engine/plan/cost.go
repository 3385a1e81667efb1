package plan

import (
	"math"

	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// Cost is what EXPLAIN ESTIMATED_COST says of a node: rows it gives, and the sum over it and
// all below it of rows, of values computed or compared, of bytes read or written, of
// bytes sent, of bytes kept.
type Cost struct {
	Rows float64

	SumRows, CPU, IO, Network, Memory float64
}

// Estimates are guesses with no more in them than the number of rows of tables that
// ANALYZE TABLE has seen, distinct values of their columns, and rules of thumb.
const (
	unknownRows = 1e8 // of a table that was not analyzed

	keepsEqual = 0.15 // of the rows, where distinct values are not known
	keepsOther = 0.5
	keepsNull  = 0.1
	groupShare = 0.1 // groups of the rows that are grouped
)

// Estimate works out the cost of all nodes of a plan.
func Estimate(p *Physical) map[Node]Cost {
	e := estimator{cost: map[Node]Cost{}, distinct: map[Node][]float64{}}
	for _, n := range p.Nodes {
		e.node(n)
	}
	return e.cost
}

// EstimateRows guesses the rows that a node gives and, where it is known, how many distinct
// values its columns have; 0 otherwise.
func EstimateRows(n Node) (rows float64, distinct []float64) {
	e := estimator{cost: map[Node]Cost{}, distinct: map[Node][]float64{}}
	var walk func(n Node)
	walk = func(n Node) {
		if _, ok := e.cost[n]; ok {
			return
		}
		for _, in := range n.Inputs() {
			walk(in)
		}
		e.node(n)
	}
	walk(n)
	return e.cost[n].Rows, e.distinct[n]
}

// Selectivity guesses for how many of the pairs of rows of two inputs, of so many rows,
// a condition holds. d1 and d2 are the numbers of distinct values of two columns that are
// to be equal, 0 if unknown; equal is false for any other condition.
func Selectivity(equal bool, rows1, rows2, d1, d2 float64) float64 {
	if !equal {
		return keepsOther
	}
	d := max(d1, d2)
	if d == 0 {
		d = max(rows1, rows2)
	}
	return 1 / max(d, 1)
}

type estimator struct {
	cost map[Node]Cost
	// distinct are the numbers of distinct values of a node's columns, 0 if unknown.
	distinct map[Node][]float64
}

func (e *estimator) node(n Node) {
	var c Cost
	in := 0.0
	for _, k := range n.Inputs() {
		i := e.cost[k]
		in += i.Rows
		c.SumRows, c.CPU, c.IO, c.Network, c.Memory = c.SumRows+i.SumRows, c.CPU+i.CPU, c.IO+i.IO, c.Network+i.Network, c.Memory+i.Memory
	}
	schema := n.Info().Schema
	ndv := make([]float64, len(schema))
	if ins := n.Inputs(); len(ins) == 1 && len(ins[0].Info().Schema) == len(schema) {
		copy(ndv, e.distinct[ins[0]])
	}
	c.Rows = in
	cpu := in
	switch n := n.(type) {
	case *Scan:
		c.Rows, cpu = unknownRows, 0
		if s, ok := n.Table.Statistics.Total(); ok {
			c.Rows = float64(s.Rows)
			for i, f := range schema {
				if col, ok := s.Columns[f.Name]; ok {
					ndv[i] = max(0, float64(col.Distinct))
				}
			}
		}
		c.IO += float64(c.Rows * width(schema))
	case *Values:
		c.Rows = float64(len(n.Rows))
	case *Calc:
		below := e.distinct[n.In]
		c.Rows = in * e.keeps(n.Filter, below)
		for i, x := range n.Exprs {
			if r, ok := x.(*expr.InputRef); ok && len(r.Path) == 0 && r.Index < len(below) {
				ndv[i] = min(below[r.Index], max(c.Rows, 1))
			}
		}
		cpu = in * float64(len(n.Exprs)+1)
	case *GroupAggregate:
		c.Rows = e.groups(n.In, n.Keys, in)
		e.keep(&c, n, c.Rows)
	case *LocalGroupAggregate:
		c.Rows = e.groups(n.In, n.Keys, in)
	case *WindowAggregate:
		c.Rows = e.groups(n.In, n.Keys, in)
		e.keep(&c, n, c.Rows)
	case *GroupWindowAggregate:
		c.Rows = e.groups(n.In, n.Keys, in)
		e.keep(&c, n, c.Rows)
	case *Exchange:
		c.Network += float64(in * width(schema))
	case *Limit:
		c.Rows = limited(in, n.Offset, n.Fetch)
	case *SortLimit:
		c.Rows = limited(in, n.Offset, n.Fetch)
		cpu = in * math.Log2(c.Rows+2)
		e.keep(&c, n, c.Rows)
	case *Sort:
		c.Rows = limited(in, n.Offset, n.Fetch)
		cpu = in * math.Log2(in+2)
		e.keep(&c, n, in)
	case *Join:
		e.join(n, &c)
		e.keep(&c, n, in)
	case *MultiJoin:
		e.multiJoin(n, &c)
		e.keep(&c, n, in)
	case *Deduplicate:
		c.Rows = in * groupShare
		e.keep(&c, n, c.Rows)
	case *ChangelogNormalize, *SinkMaterializer, *OverAggregate, *Rank, *IntervalJoin, *WindowJoin, *TemporalJoin, *SnapshotJoin:
		e.keep(&c, n, in)
	}
	c.SumRows += c.Rows
	c.CPU += cpu
	e.cost[n], e.distinct[n] = c, ndv
}

// keep adds rows that a node holds.
func (e *estimator) keep(c *Cost, n Node, rows float64) {
	c.Memory += float64(rows * width(n.Info().Schema))
}

func limited(rows float64, offset, fetch int64) float64 {
	rows = max(0, rows-float64(offset))
	if fetch != NoLimit {
		rows = min(rows, float64(fetch))
	}
	return rows
}

func (e *estimator) groups(in Node, keys []int, rows float64) float64 {
	if len(keys) == 0 {
		return 1
	}
	groups := 1.0
	for _, k := range keys {
		d := 0.0
		if ndv := e.distinct[in]; k < len(ndv) {
			d = ndv[k]
		}
		if d == 0 {
			return max(1, rows*groupShare)
		}
		groups *= d
	}
	return max(1, min(groups, rows))
}

// multiJoin: rows that meet by the common key, input by input.
func (e *estimator) multiJoin(n *MultiJoin, c *Cost) {
	rows := e.cost[n.Ins[0]].Rows
	for i, step := range n.Joins {
		r := e.cost[n.Ins[i+1]].Rows
		joined := rows * r
		for k, key := range n.Keys[i+1] {
			d := max(at(e.distinct[n.Ins[0]], n.Keys[0][k]), at(e.distinct[n.Ins[i+1]], key))
			if d == 0 {
				d = max(rows, r, 1)
			}
			joined /= max(d, 1)
		}
		if joined = max(joined, 1); step.Type.KeepsLeft() {
			joined = max(joined, rows)
		}
		rows = joined
	}
	c.Rows = rows
}

// join: rows that meet by equal keys; without keys every pair that the condition takes.
func (e *estimator) join(n *Join, c *Cost) {
	l, r := e.cost[n.Left].Rows, e.cost[n.Right].Rows
	c.Rows = l * r
	for i, k := range n.LeftKeys {
		d := max(at(e.distinct[n.Left], k), at(e.distinct[n.Right], n.RightKeys[i]))
		if d == 0 {
			d = max(l, r, 1)
		}
		c.Rows /= max(d, 1)
	}
	c.Rows = max(c.Rows, 1)
	if n.Type.KeepsLeft() {
		c.Rows = max(c.Rows, l)
	}
	if n.Type.KeepsRight() {
		c.Rows = max(c.Rows, r)
	}
	if n.Type.LeftOnly() {
		c.Rows = max(1, l*keepsOther)
	}
}

func at(list []float64, i int) float64 {
	if i < len(list) {
		return list[i]
	}
	return 0
}

// keeps guesses the share of rows for which a condition is TRUE.
func (e *estimator) keeps(cond expr.Node, ndv []float64) float64 {
	if cond == nil {
		return 1
	}
	share := 1.0
	for _, c := range expr.Conjuncts(cond) {
		share *= e.keepsOne(c, ndv)
	}
	return share
}

func (e *estimator) keepsOne(c expr.Node, ndv []float64) float64 {
	if is, ok := c.(*expr.Is); ok && is.What == expr.IsNull {
		if is.Negated {
			return 1 - keepsNull
		}
		return keepsNull
	}
	x, ok := c.(*expr.Compare)
	if !ok || x.Op != expr.Eq {
		return keepsOther
	}
	for _, side := range []expr.Node{x.L, x.R} {
		if r, ok := side.(*expr.InputRef); ok && len(r.Path) == 0 {
			if d := at(ndv, r.Index); d > 0 {
				return 1 / d
			}
		}
	}
	return keepsEqual
}

// width is about how many bytes a row has.
func width(s types.Schema) float64 {
	w := 0.0
	for _, f := range s {
		switch f.Type.Kind {
		case types.Boolean, types.TinyInt:
			w++
		case types.SmallInt:
			w += 2
		case types.Int, types.Float, types.Date, types.Time:
			w += 4
		case types.Char, types.VarChar, types.Binary, types.VarBinary:
			w += 12
		case types.Decimal:
			w += 16
		default:
			w += 8
		}
	}
	return max(w, 1)
}

// String is the text that Flink's plans have.
func (c Cost) String() string {
	f := func(v float64) string { return string(kernel.AppendFloat(nil, v, 64)) }
	return "rowcount = " + f(c.Rows) + ", cumulative cost = {" + f(c.SumRows) + " rows, " + f(c.CPU) + " cpu, " + f(c.IO) + " io, " +
		f(c.Network) + " network, " + f(c.Memory) + " memory}"
}
