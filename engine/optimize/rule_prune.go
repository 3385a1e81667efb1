package optimize

import (
	"slices"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/types"
)

// pruneColumns drops columns that nobody above reads.
func (o *optimizer) pruneColumns(n logical.Node) (logical.Node, error) {
	all := make([]bool, len(n.Schema()))
	for i := range all {
		all[i] = true
	}
	m, _ := prune(n, all)
	return m, nil
}

// prune gives n without the columns that are not needed, as far as that is worth
// it, and where each old column is now (-1 for a dropped one).
func prune(n logical.Node, need []bool) (logical.Node, []int) {
	switch n := n.(type) {
	case *logical.Project:
		return pruneProject(n, need)
	case *logical.Filter:
		needIn := slices.Clone(need)
		want(needIn, n.Cond)
		in, at := prune(n.In, needIn)
		return logical.NewFilter(in, remap(n.Cond, at), n.At), at
	case *logical.Values:
		keep, at := kept(need)
		rows := make([][]expr.Node, len(n.Rows))
		for i, r := range n.Rows {
			for _, k := range keep {
				rows[i] = append(rows[i], r[k])
			}
		}
		var out types.Schema
		for _, k := range keep {
			out = append(out, n.Out[k])
		}
		return logical.NewValues(rows, out, n.At), at
	case *logical.Join:
		return pruneJoin(n, need)
	case *logical.Snapshot:
		in, at := prune(n.In, need)
		return n.With([]logical.Node{in}), at
	case *logical.LateralSnapshot:
		return pruneSnapshot(n, need)
	case *logical.Aggregate:
		return pruneAggregate(n, need)
	case *logical.Window:
		return pruneWindow(n, need)
	case *logical.Correlate:
		return pruneCorrelate(n, need)
	case *logical.Predict:
		return prunePredict(n, need)
	case *logical.Over:
		return pruneOver(n, need)
	case *logical.Expand:
		return pruneExpand(n, need)
	case *logical.Match:
		return pruneMatch(n, need)
	case *logical.Rank:
		return pruneRank(n, need)
	case *logical.Union:
		keep, at := kept(need)
		ins := make([]logical.Node, len(n.Ins))
		for i, in := range n.Ins {
			ins[i] = exactly(in, keep)
		}
		return n.With(ins), at
	case *logical.Sort:
		needIn := slices.Clone(need)
		for _, k := range n.Keys {
			needIn[k.Col] = true
		}
		in, at := narrow(n.In, needIn)
		m := *n
		m.In, m.Keys = in, remapOrder(n.Keys, at)
		return &m, at
	}
	return n, identity(len(need))
}

func identity(n int) []int {
	at := make([]int, n)
	for i := range at {
		at[i] = i
	}
	return at
}

// kept lists the needed columns and where they are now.
func kept(need []bool) (keep, at []int) {
	at = make([]int, len(need))
	for i, y := range need {
		at[i] = -1
		if y {
			at[i] = len(keep)
			keep = append(keep, i)
		}
	}
	return keep, at
}

func want(need []bool, exprs ...expr.Node) {
	for _, i := range expr.Refs(exprs...) {
		if i < len(need) {
			need[i] = true
		}
	}
}

func remap(n expr.Node, at []int) expr.Node {
	if n == nil {
		return nil
	}
	return expr.Remap(n, func(i int) int { return at[i] })
}

func remapInts(l, at []int) []int {
	if l == nil {
		return nil
	}
	out := make([]int, len(l))
	for i, x := range l {
		out[i] = at[x]
	}
	return out
}

func remapOrder(l []plan.SortKey, at []int) []plan.SortKey {
	out := slices.Clone(l)
	for i := range out {
		out[i].Col = at[out[i].Col]
	}
	return out
}

func remapCalls(l []plan.AggCall, at []int) []plan.AggCall {
	out := slices.Clone(l)
	for i := range out {
		out[i].Args = remapInts(out[i].Args, at)
		if out[i].Filter >= 0 {
			out[i].Filter = at[out[i].Filter]
		}
	}
	return out
}

