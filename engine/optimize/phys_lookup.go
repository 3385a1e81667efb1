package optimize

import (
	"slices"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/types"
)

// lookup joins with a table as of processing time, by point reads.
func (o *optimizer) lookup(n *logical.Join, s *logical.Snapshot) (plan.Node, error) {
	exprs, filter, scan := tableOf(s.In)
	if scan == nil {
		return nil, diag.At(s.At, diag.UnsupportedByFlink, "FOR SYSTEM_TIME AS OF takes a table, not a query")
	}
	if scan.Connector.Lookup == nil {
		e := diag.At(s.At, diag.UnsupportedByFlink, "connector '%s' cannot be looked up, and a processing-time temporal join needs a table that can", scan.Connector.Name)
		e.Notes = append(e.Notes, diag.Note{Span: s.At, Msg: "Flink says: Processing-time temporal join is not supported yet."})
		return nil, e.WithHint("give both tables a WATERMARK and join FOR SYSTEM_TIME AS OF the row's event time, or use a regular join")
	}
	in, err := o.conv(n.Left)
	if err != nil {
		return nil, err
	}
	look, err := scan.Connector.Lookup(scan.Conn)
	if err != nil {
		return nil, scan.Table.Misused(err, s.At)
	}
	j := &plan.LookupJoin{Type: n.Type, Conn: scan.Conn, Lookup: look, Table: scan.Table.Path.Catalog + "." + scan.Table.Path.Database + "." + scan.Table.Path.Object, Read: exprs, Hint: n.Hint}
	j.Span = n.At
	lw := len(n.Left.Schema())
	// Conditions over the table's own columns.
	over := func(e expr.Node) expr.Node {
		return expr.Substitute(expr.Shift(e, -lw), exprs)
	}
	var filters, residual, extra []expr.Node
	filters = append(filters, filter...)
	width := len(in.Info().Schema)
	key := func(col int, left expr.Node) bool {
		t := scan.Conn.Schema[col].Type
		if !types.SameIgnoringNull(left.Type(), t) {
			if !expr.CanCast(left.Type(), t, false) || !injective(left.Type(), t) {
				return false
			}
			c, err := expr.NewImplicitCast(left, t, left.Span())
			if err != nil {
				return false
			}
			left = c
		}
		k := -1
		if r, ok := left.(*expr.InputRef); ok && len(r.Path) == 0 {
			k = r.Index
		} else {
			k = width + len(extra)
			extra = append(extra, left)
		}
		j.TableKeys, j.Keys, j.Consts = append(j.TableKeys, col), append(j.Keys, k), append(j.Consts, nil)
		return true
	}
	for _, c := range expr.Conjuncts(n.Cond) {
		refs := expr.Refs(c)
		left := slices.ContainsFunc(refs, func(i int) bool { return i < lw })
		right := slices.ContainsFunc(refs, func(i int) bool { return i >= lw })
		if !left && right {
			filters = append(filters, over(c))
			continue
		}
		if cmp, ok := c.(*expr.Compare); ok && cmp.Op == expr.Eq && left && right {
			l, r := cmp.L, cmp.R
			if len(expr.Refs(l)) > 0 && expr.Refs(l)[0] >= lw {
				l, r = r, l
			}
			if readsOnly(l, func(i int) bool { return i < lw }) && readsOnly(r, func(i int) bool { return i >= lw }) {
				if col, ok := over(r).(*expr.InputRef); ok && len(col.Path) == 0 && !slices.Contains(j.TableKeys, col.Index) && key(col.Index, l) {
					continue
				}
			}
		}
		residual = append(residual, c)
	}
	if len(j.TableKeys) == 0 {
		return nil, diag.At(n.At, diag.InvalidQuery, "a lookup needs an equality with a column of %s", scan.Table.Path.Object).
			WithHint("if the types differ, CAST the left side to the column's type")
	}
	sortKeys(j)
	if len(extra) > 0 {
		sc := in.Info().Schema
		names := sc.Names()
		for range extra {
			names = append(names, "$k")
		}
		in = o.calc(in, nil, append(logical.Refs(sc), extra...), plan.Unique(names), n.At)
	}
	in = o.keepable(o.shuffled(in, j), j)
	j.In = in
	t := in.Info()
	j.Filter = expr.NewAnd(filters...)
	d := len(extra)
	for i, c := range residual {
		residual[i] = expr.Remap(c, func(i int) int {
			if i >= lw {
				return i + d
			}
			return i
		})
	}
	j.Residual = expr.NewAnd(residual...)
	j.Schema = slices.Clone(t.Schema)
	for i, f := range s.In.Schema() {
		f.Type = exprs[i].Type().Plain()
		if n.Type == plan.LeftOuter {
			f.Type.NotNull = false
		}
		j.Schema = append(j.Schema, f)
	}
	names := j.Schema.Names()
	for i, nm := range plan.Unique(names) {
		j.Schema[i].Name = nm
	}
	j.Emits, j.Dist, j.Windows = t.Emits, t.Dist, t.Windows
	// A row meets at most one row of the table when the key is all of its key.
	if pk := scan.Conn.PrimaryKey; len(pk) > 0 && subset(pk, j.TableKeys) {
		j.UpsertKeys = t.UpsertKeys
	}
	if err := o.lookupHow(j, scan, n.At); err != nil {
		return nil, err
	}
	node := o.intern(j)
	if d == 0 {
		return node, nil
	}
	var out []expr.Node
	for i := range j.Schema {
		if i < width || i >= width+d {
			out = append(out, expr.NewRef(i, j.Schema[i].Type, diag.Span{}))
		}
	}
	return o.calc(node, nil, out, n.Schema().Names(), n.At), nil
}

// sortKeys orders the keys by table column.
func sortKeys(j *plan.LookupJoin) {
	idx := make([]int, len(j.TableKeys))
	for i := range idx {
		idx[i] = i
	}
	slices.SortFunc(idx, func(a, b int) int { return j.TableKeys[a] - j.TableKeys[b] })
	j.TableKeys, j.Keys, j.Consts = pick(j.TableKeys, idx), pick(j.Keys, idx), make([]expr.Node, len(idx))
}

// tableOf sees through projections and conditions to the table: its columns as
// expressions over what the connector serves, and the conditions.
func tableOf(n logical.Node) (exprs, filter []expr.Node, scan *logical.Scan) {
	switch n := n.(type) {
	case *logical.Scan:
		return logical.Refs(n.Schema()), nil, n
	case *logical.Project:
		in, f, s := tableOf(n.In)
		if s == nil {
			return nil, nil, nil
		}
		for _, e := range n.Exprs {
			exprs = append(exprs, expr.Substitute(e, in))
		}
		return exprs, f, s
	case *logical.Filter:
		in, f, s := tableOf(n.In)
		if s == nil {
			return nil, nil, nil
		}
		for _, c := range expr.Conjuncts(n.Cond) {
			f = append(f, expr.Substitute(c, in))
		}
		return in, f, s
	}
	return nil, nil, nil
}
