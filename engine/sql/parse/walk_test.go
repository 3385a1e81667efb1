package parse_test

import (
	"reflect"
	"testing"

	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/parse"
	"github.com/minkstream/mink/engine/sql/print"
)

// TestWalk compares what Walk visits with every node that reflection finds.
func TestWalk(t *testing.T) {
	missed := map[string]bool{}
	for _, sql := range corpus(t) {
		tree, err := parse.Statement(sql)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[ast.Node]bool{}
		ast.Walk(tree, func(n ast.Node) bool {
			if seen[n] {
				t.Errorf("%s: %T is visited twice", sql, n)
			}
			seen[n] = true
			return true
		})
		below(reflect.ValueOf(tree), func(n ast.Node) {
			if !seen[n] && !missed[reflect.TypeOf(n).String()] {
				missed[reflect.TypeOf(n).String()] = true
				t.Errorf("%s: %T is not visited", sql, n)
			}
			if print.SQL(n) == "" {
				t.Errorf("%s: %T prints nothing", sql, n)
			}
		})
		stop := 0
		ast.Walk(tree, func(ast.Node) bool { stop++; return false })
		if stop != 1 {
			t.Errorf("%s: Walk went on after false", sql)
		}
	}
}

// below calls f for every pointer to a node.
func below(v reflect.Value, f func(ast.Node)) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return
		}
		if n, ok := v.Interface().(ast.Node); ok {
			f(n)
		}
		below(v.Elem(), f)
	case reflect.Interface:
		below(v.Elem(), f)
	case reflect.Slice:
		for i := range v.Len() {
			below(v.Index(i), f)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			below(v.Field(i), f)
		}
	}
}
