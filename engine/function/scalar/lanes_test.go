package scalar_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// TestLanes takes the expressions of all examples and edge tables, puts columns in
// place of their constants, and compares a batch of many rows (flat and constant
// columns, nulls, a selection) with the same rows computed one by one. The rows one
// by one are held to the examples by the other tests here.
func TestLanes(t *testing.T) {
	v := newEvaluator(time.UTC)
	var texts []string
	for _, f := range scalar.All() {
		for _, e := range f.Examples {
			texts = append(texts, e.SQL)
		}
	}
	for _, name := range []string{"edge", "edge_cast", "edge_collection", "edge_json", "edge_types"} {
		data, err := os.ReadFile("testdata/" + name + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(string(data), "\n") {
			if sql, want, ok := strings.Cut(line, " =>"); ok && !strings.HasPrefix(line, "#") && !strings.HasPrefix(want, " ERROR") {
				texts = append(texts, sql)
			}
		}
	}
	pool := map[string][]*batch.Col{}
	var nodes []expr.Node
	for _, text := range texts {
		n, err := v.bind(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		nodes = append(nodes, n)
		expr.Walk(n, func(n expr.Node) bool {
			if l, ok := n.(*expr.Literal); ok && !l.Col.IsNull(0) {
				k := columnType(l.Col.Type).String()
				pool[k] = append(pool[k], l.Col)
			}
			return true
		})
	}
	ran := 0
	for i, n := range nodes {
		if expr.Determinism(n) != function.Deterministic {
			continue
		}
		for seed := range uint64(4) {
			x := &relaxer{rng: rand.New(rand.NewPCG(uint64(i), seed)), pool: pool}
			m := x.relax(n)
			if len(x.cols) == 0 {
				continue
			}
			ran++
			if err := x.compare(v.frame, m); err != nil {
				t.Errorf("%s as %s: %v", texts[i], expr.String(m, nil), err)
				break
			}
		}
	}
	if ran < 1000 {
		t.Errorf("only %d expressions ran", ran)
	}
}

// columnType is the type of the column that stands for a constant of type t.
func columnType(t types.Type) types.Type {
	if t.IsString() {
		return types.StringT
	}
	return t.Nullable(true)
}

// relaxer replaces constants by columns.
type relaxer struct {
	rng   *rand.Rand
	pool  map[string][]*batch.Col
	cols  []*expr.Literal
	types []types.Type
}

func (x *relaxer) relax(n expr.Node) expr.Node {
	at := n.Span()
	if l, ok := n.(*expr.Literal); ok {
		if l.Col.IsNull(0) || l.Col.Type.Class != "" || x.rng.IntN(4) == 0 {
			return n
		}
		x.cols, x.types = append(x.cols, l), append(x.types, columnType(l.Col.Type))
		return expr.NewRef(len(x.cols)-1, x.types[len(x.types)-1], at)
	}
	had := len(x.cols)
	kids := make([]expr.Node, len(expr.Kids(n)))
	for i, k := range expr.Kids(n) {
		kids[i] = x.relax(k)
	}
	m, err := rebuild(n, kids)
	if err != nil {
		// Some arguments must be constants.
		x.cols, x.types = x.cols[:had], x.types[:had]
		return n
	}
	return m
}

// rebuild makes n over other operands, with its type worked out again.
func rebuild(n expr.Node, kids []expr.Node) (expr.Node, error) {
	at := n.Span()
	switch n := n.(type) {
	case *expr.Call:
		return expr.NewCall(n.Func, kids, at)
	case *expr.Cast:
		return expr.NewCast(kids[0], n.To, n.Try, at)
	case *expr.Case:
		return expr.NewCase(kids, at)
	case *expr.Coalesce:
		return expr.NewCoalesce(kids, at)
	case *expr.Logic:
		if n.Or {
			return expr.NewOr(kids...), nil
		}
		return expr.NewAnd(kids...), nil
	case *expr.Not:
		return expr.NewNot(kids[0], at), nil
	case *expr.Is:
		return expr.NewIs(n.What, n.Negated, kids[0], at), nil
	case *expr.Compare:
		return expr.NewCompare(n.Op, kids[0], kids[1], at)
	case *expr.In:
		return expr.NewIn(kids[0], kids[1:], n.Negated, at)
	case *expr.Field:
		return expr.NewField(kids[0], n.Index, at)
	case *expr.Item:
		return expr.NewItem(kids[0], kids[1], at)
	case *expr.Make:
		switch n.T.Kind {
		case types.Array:
			return expr.NewArray(kids, at)
		case types.Map:
			return expr.NewMap(kids, at)
		}
		return expr.NewRow(kids, nil, at), nil
	}
	return n, nil
}

// column makes the lanes of a column: often the constant itself, else another value
// of its type, or NULL.
func (x *relaxer) column(i, lanes int) batch.Col {
	t := x.types[i]
	nulls := x.rng.IntN(3)
	value := func(b *batch.Builder) {
		others := x.pool[t.String()]
		switch k := x.rng.IntN(10); {
		case k < 2 && nulls > 0:
			b.AppendNull()
		case k < 6:
			b.Append(as(x.cols[i].Col, t), 0)
		default:
			b.Append(as(others[x.rng.IntN(len(others))], t), 0)
		}
	}
	b := batch.NewBuilder(t)
	constant := x.rng.IntN(4) == 0
	if constant {
		lanes = 1
	}
	for range lanes {
		value(b)
	}
	c := b.Finish()
	if constant {
		c.Enc = batch.Const
	}
	return c
}

func as(c *batch.Col, t types.Type) *batch.Col {
	d := *c
	d.Type = t
	return &d
}

// compare runs a batch and its rows one by one.
func (x *relaxer) compare(f *function.Frame, n expr.Node) error {
	many, err := expr.Compile([]expr.Node{n}, x.types)
	if err != nil {
		return err
	}
	single, err := expr.Compile([]expr.Node{n}, x.types)
	if err != nil {
		return err
	}
	out, one := make([]*batch.Col, 1), make([]*batch.Col, 1)
	for range 3 {
		b := &batch.Batch{N: 1 + x.rng.IntN(150)}
		for i := range x.cols {
			b.Cols = append(b.Cols, x.column(i, b.N))
		}
		if x.rng.IntN(2) == 0 {
			b.Sel = []uint16{}
			for l := range b.N {
				if x.rng.IntN(3) > 0 {
					b.Sel = append(b.Sel, uint16(l))
				}
			}
		}
		manyErr := many.Run(f, b, out)
		var firstErr error
		for r := range b.Rows() {
			l := b.Lane(r)
			row := &batch.Batch{N: 1, Cols: make([]batch.Col, len(b.Cols))}
			for i := range b.Cols {
				row.Cols[i].Append(0, &b.Cols[i], []uint16{uint16(l)}, 1)
			}
			if err := single.Run(f, row, one); err != nil {
				if firstErr == nil {
					firstErr = fmt.Errorf("lane %d: %w", l, err)
				}
				continue
			}
			if manyErr != nil {
				continue
			}
			if one[0].IsNull(0) && n.Type().NotNull {
				return fmt.Errorf("lane %d is NULL, and its type %s", l, n.Type())
			}
			want := string(kernel.AppendText(nil, one[0], 0, time.UTC))
			if got := string(kernel.AppendText(nil, out[0], l, time.UTC)); got != want {
				return fmt.Errorf("lane %d of %d is %q, alone it is %q (%s)", l, b.N, got, want, rowText(row))
			}
		}
		if (manyErr == nil) != (firstErr == nil) || manyErr != nil && diag.As(manyErr).Error() != diag.As(firstErr).Error() {
			return fmt.Errorf("error %v, of the lowest row %v", manyErr, firstErr)
		}
	}
	return nil
}

func rowText(b *batch.Batch) string {
	var parts []string
	for i := range b.Cols {
		parts = append(parts, string(kernel.AppendText(nil, &b.Cols[i], 0, time.UTC)))
	}
	return strings.Join(parts, "; ")
}
