package catalog

import (
	"maps"
	"slices"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// Table is a table or view. It is never changed after it was stored.
type Table struct {
	Held
	Path      Path
	View      bool
	Temporary bool
	Columns   []Column
	// Watermark is nil when none is declared.
	Watermark *Watermark
	// PrimaryKey is nil when none is declared.
	PrimaryKey *PrimaryKey
	// PartitionKeys are column names.
	PartitionKeys []string
	// Distribution is nil when none is declared.
	Distribution *Distribution
	// Connection is the name after USING CONNECTION, whose options come under those of
	// the table where it is used; nil when there is none.
	Connection *Path
	Options    connect.Options
	// OptionAt says where options were given, for messages. Options that came
	// another way are not in it.
	OptionAt map[string]OptionPlace
	Comment  string
	// System is the connector of a table of SystemDatabase, which has no options.
	System *connect.Connector
	// Materialized is set for a materialized table.
	Materialized *Materialized
	// Statistics are what ANALYZE TABLE found, in the table of a scan; see Store.Statistics.
	Statistics TableStatistics

	// Query is a view's query, to be bound with names resolved from Scope. Its places lie in
	// Text; Original is the query as written, Expanded with full names.
	Query ast.Query
	// Scope is where names in the query of a view or materialized table are resolved.
	Scope    Path
	Text     string
	Original string
	Expanded string
}

// OptionPlace is where the key of an option stands: a span of a statement.
type OptionPlace struct {
	Statement string
	At        diag.Span
}

// Misused gives an error about an option of the table the place of its key, and
// other errors the place at, where the statement being run names the table.
func (t *Table) Misused(err error, at diag.Span) error {
	e := diag.As(err)
	if e == nil {
		return err
	}
	p, ok := t.OptionAt[connect.OptionKey(err)]
	if !ok || !e.Span.IsZero() {
		return e.Or(at)
	}
	e.Span, e.In = p.At, p.Statement
	if p.Statement != "" {
		e.WithNote(at, "table %s is used here", t.Path.Object)
	}
	return e
}

// Place notes where an option was given. The table must not be shared.
func (t *Table) Place(key, statement string, at diag.Span) {
	t.OptionAt = maps.Clone(t.OptionAt)
	if t.OptionAt == nil {
		t.OptionAt = map[string]OptionPlace{}
	}
	t.OptionAt[key] = OptionPlace{statement, at}
}

// ColumnKind says where a column's values come from.
type ColumnKind uint8

// The kinds of columns.
const (
	Physical ColumnKind = iota
	Metadata
	Computed
)

// Column is a column of a table.
type Column struct {
	Name string
	Kind ColumnKind
	// Type is the declared or derived type, with its time attribute.
	Type types.Type
	// Key is the metadata key; HasKey tells that METADATA FROM was written.
	Key    string
	HasKey bool
	// Virtual metadata is not written to.
	Virtual bool
	// Expr computes a computed column over Table.Stored.
	Expr expr.Node
	// Text is the expression as SQL.
	Text    string
	Comment string
}

// Watermark is WATERMARK FOR Column AS Expr.
type Watermark struct {
	// Column is a position in Table.Columns.
	Column int
	// Expr is over Table.Stored, with computed columns written out. It is nil for
	// SOURCE_WATERMARK().
	Expr expr.Node
	Text string
	AST  ast.Expr
}

// PrimaryKey is PRIMARY KEY NOT ENFORCED.
type PrimaryKey struct {
	Name string
	// Columns are positions in Table.Columns, as written.
	Columns []int
}

// Distribution is DISTRIBUTED BY.
type Distribution struct {
	Kind    string // HASH, RANGE or ""
	Columns []string
	Buckets int // 0 when not given
}

// Index returns the position of a column, or -1.
func (t *Table) Index(name string) int {
	return slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == name })
}

// Schema lists all columns as a query sees them.
func (t *Table) Schema() types.Schema {
	out := make(types.Schema, len(t.Columns))
	for i, c := range t.Columns {
		out[i] = types.Field{Name: c.Name, Type: c.Type, Comment: c.Comment}
	}
	return out
}

// Stored lists the positions in Columns of the physical columns, then of the
// metadata columns: what a connector serves.
func (t *Table) Stored() []int {
	var out []int
	for _, k := range []ColumnKind{Physical, Metadata} {
		for i, c := range t.Columns {
			if c.Kind == k {
				out = append(out, i)
			}
		}
	}
	return out
}

// SinkColumns lists the positions in Columns that INSERT writes, in the order of
// declaration: physical columns and metadata that is not virtual.
func (t *Table) SinkColumns() []int {
	var out []int
	for i, c := range t.Columns {
		if c.Kind == Physical || c.Kind == Metadata && !c.Virtual {
			out = append(out, i)
		}
	}
	return out
}

// ColumnList names the columns, for messages.
func (t *Table) ColumnList() string {
	s := ""
	for i, c := range t.Columns {
		if i > 0 {
			s += ", "
		}
		s += c.Name
	}
	return s
}

// Renamed is the table under another name, as a new object.
func (t *Table) Renamed(p Path) *Table {
	c := *t
	c.Path, c.Held = p, Held{}
	return &c
}

// Kind is the word for the object in messages.
func (t *Table) Kind() string {
	if t.View {
		return "view"
	}
	if t.Materialized != nil {
		return materializedTable
	}
	return "table"
}
