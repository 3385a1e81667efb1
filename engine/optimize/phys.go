package optimize

import (
	"slices"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/types"
)

// Change kinds before it is known whether -U is wanted: an update is HasUpdateAfter.
const (
	kI   = connect.HasInsert
	kU   = connect.HasUpdateAfter
	kD   = connect.HasDelete
	kIUD = kI | kU | kD
)

// conv chooses the operators of a tree.
func (o *optimizer) conv(n logical.Node) (plan.Node, error) {
	switch n := n.(type) {
	case *logical.Project:
		if f, ok := n.In.(*logical.Filter); ok {
			return o.convCalc(f.In, f.Cond, n.Exprs, n.Schema().Names(), n.At)
		}
		return o.convCalc(n.In, nil, n.Exprs, n.Schema().Names(), n.At)
	case *logical.Filter:
		return o.convCalc(n.In, n.Cond, logical.Refs(n.Schema()), n.Schema().Names(), n.At)
	case *logical.Scan:
		return o.convCalc(n, nil, logical.Refs(n.Schema()), n.Schema().Names(), n.At)
	case *logical.Values:
		return o.values(n), nil
	case *logical.Union:
		return o.union(n)
	case *logical.Aggregate:
		return o.convAggregate(n)
	case *logical.Window:
		return o.window(n)
	case *logical.Correlate:
		return o.correlate(n)
	case *logical.Predict:
		return o.predict(n)
	case *logical.ToChangelog:
		return o.toChangelog(n)
	case *logical.FromChangelog:
		return o.fromChangelog(n)
	case *logical.Process:
		return o.process(n)
	case *logical.Over:
		return o.over(n)
	case *logical.Expand:
		return o.expand(n)
	case *logical.Match:
		return o.match(n)
	case *logical.Rank:
		return o.convRank(n)
	case *logical.Sort:
		return o.sort(n)
	case *logical.Join:
		if s, ok := n.Right.(*logical.Snapshot); ok {
			return o.snapshotJoin(n, s)
		}
		if s, ok := n.Right.(*logical.LateralSnapshot); ok {
			return o.lateralSnapshot(n, s)
		}
		return o.join(n)
	case *logical.LateralSnapshot:
		return nil, aloneSnapshot(n)
	case *logical.Snapshot:
		return nil, unsupported(n.At, "FOR SYSTEM_TIME AS OF outside of a JOIN is")
	case *logical.Apply:
		return nil, unsupported(n.At, "this form of subquery is")
	}
	return nil, diag.At(n.Span(), diag.Internal, "no operator for this node")
}

func (o *optimizer) convCalc(below logical.Node, cond expr.Node, exprs []expr.Node, names []string, at diag.Span) (plan.Node, error) {
	if cond != nil && isFalse(cond) {
		return o.values(logical.NewValues(nil, calcSchema(exprs, names, below.Schema()), at)), nil
	}
	if s, ok := below.(*logical.Scan); ok {
		return o.scan(s, cond, exprs, names, at)
	}
	in, err := o.conv(below)
	if err != nil {
		return nil, err
	}
	return o.calc(in, cond, exprs, names, at), nil
}

// calcSchema is the output of expressions over rows of schema in. A plain column
// keeps its time attribute as the input has it.
func calcSchema(exprs []expr.Node, names []string, in types.Schema) types.Schema {
	out := make(types.Schema, len(exprs))
	for i, e := range exprs {
		t := e.Type()
		if r, ok := e.(*expr.InputRef); ok && len(r.Path) == 0 {
			t = in[r.Index].Type
		}
		out[i] = types.Field{Name: names[i], Type: t}
	}
	return out
}

