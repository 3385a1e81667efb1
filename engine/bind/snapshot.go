package bind

import (
	"slices"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// snapshot is table n as of a time of the left rows: with event time its versions are
// told apart by its own event time.
func (b *Binder) snapshot(s *ast.SnapshotTable, n logical.Node, time expr.Node, name string) (logical.Node, error) {
	out := &logical.Snapshot{Place: logical.Place{At: s.Span()}, In: n, Time: time, Name: name, VersionTime: -1}
	t := time.Type()
	if t.Attr != types.Rowtime {
		return out, nil
	}
	out.VersionTime = slices.IndexFunc(n.Schema(), func(f types.Field) bool { return f.Type.Attr == types.Rowtime })
	if out.VersionTime < 0 {
		return nil, diag.At(s.Span(), diag.TypeMismatch, "%s has no event-time column, and its versions are told apart by one", name).
			WithHint("declare a WATERMARK on the table, or join FOR SYSTEM_TIME AS OF a processing time")
	}
	if v := n.Schema()[out.VersionTime].Type; v.Kind != t.Kind {
		return nil, diag.At(s.AsOf.Span(), diag.TypeMismatch, "the times of a temporal join must have one type, and they are %s and %s", t.Plain(), v.Plain())
	}
	return out, nil
}

// aliasedSnapshot gives a table with FOR SYSTEM_TIME AS OF a name, and its columns.
func aliasedSnapshot(n logical.Node, sc *scope, t *ast.AliasedTable) (logical.Node, *scope, error) {
	s := n.(*logical.Snapshot)
	in, sc, err := aliased(s.In, sc, t)
	if err != nil {
		return nil, nil, err
	}
	return s.With([]logical.Node{in}), sc, nil
}
