package optimize

import (
	"slices"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
)

// scan reads a table through a Calc. All readers of a table share one Scan, which
// reads what any of them needs.
func (o *optimizer) scan(n *logical.Scan, cond expr.Node, exprs []expr.Node, names []string, at diag.Span) (plan.Node, error) {
	s, err := o.tableScan(n)
	if err != nil {
		return nil, err
	}
	read := exprs
	if cond != nil {
		read = append(slices.Clip(exprs), cond)
	}
	if s.Emits&kU != 0 && s.Emits&connect.HasUpdateBefore == 0 || o.duplicates(s) {
		return o.upsertSource(s, cond, exprs, names, at)
	}
	s.Projection = addPaths(s.Projection, expr.RefPaths(read...))
	return o.calc(s, cond, exprs, names, at), nil
}

// duplicates reports that the source may repeat changes, so that they must be
// normalised by key.
func (o *optimizer) duplicates(s *plan.Scan) bool {
	return !s.AppendOnly() && o.s.Config.Bool("table.exec.source.cdc-events-duplicate")
}

// upsertSource narrows an upsert stream to the columns that are read, and its key,
// before anything else: that is what a normalisation would keep.
func (o *optimizer) upsertSource(s *plan.Scan, cond expr.Node, exprs []expr.Node, names []string, at diag.Span) (plan.Node, error) {
	key := s.Conn.PrimaryKey
	if len(key) == 0 {
		why := "gives updates by key"
		if s.EmitUpdateBefore() {
			why = "may repeat changes ('table.exec.source.cdc-events-duplicate' = 'true')"
		}
		return nil, diag.At(s.Span, diag.MissingPrimaryKey, "table %s %s, so it needs a PRIMARY KEY", s.Table.Path.Object, why).
			WithHint("declare PRIMARY KEY (...) NOT ENFORCED")
	}
	read := slices.Clone(exprs)
	if cond != nil {
		read = append(read, cond)
	}
	cols := expr.Refs(read...)
	for _, k := range key {
		if !slices.Contains(cols, k) {
			cols = append(cols, k)
		}
	}
	slices.Sort(cols)
	to := map[int]int{}
	var pass []expr.Node
	var passNames []string
	var pk []int
	for i, c := range cols {
		f := s.Schema[c]
		to[c] = i
		pass, passNames = append(pass, expr.NewRef(c, f.Type, diag.Span{})), append(passNames, f.Name)
		if slices.Contains(key, c) {
			pk = append(pk, i)
		}
		s.Projection = addPaths(s.Projection, []*expr.InputRef{expr.NewRef(c, f.Type, diag.Span{})})
	}
	n := o.calc(s, nil, pass, passNames, s.Span)
	o.upsertScan[n] = pk
	move := func(e expr.Node) expr.Node {
		if e == nil {
			return nil
		}
		return expr.Remap(e, func(i int) int { return to[i] })
	}
	list := make([]expr.Node, len(exprs))
	for i, e := range exprs {
		list[i] = move(e)
	}
	return o.calc(n, move(cond), list, names, at), nil
}

func (o *optimizer) tableScan(n *logical.Scan) (*plan.Scan, error) {
	key := n.Table.Path.String()
	for _, k := range n.Table.Options.Keys() {
		key += "\x00" + k + "\x01" + n.Table.Options[k]
	}
	if n.Target {
		key += "\x02" // not shared with a subquery, which reads all rows
	}
	if s := o.scans[key]; s != nil && o.s.Config.Bool("table.optimizer.reuse-source-enabled") {
		return s, nil
	}
	if n.Connector.Source == nil {
		return nil, diag.At(n.At, diag.InvalidQuery, "connector '%s' can only be looked up: join %s FOR SYSTEM_TIME AS OF a processing time", n.Connector.Name, n.Table.Path.Object)
	}
	if n.Conn.Since != 0 && !n.Connector.Starts {
		return nil, diag.At(n.At, diag.InvalidQuery, "table %s gives all its rows or none: connector '%s' cannot begin at a time", n.Table.Path.Object, n.Connector.Name).
			WithHint("write START_MODE = FROM_BEGINNING, and a WHERE on the time")
	}
	src, err := n.Connector.Source(n.Conn)
	if err != nil {
		return nil, n.Table.Misused(err, n.At)
	}
	if o.batch && !src.Bounded() {
		return nil, diag.At(n.At, diag.InvalidQuery, "table %s never ends, and batch mode needs inputs that do", n.Table.Path.Object).
			WithHint("SET 'execution.runtime-mode' = 'streaming'")
	}
	s := &plan.Scan{Table: n.Table, Conn: n.Conn, Source: src, Projection: connect.Projection{}}
	s.Schema, s.Span = n.Out, n.At
	s.Emits = src.Changes()
	if s.Emits == 0 {
		s.Emits = kI
	}
	if k := n.Conn.PrimaryKey; len(k) > 0 {
		s.UpsertKeys = [][]int{slices.Sorted(slices.Values(k))}
	}
	s.Parallelism = n.Table.Options.Parallelism("scan.parallelism")
	if n.Watermark != nil && !o.batch {
		if s.Watermark, err = o.watermark(n); err != nil {
			return nil, placed(err, n.At)
		}
		s.Projection = addPaths(s.Projection, expr.RefPaths(n.Watermark))
	}
	o.ids[s] = len(o.ids)
	o.scans[key] = s
	if n.Target {
		o.target = s
	}
	return s, nil
}

func (o *optimizer) watermark(n *logical.Scan) (*plan.Watermark, error) {
	opts := n.Table.Options
	w := &plan.Watermark{Expr: n.Watermark, Column: n.Column, Text: n.Text, AlignGroup: opts["scan.watermark.alignment.group"]}
	if strings.EqualFold(opts["scan.watermark.emit.strategy"], "on-periodic") {
		w.Periodic = o.s.Config.Duration("pipeline.auto-watermark-interval")
	}
	var err error
	if w.Idle, err = opts.Duration("scan.watermark.idle-timeout", o.s.Config.Duration("table.exec.source.idle-timeout")); err != nil {
		return nil, err
	}
	if w.AlignDrift, err = opts.Duration("scan.watermark.alignment.max-drift", 0); err != nil {
		return nil, err
	}
	w.AlignInterval, err = opts.Duration("scan.watermark.alignment.update-interval", time.Second)
	return w, err
}

// placed gives an error from outside the statement its place.
func placed(err error, at diag.Span) error {
	if e := diag.As(err); e != nil {
		return e.Or(at)
	}
	return err
}

// addPaths adds columns and fields to what is read. A path covers those below it;
// the result is sorted.
func addPaths(p connect.Projection, refs []*expr.InputRef) connect.Projection {
	for _, r := range refs {
		path := append(connect.FieldPath{r.Index}, r.Path...)
		if slices.ContainsFunc(p, func(o connect.FieldPath) bool { return len(o) <= len(path) && slices.Equal(o, path[:len(o)]) }) {
			continue
		}
		p = slices.DeleteFunc(p, func(o connect.FieldPath) bool { return len(path) <= len(o) && slices.Equal(path, o[:len(path)]) })
		p = append(p, path)
	}
	slices.SortFunc(p, func(a, b connect.FieldPath) int { return slices.Compare(a, b) })
	return p
}
