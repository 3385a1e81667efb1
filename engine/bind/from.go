package bind

import (
	"strings"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// from binds the FROM clause.
func (x *block) from(t ast.TableRef, outer *scope) error {
	if t == nil {
		x.node, x.sc = oneRow(diag.Span{}), &scope{outer: outer}
		return nil
	}
	n, sc, err := x.b.tableRef(t, outer, x.hints)
	if err != nil {
		return err
	}
	sc.outer = outer
	x.node, x.sc = n, sc
	seen := map[string]bool{}
	for _, r := range sc.rels {
		if r.alias != "" && seen[r.alias] {
			return diag.At(t.Span(), diag.DuplicateName, "FROM has two tables named %s", r.alias).WithHint("give one of them another alias")
		}
		seen[r.alias] = true
	}
	return nil
}

// tableRef binds an item of FROM.
func (b *Binder) tableRef(t ast.TableRef, outer *scope, h hints) (logical.Node, *scope, error) {
	n, sc, err := b.fromItem(t, outer, h)
	if alias := b.shownAs(t); alias != "" && err == nil && len(sc.rels) == 1 {
		sc.rels[0].shown = alias
	}
	return n, sc, err
}

func (b *Binder) fromItem(t ast.TableRef, outer *scope, h hints) (logical.Node, *scope, error) {
	if c := b.rowCall(t); c != nil {
		return b.callAlone(c, outer)
	}
	switch t := t.(type) {
	case *ast.TableName:
		return b.tableName(t, outer)
	case *ast.DerivedTable:
		return b.derived(t.Query, outer)
	case *ast.AliasedTable:
		n, sc, err := b.tableRef(t.Input, outer, h)
		if err != nil {
			return nil, nil, err
		}
		return aliased(n, sc, t)
	case *ast.Join:
		return b.join(t, outer, h)
	case *ast.TableFunc:
		f, ok := t.Call.(*ast.FuncCall)
		if !ok || t.Specific {
			return nil, nil, unsupported(t.Span(), "this table function is")
		}
		return b.tableFunc(f, outer)
	case *ast.SnapshotTable:
		return b.timeTravel(t, outer)
	case *ast.MatchRecognize:
		return b.matchRecognize(t, outer, h)
	case *ast.Pivot:
		return nil, nil, diag.At(t.Span(), diag.UnsupportedByFlink, "PIVOT is parsed but cannot be planned").
			WithHint("an aggregate for each value: SUM(n) FILTER (WHERE k = 'a') AS a, with GROUP BY")
	case *ast.Unpivot:
		return nil, nil, diag.At(t.Span(), diag.UnsupportedByFlink, "UNPIVOT is parsed but cannot be planned").
			WithHint("CROSS JOIN UNNEST(MAP['a', a, 'b', b]) AS u (k, v)")
	case *ast.TableSample:
		return nil, nil, diag.At(t.Span(), diag.UnsupportedByFlink, "TABLESAMPLE is parsed but cannot be planned")
	}
	return nil, nil, unsupported(t.Span(), "this form of FROM is")
}

func (b *Binder) derived(q ast.Query, outer *scope) (logical.Node, *scope, error) {
	if b.depth++; b.depth > 64 {
		return nil, nil, diag.At(q.Span(), diag.LimitExceeded, "queries are nested more than 64 deep")
	}
	defer func() { b.depth-- }()
	r, err := b.query(q, outer)
	if err != nil {
		return nil, nil, err
	}
	return r.node, r.scope(""), nil
}

func (r *rows) scope(alias string) *scope {
	sc := newScope(alias, nil, r.node.Schema())
	for i, n := range r.names {
		sc.visible[i].name, sc.rels[0].cols[i].name = n, n
	}
	return sc
}

// aliased gives a table of FROM a name, and its columns.
func aliased(n logical.Node, sc *scope, t *ast.AliasedTable) (logical.Node, *scope, error) {
	if len(sc.rels) > 1 {
		// A join in parentheses under one name.
		s := n.Schema()
		sc = newScope("", nil, s)
	}
	r := sc.rels[0]
	r.alias, r.path, r.shown = t.Alias.Name, nil, ""
	if len(t.Columns) == 0 {
		return n, sc, nil
	}
	if len(t.Columns) != len(r.cols) {
		return nil, nil, diag.At(t.Columns[0].Span.Join(t.Columns[len(t.Columns)-1].Span), diag.InvalidQuery, "%s has %d columns, and %d names are given",
			t.Alias.Name, len(r.cols), len(t.Columns)).
			WithHint("name each column, or leave the list out")
	}
	for i, c := range t.Columns {
		for _, o := range t.Columns[:i] {
			if o.Name == c.Name {
				return nil, nil, diag.At(c.Span, diag.DuplicateName, "column %q is named twice", c.Name)
			}
		}
		r.cols[i].name, sc.visible[i].name = c.Name, c.Name
	}
	// The names go into the rows too, so that plans show them.
	names := make([]string, len(r.cols))
	for i := range r.cols {
		names[i] = r.cols[i].name
	}
	return logical.NewProject(n, logical.Refs(n.Schema()), names, t.Span()), sc, nil
}

// tableFunc binds a function call in FROM.
func (b *Binder) tableFunc(e *ast.FuncCall, outer *scope) (logical.Node, *scope, error) {
	name := strings.ToUpper(e.Name.Last())
	if len(e.Name) == 1 {
		if windowParams[name] != nil {
			return b.windowTVF(e, name, outer)
		}
		switch name {
		case "TO_CHANGELOG":
			return b.toChangelog(e, outer)
		case "FROM_CHANGELOG":
			return b.fromChangelog(e, outer)
		case "ML_PREDICT":
			return b.mlPredict(e, outer)
		case "ML_EVALUATE":
			return nil, nil, b.mlEvaluate(e, outer)
		case "SNAPSHOT":
			return b.lateralSnapshot(e, outer)
		}
	}
	if p := b.processFunction(e.Name); p != nil {
		return b.process(p, e, outer)
	}
	if u := b.userFunction(e.Name); u != nil && b.ofClass(u) {
		return nil, nil, noClass(e.Name.Span(), u)
	}
	if f := b.function(e.Name); f != nil || isAggregate(name) || b.userFunction(e.Name) != nil {
		return nil, nil, diag.At(e.Span(), diag.InvalidQuery, "%s gives a value, not a table", name)
	}
	if t := b.Session.Host.PathTables[strings.ToLower(name)]; t != nil && len(e.Name) == 1 {
		return b.pathTable(e, t)
	}
	names := []string{"TUMBLE", "HOP", "CUMULATE", "SESSION"}
	return nil, nil, suggest(diag.At(e.Name.Span(), diag.UnknownFunction, "no table function %s; table functions are: %s", e.Name, strings.Join(names, ", ")), name, names)
}

var joinTypes = map[ast.JoinKind]plan.JoinType{
	ast.JoinInner: plan.Inner, ast.JoinCross: plan.Inner, ast.JoinComma: plan.Inner, ast.JoinLeft: plan.LeftOuter,
	ast.JoinRight: plan.RightOuter, ast.JoinFull: plan.FullOuter, ast.JoinLeftSemi: plan.Semi, ast.JoinLeftAnti: plan.Anti,
}

func (b *Binder) join(j *ast.Join, outer *scope, h hints) (logical.Node, *scope, error) {
	typ, ok := joinTypes[j.Kind]
	if !ok || j.Match != nil {
		if j.Kind == ast.JoinCrossApply || j.Kind == ast.JoinOuterApply {
			return nil, nil, diag.At(j.Span(), diag.UnsupportedByFlink, "APPLY is not a form of Flink SQL")
		}
		return nil, nil, diag.At(j.Span(), diag.UnsupportedByFlink, "ASOF joins are parsed but cannot be planned").
			WithHint("use JOIN t FOR SYSTEM_TIME AS OF ...")
	}
	ln, ls, err := b.tableRef(j.L, outer, h)
	if err != nil {
		return nil, nil, err
	}
	if c := b.rowCall(j.R); c != nil {
		return b.joinCall(j, c, ln, ls, outer)
	}
	rn, rs, err := b.right(j, ls, outer, h)
	if err != nil {
		return nil, nil, err
	}
	rn = renamedSnapshot(rn)
	width := len(ln.Schema())
	lateral := isLateral(j.R) && logical.Correlated(rn)
	if lateral && typ != plan.Inner && typ != plan.LeftOuter {
		return nil, nil, diag.At(j.R.Span(), diag.UnsupportedByFlink, "LATERAL on the right of a join takes CROSS JOIN, JOIN or LEFT JOIN")
	}
	rs.shift(width)
	n := &logical.Join{Place: logical.Place{At: j.Span()}, Type: typ, Left: ln, Right: rn, TTL: [2]int64{-1, -1}}
	if len(ls.rels) == 1 {
		n.TTL[0] = h.ttl(ls.rels[0])
	}
	if len(rs.rels) == 1 {
		n.TTL[1] = h.ttl(rs.rels[0])
	}
	n.Multi = h.joinsAll(ls, rs)
	if b.batch() {
		n.Ways = h.joinWays(ls, rs)
	}
	if s := snapshotOf(rn); s != nil {
		if n.Hint = h.lookup[s.Name]; n.Hint == nil && len(rs.rels) == 1 {
			n.Hint = h.lookup[rs.rels[0].alias]
		}
	}
	both := &scope{rels: append(append([]*relation(nil), ls.rels...), rs.rels...), outer: outer}
	both.visible = append(append([]visible(nil), ls.visible...), rs.visible...)
	switch {
	case j.Natural || len(j.Using) > 0:
		if err := using(n, j, ls, rs, both); err != nil {
			return nil, nil, err
		}
	case j.On == nil && j.Kind != ast.JoinCross && j.Kind != ast.JoinComma:
		return nil, nil, diag.At(j.R.Span(), diag.InvalidQuery, "a JOIN needs its condition: ON or USING").
			WithHint("ON a.k = b.k; CROSS JOIN, or ON TRUE, if every row is to meet every row")
	case j.On != nil:
		x := &block{b: b, sc: both, noQuery: lateral || snapshotOf(rn) != nil, clause: "ON"}
		x.node = n
		if n.Cond, err = x.condition(j.On, "ON"); err != nil {
			return nil, nil, err
		}
		if x.node != logical.Node(n) {
			both.retype(n.Schema())
			if typ == plan.Inner {
				return onQueries(n, x.node), both, nil
			}
			m, err := onOuterQueries(n, x.node)
			if err != nil {
				return nil, nil, err
			}
			if typ.LeftOnly() {
				ls.outer = outer
				return m, ls, nil
			}
			return m, both, nil
		}
	}
	if typ.LeftOnly() {
		ls.outer = outer
		return n, ls, nil
	}
	both.retype(n.Schema())
	if lateral {
		return lateralJoin(n), both, nil
	}
	return n, both, nil
}

// right binds the right side of a join, which may be a table as of the left row's
// time.
func (b *Binder) right(j *ast.Join, ls, outer *scope, h hints) (logical.Node, *scope, error) {
	if isLateral(j.R) {
		ls.outer = outer
		return b.tableRef(j.R, ls, h)
	}
	t := j.R
	alias, _ := t.(*ast.AliasedTable)
	if alias != nil {
		t = alias.Input
	}
	s, ok := t.(*ast.SnapshotTable)
	if !ok || travels(s.AsOf) {
		return b.tableRef(j.R, outer, h)
	}
	ls.outer = outer
	x := &block{b: b, sc: ls, noQuery: true, clause: "FOR SYSTEM_TIME AS OF"}
	time, err := x.expr(s.AsOf)
	if err != nil {
		return nil, nil, err
	}
	if r, ok := time.(*expr.InputRef); !ok || len(r.Path) > 0 || r.T.Attr == types.NotTime && !b.batch() {
		return nil, nil, diag.At(s.AsOf.Span(), diag.UnsupportedByFlink, "FOR SYSTEM_TIME AS OF takes a time attribute of the left table").
			WithHint("a lookup needs a column declared AS PROCTIME()")
	}
	n, rs, err := b.tableRef(s.Input, outer, h)
	if err != nil {
		return nil, nil, err
	}
	name := ""
	if len(rs.rels) == 1 {
		name = rs.rels[0].alias
	}
	if n, err = b.snapshot(s, n, time, name); err != nil {
		return nil, nil, err
	}
	if alias != nil {
		return aliasedSnapshot(n, rs, alias)
	}
	return n, rs, nil
}

func snapshotOf(n logical.Node) *logical.Snapshot {
	s, _ := n.(*logical.Snapshot)
	return s
}

// using joins on columns that both sides have; each comes out once, in front.
func using(n *logical.Join, j *ast.Join, ls, rs, both *scope) error {
	names := j.Using
	if j.Natural {
		names = nil
		for _, l := range ls.visible {
			for _, r := range rs.visible {
				if l.name == r.name {
					names = append(names, ast.Identifier{Name: l.name, Span: j.Span()})
				}
			}
		}
	}
	var conds []expr.Node
	var merged []visible
	used := map[string]bool{}
	for _, id := range names {
		if used[id.Name] {
			return diag.At(id.Span, diag.DuplicateName, "USING names %s twice", id.Name)
		}
		used[id.Name] = true
		l, err := ls.column(ast.Name{id})
		if err != nil {
			return err
		}
		r, err := rs.column(ast.Name{id})
		if err != nil {
			return err
		}
		c, err := expr.NewCompare(expr.Eq, l, r, id.Span)
		if err != nil {
			return err
		}
		conds = append(conds, c)
		v := visible{name: id.Name, node: l, sides: append(ls.sides(id), rs.sides(id)...)}
		switch n.Type {
		case plan.RightOuter:
			v.node = r
		case plan.FullOuter:
			m, err := expr.NewCoalesce([]expr.Node{reNull(l), reNull(r)}, id.Span)
			if err != nil {
				return err
			}
			v.node = m
		}
		merged = append(merged, v)
	}
	n.Cond = expr.NewAnd(conds...)
	both.visible = merged
	for _, side := range [][]visible{ls.visible, rs.visible} {
		for _, v := range side {
			if !used[v.name] {
				both.visible = append(both.visible, v)
			}
		}
	}
	return nil
}

// reNull makes a reference nullable, as it is above an outer join.
func reNull(n expr.Node) expr.Node {
	if r, ok := n.(*expr.InputRef); ok {
		c := *r
		c.T = c.T.Nullable(true)
		return &c
	}
	return n
}

// pathTable binds a function that gives a table for a path.
func (b *Binder) pathTable(e *ast.FuncCall, p *catalog.PathTable) (logical.Node, *scope, error) {
	name := strings.ToLower(e.Name.Last())
	var path *ast.Literal
	if len(e.Args) == 1 && e.Args[0].Name == nil {
		path, _ = e.Args[0].Value.(*ast.Literal)
	}
	if path == nil || path.Kind != ast.LitString {
		return nil, nil, diag.At(e.Span(), diag.InvalidArgument, "%s takes one argument, a path in quotes", name)
	}
	cat, _ := b.Session.Current()
	t := &catalog.Table{
		Path: catalog.Path{Catalog: cat, Database: catalog.MinkDatabase, Object: name}, Columns: p.Columns, System: p.Connector,
		Options: connect.Options{p.Option: path.Text},
	}
	n, err := b.scan(t, e.Span())
	if err != nil {
		return nil, nil, err
	}
	return n, newScope(name, nil, n.Schema()), nil
}
