package optimize

import (
	"slices"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
)

// lateralSnapshot is a join with what SNAPSHOT(TABLE t) has when a row passes. A batch
// has the whole table, so there it is a join like any other.
func (o *optimizer) lateralSnapshot(n *logical.Join, s *logical.LateralSnapshot) (plan.Node, error) {
	if n.Type != plan.Inner && n.Type != plan.LeftOuter {
		return nil, diag.At(n.At, diag.UnsupportedByFlink, "LATERAL SNAPSHOT join only supports INNER JOIN and LEFT OUTER JOIN")
	}
	m := *n
	m.Right = s.In
	left, err := o.conv(n.Left)
	if err != nil {
		return nil, err
	}
	right, err := o.conv(s.In)
	if err != nil {
		return nil, err
	}
	j := &joiner{o: o, n: &m, left: left, right: right, lw: len(left.Info().Schema)}
	for _, c := range expr.Conjuncts(n.Cond) {
		if isFalse(c) && n.Type == plan.Inner {
			return o.values(logical.NewValues(nil, n.Schema(), n.At)), nil
		}
		j.condition(c)
	}
	if len(j.lk) == 0 {
		return nil, diag.At(n.At, diag.InvalidQuery, "LATERAL SNAPSHOT join requires at least one equality predicate").
			WithHint("ON a.k = s.k")
	}
	if o.batch {
		return j.around(j.regular)
	}
	if err := o.appendOnly(left, "the left input of a LATERAL SNAPSHOT join", n.At); err != nil {
		return nil, err
	}
	return j.around(func() (plan.Node, error) {
		c := j.cond(nil)
		p := &plan.SnapshotJoin{Type: n.Type, Cond: c, RightTime: s.Time, SnapshotLoad: s.SnapshotLoad}
		p.Left, p.Right = o.exchangeBoth(j.left, j.right, c.LeftKeys, c.RightKeys)
		j.traits(&p.Traits, p.Left, p.Right, c, true)
		lw := len(p.Left.Info().Schema)
		copy(p.Schema[lw:], plain(slices.Clone(p.Schema[lw:])))
		// The row of a key is another one later, so that a left row is no key of what
		// comes out unless it is one by itself; inserts need none.
		p.UpsertKeys, p.Emits, p.Windows = nil, kI, p.Left.Info().Windows
		return o.intern(p), nil
	})
}

// aloneSnapshot: SNAPSHOT is no table by itself.
func aloneSnapshot(s *logical.LateralSnapshot) error {
	return diag.At(s.At, diag.UnsupportedByFlink, "SNAPSHOT can only be the right side of a join with LATERAL").
		WithHint("FROM a JOIN LATERAL TABLE(SNAPSHOT(input => TABLE b)) AS s ON a.k = s.k")
}

// pruneSnapshot keeps the event time of the table, which its join reads.
func pruneSnapshot(n *logical.LateralSnapshot, need []bool) (logical.Node, []int) {
	need = slices.Clone(need)
	if n.Time >= 0 {
		need[n.Time] = true
	}
	in, at := narrow(n.In, need)
	s := *n
	s.In = in
	if n.Time >= 0 {
		s.Time = at[n.Time]
	}
	return &s, at
}
