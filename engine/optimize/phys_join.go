package optimize

import (
	"slices"
	"strconv"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/types"
)

// joiner holds a join while its form is looked for.
type joiner struct {
	o           *optimizer
	n           *logical.Join
	left, right plan.Node
	lw          int
	lk, rk      []int
	nullSafe    []bool
	residual    []expr.Node
	// More columns computed for keys, behind the inputs' own.
	lexprs, rexprs []expr.Node
}

func (o *optimizer) join(n *logical.Join) (plan.Node, error) {
	left, err := o.conv(n.Left)
	if err != nil {
		return nil, err
	}
	right, err := o.conv(n.Right)
	if err != nil {
		return nil, err
	}
	j := &joiner{o: o, n: n, left: left, right: right, lw: len(left.Info().Schema)}
	for _, c := range expr.Conjuncts(n.Cond) {
		if isFalse(c) && n.Type == plan.Inner {
			return o.values(logical.NewValues(nil, n.Schema(), n.At)), nil
		}
		j.condition(c)
	}
	return j.plan()
}

// condition takes an equality between the sides as a key, and anything else as
// residual.
func (j *joiner) condition(c expr.Node) {
	cmp, ok := c.(*expr.Compare)
	if ok && (cmp.Op == expr.Eq || cmp.Op == expr.NotDistinct) {
		l, r := cmp.L, cmp.R
		if j.side(l) == 1 && j.side(r) == 0 {
			l, r = r, l
		}
		if j.side(l) == 0 && j.side(r) == 1 && pure(c) {
			j.lk = append(j.lk, j.column(l, 0))
			j.rk = append(j.rk, j.column(expr.Shift(r, -j.lw), 1))
			j.nullSafe = append(j.nullSafe, cmp.Op == expr.NotDistinct)
			return
		}
	}
	j.residual = append(j.residual, c)
}

// side says which input an expression reads: 0 left, 1 right, 2 both, -1 none.
func (j *joiner) side(n expr.Node) int {
	s := -1
	for _, i := range expr.Refs(n) {
		k := 0
		if i >= j.lw {
			k = 1
		}
		if s >= 0 && s != k {
			return 2
		}
		s = k
	}
	return s
}

// column is the column of a side that holds an expression, added if need be.
func (j *joiner) column(n expr.Node, side int) int {
	if r, ok := n.(*expr.InputRef); ok && len(r.Path) == 0 {
		return r.Index
	}
	extra, in := &j.lexprs, j.left
	if side == 1 {
		extra, in = &j.rexprs, j.right
	}
	width := len(in.Info().Schema)
	for i, e := range *extra {
		if expr.Equal(e, n) {
			return width + i
		}
	}
	*extra = append(*extra, n)
	return width + len(*extra) - 1
}

// widen adds the computed key columns to an input.
func (j *joiner) widen(in plan.Node, extra []expr.Node, at diag.Span) plan.Node {
	if len(extra) == 0 {
		return in
	}
	s := in.Info().Schema
	names := s.Names()
	for i := range extra {
		names = append(names, "$k"+strconv.Itoa(i))
	}
	return j.o.calc(in, nil, append(logical.Refs(s), extra...), plan.Unique(names), at)
}

// plan finds the form of the join.
func (j *joiner) plan() (plan.Node, error) {
	return j.around(func() (plan.Node, error) {
		if w := j.windows(); w != nil {
			return j.windowJoin(w), nil
		}
		if b := j.bounds(); b != nil {
			return j.intervalJoin(b), nil
		}
		return j.regular()
	})
}

