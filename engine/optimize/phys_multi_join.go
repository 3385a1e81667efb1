package optimize

import (
	"slices"

	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
)

// multiJoin makes a join and the chain of joins in its left input one operator, when
// the session or a hint asks for it and all inputs have a key in common. nil leaves the
// join as it is.
func (j *joiner) multiJoin() plan.Node {
	o := j.o
	if o.batch || !chained(j.n.Type) || !o.s.Config.Bool("table.optimizer.multi-join.enabled") && !hinted(j.n) {
		return nil
	}
	low, at := throughRefs(j.left)
	m := &plan.MultiJoin{}
	switch low := low.(type) {
	case *plan.Join:
		if !chained(low.Type) || low.PruneLeft != nil || low.PruneRight != nil {
			return nil
		}
		m.Ins = []plan.Node{undealt(low.Left), undealt(low.Right)}
		m.Joins = []plan.MultiJoinStep{{Type: low.Type, Cond: low.Cond}}
		m.TTL = []int64{low.LeftSide.TTL, low.RightSide.TTL}
	case *plan.MultiJoin:
		for _, in := range low.Ins {
			m.Ins = append(m.Ins, undealt(in))
		}
		m.Joins, m.TTL = slices.Clone(low.Joins), slices.Clone(low.TTL)
	default:
		return nil
	}
	width := len(low.Info().Schema)
	step := plan.MultiJoinStep{Type: j.n.Type, Cond: j.cond(nil)}
	for i, k := range step.LeftKeys {
		step.LeftKeys[i] = at[k]
	}
	if step.Residual != nil {
		step.Residual = expr.Remap(step.Residual, func(i int) int {
			if i < j.lw {
				return at[i]
			}
			return width + i - j.lw
		})
	}
	m.Ins, m.Joins, m.TTL = append(m.Ins, j.right), append(m.Joins, step), append(m.TTL, o.stateTTL(j.n.TTL[1]))
	if m.Keys = commonKey(m); m.Keys == nil {
		return nil
	}
	o.dealAll(m.Ins, m.Keys)
	m.Span = j.n.At
	chainTraits(m)
	node := o.intern(m)
	// The columns that the join would have given.
	s := node.Info().Schema
	var exprs []expr.Node
	for _, i := range at {
		exprs = append(exprs, expr.NewRef(i, s[i].Type, j.n.At))
	}
	for i := width; i < len(s); i++ {
		exprs = append(exprs, expr.NewRef(i, s[i].Type, j.n.At))
	}
	names := plan.Unique(append(j.left.Info().Schema.Names(), j.right.Info().Schema.Names()...))
	return o.calc(node, nil, exprs, names, j.n.At)
}

// chained reports that a join may be part of a multi-way join.
func chained(t plan.JoinType) bool { return t == plan.Inner || t == plan.LeftOuter }

// hinted reports that a hint names the tables of a join and of the one in its left
// input.
func hinted(n *logical.Join) bool {
	left := n.Left
	for {
		switch l := left.(type) {
		case *logical.Project:
			left = l.In
			continue
		case *logical.Filter:
			left = l.In
			continue
		case *logical.Join:
			return n.Multi && l.Multi
		}
		return false
	}
}

// throughRefs looks through a projection that only picks columns: what is below, and
// which of its columns each column of n is.
func throughRefs(n plan.Node) (plan.Node, []int) {
	c, ok := n.(*plan.Calc)
	if !ok || c.Filter != nil {
		return n, identity(len(n.Info().Schema))
	}
	at := make([]int, len(c.Exprs))
	for i, e := range c.Exprs {
		r, ok := e.(*expr.InputRef)
		if !ok || len(r.Path) > 0 {
			return n, identity(len(c.Exprs))
		}
		at[i] = r.Index
	}
	return c.In, at
}

// undealt is a node below the exchange that a join put on it.
func undealt(n plan.Node) plan.Node {
	if x, ok := n.(*plan.Exchange); ok {
		return x.In
	}
	return n
}

