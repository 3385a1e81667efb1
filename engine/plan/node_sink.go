package plan

import (
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
)

// Sink writes to a table. Its input has exactly the columns of Conn.Schema: the
// physical columns, then the writable metadata columns.
type Sink struct {
	Traits
	in1
	Table *catalog.Table
	Conn  *connect.Table
	Sink  connect.Sink
	// Target is the set of kinds the sink takes; rows of other kinds do not reach it.
	Target connect.Changes
	// NotNull are the columns that must not be NULL (a nullable query column into a
	// NOT NULL table column); DropNulls drops such rows instead of failing.
	NotNull   []int
	DropNulls bool
	// Lengths (IGNORE, TRIM_PAD, ERROR) and Nested (IGNORE, ROWS, ROWS_AND_COLLECTIONS)
	// are what else is enforced of the types of Conn.Schema.
	Lengths, Nested string
	// DeleteUpdateBefore: -U rows must be turned into -D, since a filter may have
	// dropped the +U that belonged to one and the sink takes no -U.
	DeleteUpdateBefore bool
	// PrimaryKey are columns of the input, or nil.
	PrimaryKey []int
	// Static are the names and texts of the static partition of INSERT.
	Static    []Attr
	Overwrite bool
	// Rewrite: the rows take the place of those that the sink was told of, as a whole,
	// when the input ends.
	Rewrite bool
	// Parallelism is 'sink.parallelism', 0 when it is not given.
	Parallelism int
}

// Name is the operator's name.
func (*Sink) Name() string { return "Sink" }

// Attrs shows table and fields.
func (n *Sink) Attrs() []Attr {
	p := n.Table.Path
	return []Attr{{"table", "[" + p.Catalog + "." + p.Database + "." + p.Object + "]"}, {"fields", "[" + names(n.In.Info().Schema) + "]"}}
}

// Collect gives rows to whoever asked the query.
type Collect struct {
	Traits
	in1
	// UpsertKey are the columns by which a client may apply changes, or nil. All -U
	// rows come too, whatever it says.
	UpsertKey []int
}

// Name is the operator's name.
func (*Collect) Name() string { return "Collect" }

// Attrs shows the fields.
func (n *Collect) Attrs() []Attr {
	out := []Attr{{"fields", "[" + names(n.In.Info().Schema) + "]"}}
	if n.UpsertKey != nil && !n.In.Info().AppendOnly() {
		out = append(out, Attr{"upsertKey", "[" + cols(n.UpsertKey, n.In.Info().Schema) + "]"})
	}
	return out
}