// around gives the inputs the columns computed for keys, makes a join of them and
// takes those columns away again.
func (j *joiner) around(form func() (plan.Node, error)) (plan.Node, error) {
	lw, rw := len(j.left.Info().Schema), len(j.right.Info().Schema)
	left, right := j.widen(j.left, j.lexprs, j.n.At), j.widen(j.right, j.rexprs, j.n.At)
	// Added columns of the left side move the right one in residuals.
	if d := len(j.lexprs); d > 0 {
		for i, c := range j.residual {
			j.residual[i] = expr.Remap(c, func(i int) int {
				if i >= lw {
					return i + d
				}
				return i
			})
		}
	}
	j.left, j.right, j.lw = left, right, len(left.Info().Schema)
	node, err := form()
	if err != nil {
		return nil, err
	}
	if len(j.lexprs) == 0 && (len(j.rexprs) == 0 || j.n.Type.LeftOnly()) {
		return node, nil
	}
	// Without the added columns again.
	s := node.Info().Schema
	var exprs []expr.Node
	add := func(from, n int) {
		for i := range n {
			exprs = append(exprs, expr.NewRef(from+i, s[from+i].Type, diag.Span{}))
		}
	}
	add(0, lw)
	if !j.n.Type.LeftOnly() {
		add(j.lw, rw)
	}
	return j.o.calc(node, nil, exprs, j.n.Schema().Names(), j.n.At), nil
}

func (j *joiner) cond(skip func(i int) bool) plan.Cond {
	c := plan.Cond{LeftKeys: []int{}, RightKeys: []int{}, Residual: expr.NewAnd(j.residual...)}
	for i := range j.lk {
		if skip == nil || !skip(i) {
			c.LeftKeys, c.RightKeys, c.NullSafe = append(c.LeftKeys, j.lk[i]), append(c.RightKeys, j.rk[i]), append(c.NullSafe, j.nullSafe[i])
		}
	}
	return c
}

// traits fills in what all joins have in common. keep tells whether time attributes
// survive.
func (j *joiner) traits(t *plan.Traits, left, right plan.Node, c plan.Cond, keep bool) {
	n := j.n
	t.Span = n.At
	t.Schema = slices.Clone(logical.JoinSchema(n.Type, left.Info().Schema, right.Info().Schema))
	names := make([]string, len(t.Schema))
	for i := range t.Schema {
		names[i] = t.Schema[i].Name
	}
	for i, name := range plan.Unique(names) {
		t.Schema[i].Name = name
	}
	if !keep {
		t.Schema = plain(t.Schema)
	}
	t.UpsertKeys = joinKeys(n.Type, left, right, c)
	t.Dist = joinDist(n.Type, left.Info().Dist, right.Info().Dist, c, len(left.Info().Schema))
}

// joinKeys derives the keys of a join's rows.
func joinKeys(t plan.JoinType, left, right plan.Node, c plan.Cond) [][]int {
	return keysOfJoin(t, left.Info().UpsertKeys, right.Info().UpsertKeys, len(left.Info().Schema), c)
}

// keysOfJoin is joinKeys for sides with keys lk and rk, the left one of lw columns.
func keysOfJoin(t plan.JoinType, lk, rk [][]int, lw int, c plan.Cond) [][]int {
	if t.LeftOnly() {
		return lk
	}
	shifted := make([][]int, len(rk))
	for i, k := range rk {
		for _, x := range k {
			shifted[i] = append(shifted[i], x+lw)
		}
		if shifted[i] == nil {
			shifted[i] = []int{}
		}
	}
	var out [][]int
	unique := func(keys [][]int, cols []int) bool {
		return slices.ContainsFunc(keys, func(k []int) bool { return subset(k, cols) })
	}
	// A row of a side that the other side matches at most once keeps its key, unless
	// that side is padded.
	if unique(rk, c.RightKeys) && !t.KeepsRight() {
		for _, k := range lk {
			out = addKey(out, slices.Clone(k))
		}
	}
	if unique(lk, c.LeftKeys) && !t.KeepsLeft() {
		for _, k := range shifted {
			out = addKey(out, slices.Clone(k))
		}
	}
	for _, a := range lk {
		for _, b := range shifted {
			out = addKey(out, append(slices.Clone(a), b...))
		}
	}
	return out
}

