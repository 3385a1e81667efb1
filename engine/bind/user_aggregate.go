package bind

import (
	"strings"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/function/aggregate"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/sql/ast"
)

// userAggregate is an aggregate function of a user, with the names of its arguments
// where they have some.
type userAggregate struct {
	*function.AggregateFunc
	params []string
}

// userAggregate finds an aggregate function of a user; nil when the name is none of
// one. What a runtime says against a function comes up when the call is bound.
func (b *Binder) userAggregate(name ast.Name) *userAggregate {
	u := b.userFunction(name)
	if u == nil {
		return b.registeredAggregate(name)
	}
	r, _ := b.Session.Host.Runtime(u.Language).(function.AggregateRuntime)
	if r == nil {
		if u.Aggregate == nil {
			return nil
		}
		f := *u.Aggregate
		f.Name, f.ID = b.aggregateName(u), "@"+u.Identifier+"@"+u.String()
		return &userAggregate{AggregateFunc: &f}
	}
	d, err := b.declared(r, u)
	if err != nil || d.Kind != function.AggregateKind {
		return nil
	}
	return &userAggregate{AggregateFunc: &function.AggregateFunc{
		Name: b.aggregateName(u), ID: d.id(u), Signatures: []string{d.text(u.Name())}, Det: d.Det,
		Infer: func(c *function.Call) (function.AggregateResolved, error) {
			params, err := d.paramTypes(c)
			if err != nil {
				return function.AggregateResolved{}, err
			}
			kernel, err := r.Aggregate(d.def, params, d.results[0])
			return function.AggregateResolved{
				Params: params, Result: d.results[0], Words: d.Words, Retracts: d.Retracts, Merges: d.Merges, Make: kernel,
			}, err
		},
	}, params: d.Names}
}

// aggregateName is the name in plans, which is never that of a built-in function.
func (b *Binder) aggregateName(u *catalog.UserFunction) string {
	if name := b.planName(u); !b.builtin(name) {
		return name
	}
	return "SYSTEM." + u.Name()
}

// registeredAggregate finds an aggregate of the host by its own name.
func (b *Binder) registeredAggregate(name ast.Name) *userAggregate {
	if len(name) != 1 || b.builtin(name[0].Name) {
		return nil
	}
	for id, f := range b.Session.Host.UserAggregates {
		if strings.EqualFold(f.Name, name[0].Name) && id == f.Name {
			return &userAggregate{AggregateFunc: f}
		}
	}
	return nil
}

// userAggregateCall binds a call of an aggregate function of a user.
func (x *block) userAggregateCall(f *userAggregate, e *ast.FuncCall) (expr.Node, error) {
	if e.Nulls != ast.NullsDefault {
		return nil, diag.At(e.Span(), diag.InvalidArgument, "%s gets all rows: IGNORE NULLS and RESPECT NULLS do not apply", e.Name).
			WithHint("leave rows out by FILTER (WHERE ... IS NOT NULL)")
	}
	switch {
	case x.match != nil && e.Over != nil:
		return nil, diag.At(e.Span(), diag.InvalidQuery, "OVER has no place in MATCH_RECOGNIZE")
	case x.match != nil:
		return x.matchAggregate(e, f.Name, f)
	case e.Over != nil:
		return x.overCall(e, f.Name, f)
	}
	return x.aggCall(e, f.Name, f)
}

// understood works out what a call of f is; the arguments come back in its types.
func (f *userAggregate) understood(args []expr.Node, distinct bool, at diag.Span) (plan.AggCall, []expr.Node, error) {
	c := function.Call{Name: f.Name, Args: make([]function.Arg, len(args))}
	for i, a := range args {
		c.Args[i].Type = a.Type().Plain()
		if l, ok := a.(*expr.Literal); ok {
			c.Args[i].Lit = l.Col
		}
	}
	res, err := f.Infer(&c)
	if err != nil {
		return plan.AggCall{}, nil, placed(err, at)
	}
	cast := make([]expr.Node, len(args))
	for i, a := range args {
		if cast[i], err = expr.NewImplicitCast(a, res.Params[i], a.Span()); err != nil {
			return plan.AggCall{}, nil, err
		}
	}
	user := &aggregate.User{ID: f.ID, AggregateResolved: res, At: at, Det: f.Det}
	return plan.AggCall{Func: f.Name, User: user, Filter: -1, Type: res.Result.Plain(), Distinct: distinct && len(args) > 0}, cast, nil
}

// userAggItem binds arguments and filter of a user's aggregate.
func (x *block) userAggItem(it *aggItem, e *ast.FuncCall, f *userAggregate) error {
	args, err := x.userArgs(e, f.params)
	if err != nil {
		return err
	}
	distinct := e.Quantifier == ast.QuantifierDistinct
	if distinct {
		if err := distinctArgs(args); err != nil {
			return err
		}
	}
	if it.call, it.args, err = f.understood(args, distinct, it.at); err != nil {
		return err
	}
	return x.finishAgg(it, e, f.Name+f.ID)
}
