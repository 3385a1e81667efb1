package expr

import (
	"strconv"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

// NewCall makes a call of fn. It works out what the call means from the types of
// the arguments and from those that are literals, casts arguments to what the
// function takes, and folds nothing. Functions with a form of their own, such as
// comparisons, AND or COALESCE, become the nodes of that form.
//
// Errors are *diag.Error with the call's place.
func NewCall(fn *function.Func, args []Node, at diag.Span) (Node, error) {
	if fn.Form != function.Ordinary {
		return newForm(fn, args, at)
	}
	c := function.Call{Name: fn.Name, Args: make([]function.Arg, len(args))}
	for i, a := range args {
		c.Args[i].Type = a.Type()
		if l, ok := a.(*Literal); ok {
			c.Args[i].Lit = l.Col
		}
	}
	res, err := fn.Infer(&c)
	if err != nil {
		return nil, place(err, at)
	}
	call := &Call{Func: fn, Res: res, Args: make([]Node, len(args)), At: at}
	for i, a := range args {
		call.Args[i] = implicit(a, res.Params[i])
	}
	if len(args) > 0 {
		call.Res.Result = call.Res.Result.Plain()
	}
	if n := negative(call); n != nil {
		return n, nil
	}
	return call, nil
}

// negative turns the minus sign before a number into a literal, so that functions
// see it as one.
func negative(c *Call) Node {
	if c.Func.Name != "NEG" {
		return nil
	}
	if _, ok := c.Args[0].(*Literal); !ok {
		return nil
	}
	if n, err := evalConst(c, nil); err == nil {
		n.At = c.At
		return n
	}
	return nil
}

// newForm builds the node for a function that has its own.
func newForm(fn *function.Func, args []Node, at diag.Span) (Node, error) {
	need := func(low, high int) error {
		if len(args) < low || high >= 0 && len(args) > high {
			return WrongCount(fn, len(args), at)
		}
		return nil
	}
	form := fn.Form
	switch form {
	case function.FormEqual, function.FormNotEqual, function.FormLess, function.FormLessEqual,
		function.FormGreater, function.FormGreaterEqual, function.FormDistinct, function.FormNotDistinct:
		if err := need(2, 2); err != nil {
			return nil, err
		}
		return NewCompare(compareForms[form], args[0], args[1], at)
	case function.FormAnd, function.FormOr:
		return newLogicForm(form == function.FormOr, args, at)
	case function.FormNot:
		if err := need(1, 1); err != nil {
			return nil, err
		}
		b, err := boolean(args[0])
		return &Not{Arg: b, At: at}, err
	case function.FormIsNull, function.FormIsNotNull:
		if err := need(1, 1); err != nil {
			return nil, err
		}
		return NewIs(IsNull, form == function.FormIsNotNull, args[0], at), nil
	case function.FormIsTrue, function.FormIsNotTrue, function.FormIsFalse, function.FormIsNotFalse,
		function.FormIsUnknown, function.FormIsNotUnknown:
		if err := need(1, 1); err != nil {
			return nil, err
		}
		b, err := boolean(args[0])
		w := isForms[form]
		return NewIs(w.what, w.negated, b, at), err
	case function.FormBetween, function.FormNotBetween, function.FormBetweenSymmetric, function.FormNotBetweenSymmetric:
		if err := need(3, 3); err != nil {
			return nil, err
		}
		symmetric := form == function.FormBetweenSymmetric || form == function.FormNotBetweenSymmetric
		negated := form == function.FormNotBetween || form == function.FormNotBetweenSymmetric
		return NewBetween(args[0], args[1], args[2], symmetric, negated, at)
	case function.FormIn, function.FormNotIn:
		if err := need(2, -1); err != nil {
			return nil, err
		}
		return NewIn(args[0], args[1:], form == function.FormNotIn, at)
	case function.FormCoalesce:
		if err := need(1, -1); err != nil {
			return nil, err
		}
		return NewCoalesce(args, at)
	case function.FormIfNull:
		if err := need(2, 2); err != nil {
			return nil, err
		}
		return NewCoalesce(args, at)
	case function.FormNullIf:
		if err := need(2, 2); err != nil {
			return nil, err
		}
		eq, err := NewCompare(Eq, args[0], args[1], at)
		if err != nil {
			return nil, err
		}
		return NewCase([]Node{eq, NewNull(args[0].Type(), at), args[0]}, at)
	case function.FormIf:
		if err := need(3, 3); err != nil {
			return nil, err
		}
		return NewCase(args, at)
	case function.FormCase:
		return NewCase(args, at)
	case function.FormOverlaps:
		if err := need(4, 4); err != nil {
			return nil, err
		}
		return NewOverlaps(args[0], args[1], args[2], args[3], at)
	case function.FormArray:
		return NewArray(args, at)
	case function.FormMap:
		return NewMap(args, at)
	case function.FormRow:
		return NewRow(args, nil, at), nil
	case function.FormObjectOf, function.FormObjectUpdate:
		if err := need(1, -1); err != nil {
			return nil, err
		}
		if form == function.FormObjectOf {
			return newObjectOf(args, at)
		}
		return newObjectUpdate(args, at)
	case function.FormItem:
		if err := need(2, 2); err != nil {
			return nil, err
		}
		return NewItem(args[0], args[1], at)
	}
	return nil, diag.At(at, diag.Internal, "no form %d", form)
}

var compareForms = map[function.Form]CompareOp{
	function.FormEqual: Eq, function.FormNotEqual: Ne, function.FormLess: Lt, function.FormLessEqual: Le,
	function.FormGreater: Gt, function.FormGreaterEqual: Ge, function.FormDistinct: Distinct, function.FormNotDistinct: NotDistinct,
}

var isForms = map[function.Form]struct {
	what    IsWhat
	negated bool
}{
	function.FormIsTrue: {IsTrue, false}, function.FormIsNotTrue: {IsTrue, true},
	function.FormIsFalse: {IsFalse, false}, function.FormIsNotFalse: {IsFalse, true},
	function.FormIsUnknown: {IsNull, false}, function.FormIsNotUnknown: {IsNull, true},
}

func newLogicForm(or bool, args []Node, at diag.Span) (Node, error) {
	bs := make([]Node, len(args))
	for i, a := range args {
		b, err := boolean(a)
		if err != nil {
			return nil, err
		}
		bs[i] = b
	}
	return newLogic(or, bs, at), nil
}

// boolean checks that n is BOOLEAN.
func boolean(n Node) (Node, error) {
	switch n.Type().Kind {
	case types.Boolean:
		return n, nil
	case types.Null:
		return implicit(n, types.BooleanT), nil
	}
	return n, diag.At(n.Span(), diag.TypeMismatch, "BOOLEAN is needed here, not %s", n.Type().Nullable(true))
}

// WrongCount is the error of a call with n arguments where fn takes another number.
func WrongCount(fn *function.Func, n int, at diag.Span) error {
	e := diag.At(at, diag.InvalidArgument, "%s does not take %d arguments", fn.Name, n)
	for _, s := range fn.Signatures {
		e.WithNote(diag.Span{}, "%s", s)
	}
	return e
}

// defaultName is the name of an unnamed column or field.
func defaultName(i int) string { return "EXPR$" + strconv.Itoa(i) }
