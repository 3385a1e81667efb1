package optimize

import (
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/types"
)

func (o *optimizer) convRank(n *logical.Rank) (plan.Node, error) {
	in, err := o.conv(n.In)
	if err != nil {
		return nil, err
	}
	one := n.Kind == plan.RowNumber && n.ToCol < 0 && n.From == 1 && n.To == 1
	if node := o.windowRank(n, in, one); node != nil {
		return node, nil
	}
	if one && len(n.OrderBy) == 1 && in.Info().AppendOnly() && !o.batch {
		if attr := in.Info().Schema[n.OrderBy[0].Col].Type.Attr; attr != types.NotTime {
			return o.dedup(n, in, attr == types.Rowtime), nil
		}
	}
	r := &plan.Rank{
		Kind: n.Kind, PartitionBy: n.PartitionBy, OrderBy: n.OrderBy, From: n.From, To: n.To, ToCol: n.ToCol,
		OutputRank: n.OutputRank, TTL: o.stateTTL(-1),
	}
	r.In = o.exchange(in, n.PartitionBy)
	t := r.In.Info()
	r.Strategy, r.UniqueKey = strategy(r.In, n.PartitionBy, n.OrderBy)
	if n.ToCol >= 0 && r.Strategy == plan.UpdateFast {
		r.Strategy = plan.Retract
	}
	r.Span, r.Dist = n.At, t.Dist
	r.Schema = rankSchema(n, t.Schema)
	r.Emits = kIUD
	if t.AppendOnly() && t.Schema[n.OrderBy[0].Col].Type.Attr == types.Proctime && !n.OrderBy[0].Desc && len(n.OrderBy) == 1 && !o.batch {
		r.Emits = kI // the first rows stay the first
	}
	r.UpsertKeys = rankKeys(n, t.UpsertKeys, len(t.Schema), one)
	if r.Emits != kI && !o.batch && (n.OutputRank || n.From > 1 || one && r.Strategy != plan.Retract) {
		// Places are updated, not rows: a +U puts another row where one stood, and a row
		// that moves is told of at its new place before it is taken from the old one.
		r.UpsertKeys = rankKeys(n, nil, len(t.Schema), one)
	}
	return o.intern(r), nil
}

func rankSchema(n *logical.Rank, in types.Schema) types.Schema {
	s := slices.Clone(in)
	if n.OutputRank {
		s = append(s, types.Field{Name: n.Name, Type: types.BigIntT.Nullable(false)})
	}
	return s
}

// rankKeys: the input's keys, partition and number, and the partition alone when
// one row is kept of it.
func rankKeys(n *logical.Rank, in [][]int, width int, one bool) [][]int {
	var out [][]int
	if one || n.Kind == plan.RowNumber && n.ToCol < 0 && n.From == n.To {
		out = addKey(out, slices.Clone(n.PartitionBy))
	} else if n.OutputRank && n.Kind == plan.RowNumber {
		out = addKey(out, append(slices.Clone(n.PartitionBy), width))
	}
	for _, k := range in {
		if subset(n.PartitionBy, k) || len(n.PartitionBy) == 0 {
			out = addKey(out, slices.Clone(k))
		}
	}
	return out
}

// strategy chooses what a Top-N keeps.
func strategy(in plan.Node, partition []int, order []plan.SortKey) (plan.RankStrategy, []int) {
	t := in.Info()
	if t.AppendOnly() {
		return plan.AppendFast, nil
	}
	if t.HasDeletes() {
		return plan.Retract, shortest(t.UpsertKeys)
	}
	for _, k := range t.UpsertKeys {
		if !subset(partition, k) {
			continue
		}
		ok := true
		for _, s := range order {
			m := trend(in, s.Col)
			ok = ok && (m == steady || m == rising && s.Desc || m == falling && !s.Desc)
		}
		if ok {
			return plan.UpdateFast, k
		}
	}
	return plan.Retract, shortest(t.UpsertKeys)
}

