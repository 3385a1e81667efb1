package optimize

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/plan"
)

// intern returns the node that is there already when an equal one was made before.
// Nodes that compute another value at each call are never shared.
func (o *optimizer) intern(n plan.Node) plan.Node {
	if _, known := o.ids[n]; known {
		return n
	}
	var b strings.Builder
	shareable := true
	digest(&b, reflect.ValueOf(n).Elem(), o.ids, &shareable)
	if shareable && o.s.Config.Bool("table.optimizer.reuse-sub-plan-enabled") {
		key := n.Name() + b.String()
		if m, ok := o.made[key]; ok {
			return m
		}
		o.made[key] = n
	}
	o.ids[n] = len(o.ids)
	return n
}

var (
	exprNode = reflect.TypeFor[expr.Node]()
	planNode = reflect.TypeFor[plan.Node]()
	traits   = reflect.TypeFor[plan.Traits]()
)

// digest writes what a node is: its own fields, its inputs by identity, and names
// and types of its columns.
func digest(b *strings.Builder, v reflect.Value, ids map[plan.Node]int, share *bool) {
	t := v.Type()
	switch {
	case t == traits:
		for _, f := range v.Interface().(plan.Traits).Schema {
			b.WriteString(strconv.Quote(f.Name) + f.Type.Describe() + ";")
		}
		return
	case t == exprNode:
		if v.IsNil() {
			b.WriteString("nil|")
			return
		}
		e := v.Interface().(expr.Node)
		if expr.Determinism(e) == function.PerCall {
			*share = false
		}
		b.WriteString(expr.Key(e) + "|")
		return
	case t == planNode:
		if v.IsNil() {
			b.WriteString("none|")
			return
		}
		b.WriteString("@" + strconv.Itoa(ids[v.Interface().(plan.Node)]) + "|")
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			digest(b, v.Field(i), ids, share)
		}
	case reflect.Slice:
		if v.IsNil() {
			b.WriteString("~")
		}
		b.WriteString("[")
		for i := range v.Len() {
			digest(b, v.Index(i), ids, share)
		}
		b.WriteString("]")
	case reflect.Map:
		fmt.Fprintf(b, "%v|", v) // fmt prints maps in order of key
	case reflect.Pointer, reflect.Interface, reflect.Func:
		if v.IsNil() {
			b.WriteString("nil|")
			return
		}
		if v.Kind() == reflect.Pointer && v.Elem().Kind() == reflect.Struct && v.Elem().Type().PkgPath() == traits.PkgPath() {
			digest(b, v.Elem(), ids, share)
			return
		}
		if v.Kind() == reflect.Pointer {
			fmt.Fprintf(b, "%x|", v.Pointer())
			return
		}
		b.WriteString(v.Type().String() + "|")
	default:
		fmt.Fprintf(b, "%v|", reflectValue(v))
	}
}

// reflectValue reads a plain field, exported or not.
func reflectValue(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int()
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return v.Uint()
	case reflect.Bool:
		return v.Bool()
	case reflect.String:
		return strconv.Quote(v.String())
	case reflect.Float32, reflect.Float64:
		return v.Float()
	}
	return v.Kind().String()
}
