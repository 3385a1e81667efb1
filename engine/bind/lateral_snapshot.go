package bind

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// snapshotParams are the arguments of SNAPSHOT, in order. All but the first, which is the
// table, may be left out.
var snapshotParams = []string{"input", "load_completed_condition", "load_completed_time", "load_completed_idle_timeout", "state_ttl"}

// lateralSnapshot binds SNAPSHOT(input, ...). What is wrong with its place is said when
// the join is planned.
func (b *Binder) lateralSnapshot(e *ast.FuncCall, outer *scope) (logical.Node, *scope, error) {
	const name = "SNAPSHOT"
	args, err := namedArgs(e, name, snapshotParams)
	if err != nil {
		return nil, nil, err
	}
	in, sc, part, err := b.tableArg(args["input"], outer)
	if err != nil {
		return nil, nil, err
	}
	if len(part) > 0 {
		return nil, nil, diag.At(args["input"].Span(), diag.InvalidArgument, "SNAPSHOT takes its table as it is, without PARTITION BY")
	}
	n := &logical.LateralSnapshot{Place: logical.Place{At: e.Span()}, In: in, Time: -1}
	if !b.batch() {
		if n.Time, err = snapshotTime(in.Schema(), args["input"].Span()); err != nil {
			return nil, nil, err
		}
	}
	x := &block{b: b, sc: &scope{}, noQuery: true, clause: name}
	if n.SnapshotLoad, err = x.snapshotLoad(args, e.Span()); err != nil {
		return nil, nil, err
	}
	sc.retype(n.Schema())
	return n, sc, nil
}

// snapshotTime is the one event-time column of the table.
func snapshotTime(s types.Schema, at diag.Span) (int, error) {
	col := -1
	for i, f := range s {
		if f.Type.Attr != types.Rowtime {
			continue
		}
		if col >= 0 {
			return 0, diag.At(at, diag.InvalidWatermark, "the build-side input of a LATERAL SNAPSHOT join must not have more than one row-time attribute, and %s and %s are",
				s[col].Name, f.Name).WithHint("CAST one to TIMESTAMP in a view")
		}
		col = i
	}
	if col < 0 {
		return 0, diag.At(at, diag.InvalidWatermark, "LATERAL SNAPSHOT requires a watermark on the build-side input").
			WithHint("declare WATERMARK FOR ts AS ... on the table")
	}
	return col, nil
}

// snapshotLoad reads the arguments beside the table.
func (x *block) snapshotLoad(args map[string]ast.Expr, at diag.Span) (l plan.SnapshotLoad, err error) {
	l.Condition = "compile_time"
	if a := args["load_completed_condition"]; a != nil {
		v, err := x.snapshotArg(a, "load_completed_condition", "STRING", types.Type.IsString)
		if err != nil {
			return l, err
		}
		var tmp [batch.InlineMax]byte
		l.Condition = string(v.Col.Bytes(0, &tmp))
		if l.Condition != "compile_time" && l.Condition != "user_time" {
			return l, diag.At(a.Span(), diag.InvalidArgument, "load_completed_condition is 'compile_time' or 'user_time', not '%s'", l.Condition)
		}
	}
	switch a := args["load_completed_time"]; {
	case l.Condition == "user_time" && a == nil:
		return l, diag.At(at, diag.InvalidArgument, "SNAPSHOT needs load_completed_time when load_completed_condition is 'user_time'").
			WithHint("load_completed_time => CAST(TIMESTAMP '2026-01-01 00:00:00' AS TIMESTAMP_LTZ(3))")
	case l.Condition == "user_time":
		v, err := x.snapshotArg(a, "load_completed_time", "TIMESTAMP_LTZ", func(t types.Type) bool { return t.Kind == types.TimestampLTZ })
		if err != nil {
			return l, err
		}
		l.LoadTime = floorTo(v.Col.Int(0), v.Col.Type.PerSecond()/1000)
	case a != nil:
		return l, diag.At(a.Span(), diag.InvalidArgument, "load_completed_time is for load_completed_condition => 'user_time'")
	default:
		l.LoadTime = x.b.Session.Now()
	}
	for _, p := range []struct {
		name string
		ms   *int64
	}{{"load_completed_idle_timeout", &l.Idle}, {"state_ttl", &l.TTL}} {
		a := args[p.name]
		if a == nil {
			continue
		}
		v, err := x.snapshotArg(a, p.name, "INTERVAL DAY TO SECOND", func(t types.Type) bool { return t.Kind == types.IntervalDT })
		if err != nil {
			return l, err
		}
		if *p.ms = v.Col.Int(0); *p.ms <= 0 {
			return l, diag.At(a.Span(), diag.InvalidArgument, "%s must be above 0", p.name)
		}
	}
	return l, nil
}

// snapshotArg is a constant argument of a type.
func (x *block) snapshotArg(a ast.Expr, name, typ string, is func(types.Type) bool) (*expr.Literal, error) {
	n, err := x.expr(a)
	if err != nil {
		return nil, err
	}
	if !is(n.Type()) {
		return nil, diag.At(a.Span(), diag.TypeMismatch, "%s is a constant %s, not %s", name, typ, n.Type().Plain().Nullable(true))
	}
	l, ok := expr.Fold(n, x.b.frame()).(*expr.Literal)
	if !ok || l.Col.IsNull(0) {
		return nil, diag.At(a.Span(), diag.InvalidArgument, "%s is a constant %s", name, typ)
	}
	return l, nil
}

func floorTo(v, per int64) int64 {
	q := v / per
	if v%per < 0 {
		q--
	}
	return q
}

// renamedSnapshot puts the names that AS gave to the columns of SNAPSHOT below it, so
// that the join sees SNAPSHOT itself.
func renamedSnapshot(n logical.Node) logical.Node {
	p, ok := n.(*logical.Project)
	if !ok {
		return n
	}
	s, ok := p.In.(*logical.LateralSnapshot)
	if !ok {
		return n
	}
	return s.With([]logical.Node{logical.NewProject(s.In, logical.Refs(s.In.Schema()), p.Schema().Names(), p.At)})
}