// narrow prunes n and cuts off columns that are still there without need, for
// readers that keep whole rows.
func narrow(n logical.Node, need []bool) (logical.Node, []int) {
	m, at := prune(n, need)
	extra := false
	left := make([]bool, len(m.Schema()))
	for i, y := range need {
		if y {
			left[at[i]] = true
		}
	}
	for _, y := range left {
		extra = extra || !y
	}
	if !extra {
		return m, at
	}
	keep, to := kept(left)
	s := m.Schema()
	var exprs []expr.Node
	var names []string
	for _, k := range keep {
		exprs, names = append(exprs, expr.NewRef(k, s[k].Type, diag.Span{})), append(names, s[k].Name)
	}
	out := make([]int, len(at))
	for i := range at {
		out[i] = -1
		if at[i] >= 0 {
			out[i] = to[at[i]]
		}
	}
	return logical.NewProject(m, exprs, names, n.Span()), out
}

// exactly gives the columns keep of n in that order.
func exactly(n logical.Node, keep []int) logical.Node {
	need := make([]bool, len(n.Schema()))
	for _, k := range keep {
		need[k] = true
	}
	m, at := prune(n, need)
	s := m.Schema()
	same := len(s) == len(keep)
	for i, k := range keep {
		same = same && at[k] == i
	}
	if same {
		return m
	}
	var exprs []expr.Node
	var names []string
	for _, k := range keep {
		exprs, names = append(exprs, expr.NewRef(at[k], s[at[k]].Type, diag.Span{})), append(names, s[at[k]].Name)
	}
	return logical.NewProject(m, exprs, names, n.Span())
}

func pruneProject(n *logical.Project, need []bool) (logical.Node, []int) {
	keep, at := kept(need)
	needIn := make([]bool, len(n.In.Schema()))
	for _, k := range keep {
		want(needIn, n.Exprs[k])
	}
	in, to := prune(n.In, needIn)
	var exprs []expr.Node
	var names []string
	out := n.Schema()
	for _, k := range keep {
		exprs, names = append(exprs, remap(n.Exprs[k], to)), append(names, out[k].Name)
	}
	return logical.NewProject(in, exprs, names, n.At), at
}

func pruneJoin(n *logical.Join, need []bool) (logical.Node, []int) {
	lw, rw := len(n.Left.Schema()), len(n.Right.Schema())
	needAll := make([]bool, lw+rw)
	copy(needAll, need)
	if n.Cond != nil {
		want(needAll, n.Cond)
	}
	needL, needR := needAll[:lw:lw], needAll[lw:]
	snap, isSnap := n.Right.(*logical.Snapshot)
	if isSnap {
		want(needL, snap.Time)
		if snap.VersionTime >= 0 {
			needR[snap.VersionTime] = true
		}
	}
	if s, ok := n.Right.(*logical.LateralSnapshot); ok && s.Time >= 0 {
		needR[s.Time] = true
	}
	left, la := narrow(n.Left, needL)
	var right logical.Node
	var ra []int
	if isSnap {
		in, to := narrow(snap.In, needR)
		s := *snap
		s.In, s.Time = in, remap(snap.Time, la)
		if snap.VersionTime >= 0 {
			s.VersionTime = to[snap.VersionTime]
		}
		right, ra = &s, to
	} else {
		right, ra = narrow(n.Right, needR)
	}
	nl := len(left.Schema())
	at := make([]int, lw+rw)
	copy(at, la)
	for i, x := range ra {
		at[lw+i] = -1
		if x >= 0 {
			at[lw+i] = nl + x
		}
	}
	m := *n
	m.Left, m.Right, m.Cond = left, right, remap(n.Cond, at)
	return &m, at[:len(need)]
}

