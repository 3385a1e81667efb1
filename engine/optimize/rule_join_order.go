package optimize

import (
	"math/bits"
	"slices"

	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/types"
)

// Limits of the search: a chain of up to shapesMax inputs is tried in every shape, one
// of up to orderMax input by input, and a longer one is left as it is.
const (
	shapesMax = 12
	orderMax  = 64
)

// orderJoins puts chains of inner joins into the order that leaves the fewest rows on
// the way, if the session asks for it. Joins that depend on time, on a hint or on values
// made at each call stay where they are. An order that has no better one stays as it was
// written: without statistics that is any in which tables meet by equal columns.
func (o *optimizer) orderJoins(n logical.Node) (logical.Node, error) {
	if !o.s.Config.Bool("table.optimizer.join-reorder-enabled") {
		return n, nil
	}
	return o.orderedJoins(n), nil
}

func (o *optimizer) orderedJoins(n logical.Node) logical.Node {
	if j, ok := n.(*logical.Join); ok && o.movable(j) {
		c := &joinChain{o: o}
		c.collect(j, 0)
		if len(c.leaves) > 2 && len(c.leaves) <= orderMax {
			if m := c.order(j); m != nil {
				return m
			}
		}
		return c.asWritten(j)
	}
	in := n.Inputs()
	if len(in) == 0 {
		return n
	}
	out := make([]logical.Node, len(in))
	for i, k := range in {
		out[i] = o.orderedJoins(k)
	}
	return n.With(out)
}

// movable reports an inner join that means the same at another place of its chain.
func (o *optimizer) movable(j *logical.Join) bool {
	if j.Type != plan.Inner || j.Hint != nil || j.Multi || j.TTL != [2]int64{-1, -1} {
		return false
	}
	switch j.Right.(type) {
	case *logical.Snapshot, *logical.LateralSnapshot:
		return false
	}
	conds := expr.Conjuncts(j.Cond)
	if slices.ContainsFunc(conds, func(c expr.Node) bool { return !pure(c) }) {
		return false
	}
	if o.batch {
		return true
	}
	windows := func(n logical.Node) bool { b := logical.BoundsOf(n); return b.Start >= 0 || b.End >= 0 }
	if windows(j.Left) && windows(j.Right) {
		return false
	}
	s := j.Schema()
	return !slices.ContainsFunc(conds, func(c expr.Node) bool {
		return slices.ContainsFunc(expr.Refs(c), func(i int) bool { return s[i].Type.Attr != types.NotTime })
	})
}

// joinChain is the inputs of a chain of joins and its conditions, which are over the
// columns of all inputs as they were written.
type joinChain struct {
	o      *optimizer
	leaves []logical.Node
	base   []int // first column of each input
	conds  []joinCond

	count int // of inputs
	rows  []float64
	ndv   [][]float64
}

// joinCond is a condition: the inputs it reads, whether it makes columns of two of them
// equal, and for what share of the pairs it holds.
type joinCond struct {
	e     expr.Node
	reads uint64
	equal bool
	share float64
}

// joinCost is what a shape is compared by: joins without equal columns, which are to be
// avoided whatever the numbers say, then the rows that all its joins give.
type joinCost struct {
	crosses int
	rows    float64
}

func (a joinCost) add(b joinCost) joinCost { return joinCost{a.crosses + b.crosses, a.rows + b.rows} }

// below reports a clearly lower cost: guesses that differ by rounding are the same.
func (a joinCost) below(b joinCost) bool {
	return a.crosses < b.crosses || a.crosses == b.crosses && a.rows < b.rows*(1-1e-9)
}

func (c *joinChain) collect(n logical.Node, base int) {
	if j, ok := n.(*logical.Join); ok && c.o.movable(j) {
		c.collect(j.Left, base)
		c.collect(j.Right, base+len(j.Left.Schema()))
		for _, e := range expr.Conjuncts(j.Cond) {
			c.conds = append(c.conds, joinCond{e: expr.Shift(e, base)})
		}
		return
	}
	c.leaves, c.base = append(c.leaves, c.o.orderedJoins(n)), append(c.base, base)
}

