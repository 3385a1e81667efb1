package optimize

import (
	"slices"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
)

// snapshotJoin is a join with a table as of the left row's time: of its versions by
// event time, or by point reads at processing time.
func (o *optimizer) snapshotJoin(n *logical.Join, s *logical.Snapshot) (plan.Node, error) {
	if n.Type != plan.Inner && n.Type != plan.LeftOuter {
		return nil, diag.At(n.At, diag.UnsupportedByFlink, "a join with FOR SYSTEM_TIME AS OF is INNER or LEFT").
			WithHint("LEFT JOIN keeps rows without a version")
	}
	if s.VersionTime >= 0 {
		return o.temporal(n, s)
	}
	return o.lookup(n, s)
}

// temporal joins with the versions of a table by event time.
func (o *optimizer) temporal(n *logical.Join, s *logical.Snapshot) (plan.Node, error) {
	left, err := o.conv(n.Left)
	if err != nil {
		return nil, err
	}
	in, keys := s.In, []int(nil)
	if o.batch {
		// A batch knows only the last row of a view that keeps the last row; what is
		// joined are the rows below, each a version of its own.
		in, keys = versionsOf(in)
	}
	right, err := o.conv(in)
	if err != nil {
		return nil, err
	}
	j := &joiner{o: o, n: n, left: left, right: right, lw: len(left.Info().Schema)}
	for _, c := range expr.Conjuncts(n.Cond) {
		j.condition(c)
	}
	uniques := right.Info().UpsertKeys
	if keys != nil {
		uniques = [][]int{keys}
	}
	key := shortest(slices.DeleteFunc(slices.Clone(uniques), func(k []int) bool { return len(k) == 0 || !subset(k, j.rk) }))
	if key == nil {
		return nil, missingKey(n, s)
	}
	return j.around(func() (plan.Node, error) { return j.temporalJoin(s, key) })
}

// missingKey is why the versions of the right side cannot be told apart.
func missingKey(n *logical.Join, s *logical.Snapshot) error {
	list := versionKey(s.In)
	if list == "" {
		return diag.At(s.At, diag.MissingPrimaryKey, "%s has no primary key, and its versions are told apart by one", s.Name).
			WithHint("declare PRIMARY KEY (...) NOT ENFORCED, or join a view that keeps the last row of a key by ROW_NUMBER() ... = 1")
	}
	return diag.At(n.At, diag.InvalidQuery, "the primary key (%s) of %s must be among the equalities of a temporal join", list, s.Name)
}

// versionKey names the columns of a table's key, or those by which a view keeps one
// row; "" where there is neither.
func versionKey(n logical.Node) string {
	switch n := n.(type) {
	case *logical.Project:
		return versionKey(n.In)
	case *logical.Filter:
		return versionKey(n.In)
	case *logical.Rank:
		if n.From == 1 && n.To == 1 {
			return colNames(n.PartitionBy, n.In.Schema())
		}
	case *logical.Aggregate:
		return colNames(n.Keys, n.In.Schema())
	case *logical.Scan:
		return colNames(n.Conn.PrimaryKey, n.Out)
	}
	return ""
}

// versionsOf is a table without the deduplication that keeps its last row by time, and
// the key of that deduplication.
func versionsOf(n logical.Node) (logical.Node, []int) {
	switch n := n.(type) {
	case *logical.Project:
		in, key := versionsOf(n.In)
		if key == nil {
			return n, nil
		}
		var out []int
		for _, k := range key {
			i := slices.IndexFunc(n.Exprs, func(e expr.Node) bool {
				r, ok := e.(*expr.InputRef)
				return ok && len(r.Path) == 0 && r.Index == k
			})
			if i < 0 {
				return n, nil
			}
			out = append(out, i)
		}
		return n.With([]logical.Node{in}), out
	case *logical.Rank:
		if n.Kind == plan.RowNumber && n.ToCol < 0 && n.From == 1 && n.To == 1 && !n.OutputRank && len(n.OrderBy) == 1 && n.OrderBy[0].Desc && len(n.PartitionBy) > 0 {
			return n.In, n.PartitionBy
		}
	}
	return n, nil
}

// temporalJoin makes the node. Equalities with other columns than the key's are part
// of the rest of the condition: a new version ends the one before it even if they
// differ.
func (j *joiner) temporalJoin(s *logical.Snapshot, key []int) (plan.Node, error) {
	ls, rs := j.left.Info().Schema, j.right.Info().Schema
	rest := j.residual
	c := j.cond(func(i int) bool { return !slices.Contains(key, j.rk[i]) })
	for i, k := range j.rk {
		if slices.Contains(key, k) {
			continue
		}
		l, r := expr.NewRef(j.lk[i], ls[j.lk[i]].Type, j.n.At), expr.NewRef(j.lw+k, rs[k].Type, j.n.At)
		op := expr.Eq
		if j.nullSafe[i] {
			op = expr.NotDistinct
		}
		eq, err := expr.NewCompare(op, l, r, j.n.At)
		if err != nil {
			return nil, err
		}
		rest = append(rest, eq)
	}
	c.Residual = expr.NewAnd(rest...)
	n := &plan.TemporalJoin{Type: j.n.Type, Cond: c, LeftTime: s.Time.(*expr.InputRef).Index, RightTime: s.VersionTime, TTL: j.o.stateTTL(j.n.TTL[1])}
	n.Left, n.Right = j.o.exchangeBoth(j.left, j.right, c.LeftKeys, c.RightKeys)
	j.traits(&n.Traits, n.Left, n.Right, c, true)
	lw := len(n.Left.Info().Schema)
	copy(n.Schema[lw:], plain(n.Schema[lw:])) // a version's time may lie behind the watermark
	n.Emits, n.Windows = n.Left.Info().Emits, n.Left.Info().Windows
	return j.o.intern(n), nil
}
