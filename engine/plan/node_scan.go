package plan

import (
	"time"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/expr"
)

// Scan reads a table.
//
// Its schema is Conn.Schema: the physical columns, then the metadata columns.
// Columns keep their positions whatever is read; a column outside Projection is
// never looked at. Computed columns are made by a Calc above.
type Scan struct {
	Traits
	in0
	Table *catalog.Table
	// Conn and Source are the table as its connector sees it. Nobody has called
	// Source.Project yet.
	Conn   *connect.Table
	Source connect.Source
	// Projection is what readers of the scan use, the watermark included; nil is
	// all, an empty list nothing but the number of rows.
	Projection connect.Projection
	// Watermark is nil when the table has none, and in batch mode.
	Watermark *Watermark
	// Parallelism is 'scan.parallelism', 0 when it is not given.
	Parallelism int
}

// Watermark says how a scan makes watermarks. Its expression gives the watermark
// of a row in the type of the rowtime column (TIMESTAMP or TIMESTAMP_LTZ).
type Watermark struct {
	// Expr is over the schema of the scan; computed columns are written out.
	Expr expr.Node
	// Column is the name of the rowtime column, Text the expression as written.
	Column, Text string
	// Periodic emits the largest watermark every interval rather than after each
	// row; 0 emits on every row.
	Periodic time.Duration
	// Idle is the time without rows after which a split no longer holds back the
	// watermark; 0 never.
	Idle          time.Duration
	AlignGroup    string
	AlignDrift    time.Duration
	AlignInterval time.Duration
}

// Name is the operator's name.
func (*Scan) Name() string { return "TableSourceScan" }

// Attrs lists table and fields.
func (n *Scan) Attrs() []Attr {
	out := []Attr{{"table", "[" + n.tableText() + "]"}, {"fields", "[" + n.fieldsText() + "]"}}
	if n.Watermark != nil {
		out = append(out, Attr{"watermark", n.Watermark.Text})
	}
	return out
}

func (n *Scan) tableText() string {
	p := n.Table.Path
	s := "[" + p.Catalog + ", " + p.Database + ", " + p.Object
	if n.Projection != nil {
		s += ", project=[" + n.projectText() + "]"
	}
	return s + "]"
}
