package bind

import (
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// partitions gives the partitions of a table, or says why they are not known.
func (b *Binder) partitions(t *catalog.Table, at diag.Span) (connect.Partitions, error) {
	if t.View {
		return nil, diag.At(at, diag.InvalidQuery, "%s is a view and has no partitions", t.Path)
	}
	if len(t.PartitionKeys) == 0 {
		return nil, diag.At(at, diag.InvalidQuery, "table %s is not partitioned", t.Path).WithHint("declare it with PARTITIONED BY (...)")
	}
	c, ct, err := b.Connect(t, at)
	if err != nil {
		return nil, err
	}
	if c.Partitions == nil {
		return nil, diag.At(at, diag.UnsupportedByFlink, "connector '%s' does not know its partitions", c.Name)
	}
	p, err := c.Partitions(ct)
	if err != nil {
		return nil, t.Misused(err, at)
	}
	return p, nil
}

// partitionValues evaluates PARTITION (k = v, ...): a row of one value for each
// partition column, or nil for those not named. With whole all must be.
func (b *Binder) partitionValues(t *catalog.Table, list []ast.Partition, whole bool, at diag.Span) ([]*expr.Literal, error) {
	out := make([]*expr.Literal, len(t.PartitionKeys))
	for _, p := range list {
		i := indexOf(t.PartitionKeys, p.Column.Name)
		if i < 0 {
			return nil, suggest(diag.At(p.Column.Span, diag.UnknownColumn, "%s is no partition column of %s", p.Column.Name, t.Path).
				WithNote(diag.Span{}, "partition columns are: %s", joinWords(t.PartitionKeys)), p.Column.Name, t.PartitionKeys)
		}
		if out[i] != nil {
			return nil, diag.At(p.Column.Span, diag.DuplicateName, "PARTITION names %s twice", p.Column.Name)
		}
		x := &block{b: b, sc: &scope{}, noQuery: true, clause: "PARTITION"}
		n, err := x.expr(p.Value)
		if err != nil {
			return nil, err
		}
		to := t.Columns[t.Index(p.Column.Name)].Type.Plain().Nullable(true)
		if n.Type().Kind == types.Null {
			n = expr.NewNull(to, p.Value.Span())
		} else if n, err = expr.NewCast(n, to, false, p.Value.Span()); err != nil {
			return nil, placed(err, p.Value.Span())
		}
		if out[i], err = expr.Eval(n, b.frame()); err != nil {
			return nil, placed(err, p.Value.Span())
		}
	}
	for i, k := range t.PartitionKeys {
		if whole && out[i] == nil {
			return nil, diag.At(at, diag.InvalidArgument, "PARTITION must give a value for each partition column, and %s has none", k)
		}
	}
	return out, nil
}

func partitionRow(values []*expr.Literal) *batch.Batch {
	r := &batch.Batch{N: 1}
	for _, v := range values {
		r.Cols = append(r.Cols, *v.Col)
	}
	return r
}

func (b *Binder) addPartitions(t *catalog.Table, name ast.Name, a *ast.AddPartitions) (*Action, error) {
	p, err := b.partitions(t, name.Span())
	if err != nil {
		return nil, err
	}
	var rows []*batch.Batch
	var warning *diag.Error
	for _, d := range a.Partitions {
		for _, o := range d.Options { // Flink takes them, and its table of files does nothing with them either
			if warning == nil {
				warning = diag.At(o.Key.Span, diag.UnknownOption, "a partition of connector '%s' has no option '%s', which has no effect", t.Options["connector"], o.Key.Value)
			}
		}
		v, err := b.partitionValues(t, d.Spec, true, a.Span())
		if err != nil {
			return nil, err
		}
		rows = append(rows, partitionRow(v))
	}
	out := done("ALTER TABLE", func() error {
		for _, r := range rows {
			err := p.Add(r)
			if err != nil && (!a.IfNotExists || diag.CodeOf(err) != diag.AlreadyExists) {
				return placed(err, a.Span())
			}
		}
		return nil
	})
	out.Warning = warning
	return out, nil
}

func (b *Binder) dropPartitions(t *catalog.Table, name ast.Name, a *ast.DropPartitions) (*Action, error) {
	p, err := b.partitions(t, name.Span())
	if err != nil {
		return nil, err
	}
	var rows []*batch.Batch
	for _, spec := range a.Partitions {
		v, err := b.partitionValues(t, spec, true, a.Span())
		if err != nil {
			return nil, err
		}
		rows = append(rows, partitionRow(v))
	}
	return done("ALTER TABLE", func() error {
		for _, r := range rows {
			err := p.Drop(r)
			if err != nil && (!a.IfExists || diag.CodeOf(err) != diag.NotFound) {
				return placed(err, a.Span())
			}
		}
		return nil
	}), nil
}

// showPartitions lists the partitions of a table, those that have the given values.
func (b *Binder) showPartitions(s *ast.Show) (*Action, error) {
	t, err := b.lookupTable(s.From)
	if err != nil {
		return nil, err
	}
	p, err := b.partitions(t, s.From.Span())
	if err != nil {
		return nil, err
	}
	want, err := b.partitionValues(t, s.Partition, false, s.Span())
	if err != nil {
		return nil, err
	}
	// Text takes whole rows: those not named are NULL and not compared.
	row := make([]*expr.Literal, len(want))
	for i, v := range want {
		if row[i] = v; v == nil {
			row[i] = expr.NewNull(t.Columns[t.Index(t.PartitionKeys[i])].Type.Plain(), diag.Span{})
		}
	}
	text := p.Text(partitionRow(row))
	return shows("SHOW PARTITIONS", []string{"partition name"}, func() ([][]any, error) {
		list, err := p.List()
		if err != nil {
			return nil, placed(err, s.From.Span())
		}
		var out [][]any
		for _, values := range list {
			name, match := make([]string, len(values)), true
			for i, v := range values {
				match = match && (want[i] == nil || v == text[i])
				name[i] = t.PartitionKeys[i] + "=" + v
			}
			if match {
				out = append(out, []any{strings.Join(name, "/")})
			}
		}
		return out, nil
	}), nil
}