// calc puts a Calc on in, or nothing when it would change nothing. A Calc on a Calc
// becomes one.
func (o *optimizer) calc(in plan.Node, cond expr.Node, exprs []expr.Node, names []string, at diag.Span) plan.Node {
	is := in.Info().Schema
	if cond == nil && sameColumns(exprs, names, is) {
		if _, scan := in.(*plan.Scan); !scan {
			return in
		}
	}
	if c, ok := in.(*plan.Calc); ok && o.upsertScan[in] == nil && inlines(c, cond, exprs) {
		sub := func(n expr.Node) expr.Node {
			if n == nil {
				return nil
			}
			return expr.Substitute(n, c.Exprs)
		}
		list := make([]expr.Node, len(exprs))
		for i, e := range exprs {
			list[i] = keepAttr(e, sub(e))
			if r, ok := e.(*expr.InputRef); ok && len(r.Path) == 0 {
				list[i] = c.Exprs[r.Index]
			}
		}
		return o.calc(c.In, expr.NewAnd(append(expr.Conjuncts(c.Filter), expr.Conjuncts(sub(cond))...)...), list, names, at)
	}
	n := &plan.Calc{Filter: cond, Exprs: exprs}
	n.In, n.Span = in, at
	ti := in.Info()
	n.Schema = calcSchema(exprs, names, is)
	n.Emits = ti.Emits
	pos := func(i int) int { // the output column that holds input column i
		for j, e := range exprs {
			if keeps(e) == i {
				return j
			}
		}
		return -1
	}
	n.UpsertKeys = mapKeys(ti.UpsertKeys, pos)
	n.Dist = mapDist(ti.Dist, func(i int) []int {
		var out []int
		for j, e := range exprs {
			if r, ok := e.(*expr.InputRef); ok && r.Index == i && len(r.Path) == 0 {
				out = append(out, j)
			}
		}
		return out
	})
	if w := ti.Windows; w != nil {
		m := *w
		plainPos := func(i int) int {
			for j, e := range exprs {
				if r, ok := e.(*expr.InputRef); ok && r.Index == i && len(r.Path) == 0 {
					return j
				}
			}
			return -1
		}
		m.Start, m.End, m.Time = plainPos(w.Start), plainPos(w.End), plainPos(w.Time)
		if m.End >= 0 || m.Start >= 0 {
			n.Windows = &m
		}
	}
	return o.intern(n)
}

// inlines reports that a Calc may be written out in the one above it.
func inlines(c *plan.Calc, cond expr.Node, exprs []expr.Node) bool {
	all := exprs
	if cond != nil {
		all = append(slices.Clip(exprs), cond)
	}
	uses := map[int]int{}
	for _, e := range all {
		expr.Walk(e, func(n expr.Node) bool {
			if r, ok := n.(*expr.InputRef); ok {
				uses[r.Index]++
			}
			return true
		})
	}
	for i, e := range c.Exprs {
		if !pure(e) && (uses[i] > 1 || cond != nil) {
			return false
		}
	}
	return c.Filter == nil || pure(c.Filter)
}

func sameColumns(exprs []expr.Node, names []string, in types.Schema) bool {
	if len(exprs) != len(in) {
		return false
	}
	for i, e := range exprs {
		r, ok := e.(*expr.InputRef)
		if !ok || r.Index != i || len(r.Path) > 0 || in[i].Name != names[i] {
			return false
		}
	}
	return true
}

// keeps returns the input column whose identity an expression keeps: the column
// itself, or a cast that maps different values to different ones. -1 for others.
func keeps(e expr.Node) int {
	for {
		c, ok := e.(*expr.Cast)
		if !ok {
			break
		}
		if !injective(c.Arg.Type(), c.To) {
			return -1
		}
		e = c.Arg
	}
	if r, ok := e.(*expr.InputRef); ok && len(r.Path) == 0 {
		return r.Index
	}
	return -1
}

// injective reports that a cast keeps different values different.
func injective(from, to types.Type) bool {
	switch {
	case types.SameIgnoringNull(from, to):
		return true
	case from.IsInteger() && to.IsInteger():
		return to.Kind >= from.Kind
	case from.Kind == types.VarChar && to.Kind == types.VarChar, from.Kind == types.Char && to.Kind == types.VarChar:
		return to.Prec >= from.Prec
	case from.Kind == types.VarBinary && to.Kind == types.VarBinary:
		return to.Prec >= from.Prec
	case from.IsInteger() && to.IsString():
		return to.Prec >= 20
	case from.Kind == types.Timestamp && to.Kind == types.Timestamp, from.Kind == types.TimestampLTZ && to.Kind == types.TimestampLTZ:
		return to.Prec >= from.Prec
	}
	return false
}

