package parquet

import (
	"errors"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/schema"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// A leaf column of a file is a stream of entries, each with two levels. The
// repetition level says at which list a new element begins (0: a new row), the
// definition level how much of the path to the leaf is there. A value of a node has
// a slot in the stream: an entry that begins it, with a repetition level of at most
// slotRep, and at whose list there is an element at all, with a definition level of
// at least slotDef. Rows do not change slots; lists do. Every leaf below a node has
// the node's slots, so lengths and NULLs of a node are read off one of them.

// levels are the level of a place in the schema.
type levels struct {
	def, rep int16
	// Those at which an element of the nearest list is there.
	slotDef int16
}

// node is a value of the table in the file.
type node struct {
	t       types.Type
	leaf    *leaf // of a value that is not nested; otherwise the leaf to read levels off
	at      levels
	nullDef int16   // a smaller definition level is NULL; 0 if it never is
	elemDef int16   // of a list: its elements are there
	kids    []*node // nil where the file has none
}

// leaf is a column of the file.
type leaf struct {
	column  int
	maxDef  int16
	maxRep  int16
	records file.RecordReader
	conv    converter
	// begin makes a new records: one that is in the middle of a page keeps levels
	// that do not belong to another.
	begin func() file.RecordReader
}

// start goes to the front of a row group's column.
func (l *leaf) start(pages file.PageReader) {
	l.records.Release()
	l.records = l.begin()
	l.records.SetPageReader(&checkedPages{PageReader: pages, leaf: l})
}

// load reads the entries of the next n rows.
func (l *leaf) load(n int) error {
	l.records.Reset()
	if err := l.records.Reserve(int64(n)); err != nil {
		return damaged(err)
	}
	got, err := l.records.ReadRecords(int64(n))
	if err != nil {
		return damaged(err)
	}
	if got != int64(n) {
		return damaged(errors.New("a column has fewer rows than its row group"))
	}
	return nil
}

// forget drops loaded strings, which the library would put before the next ones.
func (l *leaf) forget() {
	if b, ok := l.records.(file.BinaryRecordReader); ok {
		b.GetBuilderChunks()
	}
}

// entries gives the levels of the loaded rows. A column without lists has no
// repetition levels; one where everything is required has none at all.
func (l *leaf) entries() (defs, reps []int16) {
	n := l.records.LevelsPos()
	if l.maxDef > 0 {
		defs = l.records.DefLevels()[:n]
	}
	if l.maxRep > 0 {
		reps = l.records.RepLevels()[:n]
	}
	return defs, reps
}

// fill writes the node's n values.
func (nd *node) fill(c *batch.Col, n int) error {
	switch {
	case nd.t.Kind == types.Row:
		c.Alloc(nd.t, n)
		for i, k := range nd.kids {
			if k == nil {
				c.Kids[i].Alloc(nd.t.Fields[i].Type, 0)
				c.Kids[i].AppendNulls(0, n)
				continue
			}
			if err := k.fill(&c.Kids[i], n); err != nil {
				return err
			}
		}
		return nd.nulls(c, n)
	case nd.t.IsNested():
		return nd.fillList(c, n)
	}
	return nd.leaf.conv(c, nd.leaf.records, n)
}

// nulls marks the slots at which a row is NULL.
func (nd *node) nulls(c *batch.Col, n int) error {
	defs, reps := nd.leaf.entries()
	if nd.nullDef == 0 || defs == nil {
		return nil
	}
	lane := 0
	for i, d := range defs {
		if reps != nil && reps[i] > nd.at.rep || d < nd.at.slotDef {
			continue
		}
		if lane == n {
			return errSlots
		}
		if d < nd.nullDef {
			c.SetNull(lane, n)
		}
		lane++
	}
	if lane != n {
		return errSlots
	}
	return nil
}

var errSlots = damaged(errors.New("levels of a nested column do not agree"))

func (nd *node) fillList(c *batch.Col, n int) error {
	c.Alloc(nd.t, n)
	defs, reps := nd.leaf.entries()
	lane, count := 0, uint32(0)
	for i, d := range defs {
		r := reps[i]
		if r <= nd.at.rep && d >= nd.at.slotDef {
			if lane == n {
				return errSlots
			}
			c.Offs[lane] = count
			if d < nd.nullDef {
				c.SetNull(lane, n)
			}
			lane++
		}
		if d >= nd.elemDef && r <= nd.at.rep+1 {
			count++
		}
	}
	if lane != n {
		return errSlots
	}
	c.Offs[n] = count
	for i, k := range nd.kids {
		if err := k.fill(&c.Kids[i], int(count)); err != nil {
			return err
		}
	}
	return nil
}

// builder finds the columns of the table in the file.
type builder struct {
	r      *reader
	c      config
	schema *schema.Schema
}

func (b *builder) columns() ([]*node, error) {
	cols := make([]*node, len(b.r.schema))
	for i, f := range b.r.schema {
		if !b.r.used[i] {
			continue
		}
		n := fieldNamed(b.schema.Root(), f.Name)
		if n == nil {
			continue
		}
		var err error
		if cols[i], err = b.node(f.Name, f.Type, n, levels{}); err != nil {
			return nil, err
		}
	}
	return cols, nil
}

func fieldNamed(g *schema.GroupNode, name string) schema.Node {
	for i := range g.NumFields() {
		if g.Field(i).Name() == name {
			return g.Field(i)
		}
	}
	return nil
}

// node plans a value of type t at a place of the file.
func (b *builder) node(name string, t types.Type, n schema.Node, at levels) (*node, error) {
	nd := &node{t: t, at: at}
	switch n.RepetitionType() {
	case parquet.Repetitions.Optional:
		at.def++
		nd.nullDef = at.def
	case parquet.Repetitions.Repeated:
		// A repeated field that is in no list is a list of itself.
		if t.Kind != types.Array {
			return nil, mismatch(name, t, n)
		}
		nd.nullDef = 0
		return b.list(name, nd, n, at, false)
	}
	switch {
	case t.Kind == types.Row:
		return b.row(name, nd, n, at)
	case t.Kind == types.Array:
		g, ok := n.(*schema.GroupNode)
		if !ok || g.NumFields() != 1 || g.Field(0).RepetitionType() != parquet.Repetitions.Repeated {
			return nil, mismatch(name, t, n)
		}
		return b.list(name, nd, g.Field(0), at, true)
	case t.IsNested():
		return b.mapping(name, nd, n, at)
	}
	if _, ok := n.(*schema.PrimitiveNode); !ok {
		return nil, mismatch(name, t, n)
	}
	var err error
	nd.leaf, err = b.leaf(name, t, n, at)
	return nd, err
}

func (b *builder) row(name string, nd *node, n schema.Node, at levels) (*node, error) {
	g, ok := n.(*schema.GroupNode)
	if !ok {
		return nil, mismatch(name, nd.t, n)
	}
	nd.kids = make([]*node, len(nd.t.Fields))
	for i, f := range nd.t.Fields {
		k := fieldNamed(g, f.Name)
		if k == nil {
			continue
		}
		var err error
		if nd.kids[i], err = b.node(name+"."+f.Name, f.Type, k, at); err != nil {
			return nil, err
		}
		if nd.leaf == nil {
			nd.leaf = nd.kids[i].leaf
		}
	}
	if nd.leaf == nil {
		return nil, diag.New(diag.SchemaMismatch, "column `%s` is %s, but the file has none of its fields", name, nd.t)
	}
	return nd, nil
}

// list plans a list whose elements repeat at rep. wrapped says that rep is the
// middle one of the three levels a list has, or an element in older files.
func (b *builder) list(name string, nd *node, rep schema.Node, at levels, wrapped bool) (*node, error) {
	inner := levels{def: at.def + 1, rep: at.rep + 1, slotDef: at.def + 1}
	nd.elemDef = inner.def
	elem := rep
	if g, ok := rep.(*schema.GroupNode); ok && wrapped && g.NumFields() == 1 && rep.Name() != "array" && rep.Name() != name+"_tuple" {
		elem = g.Field(0)
	}
	kid, err := b.element(name, *nd.t.Elem, elem, inner, elem == rep)
	if err != nil {
		return nil, err
	}
	nd.kids, nd.leaf = []*node{kid}, kid.leaf
	return nd, nil
}

// element plans an element; one that is the repeated node itself is never NULL.
func (b *builder) element(name string, t types.Type, n schema.Node, at levels, itself bool) (*node, error) {
	if !itself {
		return b.node(name, t, n, at)
	}
	nd := &node{t: t, at: at}
	if t.Kind == types.Row {
		return b.row(name, nd, n, at)
	}
	if _, ok := n.(*schema.PrimitiveNode); !ok || t.IsNested() {
		return nil, mismatch(name, t, n)
	}
	var err error
	nd.leaf, err = b.leaf(name, t, n, at)
	return nd, err
}

func (b *builder) mapping(name string, nd *node, n schema.Node, at levels) (*node, error) {
	g, ok := n.(*schema.GroupNode)
	if !ok || g.NumFields() != 1 || g.Field(0).RepetitionType() != parquet.Repetitions.Repeated {
		return nil, mismatch(name, nd.t, n)
	}
	kv, ok := g.Field(0).(*schema.GroupNode)
	if !ok || kv.NumFields() != 2 {
		return nil, mismatch(name, nd.t, n)
	}
	inner := levels{def: at.def + 1, rep: at.rep + 1, slotDef: at.def + 1}
	nd.elemDef = inner.def
	for i := range 2 {
		k, err := b.node(name, batch.KidType(nd.t, i), kv.Field(i), inner)
		if err != nil {
			return nil, err
		}
		nd.kids = append(nd.kids, k)
	}
	nd.leaf = nd.kids[0].leaf
	return nd, nil
}

func (b *builder) leaf(name string, t types.Type, n schema.Node, at levels) (*leaf, error) {
	i := b.schema.ColumnIndexByNode(n)
	if i < 0 {
		return nil, damaged(errors.New("schema"))
	}
	descr := b.schema.Column(i)
	if descr.MaxDefinitionLevel() != at.def || descr.MaxRepetitionLevel() != at.rep {
		return nil, mismatch(name, t, n)
	}
	conv := b.c.converter(name, t, descr)
	if conv == nil {
		return nil, mismatch(name, t, n)
	}
	info := file.LevelInfo{NullSlotUsage: 1, DefLevel: at.def, RepLevel: at.rep, RepeatedAncestorDefLevel: at.slotDef}
	l := &leaf{column: i, maxDef: at.def, maxRep: at.rep, conv: conv}
	mem := &growing{}
	l.begin = func() file.RecordReader {
		return file.NewRecordReader(descr, info, arrow.BinaryTypes.Binary, mem, b.r.file.BufferPool())
	}
	l.records = l.begin()
	b.r.leaves = append(b.r.leaves, l)
	return l, nil
}

func mismatch(name string, t types.Type, n schema.Node) error {
	return diag.New(diag.SchemaMismatch, "column `%s` is %s, but the file has %s", name, t, describe(n))
}

func describe(n schema.Node) string {
	text := "a group"
	if p, ok := n.(*schema.PrimitiveNode); ok {
		text = p.PhysicalType().String()
	}
	if n.RepetitionType() == parquet.Repetitions.Repeated {
		text = "repeated " + text
	}
	if l := n.LogicalType(); l != nil && !l.IsNone() && l.IsValid() {
		text += " (" + l.String() + ")"
	}
	return text
}
