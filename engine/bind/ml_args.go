package bind

import (
	"strings"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// callArgs are the arguments of a call by the names of their parameters, all given by
// position or all by name. The first need of them must be there.
func callArgs(e *ast.FuncCall, name string, need int, params ...string) (map[string]ast.Expr, error) {
	out := map[string]ast.Expr{}
	for i, a := range e.Args {
		p := ""
		switch {
		case i > 0 && (a.Name == nil) != (e.Args[i-1].Name == nil):
			return nil, mixedArgs(a.Value.Span())
		case a.Name == nil && i >= len(params):
			return nil, diag.At(a.Value.Span(), diag.InvalidArgument, "%s takes at most %d arguments: %s", name, len(params), strings.Join(params, ", "))
		case a.Name == nil:
			p = params[i]
		default:
			k := find(params, a.Name.Name)
			if k < 0 {
				err := diag.At(a.Name.Span, diag.InvalidArgument, "%s has no parameter %s; parameters are: %s", name, a.Name.Name, strings.Join(params, ", "))
				return nil, suggest(err, strings.ToUpper(a.Name.Name), params)
			}
			p = params[k]
		}
		if out[p] != nil {
			return nil, diag.At(a.Value.Span(), diag.DuplicateName, "parameter %s is given twice", p)
		}
		if _, left := a.Value.(*ast.Default); !left {
			out[p] = a.Value
		}
	}
	for _, p := range params[:need] {
		if out[p] == nil {
			return nil, diag.At(e.Span(), diag.InvalidArgument, "%s needs the argument %s; parameters are: %s", name, p, strings.Join(params, ", "))
		}
	}
	return out, nil
}

// descriptor are the columns that a DESCRIPTOR names, over sc.
func descriptor(a ast.Expr, param string, sc *scope) ([]*expr.InputRef, error) {
	d, ok := a.(*ast.Descriptor)
	if !ok || len(d.Columns) == 0 {
		return nil, diag.At(a.Span(), diag.InvalidArgument, "%s is a DESCRIPTOR of columns", param).WithHint("write DESCRIPTOR(a, b)")
	}
	var out []*expr.InputRef
	for _, c := range d.Columns {
		ref, err := sc.column(c)
		if err != nil {
			return nil, err
		}
		r, ok := ref.(*expr.InputRef)
		if !ok || len(r.Path) > 0 {
			return nil, diag.At(c.Span(), diag.InvalidArgument, "%s names columns, and %s is none", param, c)
		}
		out = append(out, expr.NewRef(r.Index, r.T, c.Span()))
	}
	return out, nil
}

// modelArg finds the model of an argument MODEL m.
func (b *Binder) modelArg(a ast.Expr, name string) (*catalog.Model, error) {
	m, ok := a.(*ast.ModelArg)
	if !ok {
		return nil, diag.At(a.Span(), diag.InvalidArgument, "the argument MODEL of %s is a model", name).WithHint("write MODEL m")
	}
	return b.lookupModel(m.Name)
}

// runConfig is the argument CONFIG of a function that asks outside, over the settings
// of the session.
type runConfig struct {
	// async is nil where nothing is said.
	async     *bool
	max       int
	unordered bool
	timeout   int64 // milliseconds
	// rest are the pairs with other keys, at their places.
	rest connect.Options
	at   map[string]diag.Span
}

var runOptions = []connect.Option{
	{Key: "async", Type: connect.Bool},
	{Key: "max-concurrent-operations", Type: connect.Int},
	{Key: "output-mode", Type: connect.Enum, Values: []string{"ORDERED", "ALLOW_UNORDERED"}},
	{Key: "timeout", Type: connect.Duration},
}

// runConfig reads CONFIG; a is nil where it is not given. settings is where the
// session's defaults stand.
func (b *Binder) runConfig(a ast.Expr, settings string) (*runConfig, error) {
	c := b.Session.Config
	out := &runConfig{
		max: c.Int(settings + ".max-concurrent-operations"), unordered: c.Enum(settings+".output-mode") == "ALLOW_UNORDERED",
		timeout: c.Duration(settings + ".timeout").Milliseconds(), rest: connect.Options{}, at: map[string]diag.Span{},
	}
	if a == nil {
		return out, nil
	}
	x := &block{b: b, sc: &scope{}, noQuery: true, clause: "CONFIG"}
	pairs, places, err := x.pairsOf(a, "CONFIG")
	if err != nil {
		if d := diag.As(err); d != nil && d.Code == diag.InvalidArgument {
			d.Hint = "write MAP['async', 'true', 'timeout', '30 s']"
		}
		return nil, err
	}
	for i, p := range pairs {
		key, value := p[0], p[1]
		if _, twice := out.at[key]; twice {
			return nil, diag.At(places[i], diag.DuplicateName, "CONFIG has the key '%s' twice", key)
		}
		out.at[key] = places[i]
		out.rest[key] = value
	}
	for _, d := range runOptions {
		value, given := out.rest[d.Key]
		if !given {
			continue
		}
		if err := connect.CheckValue(d, d.Key, value); err != nil {
			return nil, placed(err, out.at[d.Key])
		}
		o := connect.Options{d.Key: value}
		switch d.Key {
		case "async":
			v, _ := o.Bool(d.Key, false)
			out.async = &v
		case "max-concurrent-operations":
			v, _ := o.Int(d.Key, 0)
			if v <= 0 {
				return nil, diag.At(out.at[d.Key], diag.InvalidOption, "'%s' is a number above 0, not %s", d.Key, value)
			}
			out.max = int(min(v, 1<<20))
		case "output-mode":
			v, _ := o.Enum(d.Key, "", d.Values...)
			out.unordered = v == "ALLOW_UNORDERED"
		case "timeout":
			v, _ := o.Duration(d.Key, 0)
			out.timeout = v.Milliseconds()
		}
		delete(out.rest, d.Key)
	}
	return out, nil
}

// uniqueName is name, or name with the first number that makes it no column of s.
func uniqueName(name string, s types.Schema) string {
	if s.Index(name) < 0 {
		return name
	}
	for i := 0; ; i++ {
		if n := name + itoa(i); s.Index(n) < 0 {
			return n
		}
	}
}
