package optimize

import (
	"slices"

	"github.com/minkstream/mink/engine/bind"
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// opened is an insert with the sink that it writes to.
type opened struct {
	*bind.Insert
	conn *connect.Connector
	ct   *connect.Table
	sink connect.Sink
	// fold: the table keeps a final state.
	fold bool
}

func (o *optimizer) open(i *bind.Insert) (*opened, error) {
	c, ct, err := bind.New(o.s, "").Connect(i.Table, i.At)
	if err != nil {
		return nil, err
	}
	sink, err := c.Sink(ct)
	if err != nil {
		return nil, i.Table.Misused(err, i.At)
	}
	if i.Overwrite {
		if err := o.overwrite(i, c.Name, sink); err != nil {
			return nil, err
		}
	}
	// What the sink would want of an updating query decides whether changes are shown.
	return &opened{i, c, ct, sink, o.folds(!showsChanges(i.Table, sink.Changes(connect.Retract)))}, nil
}

// insert plans a query whose rows go to a table.
func (o *optimizer) insert(t *opened) (plan.Node, error) {
	i, c, ct, sink := t.Insert, t.conn, t.ct, t.sink
	o.fold = t.fold
	root, key, err := o.sinkColumns(i, ct)
	if err != nil {
		return nil, err
	}
	in, err := o.plan(root)
	if err != nil {
		return nil, err
	}
	if o.batch && !in.Info().AppendOnly() {
		in = o.settled(in, i)
	}
	query := in.Info().Emits
	if query&kU != 0 {
		query |= connect.HasUpdateBefore
	}
	target := sink.Changes(query)
	if discards(i.Table) {
		target &^= connect.HasUpdateBefore // nobody sees them
	}
	if err := o.accepts(i, in, target); err != nil {
		return nil, err
	}
	n := &plan.Sink{Table: i.Table, Conn: ct, Sink: sink, Target: target, PrimaryKey: key, Overwrite: i.Overwrite}
	n.Span, n.Exact = i.At, !o.fold
	n.Parallelism = i.Table.Options.Parallelism("sink.parallelism")
	if i.RowLevel != nil {
		if err := o.rewriteRows(i, n, c, ct); err != nil {
			return nil, err
		}
	}
	for _, s := range i.Static {
		n.Static = append(n.Static, plan.Attr{Key: s[0], Value: s[1]})
	}
	upsert := target&connect.HasUpdateAfter != 0 && target&connect.HasUpdateBefore == 0 && !discards(i.Table)
	if upsert && len(key) == 0 {
		return nil, diag.At(i.At, diag.MissingPrimaryKey, "table %s takes updates by key, so it needs a PRIMARY KEY", i.Table.Path.Object).
			WithHint("declare PRIMARY KEY (...) NOT ENFORCED")
	}
	if upsert {
		if in, err = o.upsertSink(i, n, in); err != nil {
			return nil, err
		}
	} else if len(key) > 0 && !in.Info().AppendOnly() && o.s.Config.Enum("table.exec.sink.keyed-shuffle") == "FORCE" {
		in = o.exchange(in, key)
	}
	if !upsert && i.Conflict != ast.ConflictDefault {
		return nil, diag.At(i.At, diag.InvalidQuery, "ON CONFLICT is for sinks that are updated by key, and %s is not", i.Table.Path.Object).
			WithHint("leave it out")
	}
	for c, f := range ct.Schema[:min(len(ct.Schema), len(in.Info().Schema))] {
		if f.Type.NotNull && in.Info().Schema[c].Type.IsNullable() {
			n.NotNull = append(n.NotNull, c)
		}
	}
	if err := o.enforcers(i, n); err != nil {
		return nil, err
	}
	n.DropNulls = o.s.Config.Enum("table.exec.sink.not-null-enforcer") == "DROP"
	n.In = in
	n.Schema = plain(in.Info().Schema)
	o.ids[n] = len(o.ids)
	return n, nil
}

// settled gives the rows that changes add up to, once all have come: what a batch
// writes. The sort finds the rows that are taken back, and makes the order of the
// output the same in every run.
func (o *optimizer) settled(in plan.Node, i *bind.Insert) plan.Node {
	s := &plan.Sort{Fetch: plan.NoLimit}
	s.In = o.exchange(in, nil)
	t := s.In.Info()
	for c, f := range t.Schema {
		if f.Type.Kind < types.Array { // what has an order
			s.OrderBy = append(s.OrderBy, plan.SortKey{Col: c, NullsFirst: true})
		}
	}
	s.Span, s.Schema, s.Dist, s.Emits, s.UpsertKeys = i.At, t.Schema, t.Dist, kI, t.UpsertKeys
	return o.intern(s)
}

// discards reports a table whose rows nobody ever sees.
func discards(t *catalog.Table) bool { return t.Options["connector"] == "blackhole" }

// sinkColumns puts the columns of an insert in the order of the connector's schema,
// with metadata in the connector's types. key are the primary key's positions.
func (o *optimizer) sinkColumns(i *bind.Insert, ct *connect.Table) (logical.Node, []int, error) {
	t := i.Table
	in := i.Root.Schema()
	at := map[int]int{} // table column to query column
	for q, c := range i.Columns {
		at[c] = q
	}
	var exprs []expr.Node
	var names []string
	var key []int
	var kept types.Schema
	meta := 0
	var metaKeys []string
	for s, ci := range t.Stored() {
		col := t.Columns[ci]
		if col.Kind == catalog.Metadata {
			meta++
		}
		q, ok := at[ci]
		if !ok {
			continue // virtual metadata
		}
		var n expr.Node = expr.NewRef(q, in[q].Type, diag.Span{})
		f := ct.Schema[s]
		if col.Kind == catalog.Metadata {
			metaKeys = append(metaKeys, ct.Metadata[meta-1])
			if !types.SameIgnoringNull(f.Type, in[q].Type) {
				c, err := expr.NewCast(n, f.Type, false, i.At)
				if err != nil {
					return nil, nil, err
				}
				n = c
			}
		}
		if t.PrimaryKey != nil && slices.Contains(t.PrimaryKey.Columns, ci) {
			key = append(key, len(exprs))
		}
		exprs, names, kept = append(exprs, n), append(names, f.Name), append(kept, f)
	}
	ct.Schema, ct.Metadata = kept, metaKeys
	ct.PrimaryKey = nil
	if t.PrimaryKey != nil {
		for _, c := range t.PrimaryKey.Columns {
			ct.PrimaryKey = append(ct.PrimaryKey, kept.Index(t.Columns[c].Name))
		}
	}
	slices.Sort(key)
	return logical.NewProject(i.Root, exprs, names, i.Query), key, nil
}

// accepts refuses changes that a sink cannot take.
func (o *optimizer) accepts(i *bind.Insert, in plan.Node, target connect.Changes) error {
	t := in.Info()
	need := t.Emits & (kU | kD)
	if need == 0 || o.batch && target&(kU|kD) == 0 {
		return nil
	}
	if need&^target == 0 {
		return nil
	}
	what := "updates"
	if need&^target == kD {
		what = "deletes"
	} else if need&^target == kU|kD {
		what = "updates and deletes"
	}
	who := updater(in)
	e := diag.At(i.At, diag.ChangelogMismatch, "table %s takes no %s, and %s gives them", i.Table.Path.Object, what, describe(who))
	if s := who.Info().Span; !s.IsZero() {
		e.WithNote(s, "the changes come from here")
	}
	return e.WithHint("write to an upsert or retract sink, or use a query that only appends, such as a window aggregate")
}

// upsertSink deals rows by primary key and puts a materializer in front where the
// query's own keys do not order the changes of a sink key.
func (o *optimizer) upsertSink(i *bind.Insert, n *plan.Sink, in plan.Node) (plan.Node, error) {
	t := in.Info()
	fits := slices.ContainsFunc(t.UpsertKeys, func(k []int) bool { return subset(k, n.PrimaryKey) })
	c := o.s.Config
	force := c.Enum("table.exec.sink.upsert-materialize") == "FORCE"
	if !fits && i.Conflict == ast.ConflictDefault && c.Bool("table.exec.sink.require-on-conflict") && !c.Flink22() && !o.batch {
		e := diag.At(i.At, diag.InvalidQuery, "the query's %s is not the primary key (%s) of %s, so INSERT must say what happens when rows of one key collide",
			keyText(t), colNames(n.PrimaryKey, t.Schema), i.Table.Path.Object)
		return nil, e.WithHint("add ON CONFLICT DO DEDUPLICATE to keep the latest row, or SET 'table.exec.sink.require-on-conflict' = 'false'")
	}
	if !fits && (i.Conflict == ast.ConflictError || i.Conflict == ast.ConflictNothing) {
		return o.settleConflicts(i, n, in)
	}
	needed := !fits && !t.AppendOnly() && c.Enum("table.exec.sink.upsert-materialize") == "AUTO"
	if !needed && !force || o.batch && !force {
		if c.Enum("table.exec.sink.keyed-shuffle") != "NONE" {
			in = o.exchange(in, n.PrimaryKey)
		}
		return in, nil
	}
	key := shortest(t.UpsertKeys)
	m := &plan.SinkMaterializer{Keys: n.PrimaryKey, TTL: o.stateTTL(-1)}
	// Rows of one sink key must meet, so what deals them must be part of that key.
	m.In = o.exchange(in, n.PrimaryKey)
	m.UpsertKey = shortest(m.In.Info().UpsertKeys)
	if m.UpsertKey == nil && key != nil {
		m.UpsertKey = key
	}
	mt := m.In.Info()
	m.Span, m.Schema, m.Dist, m.Emits = i.At, mt.Schema, mt.Dist, kIUD
	m.UpsertKeys = [][]int{n.PrimaryKey}
	return o.intern(m), nil
}

func keyText(t *plan.Traits) string {
	k := shortest(t.UpsertKeys)
	if k == nil {
		return "upsert key (none)"
	}
	return "upsert key (" + colNames(k, t.Schema) + ")"
}

func colNames(cols []int, s types.Schema) string {
	out := ""
	for i, c := range cols {
		if i > 0 {
			out += ", "
		}
		out += s[c].Name
	}
	return out
}