func joinDist(t plan.JoinType, l, r plan.Distribution, c plan.Cond, lw int) plan.Distribution {
	if l.Kind == plan.Single && r.Kind == plan.Single {
		return l
	}
	shift := func(d plan.Distribution) plan.Distribution {
		return mapDist(d, func(i int) []int { return []int{i + lw} })
	}
	switch t {
	case plan.FullOuter:
		return plan.Distribution{}
	case plan.RightOuter:
		return shift(r)
	case plan.Inner:
		if l.Kind != plan.Hash {
			return shift(r)
		}
		out := plan.Distribution{Kind: plan.Hash}
		for _, set := range l.Cols {
			s := slices.Clone(set)
			for i, k := range c.LeftKeys {
				if slices.Contains(set, k) {
					s = append(s, c.RightKeys[i]+lw)
				}
			}
			slices.Sort(s)
			out.Cols = append(out.Cols, slices.Compact(s))
		}
		return out
	}
	return l
}

// regular is the join that keeps both inputs.
func (j *joiner) regular() (plan.Node, error) {
	if !j.o.batch && j.o.s.Config.Enum("table.optimizer.delta-join.strategy") == "FORCE" {
		return nil, diag.At(j.n.At, diag.UnsupportedByFlink, "'table.optimizer.delta-join.strategy' = 'FORCE' asks for a delta join, which looks both tables up by an index, and no connector here has one").
			WithHint("SET 'table.optimizer.delta-join.strategy' = 'AUTO'")
	}
	if m := j.multiJoin(); m != nil {
		return m, nil
	}
	c := j.cond(nil)
	left, right := j.o.exchangeBoth(j.left, j.right, c.LeftKeys, c.RightKeys)
	n := &plan.Join{Type: j.n.Type, Cond: c}
	n.Left, n.Right = left, right
	n.LeftSide = j.storage(left, c.LeftKeys, j.n.TTL[0])
	n.RightSide = j.storage(right, c.RightKeys, j.n.TTL[1])
	j.traits(&n.Traits, left, right, c, false)
	le, re := left.Info().Emits, right.Info().Emits
	switch n.Type {
	case plan.Inner, plan.Semi:
		n.Emits = (le | re) & kIUD
	default:
		n.Emits = kIUD
	}
	n.PruneLeft, n.PruneRight = j.prunes(n)
	return j.o.intern(n), nil
}

// storage is what is known about a side.
func (j *joiner) storage(in plan.Node, keys []int, ttl int64) plan.JoinSide {
	t := in.Info()
	s := plan.JoinSide{Append: t.AppendOnly(), TTL: j.o.stateTTL(ttl)}
	for _, k := range t.UpsertKeys {
		if subset(k, keys) {
			s.UniqueKey, s.KeyInJoinKey = k, true
			return s
		}
	}
	s.UniqueKey = shortest(t.UpsertKeys)
	return s
}

// windows finds equal bounds of windows among the keys; nil when the join is not
// one of windows.
func (j *joiner) windows() *windowPair {
	lw, rw := j.left.Info().Windows, j.right.Info().Windows
	if lw == nil || rw == nil || lw.Start < 0 || lw.End < 0 || rw.Start < 0 || rw.End < 0 || !lw.Spec.SameWindows(rw.Spec) ||
		!j.left.Info().AppendOnly() || !j.right.Info().AppendOnly() {
		return nil
	}
	// Sessions have the same bounds only after an aggregation closed them.
	if lw.Spec.Kind == plan.Session && (!lw.Fired || !rw.Fired) {
		return nil
	}
	p := &windowPair{-1, -1, lw, rw}
	for i := range j.lk {
		switch {
		case j.lk[i] == lw.Start && j.rk[i] == rw.Start:
			p.start = i
		case j.lk[i] == lw.End && j.rk[i] == rw.End:
			p.end = i
		}
	}
	if p.start < 0 || p.end < 0 {
		return nil
	}
	return p
}

type windowPair struct {
	start, end  int // positions among the keys
	left, right *plan.WindowProps
}

