package optimize

import (
	"slices"
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/types"
)

// finish works out changelog modes, drops exchanges that turned out to be double,
// and gives nodes their ids, labels and fold mode.
func (o *optimizer) finish(p *plan.Physical) (*plan.Physical, error) {
	if err := o.inferChanges(p); err != nil {
		return nil, err
	}
	dropExchanges(p)
	p.Nodes = topo(p.Roots)
	for i, n := range p.Nodes {
		t := n.Info()
		t.ID = i + 1
		t.UID = strconv.Itoa(i+1) + "_" + kebab(n.Name())
	}
	// A node is exact if one of its readers is.
	for _, n := range slices.Backward(p.Nodes) {
		if n.Info().Exact {
			for _, in := range n.Inputs() {
				in.Info().Exact = true
			}
		}
	}
	o.bundle(p)
	for _, n := range p.Nodes {
		o.label(n)
	}
	if err := o.checkUpdates(p); err != nil {
		return nil, err
	}
	p.Warnings = o.warnings
	return p, nil
}

// kebab writes CamelCase as camel-case.
func kebab(s string) string {
	var b strings.Builder
	for i, r := range s {
		if r >= 'A' && r <= 'Z' {
			if i > 0 && !(s[i-1] >= 'A' && s[i-1] <= 'Z') {
				b.WriteByte('-')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// dropExchanges removes exchanges whose rows come dealt in the same way already:
// what was put in to normalise a source may have made one needless.
func dropExchanges(p *plan.Physical) {
	nodes := topo(p.Roots)
	for _, n := range nodes {
		redistribute(n)
		for i, in := range n.Inputs() {
			x, ok := in.(*plan.Exchange)
			if !ok {
				continue
			}
			d := x.In.Info().Dist
			same := x.Kind == plan.ExchangeSingle && d.Kind == plan.Single
			if x.Kind == plan.ExchangeHash && d.Kind == plan.Hash && len(d.Cols) == len(x.Keys) {
				same = true
				for k, set := range d.Cols {
					same = same && slices.Contains(set, x.Keys[k])
				}
			}
			if same {
				n.SetInput(i, x.In)
			}
		}
	}
}

// redistribute renews the distribution of nodes that pass their input's on, since
// what is below may have changed.
func redistribute(n plan.Node) {
	if c, ok := n.(*plan.Correlate); ok {
		c.Dist = redistributed(c)
		return
	}
	if p, ok := n.(*plan.Predict); ok {
		p.Dist = mapDist(p.In.Info().Dist, keptAt(p.Keep))
		return
	}
	c, ok := n.(*plan.Calc)
	if !ok {
		return
	}
	n.Info().Dist = mapDist(c.In.Info().Dist, func(i int) []int {
		var out []int
		for j, e := range c.Exprs {
			if r, ok := e.(*expr.InputRef); ok && r.Index == i && len(r.Path) == 0 {
				out = append(out, j)
			}
		}
		return out
	})
}

// label says why a node's part of the answer may differ from run to run.
func (o *optimizer) label(n plan.Node) {
	t := n.Info()
	add := func(k plan.LabelKind, reason string) {
		t.Labels = append(t.Labels, plan.Label{Kind: k, Reason: reason})
	}
	ttl := func(ms int64) {
		if ms > 0 {
			add(plan.Replayable, "state expires")
		}
	}
	aggs := func(list []plan.AggCall) {
		for _, a := range list {
			if a.User != nil {
				add(plan.OrderDependent, a.Func+" takes rows as they come")
			}
			switch a.Func {
			case "FIRST_VALUE", "LAST_VALUE", "LISTAGG", "ARRAY_AGG", "LAG", "LEAD", "JSON_ARRAYAGG":
				add(plan.OrderDependent, a.Func+" takes rows as they come")
			}
		}
	}
	ties := func(in plan.Node, partition []int, order []plan.SortKey) bool {
		cols := slices.Clone(partition)
		for _, k := range order {
			cols = append(cols, k.Col)
		}
		return !slices.ContainsFunc(in.Info().UpsertKeys, func(k []int) bool { return subset(k, cols) })
	}
	switch n := n.(type) {
	case *plan.Calc:
		o.labelCalc(n, add)
	case *plan.Correlate:
		o.labelCorrelate(n, add)
	case *plan.Process:
		if det := n.Det(); det != function.Deterministic && !(o.batch && det == function.PerStep) {
			add(plan.Replayable, n.Func.Name+" gives other rows for the same input")
		}
		if len(n.Res.State) > 0 {
			add(plan.OrderDependent, n.Func.Name+" takes rows as they come")
			ttl(n.TTL)
		}
	case *plan.GroupAggregate:
		aggs(n.Aggs)
		ttl(n.TTL)
	case *plan.WindowAggregate:
		aggs(n.Aggs)
		if n.Window.Proctime() && !o.batch {
			add(plan.Replayable, "windows of processing time")
		}
	case *plan.GroupWindowAggregate:
		aggs(n.Aggs)
		if n.Window.Proctime() && !o.batch {
			add(plan.Replayable, "windows of processing time")
		}
	case *plan.WindowTVF:
		if n.Window.Proctime() && !o.batch {
			add(plan.Replayable, "windows of processing time")
		}
	case *plan.OverAggregate:
		aggs(n.Calls)
		ttl(n.TTL)
		switch {
		case n.Time == types.Proctime:
			add(plan.Replayable, "rows in the order of processing time")
		case n.Rows && ties(n.In, n.PartitionBy, n.OrderBy):
			add(plan.OrderDependent, "rows of equal time in the order they come")
		}
	case *plan.Match:
		o.labelMatch(n, ties(n.In, n.PartitionBy, n.OrderBy), add)
	case *plan.Join:
		ttl(n.LeftSide.TTL + n.RightSide.TTL)
	case *plan.MultiJoin:
		ttl(slices.Max(n.TTL))
	case *plan.IntervalJoin:
		if !n.Rowtime && !o.batch {
			add(plan.Replayable, "rows joined by processing time")
		}
	case *plan.TemporalJoin:
		ttl(n.TTL)
	case *plan.Predict:
		add(plan.Replayable, "a model is asked when a row passes")
	case *plan.SnapshotJoin:
		ttl(n.TTL)
		add(plan.Replayable, "rows meet what the table has when they pass")
	case *plan.LookupJoin:
		if n.Keep {
			ttl(n.TTL)
		}
		add(plan.Replayable, "the table is read when a row passes")
	case *plan.Rank:
		ttl(n.TTL)
		if ties(n.In, n.PartitionBy, n.OrderBy) {
			add(plan.OrderDependent, "equal sort keys rank in the order they come")
		}
	case *plan.SortLimit:
		ttl(n.TTL)
		if ties(n.In, nil, n.OrderBy) {
			add(plan.OrderDependent, "equal sort keys rank in the order they come")
		}
	case *plan.WindowTopN:
		if ties(n.In, append(slices.Clone(n.PartitionBy), n.EndCol), n.OrderBy) {
			add(plan.OrderDependent, "equal sort keys rank in the order they come")
		}
	case *plan.WindowDedup:
		if ties(n.In, append(slices.Clone(n.Keys), n.EndCol), []plan.SortKey{{Col: n.TimeCol}}) {
			add(plan.OrderDependent, "of rows of equal time one is kept in the order they come")
		}
	case *plan.Deduplicate:
		ttl(n.TTL)
		if !n.Rowtime {
			add(plan.Replayable, "rows in the order of processing time")
		} else if ties(n.In, n.Keys, []plan.SortKey{{Col: n.TimeCol}}) {
			add(plan.OrderDependent, "of rows of equal time one is kept in the order they come")
		}
	case *plan.Limit:
		ttl(n.TTL)
		add(plan.OrderDependent, "LIMIT without ORDER BY keeps the rows that come first")
	case *plan.ChangelogNormalize:
		ttl(n.TTL)
	case *plan.SinkMaterializer:
		ttl(n.TTL)
		add(plan.OrderDependent, "of rows with one primary key the one that comes last is kept")
	case *plan.Sink:
		if len(n.PrimaryKey) > 0 && !slices.ContainsFunc(n.In.Info().UpsertKeys, func(k []int) bool { return subset(k, n.PrimaryKey) }) {
			add(plan.OrderDependent, "of rows with one primary key the one that comes last is kept")
		}
	}
}

func (o *optimizer) labelCalc(n *plan.Calc, add func(plan.LabelKind, string)) {
	check := func(e expr.Node, column string) {
		if e == nil || expr.Determinism(e) == function.Deterministic || o.batch && expr.Determinism(e) == function.PerStep {
			return
		}
		add(plan.Replayable, culprit(e)+" in "+column)
	}
	for i, e := range n.Exprs {
		check(e, "column "+n.Schema[i].Name)
	}
	check(n.Filter, "a condition")
}
