package bind

import (
	"slices"
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// cteEnv are the queries named by WITH that can be seen.
type cteEnv struct {
	name  string
	item  *ast.WithItem
	env   *cteEnv // what the query itself sees
	next  *cteEnv
	outer *scope
}

// query binds a query; outer is the scope around a subquery.
func (b *Binder) query(q ast.Query, outer *scope) (*rows, error) {
	switch q := q.(type) {
	case *ast.Select:
		return b.selectBlock(q, nil, outer)
	case *ast.Ordered:
		return b.ordered(q, outer)
	case *ast.SetOp:
		return b.setOp(q, outer)
	case *ast.With:
		return b.with(q, outer)
	case *ast.Values:
		return b.values(q, outer)
	case *ast.TableQuery:
		t := &ast.TableName{Pos: ast.Pos{At: q.Name.Span()}, Name: q.Name}
		n, sc, err := b.tableRef(t, outer, hints{})
		if err != nil {
			return nil, err
		}
		b.noteColumns(q.Span(), sc)
		var names []string
		for _, v := range sc.visible {
			names = append(names, v.name)
		}
		return &rows{n, names}, nil
	}
	return nil, unsupported(q.Span(), "this query is")
}

func (b *Binder) with(q *ast.With, outer *scope) (*rows, error) {
	if q.Recursive {
		return nil, diag.At(q.Span(), diag.UnsupportedByFlink, "WITH RECURSIVE is not a form Flink can plan").
			WithHint("join the table with itself as often as the tree is deep, or MATCH_RECOGNIZE for chains of events")
	}
	saved := b.ctes
	defer func() { b.ctes = saved }()
	for i := range q.Items {
		it := &q.Items[i]
		for e := b.ctes; e != saved; e = e.next {
			if e.name == it.Name.Name {
				return nil, diag.At(it.Name.Span, diag.DuplicateName, "WITH names %s twice", it.Name.Name)
			}
		}
		b.ctes = &cteEnv{name: it.Name.Name, item: it, env: b.ctes, next: b.ctes, outer: outer}
		// Bind each once, so that mistakes in one that is never read are found.
		if _, err := b.cte(b.ctes); err != nil {
			return nil, err
		}
	}
	return b.query(q.Body, outer)
}

// cte binds the query of a WITH item anew.
func (b *Binder) cte(e *cteEnv) (*rows, error) {
	saved := b.ctes
	b.ctes = e.env
	defer func() { b.ctes = saved }()
	r, err := b.query(e.item.Query, e.outer)
	if err != nil {
		return nil, err
	}
	return renamed(r, e.item.Columns, e.item.Name)
}

// renamed gives the columns of a query the names listed, if any.
func renamed(r *rows, cols []ast.Identifier, of ast.Identifier) (*rows, error) {
	if len(cols) == 0 {
		return r, nil
	}
	if len(cols) != len(r.names) {
		return nil, diag.At(cols[0].Span.Join(cols[len(cols)-1].Span), diag.InvalidQuery, "%s has %d columns, and %d names are given", of.Name, len(r.names), len(cols)).
			WithHint("name each column, or leave the list out")
	}
	names := make([]string, len(cols))
	for i, c := range cols {
		names[i] = c.Name
		for j := range i {
			if names[j] == c.Name {
				return nil, diag.At(c.Span, diag.DuplicateName, "column %q is named twice", c.Name)
			}
		}
	}
	return &rows{logical.NewProject(r.node, logical.Refs(r.node.Schema()), names, r.node.Span()), names}, nil
}

func (b *Binder) setOp(q *ast.SetOp, outer *scope) (*rows, error) {
	l, err := b.query(q.L, outer)
	if err != nil {
		return nil, err
	}
	r, err := b.query(q.R, outer)
	if err != nil {
		return nil, err
	}
	word := [...]string{"UNION", "INTERSECT", "EXCEPT"}[q.Op]
	if len(l.names) != len(r.names) {
		return nil, diag.At(q.R.Span(), diag.InvalidQuery, "the sides of %s have %d and %d columns", word, len(l.names), len(r.names)).
			WithNote(diag.Span{}, "left: %s", strings.Join(l.names, ", ")).WithNote(diag.Span{}, "right: %s", strings.Join(r.names, ", ")).
			WithHint("give both the same columns; CAST(NULL AS type) fills one that is missing")
	}
	ls, rs := l.node.Schema(), r.node.Schema()
	ts := make([]types.Type, len(ls))
	for i := range ls {
		if ls[i].Type.Attr != rs[i].Type.Attr && !b.batch() && ls[i].Type.Attr == types.Proctime != (rs[i].Type.Attr == types.Proctime) {
			return nil, diag.At(q.R.Span(), diag.TypeMismatch, "column %d of %s is a processing-time attribute on one side only", i+1, word).
				WithHint("CAST it to TIMESTAMP_LTZ(3)")
		}
		t, err := function.LeastType(ls[i].Type, rs[i].Type)
		if err != nil {
			return nil, diag.At(q.R.Span(), diag.TypeMismatch, "column %d of %s is %s on the left and %s on the right, which have no common type",
				i+1, word, ls[i].Type.Nullable(true), rs[i].Type.Nullable(true)).
				WithHint("CAST one of the two, as in CAST(a AS STRING)")
		}
		ts[i] = t
	}
	ln := castTo(l.node, ts, l.names, q.L.Span())
	rn := castTo(r.node, ts, l.names, q.R.Span())
	if q.Op != ast.Union {
		for i := range ts {
			if err := hasEquality(ts[i], word+" cannot compare", q.Span()); err != nil {
				return nil, err
			}
		}
		n, err := b.intersect(q, ln, rn, l.names)
		return &rows{n, l.names}, err
	}
	var n logical.Node = &logical.Union{Place: logical.Place{At: q.Span()}, Ins: flatten(ln, rn)}
	if !q.All {
		if n, err = distinctRows(n, "UNION", q.Span()); err != nil {
			return nil, err
		}
	}
	return &rows{n, l.names}, nil
}

// flatten makes one union of nested ones.
func flatten(ins ...logical.Node) []logical.Node {
	var out []logical.Node
	for _, n := range ins {
		if u, ok := n.(*logical.Union); ok {
			out = append(out, u.Ins...)
			continue
		}
		out = append(out, n)
	}
	return out
}

// castTo brings the columns of n to types ts. Time attributes stay where nothing
// changes.
func castTo(n logical.Node, ts []types.Type, names []string, at diag.Span) logical.Node {
	s := n.Schema()
	exprs := make([]expr.Node, len(s))
	same := true
	for i := range s {
		ref := expr.NewRef(i, s[i].Type, at)
		exprs[i] = ref
		if !types.SameIgnoringNull(s[i].Type, ts[i]) {
			exprs[i], same = expr.ToLeast(ref, ts[i]), false
		}
		same = same && s[i].Name == names[i]
	}
	if same {
		return n
	}
	return logical.NewProject(n, exprs, names, at)
}

func (b *Binder) values(q *ast.Values, outer *scope) (*rows, error) {
	x := &block{b: b, sc: &scope{outer: outer}, noQuery: true, clause: "VALUES"}
	var all [][]expr.Node
	for _, r := range q.Rows {
		elems := []ast.Expr{r}
		if c, ok := r.(*ast.RowCtor); ok {
			elems = c.Elems
		}
		list, err := x.exprs(elems...)
		if err != nil {
			return nil, err
		}
		if len(all) > 0 && len(list) != len(all[0]) {
			return nil, diag.At(r.Span(), diag.InvalidQuery, "the rows of VALUES have %d and %d columns", len(all[0]), len(list)).
				WithHint("NULL fills a column that has no value")
		}
		all = append(all, list)
	}
	width := len(all[0])
	out := make(types.Schema, width)
	names := make([]string, width)
	for c := range width {
		ts := make([]types.Type, len(all))
		for i, r := range all {
			ts[i] = r[c].Type()
		}
		t, err := function.LeastType(ts...)
		if err != nil {
			// Say which row broke it.
			for i := 1; i < len(ts); i++ {
				if _, err := function.LeastType(ts[:i+1]...); err != nil {
					return nil, diag.At(all[i][c].Span(), diag.TypeMismatch, "column %d of VALUES is %s here and %s above, which have no common type",
						c+1, ts[i].Nullable(true), ts[i-1].Nullable(true)).
						WithHint("rows stand in parentheses, VALUES (1, 'a'), (2, 'b'), and a column has one type")
				}
			}
			return nil, err
		}
		for i := range all {
			all[i][c] = expr.ToLeast(all[i][c], t)
		}
		names[c] = "EXPR$" + strconv.Itoa(c)
		out[c] = types.Field{Name: names[c], Type: t.Plain()}
	}
	if !slices.ContainsFunc(all, varies) {
		return &rows{logical.NewValues(all, out, q.Span()), names}, nil
	}
	// What the clock or chance decide is computed when the query runs.
	ins := make([]logical.Node, len(all))
	for i, r := range all {
		ins[i] = logical.NewProject(oneRow(q.Span()), r, names, q.Span())
	}
	if len(ins) == 1 {
		return &rows{ins[0], names}, nil
	}
	return &rows{&logical.Union{Place: logical.Place{At: q.Span()}, Ins: ins}, names}, nil
}

// varies reports a row of VALUES that is not the same whenever it is computed.
func varies(row []expr.Node) bool {
	return slices.ContainsFunc(row, func(n expr.Node) bool { return expr.Determinism(n) != function.Deterministic })
}

// oneRow is the input of a SELECT without FROM.
func oneRow(at diag.Span) logical.Node {
	return logical.NewValues([][]expr.Node{{}}, types.Schema{}, at)
}

// Query binds a query alone, as a view's or a statement's.
func (b *Binder) Query(q ast.Query) (*Query, error) {
	r, err := b.query(q, nil)
	if err != nil {
		return nil, err
	}
	if err := typed(q, r); err != nil {
		return nil, err
	}
	names := plan.Unique(append([]string(nil), r.names...))
	root := logical.NewProject(r.node, logical.Refs(r.node.Schema()), names, q.Span())
	return &Query{Root: root, At: q.Span()}, nil
}

// typed refuses columns of a result or a view to which nothing gives a type, as Flink does.
func typed(q ast.Query, r *rows) error {
	for i, f := range r.node.Schema() {
		if f.Type.Kind == types.Null {
			return diag.At(columnSpan(q, i), diag.TypeMismatch, "column %q is NULL and has no type", r.names[i]).WithHint("CAST(NULL AS STRING), or another type, gives it one")
		}
	}
	return nil
}