// commonKey finds the columns of each input that every join of the chain compares with
// a column of the inputs before that is compared with them, too. nil when there are
// none.
func commonKey(m *plan.MultiJoin) [][]int {
	type class struct {
		cols []int // output columns that are equal ...
		keys []int // ... and the column of each input that stands for them
	}
	var all []class
	for i, step := range m.Joins {
		first := m.First(i + 1)
		var next []class
		for k, right := range step.RightKeys {
			left := step.LeftKeys[k]
			if step.NullSafe[k] {
				continue
			}
			if i == 0 {
				next = append(next, class{[]int{left, first + right}, []int{left, right}})
				continue
			}
			for c, cl := range all {
				switch {
				case !slices.Contains(cl.cols, left):
				case len(cl.keys) == i+1:
					cl.cols, cl.keys = append(slices.Clip(cl.cols), first+right), append(slices.Clip(cl.keys), right)
					all[c] = cl
				}
			}
		}
		if i > 0 {
			for _, cl := range all {
				if len(cl.keys) == i+2 {
					next = append(next, cl)
				}
			}
		}
		all = next
	}
	if len(all) == 0 {
		return nil
	}
	keys := make([][]int, len(m.Ins))
	for i := range keys {
		for _, cl := range all {
			keys[i] = append(keys[i], cl.keys[i])
		}
	}
	return keys
}

// dealAll deals all inputs by the same of their keys, as one of them lies already if
// one does.
func (o *optimizer) dealAll(ins []plan.Node, keys [][]int) {
	if !slices.ContainsFunc(ins, func(n plan.Node) bool { return n.Info().Dist.Kind != plan.Single }) {
		return
	}
	by := identity(len(keys[0]))
	for i, in := range ins {
		if p := positions(in.Info().Dist, keys[i]); p != nil {
			by = p
			break
		}
	}
	for i, in := range ins {
		if !slices.Equal(positions(in.Info().Dist, keys[i]), by) {
			ins[i] = o.newExchange(in, plan.ExchangeHash, pick(keys[i], by))
		}
	}
}

// chainTraits works out what is known about the output of a chain, join by join.
func chainTraits(m *plan.MultiJoin) {
	t := &m.Traits
	first := m.Ins[0].Info()
	t.Schema, t.UpsertKeys, t.Emits = first.Schema, first.UpsertKeys, first.Emits&kIUD
	for i, step := range m.Joins {
		in := m.Ins[i+1].Info()
		t.UpsertKeys = keysOfJoin(step.Type, t.UpsertKeys, in.UpsertKeys, len(t.Schema), step.Cond)
		t.Schema = slices.Clone(logical.JoinSchema(step.Type, t.Schema, in.Schema))
		if t.Emits |= in.Emits & kIUD; step.Type != plan.Inner {
			t.Emits = kIUD
		}
	}
	names := plan.Unique(t.Schema.Names())
	t.Schema = plain(t.Schema)
	for i := range t.Schema {
		t.Schema[i].Name = names[i]
	}
	// Columns of a left-joined input may be padded; the others hold the key.
	t.Dist = mapDist(first.Dist, func(c int) []int {
		out := []int{c}
		for k, key := range m.Keys[0] {
			if key != c {
				continue
			}
			for i, step := range m.Joins {
				if step.Type == plan.Inner {
					out = append(out, m.First(i+1)+m.Keys[i+1][k])
				}
			}
		}
		return out
	})
	if first.Dist.Kind == plan.Single {
		t.Dist = first.Dist
	}
}

// multiJoinSkips reports that a chain can do without the -U of its input i: all that
// the joins compare is part of a key of that input.
func multiJoinSkips(n *plan.MultiJoin, i int) bool {
	from := n.First(i)
	to := from + len(n.Ins[i].Info().Schema)
	read := slices.Clone(n.Keys[i])
	for k, step := range n.Joins {
		if k+1 == i {
			read = append(read, step.RightKeys...)
		}
		cols := slices.Clone(step.LeftKeys)
		if step.Residual != nil {
			cols = append(cols, expr.Refs(step.Residual)...)
		}
		for _, c := range cols {
			if c >= from && c < to {
				read = append(read, c-from)
			}
		}
	}
	return inKey(n.Ins[i], read)
}

// multiJoin: stored rows are found again by all their columns.
func (v *ndu) multiJoin(n *plan.MultiJoin) {
	updates := slices.ContainsFunc(n.Ins, func(in plan.Node) bool { return !in.Info().AppendOnly() })
	for _, step := range n.Joins {
		if updates || step.Type != plan.Inner {
			v.condition(n, step.Residual)
		}
	}
	for _, in := range n.Ins {
		v.ask(in, allColumns(in), n)
	}
}
