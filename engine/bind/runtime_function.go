package bind

import (
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// declared is a function of another language with its types understood.
type declared struct {
	*function.Declared
	params, results []types.Type
	def             *function.Definition
}

// declared asks the runtime what a function is.
func (b *Binder) declared(r function.Runtime, u *catalog.UserFunction) (*declared, error) {
	d := &declared{def: &function.Definition{
		Name: u.Name(), Identifier: u.Identifier, Options: u.Options,
		Setting: b.Session.Config.Get, Zone: b.Session.Config.Zone(b.Session.Host.Zone).String(),
	}}
	ask, err := b.Session.Host.Describe, error(nil)
	if ask == nil {
		ask = func(r function.Runtime, d *function.Definition) (*function.Declared, error) { return r.Describe(d) }
	}
	if d.Declared, err = ask(r, d.def); err != nil {
		return nil, err
	}
	types := func(texts []string, what string) ([]types.Type, error) {
		var out []types.Type
		for _, t := range texts {
			v, err := typeText(t)
			if err != nil {
				return nil, diag.New(diag.CodeOf(err), "%s %s of function %s: %s", what, t, u.Name(), diag.As(err).Msg)
			}
			out = append(out, v)
		}
		return out, nil
	}
	if d.params, err = types(d.Params, "argument type"); err == nil {
		d.results, err = types(d.Results, "result type")
	}
	if d.Params != nil && d.params == nil {
		d.params = noTypes
	}
	if d.Params == nil && d.Names == nil && d.Most == 0 && err == nil {
		err = d.arguments(u)
	}
	if d.Returns != "" && err == nil {
		err = d.returns(u)
	}
	return d, err
}

// returns reads the columns of a table function that are given as one text.
func (d *declared) returns(u *catalog.UserFunction) error {
	t, err := typeText("ROW<" + d.Returns + ">")
	if err != nil {
		e := diag.As(err)
		return diag.New(e.Code, "option 'returns' of function %s: %s", u.Name(), e.Msg).WithHint("list names and types of its columns: 'a INT, b STRING'")
	}
	c := *d.Declared
	d.Declared, c.Columns = &c, nil
	for _, f := range t.Fields {
		c.Columns = append(c.Columns, f.Name)
		d.results = append(d.results, f.Type)
	}
	return nil
}

// arguments reads names and types that are given as one text.
func (d *declared) arguments(u *catalog.UserFunction) error {
	c := *d.Declared
	d.Declared, d.params = &c, noTypes
	if strings.TrimSpace(d.Arguments) == "" {
		return nil
	}
	t, err := typeText("ROW<" + d.Arguments + ">")
	if err != nil {
		return badArguments(u, err)
	}
	c.Names = nil
	for _, f := range t.Fields {
		c.Names = append(c.Names, f.Name)
		d.params = append(d.params, f.Type)
	}
	c.Least, c.Most = len(c.Names), len(c.Names)
	return nil
}

func badArguments(u *catalog.UserFunction, err error) error {
	return diag.New(diag.CodeOf(err), "option 'arguments' of function %s: %s", u.Name(), diag.As(err).Msg).
		WithHint("it is a list of names and types, as in 'a INT, b STRING'")
}

var noTypes = []types.Type{}

// text is the signature for people.
func (d *declared) text(name string) string { return d.signature(name, d.Names) }

// described is the signature that DESCRIBE shows. Flink has numbers for the parameters
// of a function in Python, and one star for those without a type; their own names, which
// calls may use here, stand in errors.
func (d *declared) described(u *catalog.UserFunction) string {
	if u.Language != "PYTHON" {
		return d.text(u.Name())
	}
	name := u.Name()
	if !u.System {
		name = strings.Join([]string{u.Path.Catalog, u.Path.Database, u.Path.Object}, ".")
	}
	if d.params == nil {
		return name + "(*)"
	}
	var names []string
	for i := range d.params {
		names = append(names, "arg"+strconv.Itoa(i))
	}
	return d.signature(name, names)
}

func (d *declared) signature(name string, names []string) string {
	var parts []string
	for i := range max(len(names), len(d.params)) {
		arg := ""
		if i < len(names) {
			arg = names[i]
		}
		if i < len(d.params) {
			if arg != "" {
				arg += " => "
			}
			arg += d.params[i].String()
		}
		parts = append(parts, arg)
	}
	if names == nil && d.params == nil {
		parts = append(parts, "...")
	}
	return name + "(" + strings.Join(parts, ", ") + ")"
}

// id tells functions apart in plans, and one state of the code from another.
func (d *declared) id(u *catalog.UserFunction) string {
	return "@" + u.Language + ":" + u.Identifier + "@" + u.String() + "@" + d.Version
}

// planName is the name that a function has in plans: the full one where the short one
// is that of a built-in function.
func (b *Binder) planName(u *catalog.UserFunction) string {
	if !u.System && b.builtin(u.Name()) {
		return u.String()
	}
	return u.Name()
}

// paramTypes are the types that the arguments of a call are brought to.
func (d *declared) paramTypes(c *function.Call) ([]types.Type, error) {
	n := len(c.Args)
	if n < d.Least || d.Most >= 0 && n > d.Most || d.params != nil && n != len(d.params) {
		want := len(d.params)
		if d.params == nil {
			want = d.Least
		}
		e := diag.New(diag.InvalidArgument, "%s takes %s, not %d", d.def.Name, d.count(want), n)
		if len(d.Names) > 0 {
			e.WithNote(diag.Span{}, "arguments are: %s", strings.Join(d.Names, ", "))
		}
		return nil, e
	}
	params := make([]types.Type, n)
	for i, a := range c.Args {
		params[i] = a.Type.Nullable(true).Plain()
		switch {
		case d.params != nil:
			params[i] = d.params[i]
			if !function.CanCast(a.Type, params[i], false) {
				return nil, diag.New(diag.TypeMismatch, "argument %d of %s is declared %s, and %s does not become one by itself",
					i+1, d.def.Name, params[i], a.Type.Nullable(true)).WithHint("write CAST(... AS %s)", params[i].Nullable(true))
			}
			if params[i].NotNull && a.Type.IsNullable() {
				return nil, diag.New(diag.TypeMismatch, "argument %d of %s is declared NOT NULL, and this value may be NULL", i+1, d.def.Name).
					WithHint("use COALESCE to say what stands for NULL")
			}
		case a.Type.Kind == types.Null:
			params[i] = types.StringT
		}
	}
	return params, nil
}

func (d *declared) count(want int) string {
	switch {
	case d.params == nil && d.Most < 0:
		return "at least " + arguments(want)
	case d.params == nil && d.Most != d.Least:
		return strconv.Itoa(d.Least) + " to " + strconv.Itoa(d.Most) + " arguments"
	}
	return arguments(want)
}

// scalarFunc is a scalar function of another language as a function of the system.
func (b *Binder) scalarFunc(r function.Runtime, u *catalog.UserFunction, d *declared) *function.Func {
	return &function.Func{
		Name: b.planName(u), ID: d.id(u), Signatures: []string{d.text(u.Name())}, Det: d.Det,
		Infer: func(c *function.Call) (function.Resolved, error) {
			params, err := d.paramTypes(c)
			if err != nil {
				return function.Resolved{}, err
			}
			kernel, err := r.Scalar(d.def, params, d.results[0])
			if err != nil {
				return function.Resolved{}, err
			}
			return function.Resolved{Params: params, Result: d.results[0], Make: kernel, Fallible: true, Cost: runtimeCost}, nil
		},
	}
}

// runtimeCost is what a call outside of the process is taken to cost per row.
const runtimeCost = 1000

// runtimeCall binds a call of a scalar function of another language.
func (x *block) runtimeCall(r function.Runtime, u *catalog.UserFunction, e *ast.FuncCall) (expr.Node, error) {
	d, err := x.b.declared(r, u)
	if err != nil {
		return nil, placed(err, e.Name.Span())
	}
	switch d.Kind {
	case function.TableKind:
		return nil, givesRows(e)
	}
	args, err := x.userArgs(e, d.Names)
	if err != nil {
		return nil, err
	}
	return x.scalarCall(x.b.scalarFunc(r, u, d), args, e.Span())
}

// givesRows is the error of a table function where a value stands.
func givesRows(e *ast.FuncCall) error {
	return diag.At(e.Span(), diag.InvalidQuery, "%s gives rows, not a value", e.Name).WithHint("write FROM t, LATERAL TABLE(%s(...)) AS f (columns)", e.Name)
}

// userTableFunction finds a table function made by CREATE FUNCTION; nil when the name
// is none of one. What the runtime says against it comes up when the call is bound.
func (b *Binder) userTableFunction(name ast.Name) *function.TableFunc {
	u := b.userFunction(name)
	if u == nil {
		return b.registeredTable(name)
	}
	r := b.Session.Host.Runtime(u.Language)
	if r == nil {
		return u.Table
	}
	d, err := b.declared(r, u)
	if err == nil && d.Kind != function.TableKind {
		return nil
	}
	f := &function.TableFunc{Name: b.planName(u)}
	f.Infer = func(c *function.Call) (function.TableResolved, error) {
		if err != nil {
			return function.TableResolved{}, err
		}
		params, err := d.paramTypes(c)
		if err != nil {
			return function.TableResolved{}, err
		}
		kernel, err := r.Table(d.def, params, d.results)
		if err != nil {
			return function.TableResolved{}, err
		}
		res := function.TableResolved{Params: params, Make: kernel}
		for i, t := range d.results {
			name := "f" + strconv.Itoa(i)
			if i < len(d.Columns) {
				name = d.Columns[i]
			}
			res.Out = append(res.Out, types.Field{Name: name, Type: t})
		}
		return res, nil
	}
	if err == nil {
		f.Signatures, f.Det = []string{d.text(u.Name())}, d.Det
	}
	return f
}

// registeredTable finds a table function of the host by its own name.
func (b *Binder) registeredTable(name ast.Name) *function.TableFunc {
	if len(name) != 1 || b.builtin(name[0].Name) {
		return nil
	}
	for _, f := range b.Session.Host.TableFunctions {
		if strings.EqualFold(f.Name, name[0].Name) && b.Session.Host.TableFunctions[f.Name] == f {
			return f
		}
	}
	return nil
}
