package optimize

import (
	"slices"

	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/types"
)

// match plans a MATCH_RECOGNIZE.
func (o *optimizer) match(n *logical.Match) (plan.Node, error) {
	in, err := o.conv(n.In)
	if err != nil {
		return nil, err
	}
	if err := o.appendOnly(in, "MATCH_RECOGNIZE", n.At); err != nil {
		return nil, err
	}
	m := &plan.Match{MatchSpec: n.MatchSpec}
	if !o.batch {
		m.Time = in.Info().Schema[n.OrderBy[0].Col].Type.Attr
	}
	m.In = o.exchange(in, n.PartitionBy)
	m.Span, m.Schema, m.Emits = n.At, n.Schema(), kI
	m.Dist = mapDist(m.In.Info().Dist, func(i int) []int {
		var out []int
		for j, c := range n.PartitionBy {
			if c == i {
				out = append(out, j)
			}
		}
		return out
	})
	return o.intern(m), nil
}

// foldMatch folds the conditions and measures of a MATCH_RECOGNIZE.
func (o *optimizer) foldMatch(n *logical.Match) (logical.Node, error) {
	m := *n
	var err error
	m.MatchSpec, err = n.Rewrite(func(e expr.Node) (expr.Node, error) {
		f, err := o.foldExpr(e)
		if err != nil {
			return nil, err
		}
		return keepAttr(e, f), nil
	})
	if err != nil {
		return nil, err
	}
	for i := range m.Vars {
		if c := m.Vars[i].Cond; c != nil && isTrue(c) {
			m.Vars[i].Cond = nil
		}
	}
	return &m, nil
}

// pushMatch moves conditions on partition columns below: they take away whole
// partitions.
func (o *optimizer) pushMatch(conds []expr.Node, n *logical.Match) logical.Node {
	down, stay := split(conds, func(c expr.Node) bool {
		return pure(c) && readsOnly(c, func(i int) bool { return i < len(n.PartitionBy) })
	})
	for i, c := range down {
		down[i] = expr.Remap(c, func(i int) int { return n.PartitionBy[i] })
	}
	return filter(stay, n.With([]logical.Node{o.push(down, n.In)}))
}

// pruneMatch drops measures that nobody reads, references that no expression is left
// for, and columns of the input that neither has.
func pruneMatch(n *logical.Match, need []bool) (logical.Node, []int) {
	width, keys := len(n.In.Schema()), len(n.PartitionBy)
	m := *n
	at := identity(len(need))
	m.Measures, m.Names = nil, nil
	for i, e := range n.Measures {
		at[keys+i] = -1
		if need[keys+i] || keys == 0 && i == len(n.Measures)-1 && len(m.Measures) == 0 {
			at[keys+i] = keys + len(m.Measures)
			m.Measures, m.Names = append(m.Measures, e), append(m.Names, n.Names[i])
		}
	}
	needRef := make([]bool, len(n.Refs))
	needIn := make([]bool, width)
	for _, i := range expr.Refs(m.Exprs()...) {
		if i >= width {
			needRef[i-width] = true
		} else {
			needIn[i] = true
		}
	}
	for _, c := range n.PartitionBy {
		needIn[c] = true
	}
	for _, k := range n.OrderBy {
		needIn[k.Col] = true
	}
	keep, refAt := kept(needRef)
	for _, k := range keep {
		switch r := n.Refs[k]; r.Kind {
		case plan.MatchColumn:
			needIn[r.Col] = true
		case plan.MatchAggregate:
			for _, a := range r.Agg.Args {
				needIn[a] = true
			}
		}
	}
	in, to := narrow(n.In, needIn)
	now := len(in.Schema())
	m.Refs = nil
	for _, k := range keep {
		r := n.Refs[k]
		switch r.Kind {
		case plan.MatchColumn:
			r.Col = to[r.Col]
		case plan.MatchAggregate:
			r.Agg.Args = remapInts(r.Agg.Args, to)
		}
		m.Refs = append(m.Refs, r)
	}
	m.In, m.PartitionBy, m.OrderBy = in, remapInts(n.PartitionBy, to), remapOrder(n.OrderBy, to)
	m.MatchSpec, _ = m.Rewrite(func(e expr.Node) (expr.Node, error) {
		return expr.Remap(e, func(i int) int {
			if i >= width {
				return now + refAt[i-width]
			}
			return to[i]
		}), nil
	})
	return &m, at
}

// labelMatch says why matches may differ from run to run.
func (o *optimizer) labelMatch(n *plan.Match, ties bool, add func(plan.LabelKind, string)) {
	switch {
	case n.Time == types.Proctime:
		add(plan.Replayable, "rows in the order of processing time")
	case ties:
		add(plan.OrderDependent, "rows of equal time in the order they come")
	}
	if slices.ContainsFunc(n.Exprs(), func(e expr.Node) bool { return !pure(e) }) {
		add(plan.Replayable, "a condition or measure that differs from call to call")
	}
}