// mapKeys maps upsert keys to other columns; keys that lose one are lost.
func mapKeys(keys [][]int, pos func(int) int) [][]int {
	var out [][]int
	for _, k := range keys {
		m := make([]int, 0, len(k))
		for _, c := range k {
			p := pos(c)
			if p < 0 {
				m = nil
				break
			}
			m = append(m, p)
		}
		if m != nil || len(k) == 0 {
			if m == nil {
				m = []int{}
			}
			out = addKey(out, m)
		}
	}
	return out
}

// addKey adds a key unless one that it contains is there; larger ones go.
func addKey(keys [][]int, k []int) [][]int {
	slices.Sort(k)
	k = slices.Compact(k)
	for _, o := range keys {
		if subset(o, k) {
			return keys
		}
	}
	keys = slices.DeleteFunc(slices.Clone(keys), func(o []int) bool { return subset(k, o) })
	return append(keys, k)
}

// subset reports that all of a is in b.
func subset(a, b []int) bool {
	for _, x := range a {
		if !slices.Contains(b, x) {
			return false
		}
	}
	return true
}

func sameSet(a, b []int) bool { return subset(a, b) && subset(b, a) }

// shortest is the key with the fewest columns, the first of equal ones; nil for
// none.
func shortest(keys [][]int) []int {
	var best []int
	for _, k := range keys {
		if best == nil || len(k) < len(best) {
			best = k
		}
	}
	return best
}

func mapDist(d plan.Distribution, pos func(int) []int) plan.Distribution {
	if d.Kind != plan.Hash {
		return d
	}
	out := plan.Distribution{Kind: plan.Hash}
	for _, set := range d.Cols {
		var m []int
		for _, c := range set {
			m = append(m, pos(c)...)
		}
		if len(m) == 0 {
			return plan.Distribution{}
		}
		slices.Sort(m)
		out.Cols = append(out.Cols, slices.Compact(m))
	}
	return out
}

// plain is a schema without time attributes.
func plain(s types.Schema) types.Schema {
	out := slices.Clone(s)
	for i := range out {
		out[i].Type = out[i].Type.Plain()
	}
	return out
}

func (o *optimizer) values(n *logical.Values) plan.Node {
	v := &plan.Values{Rows: n.Rows}
	v.Schema, v.Span, v.Emits = n.Out, n.At, kI
	v.Dist = plan.Distribution{Kind: plan.Single}
	if len(n.Rows) <= 1 {
		v.UpsertKeys = [][]int{{}}
	}
	return o.intern(v)
}

func (o *optimizer) union(n *logical.Union) (plan.Node, error) {
	var ins []plan.Node
	for _, in := range n.Ins {
		p, err := o.conv(in)
		if err != nil {
			return nil, err
		}
		ins = append(ins, p)
	}
	return o.unionOf(ins, n.Ins[0].Schema(), n.At), nil
}

// unionOf puts inputs together, with columns named as in s.
func (o *optimizer) unionOf(ins []plan.Node, s types.Schema, at diag.Span) plan.Node {
	u := &plan.Union{}
	u.Span = at
	s = slices.Clone(s)
	for i, p := range ins {
		t := p.Info()
		u.Emits |= t.Emits
		for c := range s {
			if i == 0 {
				s[c].Type = t.Schema[c].Type
				continue
			}
			s[c].Type.NotNull = s[c].Type.NotNull && t.Schema[c].Type.NotNull
			if s[c].Type.Attr != t.Schema[c].Type.Attr {
				s[c].Type.Attr = types.NotTime
			}
		}
		if i == 0 {
			u.Dist = t.Dist
		} else if !sameDist(&u.Dist, t.Dist) {
			u.Dist = plan.Distribution{}
		}
		u.Ins = append(u.Ins, p)
	}
	if u.Dist.Kind != plan.Hash {
		u.Dist = plan.Distribution{}
	}
	u.Schema = s
	return o.intern(u)
}

// sameDist narrows d to the columns by which o deals rows too.
func sameDist(d *plan.Distribution, o plan.Distribution) bool {
	if d.Kind != plan.Hash || o.Kind != plan.Hash || len(d.Cols) != len(o.Cols) {
		return false
	}
	out := plan.Distribution{Kind: plan.Hash}
	for i := range d.Cols {
		var both []int
		for _, c := range d.Cols[i] {
			if slices.Contains(o.Cols[i], c) {
				both = append(both, c)
			}
		}
		if len(both) == 0 {
			return false
		}
		out.Cols = append(out.Cols, both)
	}
	*d = out
	return true
}