func (j *joiner) windowJoin(w *windowPair) plan.Node {
	c := j.cond(func(i int) bool { return i == w.start || i == w.end })
	n := &plan.WindowJoin{
		Type: j.n.Type, Cond: c, Window: w.left.Spec, LeftStart: w.left.Start, LeftEnd: w.left.End,
		RightStart: w.right.Start, RightEnd: w.right.End,
	}
	n.Window.TimeCol, n.Window.PartitionBy = -1, nil
	// The bounds may deal rows too; new exchanges go by the other keys if there are
	// any.
	lk := append(slices.Clone(c.LeftKeys), w.left.Start, w.left.End)
	rk := append(slices.Clone(c.RightKeys), w.right.Start, w.right.End)
	left, right := j.left, j.right
	if positions(left.Info().Dist, lk) == nil && positions(right.Info().Dist, rk) == nil && len(c.LeftKeys) > 0 {
		lk, rk = c.LeftKeys, c.RightKeys
	}
	n.Left, n.Right = j.o.exchangeBoth(left, right, lk, rk)
	full := j.cond(nil)
	j.traits(&n.Traits, n.Left, n.Right, full, true)
	n.Emits = kI
	n.Windows = &plan.WindowProps{Spec: n.Window, Start: w.left.Start, End: w.left.End, Time: w.left.Time, Fired: true}
	return j.o.intern(n)
}

// bound is the range in which left time - right time lies.
type bound struct {
	left, right  int
	rowtime      bool
	lower, upper int64
	hasLo, hasHi bool
	used         []int // residuals that say it
}

// bounds recognises an interval join: both inputs only append and the times are
// bounded from both sides.
func (j *joiner) bounds() *bound {
	ls, rs := j.left.Info().Schema, j.right.Info().Schema
	if !j.left.Info().AppendOnly() || !j.right.Info().AppendOnly() || j.n.Type == plan.Anti {
		return nil
	}
	if j.n.Type == plan.Semi {
		return nil
	}
	var b *bound
	note := func(l, r int, op expr.CompareOp, c int64, residual int) {
		lt, rt := ls[l].Type, rs[r].Type
		if lt.Attr == types.NotTime || lt.Attr != rt.Attr || lt.Kind != rt.Kind {
			return
		}
		if b == nil {
			b = &bound{left: l, right: r, rowtime: lt.Attr == types.Rowtime}
		}
		if b.left != l || b.right != r {
			return
		}
		// left - right op c
		low := func(v int64) {
			if !b.hasLo || v > b.lower {
				b.lower, b.hasLo = v, true
			}
		}
		high := func(v int64) {
			if !b.hasHi || v < b.upper {
				b.upper, b.hasHi = v, true
			}
		}
		switch op {
		case expr.Eq:
			low(c)
			high(c)
		case expr.Ge:
			low(c)
		case expr.Gt:
			low(c + 1)
		case expr.Le:
			high(c)
		case expr.Lt:
			high(c - 1)
		default:
			return
		}
		if residual >= 0 {
			b.used = append(b.used, residual)
		}
	}
	for i := range j.lk {
		note(j.lk[i], j.rk[i], expr.Eq, 0, -1)
	}
	for i, c := range j.residual {
		cmp, ok := c.(*expr.Compare)
		if !ok {
			continue
		}
		lc, lo, ok1 := timeOffset(cmp.L)
		rc, ro, ok2 := timeOffset(cmp.R)
		op := cmp.Op
		if !ok1 || !ok2 {
			continue
		}
		if lc >= j.lw && rc < j.lw {
			lc, lo, rc, ro, op = rc, ro, lc, lo, op.Swap()
		}
		if lc >= j.lw || rc < j.lw {
			continue
		}
		// left + lo op right + ro
		note(lc, rc-j.lw, op, ro-lo, i)
	}
	if b == nil || !b.hasLo || !b.hasHi {
		return nil
	}
	return b
}

