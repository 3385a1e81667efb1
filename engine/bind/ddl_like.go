package bind

import (
	"maps"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// likeFeatures are what LIKE can take over, with the strategy when nothing is said.
var likeFeatures = map[string]string{
	"CONSTRAINTS": "INCLUDING", "DISTRIBUTION": "INCLUDING", "PARTITIONS": "INCLUDING",
	"GENERATED": "INCLUDING", "METADATA": "INCLUDING", "OPTIONS": "OVERWRITING", "WATERMARKS": "INCLUDING",
}

// like copies what the table after LIKE has.
func (d *tableBuilder) like(s *ast.CreateTable) error {
	src, err := d.b.lookupTable(s.Like.Source)
	if err != nil {
		return err
	}
	if src.View {
		return diag.At(s.Like.Source.Span(), diag.InvalidQuery, "LIKE takes a table, and %s is a view", s.Like.Source)
	}
	d.strategy = map[string]string{}
	for f, v := range likeFeatures {
		d.strategy[f] = v
	}
	seen := map[string]bool{}
	for _, o := range s.Like.Options {
		if seen[o.Feature] {
			return diag.At(s.Like.Span(), diag.DuplicateName, "LIKE says twice what to do with %s", o.Feature)
		}
		seen[o.Feature] = true
		if o.Feature != "ALL" {
			continue
		}
		for f := range likeFeatures {
			d.strategy[f] = o.Strategy
		}
		if o.Strategy == "INCLUDING" {
			d.strategy["OPTIONS"] = "OVERWRITING"
		}
	}
	for _, o := range s.Like.Options {
		if o.Feature == "ALL" {
			continue
		}
		if o.Strategy == "OVERWRITING" && (o.Feature == "CONSTRAINTS" || o.Feature == "DISTRIBUTION" || o.Feature == "PARTITIONS") {
			return diag.At(s.Like.Span(), diag.InvalidArgument, "OVERWRITING is for GENERATED, METADATA, OPTIONS and WATERMARKS")
		}
		d.strategy[o.Feature] = o.Strategy
	}
	keep := func(f string) bool { return d.strategy[f] != "EXCLUDING" }
	t := d.t
	for _, c := range src.Columns {
		if c.Kind == catalog.Computed && !keep("GENERATED") || c.Kind == catalog.Metadata && !keep("METADATA") {
			continue
		}
		if c.Type.Attr == types.Rowtime {
			c.Type.Attr = types.NotTime
		}
		t.Columns = append(t.Columns, c)
	}
	d.src = src
	if src.PrimaryKey != nil && keep("CONSTRAINTS") {
		k := &catalog.PrimaryKey{Name: src.PrimaryKey.Name}
		for _, i := range src.PrimaryKey.Columns {
			k.Columns = append(k.Columns, t.Index(src.Columns[i].Name))
		}
		t.PrimaryKey = k
	} else {
		delete(d.strategy, "CONSTRAINTS")
	}
	if keep("PARTITIONS") {
		t.PartitionKeys = append([]string(nil), src.PartitionKeys...)
	}
	if keep("DISTRIBUTION") {
		t.Distribution = src.Distribution
	}
	if keep("OPTIONS") {
		maps.Copy(t.Options, src.Options)
		if t.Connection == nil {
			t.Connection = src.Connection
		}
		t.OptionAt = maps.Clone(src.OptionAt)
	}
	if src.Watermark != nil && keep("WATERMARKS") {
		i := t.Index(src.Columns[src.Watermark.Column].Name)
		if i < 0 {
			return diag.At(s.Like.Span(), diag.InvalidWatermark, "the watermark's column is left out, so EXCLUDING WATERMARKS is needed too")
		}
		w := *src.Watermark
		w.Column = i
		t.Watermark = &w
		t.Columns[i].Type.Attr = types.Rowtime
	}
	if s.Comment.Value == "" {
		t.Comment = src.Comment
	}
	return nil
}

// rebind maps what came by LIKE to the positions that columns have now.
func (d *tableBuilder) rebind(at diag.Span) error {
	if d.src == nil {
		return nil
	}
	for i := range d.t.Columns {
		c := &d.t.Columns[i]
		if c.Kind != catalog.Computed || d.asts[i] != nil {
			continue
		}
		n, err := mapStored(d.src, d.t, c.Expr, at)
		if err != nil {
			return err
		}
		c.Expr = n
	}
	if w := d.t.Watermark; w != nil {
		n, err := mapStored(d.src, d.t, w.Expr, at)
		if err != nil {
			return err
		}
		w.Expr = n
	}
	return nil
}
