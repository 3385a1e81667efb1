package bind

import (
	"regexp"
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// ptfArgs are the arguments of a call of a process table function: those of the
// function, then on_time and uid, which every function has. All but the first, which
// is the table, may be left out.
func (b *Binder) ptfArgs(e *ast.FuncCall, name string, params ...string) (map[string]ast.Expr, error) {
	out, err := b.ptfGiven(e, name, params...)
	if err == nil && out[params[0]] == nil {
		return nil, diag.At(e.Span(), diag.InvalidArgument, "%s needs the argument %s, a table", name, params[0]).WithHint("write %s => TABLE t", params[0])
	}
	return out, err
}

// ptfGiven are the arguments that a call gives, by name.
func (b *Binder) ptfGiven(e *ast.FuncCall, name string, params ...string) (map[string]ast.Expr, error) {
	if b.batch() {
		return nil, diag.At(e.Span(), diag.UnsupportedByFlink, "%s is for streaming mode", name)
	}
	return namedArgs(e, name, append(params, "on_time", "uid"))
}

// namedArgs are the arguments of a call by name, given by name or by place; a NULL and
// DEFAULT count as left out.
func namedArgs(e *ast.FuncCall, name string, params []string) (map[string]ast.Expr, error) {
	out := map[string]ast.Expr{}
	for i, a := range e.Args {
		p := ""
		switch {
		case a.Name != nil && i > 0 && e.Args[i-1].Name == nil, a.Name == nil && i > 0 && e.Args[i-1].Name != nil:
			return nil, mixedArgs(a.Value.Span())
		case a.Name == nil:
			if i >= len(params) {
				return nil, diag.At(a.Value.Span(), diag.InvalidArgument, "%s takes at most %d arguments: %s", name, len(params), strings.Join(params, ", "))
			}
			p = params[i]
		default:
			k := find(params, a.Name.Name)
			if k < 0 {
				err := diag.At(a.Name.Span, diag.InvalidArgument, "%s has no argument %s; arguments are: %s", name, a.Name.Name, strings.Join(params, ", "))
				return nil, suggest(err, strings.ToLower(a.Name.Name), params)
			}
			p = params[k]
		}
		if out[p] != nil {
			return nil, diag.At(a.Value.Span(), diag.DuplicateName, "argument %s is given twice", p)
		}
		switch v := a.Value.(type) {
		case *ast.Default:
			continue
		case *ast.Literal:
			if v.Kind == ast.LitNull {
				continue
			}
		}
		out[p] = a.Value
	}
	return out, nil
}

var uidForm = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z_0-9-]*$`)

// ptfUID is the id of a call: that of the argument, or the function's name.
func ptfUID(args map[string]ast.Expr, name string) (string, error) {
	a := args["uid"]
	if a == nil {
		return name, nil
	}
	l, ok := a.(*ast.Literal)
	if !ok || l.Kind != ast.LitString {
		return "", diag.At(a.Span(), diag.InvalidArgument, "uid is a string")
	}
	if !uidForm.MatchString(l.Text) {
		return "", diag.At(a.Span(), diag.InvalidArgument, "a uid is made of letters, digits, _ and -, and begins with a letter or _")
	}
	return l.Text, nil
}

// one is the single name of a DESCRIPTOR.
func one(a ast.Expr, what string) (ast.Name, error) {
	d, ok := a.(*ast.Descriptor)
	if !ok || len(d.Columns) != 1 || len(d.Columns[0]) != 1 {
		return nil, diag.At(a.Span(), diag.InvalidArgument, "%s is a DESCRIPTOR of one column", what)
	}
	return d.Columns[0], nil
}

// pairsOf are the constant keys and values of a MAP, with the places of the keys.
func (x *block) pairsOf(a ast.Expr, what string) ([][2]string, []diag.Span, error) {
	bad := func(at diag.Span) error {
		return diag.At(at, diag.InvalidArgument, "%s is a MAP of constant strings", what).WithHint("write %s => MAP['c, r', 'INSERT', 'd', 'DELETE']", what)
	}
	m, ok := a.(*ast.MapCtor)
	if !ok || m.Query != nil || len(m.Elems)%2 != 0 {
		return nil, nil, bad(a.Span())
	}
	var out [][2]string
	var at []diag.Span
	for i := 0; i < len(m.Elems); i += 2 {
		var pair [2]string
		for k := range 2 {
			n, err := x.expr(m.Elems[i+k])
			if err != nil {
				return nil, nil, err
			}
			l, ok := expr.Fold(n, x.b.frame()).(*expr.Literal)
			if !ok || !l.Col.Type.IsString() || l.Col.IsNull(0) {
				return nil, nil, bad(m.Elems[i+k].Span())
			}
			var tmp [batch.InlineMax]byte
			pair[k] = string(l.Col.Bytes(0, &tmp))
		}
		out, at = append(out, pair), append(at, m.Elems[i].Span())
	}
	return out, at, nil
}

// kindOf is the kind of change of a name; the case of letters counts.
func kindOf(name string, at diag.Span, seen map[string]bool) (batch.Kind, error) {
	k := slices.Index(logical.KindNames[:], name)
	if k < 0 {
		err := diag.At(at, diag.InvalidArgument, "op_mapping names no change '%s'; changes are: %s", name, strings.Join(logical.KindNames[:], ", "))
		return 0, suggest(err, strings.ToUpper(name), logical.KindNames[:])
	}
	if seen[name] {
		return 0, diag.At(at, diag.DuplicateName, "op_mapping names %s twice", name).WithHint("write several codes as one key: 'c, r'")
	}
	seen[name] = true
	return batch.Kind(k), nil
}

// toChangelog binds TO_CHANGELOG(input, op, op_mapping, produces_full_deletes).
func (b *Binder) toChangelog(e *ast.FuncCall, outer *scope) (logical.Node, *scope, error) {
	const name = "TO_CHANGELOG"
	args, err := b.ptfArgs(e, name, "input", "op", "op_mapping", "produces_full_deletes")
	if err != nil {
		return nil, nil, err
	}
	in, sc, part, err := b.tableArg(args["input"], outer)
	if err != nil {
		return nil, nil, err
	}
	n := &logical.ToChangelog{Place: logical.Place{At: e.Span()}, In: in, PartitionBy: part, Op: "op", Time: -1}
	if n.UID, err = ptfUID(args, name); err != nil {
		return nil, nil, err
	}
	if a := args["op"]; a != nil {
		c, err := one(a, "op")
		if err != nil {
			return nil, nil, err
		}
		n.Op = c[0].Name
	}
	x := &block{b: b, sc: &scope{}, noQuery: true, clause: name}
	for k := range n.Codes {
		n.Codes[k] = &logical.KindNames[k]
	}
	if a := args["op_mapping"]; a != nil {
		n.Codes, n.Mapped, n.CodesAt = [4]*string{}, true, a.Span()
		list, places, err := x.pairsOf(a, "op_mapping")
		if err != nil {
			return nil, nil, err
		}
		seen := map[string]bool{}
		for i, p := range list {
			for _, w := range strings.Split(p[0], ",") {
				k, err := kindOf(strings.TrimSpace(w), places[i], seen)
				if err != nil {
					return nil, nil, err
				}
				n.Codes[k] = &list[i][1]
			}
		}
	}
	if a := args["produces_full_deletes"]; a != nil {
		v, err := x.expr(a)
		if err != nil {
			return nil, nil, err
		}
		l, ok := expr.Fold(v, x.b.frame()).(*expr.Literal)
		if !ok || l.Col.Type.Kind != types.Boolean || l.Col.IsNull(0) {
			return nil, nil, diag.At(a.Span(), diag.InvalidArgument, "produces_full_deletes is TRUE or FALSE")
		}
		n.Partial, n.DeletesAt = !batch.Bit(l.Col.Bits, 0), a.Span()
		if !n.Partial && n.Codes[batch.Delete] == nil {
			return nil, nil, diag.At(a.Span(), diag.InvalidArgument, "produces_full_deletes is given, and op_mapping drops deletes").
				WithHint("leave it out, or map DELETE")
		}
	}
	if a := args["on_time"]; a != nil {
		if n.Time, err = onTime(a, sc); err != nil {
			return nil, nil, err
		}
	}
	return n, newScope("", nil, n.Schema()), nil
}

// onTime is the column of on_time => DESCRIPTOR(ts).
func onTime(a ast.Expr, sc *scope) (int, error) {
	c, err := one(a, "on_time")
	if err != nil {
		return 0, err
	}
	ref, err := sc.column(c)
	if err != nil {
		return 0, err
	}
	r, ok := ref.(*expr.InputRef)
	if !ok || len(r.Path) > 0 || r.T.Attr != types.Rowtime {
		return 0, diag.At(c.Span(), diag.InvalidWatermark, "on_time needs a column with a watermark, and %s has none", c)
	}
	return r.Index, nil
}

// fromChangelog binds FROM_CHANGELOG(input, op, op_mapping, error_handling).
func (b *Binder) fromChangelog(e *ast.FuncCall, outer *scope) (logical.Node, *scope, error) {
	const name = "FROM_CHANGELOG"
	args, err := b.ptfArgs(e, name, "input", "op", "op_mapping", "error_handling")
	if err != nil {
		return nil, nil, err
	}
	if a := args["on_time"]; a != nil {
		return nil, nil, diag.At(a.Span(), diag.UnsupportedByFlink, "on_time is for functions whose rows are only inserted")
	}
	n := &logical.FromChangelog{Place: logical.Place{At: e.Span()}}
	var sc *scope
	if n.In, sc, n.PartitionBy, n.OrderBy, err = b.orderedTableArg(args["input"], outer); err != nil {
		return nil, nil, err
	}
	if n.UID, err = ptfUID(args, name); err != nil {
		return nil, nil, err
	}
	op := ast.Name{{Name: "op", Span: e.Span()}}
	if a := args["op"]; a != nil {
		if op, err = one(a, "op"); err != nil {
			return nil, nil, err
		}
	}
	ref, err := sc.column(op)
	if err != nil {
		return nil, nil, err
	}
	r, ok := ref.(*expr.InputRef)
	if !ok || len(r.Path) > 0 || !r.T.IsString() {
		return nil, nil, diag.At(op.Span(), diag.TypeMismatch, "the operation %s must be a STRING, not %s", op, ref.Type().Nullable(true))
	}
	if slices.Contains(n.PartitionBy, r.Index) {
		return nil, nil, diag.At(op.Span(), diag.InvalidArgument, "the operation %s cannot be a key of PARTITION BY", op)
	}
	n.Op = r.Index
	x := &block{b: b, sc: &scope{}, noQuery: true, clause: name}
	if a := args["op_mapping"]; a != nil {
		if err := x.changeCodes(n, a); err != nil {
			return nil, nil, err
		}
	} else {
		for k, text := range logical.KindNames {
			n.Codes = append(n.Codes, plan.ChangeCode{Text: text, Kind: batch.Kind(k)})
		}
	}
	if a := args["error_handling"]; a != nil {
		l, ok := a.(*ast.Literal)
		if !ok || l.Kind != ast.LitString || l.Text != "FAIL" && l.Text != "SKIP" {
			return nil, nil, diag.At(a.Span(), diag.InvalidArgument, "error_handling is 'FAIL' or 'SKIP'")
		}
		n.Skip = l.Text == "SKIP"
	}
	return n, newScope("", nil, n.Schema()), nil
}

// changeCodes reads the op_mapping of FROM_CHANGELOG.
func (x *block) changeCodes(n *logical.FromChangelog, a ast.Expr) error {
	list, places, err := x.pairsOf(a, "op_mapping")
	if err != nil {
		return err
	}
	seen, codes := map[string]bool{}, map[string]bool{}
	for i, p := range list {
		k, err := kindOf(strings.TrimSpace(p[1]), places[i], seen)
		if err != nil {
			return err
		}
		for _, w := range strings.Split(p[0], ",") {
			w = strings.TrimSpace(w)
			if codes[w] {
				return diag.At(places[i], diag.DuplicateName, "op_mapping has the code '%s' twice", w)
			}
			codes[w] = true
			n.Codes = append(n.Codes, plan.ChangeCode{Text: w, Kind: k})
		}
	}
	if len(n.Codes) == 0 {
		return diag.At(a.Span(), diag.InvalidArgument, "op_mapping is empty")
	}
	if seen["UPDATE_AFTER"] && !seen["UPDATE_BEFORE"] {
		if len(n.PartitionBy) == 0 {
			return diag.At(a.Span(), diag.InvalidArgument, "op_mapping has UPDATE_AFTER without UPDATE_BEFORE, so rows replace each other and need a key").
				WithHint("add PARTITION BY to the table, or map UPDATE_BEFORE")
		}
		n.Upsert = true
	}
	return nil
}

// orderedTableArg is tableArg with ORDER BY: event time first, ascending.
func (b *Binder) orderedTableArg(e ast.Expr, outer *scope) (logical.Node, *scope, []int, []plan.SortKey, error) {
	t, ok := e.(*ast.TableArg)
	if !ok || len(t.OrderBy) == 0 {
		n, sc, part, err := b.tableArg(e, outer)
		return n, sc, part, nil, err
	}
	plainArg := *t
	plainArg.OrderBy = nil
	n, sc, part, err := b.tableArg(&plainArg, outer)
	if err != nil {
		return nil, nil, nil, nil, err
	}
	x := &block{b: b, sc: sc, noQuery: true, clause: "ORDER BY"}
	var keys []plan.SortKey
	for i, o := range t.OrderBy {
		v, err := x.expr(o.Expr)
		if err != nil {
			return nil, nil, nil, nil, err
		}
		r, ok := v.(*expr.InputRef)
		if !ok || len(r.Path) > 0 {
			return nil, nil, nil, nil, diag.At(o.Expr.Span(), diag.InvalidArgument, "ORDER BY takes columns here")
		}
		if i == 0 && (r.T.Attr != types.Rowtime || o.Desc) {
			return nil, nil, nil, nil, diag.At(o.Expr.Span(), diag.InvalidWatermark, "ORDER BY begins with a column that has a watermark, ascending")
		}
		k := plan.SortKey{Col: r.Index, Desc: o.Desc, NullsFirst: !o.Desc}
		if o.Nulls != ast.NullsUnspecified {
			k.NullsFirst = o.Nulls == ast.NullsFirst
		}
		keys = append(keys, k)
	}
	if len(part) == 0 {
		return nil, nil, nil, nil, diag.At(t.OrderBy[0].Expr.Span(), diag.InvalidArgument, "ORDER BY needs PARTITION BY before it")
	}
	return n, sc, part, keys, nil
}