// timeOffset reads column ± constant interval, in milliseconds.
func timeOffset(n expr.Node) (col int, ms int64, ok bool) {
	switch n := n.(type) {
	case *expr.InputRef:
		return n.Index, 0, len(n.Path) == 0 && n.T.IsTimestamp()
	case *expr.Cast:
		if n.Implicit && n.Arg.Type().Kind == n.To.Kind && n.To.Prec >= n.Arg.Type().Prec {
			return timeOffset(n.Arg)
		}
	case *expr.Call:
		if len(n.Args) != 2 || n.Func.Name != "+" && n.Func.Name != "-" {
			return 0, 0, false
		}
		a, b := n.Args[0], n.Args[1]
		if n.Func.Name == "+" && a.Type().IsInterval() {
			a, b = b, a
		}
		l, isLit := b.(*expr.Literal)
		if !isLit || l.Type().Kind != types.IntervalDT || l.Col.IsNull(0) {
			return 0, 0, false
		}
		col, ms, ok = timeOffset(a)
		if n.Func.Name == "-" {
			return col, ms - l.Col.I64[0], ok
		}
		return col, ms + l.Col.I64[0], ok
	}
	return 0, 0, false
}

func (j *joiner) intervalJoin(b *bound) plan.Node {
	var rest []expr.Node
	for i, r := range j.residual {
		if !slices.Contains(b.used, i) {
			rest = append(rest, r)
		}
	}
	j.residual = rest
	c := j.cond(nil)
	n := &plan.IntervalJoin{Type: j.n.Type, Cond: c, LeftTime: b.left, RightTime: b.right, Rowtime: b.rowtime, Lower: b.lower, Upper: b.upper}
	if !j.o.batch {
		n.Cleanup = j.o.s.Config.Duration("table.exec.interval-join.min-cleanup-interval").Milliseconds()
	}
	n.Left, n.Right = j.o.exchangeBoth(j.left, j.right, c.LeftKeys, c.RightKeys)
	j.traits(&n.Traits, n.Left, n.Right, c, true)
	n.Emits = kI
	return j.o.intern(n)
}

// prunes finds sides whose stored rows stop to match at some watermark: the other
// side is the output of windows, so later rows have later bounds, and the condition
// keeps the bound near a timestamp of this side.
func (j *joiner) prunes(n *plan.Join) (left, right *plan.Prune) {
	for _, c := range j.residual {
		cmp, ok := c.(*expr.Compare)
		if !ok {
			continue
		}
		lc, lo, ok1 := timeOffset(cmp.L)
		rc, ro, ok2 := timeOffset(cmp.R)
		if !ok1 || !ok2 || (lc < j.lw) == (rc < j.lw) {
			continue
		}
		op := cmp.Op
		if lc >= j.lw {
			lc, lo, rc, ro, op = rc, ro, lc, lo, op.Swap()
		}
		rc -= j.lw
		// left + lo op right + ro
		switch op {
		case expr.Ge, expr.Gt: // right <= left + lo - ro
			if left == nil && !n.Type.KeepsLeft() && n.Type != plan.Anti && n.LeftSide.Append {
				left = pruneBy(j.left, lc, j.right, rc, lo-ro)
			}
		case expr.Le, expr.Lt: // left <= right + ro - lo
			if right == nil && !n.Type.KeepsRight() && !n.Type.LeftOnly() && n.RightSide.Append {
				right = pruneBy(j.right, rc, j.left, lc, ro-lo)
			}
		}
	}
	return left, right
}

// pruneBy: rows of own can match only rows of other whose column is at most their
// own column plus lag. It is exact when that column is a bound of windows that have
// fired, on event time without a zone: rows still to come have later ones.
func pruneBy(own plan.Node, col int, other plan.Node, otherCol int, lag int64) *plan.Prune {
	w := other.Info().Windows
	t := own.Info().Schema[col].Type
	if w == nil || !w.Fired || !other.Info().AppendOnly() || w.Spec.TimeType.Attr != types.Rowtime || w.Spec.TimeType.Kind != types.Timestamp ||
		t.Kind != types.Timestamp || t.Prec > 3 {
		return nil
	}
	switch otherCol {
	case w.End, w.Time:
		// A window to come ends after the watermark + 1; its time is one less.
	case w.Start:
		if w.Spec.Kind != plan.Tumble && w.Spec.Kind != plan.Hop {
			return nil
		}
		lag += w.Spec.Size
	default:
		return nil
	}
	return &plan.Prune{Col: col, Lag: max(lag, 0)}
}