// How a column changes when its row is updated.
const (
	unknown = iota
	steady
	rising
	falling
)

// trend says how updates move a column.
func trend(n plan.Node, col int) int {
	switch n := n.(type) {
	case *plan.Exchange:
		return trend(n.In, col)
	case *plan.Calc:
		if n.Filter != nil {
			return unknown
		}
		if c := keeps(n.Exprs[col]); c >= 0 {
			return trend(n.In, c)
		}
	case *plan.GroupAggregate:
		if n.InputRetracts {
			return unknown
		}
		if col < len(n.Keys) {
			return steady
		}
		switch n.Aggs[col-len(n.Keys)].Func {
		case "COUNT", "MAX":
			return rising
		case "MIN":
			return falling
		}
	}
	return unknown
}

// dedup keeps the first or last row of a key by time.
func (o *optimizer) dedup(n *logical.Rank, in plan.Node, rowtime bool) plan.Node {
	d := &plan.Deduplicate{
		Keys: n.PartitionBy, KeepLast: n.OrderBy[0].Desc, TimeCol: n.OrderBy[0].Col, Rowtime: rowtime, TTL: o.stateTTL(-1),
		AnyKind: !o.s.Config.Bool("table.exec.deduplicate.insert-update-after-sensitive-enabled"),
	}
	d.In = o.exchange(in, n.PartitionBy)
	t := d.In.Info()
	d.Span, d.Schema, d.Dist = n.At, t.Schema, t.Dist
	d.Emits = kI
	if d.KeepLast {
		d.Emits = kIUD
	}
	d.UpsertKeys = [][]int{slices.Sorted(slices.Values(n.PartitionBy))}
	if len(n.PartitionBy) == 0 {
		d.UpsertKeys = [][]int{{}}
	}
	return o.withRank(o.intern(d), n)
}

// withRank adds the number, which is 1, where it is read.
func (o *optimizer) withRank(in plan.Node, n *logical.Rank) plan.Node {
	if !n.OutputRank {
		return in
	}
	s := in.Info().Schema
	exprs := append(logical.Refs(s), constant(types.BigIntT, n.At, int64(1)))
	return o.calc(in, nil, exprs, append(slices.Clip(s.Names()), n.Name), n.At)
}

// windowRank is a Top-N or deduplication inside of windows: final when the window
// ends.
func (o *optimizer) windowRank(n *logical.Rank, in plan.Node, one bool) plan.Node {
	t := in.Info()
	w := t.Windows
	if w == nil || w.Start < 0 || w.End < 0 || !t.AppendOnly() || n.Kind != plan.RowNumber || n.ToCol >= 0 ||
		!slices.Contains(n.PartitionBy, w.Start) || !slices.Contains(n.PartitionBy, w.End) {
		return nil
	}
	var keys []int
	for _, p := range n.PartitionBy {
		if p != w.Start && p != w.End && p != w.Time {
			keys = append(keys, p)
		}
	}
	dealBy := keys
	if len(keys) == 0 {
		dealBy = []int{w.Start, w.End}
	}
	in = o.exchange(in, dealBy)
	t = in.Info()
	props := *w
	props.Fired = true
	spec := w.Spec
	spec.TimeCol, spec.PartitionBy = -1, nil
	if one && len(n.OrderBy) == 1 && t.Schema[n.OrderBy[0].Col].Type.Attr == types.Rowtime {
		d := &plan.WindowDedup{Window: spec, StartCol: w.Start, EndCol: w.End, Keys: keys, KeepLast: n.OrderBy[0].Desc, TimeCol: n.OrderBy[0].Col}
		d.In, d.Span, d.Schema, d.Dist, d.Emits, d.Windows = in, n.At, t.Schema, t.Dist, kI, &props
		d.UpsertKeys = addKey(t.UpsertKeys, append(slices.Clone(keys), w.End))
		return o.withRank(o.intern(d), n)
	}
	r := &plan.WindowTopN{Window: spec, StartCol: w.Start, EndCol: w.End, PartitionBy: keys, OrderBy: n.OrderBy, From: n.From, To: n.To, OutputRank: n.OutputRank}
	r.In, r.Span, r.Dist, r.Emits, r.Windows = in, n.At, t.Dist, kI, &props
	r.Schema = rankSchema(n, t.Schema)
	r.UpsertKeys = t.UpsertKeys
	if n.OutputRank {
		r.UpsertKeys = addKey(r.UpsertKeys, append(slices.Clone(keys), w.End, len(t.Schema)))
	}
	if one {
		r.UpsertKeys = addKey(r.UpsertKeys, append(slices.Clone(keys), w.End))
	}
	return o.intern(r)
}

