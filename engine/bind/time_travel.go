package bind

import (
	"strings"
	"time"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// timeTravel binds a table FOR SYSTEM_TIME AS OF a constant: it is read by the
// definition, schema and options, that its catalog had at that time. A TIMESTAMP is in
// the session time zone.
func (b *Binder) timeTravel(s *ast.SnapshotTable, outer *scope) (logical.Node, *scope, error) {
	name, ok := s.Input.(*ast.TableName)
	if !ok {
		return nil, nil, diag.At(s.Input.Span(), diag.UnsupportedByFlink, "FOR SYSTEM_TIME AS OF a time is for tables, not for queries")
	}
	if len(name.Name) == 1 {
		for e := b.ctes; e != nil; e = e.next {
			if e.name == name.Name[0].Name {
				return nil, nil, diag.At(name.Span(), diag.UnsupportedByFlink, "FOR SYSTEM_TIME AS OF a time is for tables, and %s is a query", e.name)
			}
		}
	}
	millis, err := b.constantTime(s.AsOf)
	if err != nil {
		return nil, nil, err
	}
	p := b.resolve(name.Name)
	t, err := b.Session.TableAsOf(p, millis)
	if err != nil {
		return nil, nil, placed(err, name.Span())
	}
	if t == nil {
		if _, err := b.lookupTable(name.Name); err != nil {
			return nil, nil, err
		}
		at := time.UnixMilli(millis).In(b.zone()).Format("2006-01-02 15:04:05.000")
		return nil, nil, diag.At(s.AsOf.Span(), diag.UnknownTable, "%s was not defined at %s", name.Name, at).
			WithHint("CALL %s.%s.list_versions('%s.%s') shows since when it is", catalog.Quote(p.Catalog), catalog.SystemDatabase, p.Database, p.Object)
	}
	if t.View {
		return nil, nil, diag.At(name.Span(), diag.UnsupportedByFlink, "FOR SYSTEM_TIME AS OF a time is for tables, and %s is a view", name.Name)
	}
	return b.namedTable(name, t)
}

// constantTime computes a time in milliseconds of the epoch.
func (b *Binder) constantTime(e ast.Expr) (int64, error) {
	x := &block{b: b, sc: &scope{}, noQuery: true, clause: "FOR SYSTEM_TIME AS OF"}
	n, err := x.expr(e)
	if err != nil {
		if diag.CodeOf(err) == diag.UnknownColumn {
			return 0, unsupportedTime(e)
		}
		return 0, err
	}
	if !n.Type().IsTimestamp() {
		return 0, diag.At(e.Span(), diag.TypeMismatch, "FOR SYSTEM_TIME AS OF takes a TIMESTAMP, not %s", n.Type().Plain().Nullable(true))
	}
	l, ok := expr.Fold(n, b.frame()).(*expr.Literal)
	if !ok || l.Col.IsNull(0) {
		return 0, unsupportedTime(e)
	}
	ltz, err := expr.NewCast(l, types.Type{Kind: types.TimestampLTZ, Prec: 3}, false, e.Span())
	if err != nil {
		return 0, err
	}
	v, err := expr.Eval(ltz, b.frame())
	if err != nil {
		return 0, placed(err, e.Span())
	}
	return v.Col.Int(0) / (v.Col.Type.PerSecond() / 1000), nil
}

func unsupportedTime(e ast.Expr) error {
	return diag.At(e.Span(), diag.UnsupportedByFlink, "Unsupported time travel expression: it must be a constant").
		WithHint("write TIMESTAMP '2020-01-01 00:00:00', or an expression of constants")
}

func (b *Binder) zone() *time.Location { return b.Session.Config.Zone(b.Session.Host.Zone) }

// frame is what constants are computed in: the session's zone, and the time at which the
// statement was given.
func (b *Binder) frame() *function.Frame {
	return function.NewFrame(function.FixedEnv{NowMillis: b.Session.Now()}, b.zone())
}

// travels reports whether FOR SYSTEM_TIME AS OF names a moment rather than the time of
// another table's rows.
func travels(e ast.Expr) bool {
	constant := true
	ast.Walk(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ColumnRef:
			constant = false
		case *ast.FuncCall:
			constant = constant && !strings.EqualFold(n.Name.Last(), "PROCTIME")
		}
		return constant
	})
	return constant
}
