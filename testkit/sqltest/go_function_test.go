package sqltest

import (
	"context"
	"fmt"
	"testing"

	"github.com/minkstream/mink/connectors"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// triple is a function as docs/functions-user.md shows it: a loop over a column.
var triple = function.Func{
	Name: "TRIPLE", Summary: "Three times a number.", Signatures: []string{"TRIPLE(bigint)"},
	Infer: func(c *function.Call) (function.Resolved, error) {
		if len(c.Args) != 1 {
			return function.Resolved{}, diag.New(diag.InvalidArgument, "TRIPLE takes one argument")
		}
		if !function.CanCast(c.Args[0].Type, types.BigIntT, false) {
			return function.Resolved{}, diag.New(diag.TypeMismatch, "TRIPLE takes a BIGINT")
		}
		result := types.BigIntT.Nullable(c.Args[0].Type.IsNullable())
		return function.Resolved{Params: []types.Type{types.BigIntT}, Result: result, Strict: true, Eval: tripleKernel}, nil
	},
}

func tripleKernel(_ *function.Frame, dst *batch.Col, args []*batch.Col, n int, _ []uint64) error {
	a := args[0].I64
	for i := range dst.I64[:n] {
		dst.I64[i] = 3 * a[i]
	}
	return nil
}

// series is a table function: the numbers from 1 to its argument.
var series = function.TableFunc{
	Name: "SERIES", Summary: "The numbers from 1 on.", Signatures: []string{"SERIES(bigint)"},
	Infer: func(c *function.Call) (function.TableResolved, error) {
		if len(c.Args) != 1 {
			return function.TableResolved{}, diag.New(diag.InvalidArgument, "SERIES takes one argument")
		}
		return function.TableResolved{
			Params: []types.Type{types.BigIntT}, Out: types.Schema{{Name: "n", Type: types.BigIntT.Nullable(false)}},
			Make: func() function.TableKernel { return new(seriesRows).rows },
		}, nil
	},
}

type seriesRows struct{ out batch.Col }

func (s *seriesRows) rows(_ *function.Frame, out *function.TableRows, args []*batch.Col, n int, live []uint64) error {
	out.From, out.To = make([]uint32, n), make([]uint32, n)
	var values []int64
	for l := range kernel.Lanes(n, live) {
		out.From[l] = uint32(len(values))
		if a := args[0]; !a.IsNull(l) {
			for v := int64(1); v <= a.Int(l); v++ {
				values = append(values, v)
			}
		}
		out.To[l] = uint32(len(values))
	}
	s.out.Alloc(types.BigIntT.Nullable(false), len(values))
	copy(s.out.I64, values)
	out.Cols = append(out.Cols[:0], function.TableCol{Col: &s.out})
	return nil
}

// TestGoFunctions registers functions written in Go and calls them by their own names
// and by those that CREATE FUNCTION gives.
func TestGoFunctions(t *testing.T) {
	e, err := engine.New(engine.Config{Connectors: connectors.All(), Formats: connectors.Formats(), Functions: scalar.All(), Runtimes: connectors.Runtimes()})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{e.Register(&triple), e.RegisterAs("com.example.Triple", &triple), e.RegisterTable(&series), e.RegisterTableAs("com.example.Series", &series)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := e.RegisterTableAs("com.example.Triple", &series); diag.CodeOf(err) != diag.AlreadyExists {
		t.Errorf("registered twice: %v", err)
	}
	client := gateway.Local(e)
	defer client.Close()
	session, err := client.OpenSession(context.Background(), map[string]string{"execution.runtime-mode": "batch"})
	if err != nil {
		t.Fatal(err)
	}
	r := &runner{ctx: context.Background(), session: session}
	for _, c := range []struct {
		sql, want string
		code      diag.Code
	}{
		{sql: "SELECT TRIPLE(14), triple(CAST(NULL AS INT))", want: "[[42, <NULL>]]"},
		{sql: "CREATE FUNCTION three AS 'com.example.Triple' LANGUAGE GO; SELECT three(v) FROM (VALUES (1), (2)) AS t (v)", want: "[[3] [6]]"},
		{sql: "SELECT v, n FROM (VALUES (2), (0), (1)) AS t (v), LATERAL TABLE(series(v)) AS s (n)", want: "[[2, 1] [2, 2] [1, 1]]"},
		{sql: "SELECT v, n FROM (VALUES (0), (1)) AS t (v) LEFT JOIN LATERAL TABLE(SERIES(v)) AS s (n) ON TRUE", want: "[[0, <NULL>] [1, 1]]"},
		{sql: "CREATE TEMPORARY FUNCTION upto AS 'com.example.Series'; SELECT SUM(n) FROM TABLE(upto(4)) AS s (n)", want: "[[10]]"},
		{sql: "SELECT upto(3)", code: diag.InvalidQuery},
		{sql: "SELECT * FROM TABLE(upto('x'))", code: diag.TypeMismatch},
		{sql: "SELECT TRIPLE('x')", code: diag.TypeMismatch},
	} {
		t.Run(c.sql, func(t *testing.T) {
			got := r.script(c.sql)
			if c.code != "" {
				if diag.CodeOf(got.err) != c.code {
					t.Errorf("got %v", got.err)
				}
				return
			}
			if got.err != nil {
				t.Fatal(got.err)
			}
			rows, err := got.final()
			if text := fmt.Sprint(rows); err != nil || text != c.want {
				t.Errorf("got %s (%v), want %s", text, err, c.want)
			}
		})
	}
}