// over is an OVER aggregate that is not a Top-N.
func (o *optimizer) over(n *logical.Over) (plan.Node, error) {
	in, err := o.conv(n.In)
	if err != nil {
		return nil, err
	}
	is := in.Info().Schema
	a := &plan.OverAggregate{PartitionBy: n.PartitionBy, OrderBy: n.OrderBy, Rows: n.Rows, Lo: n.Lo, Hi: n.Hi, Calls: o.calls(n.Calls, in), InputRetracts: retracts(in), TTL: o.stateTTL(-1)}
	if err := userCalls(n.Calls, n.Lo.Kind != plan.UnboundedPreceding, ""); err != nil {
		return nil, err
	}
	a.Emits = kI
	if !o.batch {
		if err := o.streamingOver(n, in, a); err != nil {
			return nil, err
		}
	}
	a.In = o.exchange(in, n.PartitionBy)
	a.Span, a.Dist = n.At, a.In.Info().Dist
	a.Schema = append(slices.Clone(is), n.Schema()[len(is):]...)
	a.UpsertKeys = a.In.Info().UpsertKeys
	return o.intern(a), nil
}

// streamingOver checks what a stream allows.
func (o *optimizer) streamingOver(n *logical.Over, in plan.Node, a *plan.OverAggregate) error {
	is := in.Info().Schema
	for _, c := range n.Calls {
		switch c.Func {
		case "LEAD", "NTILE", "CUME_DIST", "PERCENT_RANK":
			return diag.At(n.At, diag.UnsupportedByFlink, "%s is for batch mode: it looks ahead", c.Func)
		}
	}
	if len(n.OrderBy) == 0 {
		return diag.At(n.At, diag.UnsupportedByFlink, "an OVER aggregate on a stream needs an ORDER BY").
			WithHint("OVER (PARTITION BY a ORDER BY ts) up to the current row; GROUP BY if one result a key is wanted")
	}
	first := n.OrderBy[0]
	a.Time = is[first.Col].Type.Attr
	if a.Time != types.NotTime {
		if first.Desc || len(n.OrderBy) > 1 {
			return diag.At(n.At, diag.UnsupportedByFlink, "an OVER aggregate on a stream is ordered by one ascending time attribute").
				WithHint("a ROW_NUMBER() with a condition on it is a Top-N, which takes any order")
		}
		return o.appendOnly(in, "an OVER aggregate ordered by time", n.At)
	}
	if n.Lo.Kind != plan.UnboundedPreceding {
		return diag.At(n.At, diag.UnsupportedByFlink, "a bounded frame on a stream must be ordered by a time attribute, and %s is none", is[first.Col].Name).
			WithHint("ORDER BY a column with a WATERMARK or one made by PROCTIME(), or leave the frame out")
	}
	if slices.ContainsFunc(n.Calls, func(c plan.AggCall) bool { return c.Func == "LAG" }) {
		return diag.At(n.At, diag.UnsupportedByFlink, "LAG on a stream must be ordered by a time attribute, and %s is none", is[first.Col].Name)
	}
	a.Emits = kIUD
	return nil
}