func pruneAggregate(n *logical.Aggregate, need []bool) (logical.Node, []int) {
	m := *n
	m.Aggs = nil
	at := make([]int, len(need))
	for i := range n.Keys {
		at[i] = i
	}
	nk := len(n.Keys)
	for i, c := range n.Aggs {
		at[nk+i] = -1
		// A group without keys keeps an aggregate: it is what makes the row.
		last := len(n.Keys) == 0 && n.Window == nil && i == len(n.Aggs)-1 && len(m.Aggs) == 0
		if need[nk+i] || last {
			at[nk+i] = nk + len(m.Aggs)
			m.Aggs = append(m.Aggs, c)
		}
	}
	m.Props = nil
	for i, p := range n.Props {
		at[nk+len(n.Aggs)+i] = -1
		if need[nk+len(n.Aggs)+i] {
			at[nk+len(n.Aggs)+i] = nk + len(m.Aggs) + len(m.Props)
			m.Props = append(m.Props, p)
		}
	}
	needIn := make([]bool, len(n.In.Schema()))
	for _, k := range n.Keys {
		needIn[k] = true
	}
	wantCalls(needIn, m.Aggs)
	if n.Window != nil {
		needIn[n.Window.TimeCol] = true
	}
	in, to := prune(n.In, needIn)
	m.In, m.Keys, m.Aggs = in, remapInts(n.Keys, to), remapCalls(m.Aggs, to)
	if n.Window != nil {
		w := *n.Window
		w.TimeCol = to[w.TimeCol]
		m.Window = &w
	}
	return &m, at
}

func wantCalls(need []bool, calls []plan.AggCall) {
	for _, c := range calls {
		for _, a := range c.Args {
			need[a] = true
		}
		if c.Filter >= 0 {
			need[c.Filter] = true
		}
	}
}

func pruneWindow(n *logical.Window, need []bool) (logical.Node, []int) {
	width := len(n.In.Schema())
	needIn := slices.Clone(need[:width])
	needIn[n.Spec.TimeCol] = true
	for _, p := range n.Spec.PartitionBy {
		needIn[p] = true
	}
	in, to := prune(n.In, needIn)
	m := *n
	m.In = in
	m.Spec.TimeCol, m.Spec.PartitionBy = to[n.Spec.TimeCol], remapInts(n.Spec.PartitionBy, to)
	at := slices.Clone(to)
	for i := range 3 {
		at = append(at, len(in.Schema())+i)
	}
	return &m, at
}

func pruneOver(n *logical.Over, need []bool) (logical.Node, []int) {
	width := len(n.In.Schema())
	m := *n
	m.Calls = nil
	at := make([]int, len(need))
	for i, c := range n.Calls {
		at[width+i] = -1
		if need[width+i] {
			at[width+i] = len(m.Calls)
			m.Calls = append(m.Calls, c)
		}
	}
	if len(m.Calls) == 0 {
		in, to := prune(n.In, need[:width])
		copy(at, to)
		return in, at
	}
	needIn := slices.Clone(need[:width])
	for _, p := range n.PartitionBy {
		needIn[p] = true
	}
	for _, s := range n.OrderBy {
		needIn[s.Col] = true
	}
	wantCalls(needIn, m.Calls)
	in, to := narrow(n.In, needIn)
	m.In, m.PartitionBy, m.OrderBy, m.Calls = in, remapInts(n.PartitionBy, to), remapOrder(n.OrderBy, to), remapCalls(m.Calls, to)
	copy(at, to)
	for i := range n.Calls {
		if at[width+i] >= 0 {
			at[width+i] += len(in.Schema())
		}
	}
	return &m, at
}

func pruneRank(n *logical.Rank, need []bool) (logical.Node, []int) {
	width := len(n.In.Schema())
	needIn := slices.Clone(need[:width])
	for _, p := range n.PartitionBy {
		needIn[p] = true
	}
	for _, s := range n.OrderBy {
		needIn[s.Col] = true
	}
	if n.ToCol >= 0 {
		needIn[n.ToCol] = true
	}
	in, to := narrow(n.In, needIn)
	m := *n
	m.In, m.PartitionBy, m.OrderBy = in, remapInts(n.PartitionBy, to), remapOrder(n.OrderBy, to)
	if n.ToCol >= 0 {
		m.ToCol = to[n.ToCol]
	}
	at := slices.Clone(to)
	if n.OutputRank {
		m.OutputRank = need[width]
		pos := -1
		if m.OutputRank {
			pos = len(in.Schema())
		}
		at = append(at, pos)
	}
	return &m, at
}
