package optimize

import (
	"slices"
	"strconv"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/types"
)

// process chooses the operator of a process table function and checks its tables
// against the changes that they have.
func (o *optimizer) process(n *logical.Process) (plan.Node, error) {
	c := &plan.Process{
		Func: n.Func, Res: n.Res, Tag: -1, Time: -1, Set: n.Tables[0].Traits.Is(function.SetSemanticTable), Own: n.Res.Out.Types(),
		Values: n.Values, TTL: o.stateTTL(-1), Invocation: n.Call, FuncUID: n.UID,
	}
	ins := make([]plan.Node, len(n.Ins))
	for i, in := range n.Ins {
		var err error
		if ins[i], err = o.conv(in); err != nil {
			return nil, err
		}
		if err := o.processInput(c, n, i, ins[i]); err != nil {
			return nil, err
		}
	}
	var in plan.Node
	if len(ins) == 1 {
		t := n.Tables[0]
		in = ins[0]
		width := len(in.Info().Schema)
		c.Keys, c.Time, c.Front = t.PartitionBy, t.Time, t.Front(width)
		c.Tables = []plan.ProcessTable{{Arg: t.Arg, Cols: count(width), OrderBy: t.OrderBy}}
	} else {
		in = o.together(c, n, ins)
	}
	if c.Set {
		in = o.exchange(in, c.Keys)
	}
	t := in.Info()
	c.In, c.Span, c.Schema = in, n.At, n.Schema()
	c.Emits = connect.HasInsert
	for _, e := range []struct {
		has bool
		of  connect.Changes
	}{{n.Res.Changes.UpdateBefore, connect.HasUpdateBefore}, {n.Res.Changes.UpdateAfter, connect.HasUpdateAfter}, {n.Res.Changes.Delete, connect.HasDelete}} {
		if e.has {
			c.Emits |= e.of
		}
	}
	c.KeyDeletes = n.Res.Changes.KeyDeletes && n.Res.Changes.Delete
	c.Dist = mapDist(t.Dist, keptAt(c.Front))
	keyed := len(c.Keys) > 0
	if c.Det() == function.PerCall {
		o.ids[c] = len(o.ids) // never shared
	}
	p, err := o.ptf(c, n.UID, c.Set, n.At)
	if err == nil && keyed && (c.KeyDeletes || n.Res.Changes.UpdateAfter && !n.Res.Changes.UpdateBefore) {
		key := count(len(c.Keys))
		p.Info().UpsertKeys = [][]int{key}
		o.upsertScan[p] = key
	}
	return p, err
}

// processInput checks table i of a call, and notes in which form its changes come in:
// with the rows before updates, unless each new row stands where the old one of its key
// stood.
func (o *optimizer) processInput(c *plan.Process, n *logical.Process, i int, in plan.Node) error {
	t, info := &n.Tables[i], in.Info()
	if info.AppendOnly() {
		return nil
	}
	has := [4]bool{batch.Insert: true, batch.UpdateBefore: info.HasUpdates(), batch.UpdateAfter: info.HasUpdates(), batch.Delete: info.HasDeletes()}
	what := n.Func.Name
	switch {
	case !t.Traits.Is(function.SupportUpdates):
		return diag.At(n.At, diag.ChangelogMismatch, "table %s of %s takes rows that are only inserted, and this one has %s", t.Name, what, kindList(has)).
			WithHint("TO_CHANGELOG makes inserts of them")
	case t.Time >= 0:
		return diag.At(n.At, diag.ChangelogMismatch, "on_time is for inputs that only insert, and table %s has %s", t.Name, kindList(has))
	case len(t.OrderBy) > 0:
		return diag.At(n.At, diag.ChangelogMismatch, "ORDER BY is for inputs that only insert, and table %s has %s", t.Name, kindList(has))
	}
	upsert := c.Set && !t.Traits.Is(function.RequireUpdateBefore) && len(t.PartitionBy) > 0 && o.canSkip(in) &&
		slices.ContainsFunc(info.UpsertKeys, func(k []int) bool { return sameSet(k, t.PartitionBy) })
	c.Before = c.Before || !upsert
	c.Full = c.Full || !upsert || t.Traits.Is(function.RequireFullDelete)
	return nil
}

// together makes one input of several tables: the number of the table, the time if
// there is one, the columns of PARTITION BY, and those of each table, which are NULL in
// rows of the others.
func (o *optimizer) together(c *plan.Process, n *logical.Process, ins []plan.Node) plan.Node {
	c.Tag, c.Keys = 0, nil
	var names []string
	add := func(name string) int { names = append(names, name); return len(names) - 1 }
	add("table")
	if n.Tables[0].Time >= 0 {
		c.Time = add("time")
	}
	for k := range n.Tables[0].PartitionBy {
		c.Keys = append(c.Keys, add("key"+strconv.Itoa(k)))
	}
	var ts []types.Type
	first := make([]int, len(ins))
	for i, in := range ins {
		t := n.Tables[i]
		s := in.Info().Schema
		table := plan.ProcessTable{Arg: t.Arg}
		first[i] = len(names)
		for _, f := range s {
			table.Cols = append(table.Cols, add(t.Name+"_"+f.Name))
			ts = append(ts, f.Type)
		}
		for _, k := range t.OrderBy {
			k.Col += first[i]
			table.OrderBy = append(table.OrderBy, k)
		}
		c.Tables = append(c.Tables, table)
		c.Front = append(c.Front, c.Keys...)
	}
	names = plan.Unique(names)
	own := len(names) - len(ts)
	for i, in := range ins {
		t, s := n.Tables[i], in.Info().Schema
		ref := func(k int) expr.Node { return expr.NewRef(k, s[k].Type, n.At) }
		exprs := []expr.Node{expr.NewLiteral(tagCol(i), n.At)}
		if t.Time >= 0 {
			exprs = append(exprs, ref(t.Time))
		}
		for _, k := range t.PartitionBy {
			exprs = append(exprs, ref(k))
		}
		for k, at := range ts {
			if w := own + k - first[i]; w >= 0 && w < len(s) {
				exprs = append(exprs, ref(w))
			} else {
				exprs = append(exprs, expr.NewNull(at.Plain().Nullable(true), n.At))
			}
		}
		ins[i] = o.calc(in, nil, exprs, names, n.At)
	}
	return o.unionOf(ins, ins[0].Info().Schema, n.At)
}

func tagCol(i int) *batch.Col {
	b := batch.NewBuilder(types.IntT.Nullable(false))
	b.AppendInt(int64(i))
	c := b.Finish()
	return &c
}