func (o *optimizer) sort(n *logical.Sort) (plan.Node, error) {
	in, err := o.conv(n.In)
	if err != nil {
		return nil, err
	}
	if len(n.Keys) == 0 {
		return o.limit(n, in), nil
	}
	if n.Fetch == plan.NoLimit && o.batch {
		if rows := o.s.Config.Int("table.exec.sort.default-limit"); rows > 0 && n.Offset == 0 {
			limited := *n
			n = &limited
			n.Fetch = int64(rows)
		}
	}
	if n.Fetch == plan.NoLimit {
		return o.fullSort(n, in)
	}
	s := &plan.SortLimit{OrderBy: n.Keys, Offset: n.Offset, Fetch: n.Fetch, TTL: o.stateTTL(-1)}
	s.In = o.exchange(in, nil)
	t := s.In.Info()
	s.Strategy, s.UniqueKey = strategy(s.In, nil, n.Keys)
	s.Span, s.Schema, s.Dist, s.Emits = n.At, t.Schema, t.Dist, kIUD
	s.UpsertKeys = t.UpsertKeys
	if n.Offset > 0 && !o.batch {
		s.UpsertKeys = nil // places are updated, not rows
	}
	if n.Fetch <= 1 {
		s.UpsertKeys = [][]int{{}}
	}
	if o.batch {
		s.Emits = kI
	}
	return o.intern(s), nil
}

func (o *optimizer) fullSort(n *logical.Sort, in plan.Node) (plan.Node, error) {
	if o.batch {
		s := &plan.Sort{OrderBy: n.Keys, Offset: n.Offset, Fetch: n.Fetch}
		s.In = o.exchange(in, nil)
		t := s.In.Info()
		s.Span, s.Schema, s.Dist, s.Emits, s.UpsertKeys = n.At, t.Schema, t.Dist, kI, t.UpsertKeys
		return o.intern(s), nil
	}
	k := n.Keys[0]
	f := in.Info().Schema[k.Col]
	if f.Type.Attr != types.NotTime && k.Desc {
		return nil, diag.At(n.At, diag.UnsupportedByFlink, "sorting a stream by time goes upwards, and %s does not", sortName(f.Name, k)).
			WithHint("leave DESC out, add LIMIT n for a Top-N, or SET 'execution.runtime-mode' = 'batch'")
	}
	if f.Type.Attr == types.NotTime {
		return nil, diag.At(n.At, diag.UnsupportedByFlink, "sorting a stream needs an ascending time attribute first, and %s is none", sortName(f.Name, k)).
			WithHint("add LIMIT n for a Top-N, or SET 'execution.runtime-mode' = 'batch'")
	}
	if err := o.appendOnly(in, "ORDER BY time", n.At); err != nil {
		return nil, err
	}
	s := &plan.TemporalSort{OrderBy: n.Keys, Rowtime: f.Type.Attr == types.Rowtime}
	s.In = o.exchange(in, nil)
	t := s.In.Info()
	s.Span, s.Schema, s.Dist, s.Emits, s.UpsertKeys, s.Windows = n.At, t.Schema, t.Dist, kI, t.UpsertKeys, t.Windows
	return o.intern(s), nil
}

func sortName(name string, k plan.SortKey) string {
	if strings.HasPrefix(name, "$") {
		return "the first expression" // it is sorted by, but not selected
	}
	if k.Desc {
		return name + " DESC"
	}
	return name
}

func (o *optimizer) limit(n *logical.Sort, in plan.Node) plan.Node {
	l := &plan.Limit{Offset: n.Offset, Fetch: n.Fetch, InputRetracts: retracts(in), TTL: o.stateTTL(-1)}
	l.In = o.exchange(in, nil)
	t := l.In.Info()
	l.Span, l.Schema, l.Dist, l.UpsertKeys = n.At, t.Schema, t.Dist, t.UpsertKeys
	l.Emits = kI
	if retracts(in) {
		l.Emits = kIUD
	}
	if n.Offset > 0 && l.Emits != kI && !o.batch {
		l.UpsertKeys = nil
	}
	if n.Fetch >= 0 && n.Fetch <= 1 {
		l.UpsertKeys = [][]int{{}}
	}
	return o.intern(l)
}
