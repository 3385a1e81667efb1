package scalar_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/bind"
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/sql/parse"
)

// evaluator binds and computes expressions that read no table.
type evaluator struct {
	session *catalog.Session
	frame   *function.Frame
}

func newEvaluator(zone *time.Location) *evaluator {
	host := &catalog.Host{Functions: function.NewRegistry(scalar.All()), UserFunctions: map[string]*function.Func{}, Zone: zone}
	env := function.FixedEnv{NowMillis: 1_700_000_000_000, Random: rand.New(rand.NewPCG(1, 2)), WatermarkTime: batch.NoWatermark}
	return &evaluator{catalog.NewSession(catalog.NewStore(), host), function.NewFrame(env, zone)}
}

// bind gives the typed expression of a text.
func (v *evaluator) bind(text string) (expr.Node, error) {
	sql := "SELECT " + text
	q, err := parse.Query(sql)
	if err != nil {
		return nil, err
	}
	bound, err := bind.New(v.session, sql).Query(q)
	if err != nil {
		return nil, err
	}
	cols, err := columns(bound.Root)
	if err != nil {
		return nil, err
	}
	return cols[0], nil
}

// columns is what a query without tables computes.
func columns(n logical.Node) ([]expr.Node, error) {
	switch n := n.(type) {
	case *logical.Values:
		return n.Rows[0], nil
	case *logical.Project:
		in, err := columns(n.In)
		if err != nil {
			return nil, err
		}
		out := make([]expr.Node, len(n.Exprs))
		for i, e := range n.Exprs {
			out[i] = expr.Substitute(e, in)
		}
		return out, nil
	}
	return nil, diag.New(diag.Internal, "unexpected plan %T", n)
}

// eval computes a text as given and folded, and checks that both agree.
func (v *evaluator) eval(t *testing.T, text string) (string, error) {
	n, err := v.bind(text)
	if err != nil {
		return "", err
	}
	plain, err1 := v.compute(n)
	folded, err2 := v.compute(expr.Fold(n, v.frame))
	if expr.Determinism(n) != function.PerCall && (plain != folded || diag.CodeOf(err1) != diag.CodeOf(err2)) {
		t.Errorf("%s: %q (%v) as given, %q (%v) folded", text, plain, err1, folded, err2)
	}
	return plain, err1
}

func (v *evaluator) compute(n expr.Node) (string, error) {
	l, err := expr.Eval(n, v.frame)
	if err != nil {
		return "", err
	}
	if l.Col.IsNull(0) && n.Type().NotNull {
		return "", diag.New(diag.Internal, "NULL for type %s", n.Type())
	}
	return string(kernel.AppendText(nil, l.Col, 0, v.frame.Zone())), nil
}

// TestExamples runs the example of every function.
func TestExamples(t *testing.T) {
	v := newEvaluator(time.UTC)
	for _, f := range scalar.All() {
		if f.Summary == "" || len(f.Signatures) == 0 || len(f.Examples) == 0 {
			t.Errorf("%s lacks a summary, a signature or an example", f.Name)
		}
		for _, ex := range f.Examples {
			got, err := v.eval(t, ex.SQL)
			if err != nil {
				t.Errorf("%s: %s: %v", f.Name, ex.SQL, err)
			} else if got != ex.Want {
				t.Errorf("%s: %s is %q, want %q", f.Name, ex.SQL, got, ex.Want)
			}
		}
	}
}

// table runs pairs of expression and text, one a line with " => " between them.
func table(t *testing.T, v *evaluator, lines string) {
	t.Helper()
	for _, line := range strings.Split(strings.TrimSpace(lines), "\n") {
		line = strings.TrimSpace(line)
		sql, want, ok := strings.Cut(line, " =>")
		if !ok {
			if line != "" {
				t.Errorf("no => in %q", line)
			}
			continue
		}
		want = strings.TrimPrefix(want, " ")
		got, err := v.eval(t, sql)
		if code, ok := strings.CutPrefix(want, "ERROR "); ok {
			if string(diag.CodeOf(err)) != code {
				t.Errorf("%s is %q (%v), want error %s", sql, got, err, code)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", sql, err)
		} else if got != want {
			t.Errorf("%s is %q, want %q", sql, got, want)
		}
	}
}