// asWritten puts the inputs, in which joins may have moved, back into their places.
func (c *joinChain) asWritten(n logical.Node) logical.Node {
	if j, ok := n.(*logical.Join); ok && c.o.movable(j) {
		return j.With([]logical.Node{c.asWritten(j.Left), c.asWritten(j.Right)})
	}
	leaf := c.leaves[0]
	c.leaves = c.leaves[1:]
	return leaf
}

// leafOf is the input that has a column.
func (c *joinChain) leafOf(col int) int {
	i, found := slices.BinarySearch(c.base, col)
	if !found {
		i--
	}
	// An input without columns begins where the next one does.
	for i+1 < len(c.base) && c.base[i+1] == c.base[i] {
		i++
	}
	return i
}

// order is the chain in its best order, or nil when that is the one written.
func (c *joinChain) order(j *logical.Join) logical.Node {
	if !c.estimate() {
		return nil
	}
	written := c.cost(c.shapeOf(j, new(int)))
	var best *joinShape
	if n := len(c.leaves); n <= shapesMax && n <= int(c.o.s.Config.Int("table.optimizer.bushy-join-reorder-threshold")) {
		best = c.anyShape()
	} else {
		best = c.oneByOne()
	}
	if !c.cost(best).below(written) {
		return nil
	}
	root, cols := c.build(best, j)
	s := j.Schema()
	exprs := make([]expr.Node, len(s))
	for at, col := range cols {
		exprs[col] = expr.NewRef(at, s[col].Type, j.At)
	}
	return logical.NewProject(root, exprs, s.Names(), j.At)
}

// estimate guesses rows of the inputs and shares of the conditions. It is false when an
// input has no plan; then planning says why.
func (c *joinChain) estimate() bool {
	c.count = len(c.leaves)
	for _, leaf := range c.leaves {
		// A plan of its own leaves no trace in this one.
		p, err := newOptimizer(c.o.s, c.o.opts).conv(leaf)
		if err != nil {
			return false
		}
		rows, ndv := plan.EstimateRows(p)
		c.rows, c.ndv = append(c.rows, max(rows, 1)), append(c.ndv, ndv)
	}
	distinct := func(e expr.Node) float64 {
		r, ok := e.(*expr.InputRef)
		if !ok || len(r.Path) > 0 {
			return 0
		}
		leaf := c.leafOf(r.Index)
		if at := r.Index - c.base[leaf]; at < len(c.ndv[leaf]) {
			return c.ndv[leaf][at]
		}
		return 0
	}
	for i := range c.conds {
		k := &c.conds[i]
		for _, col := range expr.Refs(k.e) {
			k.reads |= 1 << c.leafOf(col)
		}
		cmp, ok := k.e.(*expr.Compare)
		k.equal = ok && (cmp.Op == expr.Eq || cmp.Op == expr.NotDistinct) && bits.OnesCount64(k.reads) == 2
		if !k.equal {
			k.share = plan.Selectivity(false, 0, 0, 0, 0)
			continue
		}
		a, b := bits.TrailingZeros64(k.reads), 63-bits.LeadingZeros64(k.reads)
		k.share = plan.Selectivity(true, c.rows[a], c.rows[b], distinct(cmp.L), distinct(cmp.R))
	}
	return true
}

// joined guesses the rows of the join of a set of inputs, which do not depend on the
// order.
func (c *joinChain) joined(set uint64) float64 {
	rows := 1.0
	for s := set; s != 0; s &= s - 1 {
		rows *= c.rows[bits.TrailingZeros64(s)]
	}
	for _, k := range c.conds {
		if k.reads&^set == 0 && bits.OnesCount64(k.reads) > 1 {
			rows *= k.share
		}
	}
	return max(rows, 1)
}

// step is the cost of the join of two sets.
func (c *joinChain) step(a, b uint64) joinCost {
	cost := joinCost{1, c.joined(a | b)}
	for _, k := range c.conds {
		if k.equal && k.reads&^(a|b) == 0 && k.reads&a != 0 && k.reads&b != 0 {
			cost.crosses = 0
		}
	}
	return cost
}

// joinShape is a tree of joins: an input, or two shapes that are joined.
type joinShape struct {
	set         uint64
	leaf        int
	left, right *joinShape
}

// shapeOf is the shape that was written.
func (c *joinChain) shapeOf(n logical.Node, next *int) *joinShape {
	if j, ok := n.(*logical.Join); ok && c.o.movable(j) {
		l := c.shapeOf(j.Left, next)
		r := c.shapeOf(j.Right, next)
		return &joinShape{set: l.set | r.set, left: l, right: r}
	}
	*next++
	return &joinShape{set: 1 << (*next - 1), leaf: *next - 1}
}

// cost is that of all joins of a shape.
func (c *joinChain) cost(s *joinShape) joinCost {
	if s.left == nil {
		return joinCost{}
	}
	return c.cost(s.left).add(c.cost(s.right)).add(c.step(s.left.set, s.right.set))
}

// pair joins two shapes, the one with more rows on the left.
func (c *joinChain) pair(a, b *joinShape) *joinShape {
	ra, rb := c.joined(a.set), c.joined(b.set)
	if ra < rb || ra == rb && bits.TrailingZeros64(a.set) > bits.TrailingZeros64(b.set) {
		a, b = b, a
	}
	return &joinShape{set: a.set | b.set, left: a, right: b}
}

// anyShape finds the best of all shapes, from small sets to large ones.
func (c *joinChain) anyShape() *joinShape {
	n := c.count
	best := make([]*joinShape, 1<<n)
	cost := make([]joinCost, 1<<n)
	for i := range n {
		best[1<<i] = &joinShape{set: 1 << i, leaf: i}
	}
	for set := 1; set < 1<<n; set++ {
		if best[set] != nil {
			continue
		}
		split := 0
		for part := (set - 1) & set; part > set^part; part = (part - 1) & set {
			sum := cost[part].add(cost[set^part]).add(c.step(uint64(part), uint64(set^part)))
			if split == 0 || sum.below(cost[set]) {
				cost[set], split = sum, part
			}
		}
		best[set] = c.pair(best[split], best[set^split])
	}
	return best[1<<n-1]
}

// oneByOne begins with the two inputs whose join is smallest and adds the one that
// leaves the fewest rows each time.
func (c *joinChain) oneByOne() *joinShape {
	n := c.count
	leaf := func(i int) *joinShape { return &joinShape{set: 1 << i, leaf: i} }
	a, b, least := 0, 1, c.step(1, 2)
	for i := range n {
		for k := i + 1; k < n; k++ {
			if cost := c.step(1<<i, 1<<k); cost.below(least) {
				a, b, least = i, k, cost
			}
		}
	}
	s := c.pair(leaf(a), leaf(b))
	for bits.OnesCount64(s.set) < n {
		next, least := -1, joinCost{}
		for i := range n {
			if s.set&(1<<i) != 0 {
				continue
			}
			if cost := c.step(s.set, 1<<i); next < 0 || cost.below(least) {
				next, least = i, cost
			}
		}
		s = &joinShape{set: s.set | 1<<next, left: s, right: leaf(next)}
	}
	return s
}

// build makes the joins of a shape. cols are the columns of the chain in the order in
// which they come out. A condition stands at the first join that has what it reads.
func (c *joinChain) build(s *joinShape, top *logical.Join) (n logical.Node, cols []int) {
	if s.left == nil {
		leaf := c.leaves[s.leaf]
		for i := range leaf.Schema() {
			cols = append(cols, c.base[s.leaf]+i)
		}
		return leaf, cols
	}
	left, lc := c.build(s.left, top)
	right, rc := c.build(s.right, top)
	cols = append(lc, rc...)
	at := make(map[int]int, len(cols))
	for i, col := range cols {
		at[col] = i
	}
	var conds []expr.Node
	for i := range c.conds {
		k := &c.conds[i]
		if k.e != nil && k.reads&^s.set == 0 {
			conds = append(conds, expr.Remap(k.e, func(i int) int { return at[i] }))
			k.e = nil
		}
	}
	return &logical.Join{Place: top.Place, Type: plan.Inner, Left: left, Right: right, Cond: expr.NewAnd(conds...), TTL: [2]int64{-1, -1}}, cols
}
