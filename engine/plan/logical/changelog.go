package logical

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/types"
)

// ToChangelog makes inserts of all changes, with a column that says what each was:
// TO_CHANGELOG.
//
// Output: the columns PartitionBy, the operation, the other columns, and with Time the
// column of event time once more, as the time attribute rowtime.
type ToChangelog struct {
	Place
	In          Node
	PartitionBy []int
	Op          string
	// Codes are the texts of the four kinds of change; nil drops the changes. Mapped
	// says that they were given, and At of Codes where.
	Codes   [4]*string
	Mapped  bool
	CodesAt diag.Span
	// Partial: a row that is deleted keeps its key columns only. DeletesAt is where
	// produces_full_deletes was given, if it was.
	Partial   bool
	DeletesAt diag.Span
	// Time is the column of on_time, or -1.
	Time int
	UID  string
}

// Inputs is the one input.
func (n *ToChangelog) Inputs() []Node { return []Node{n.In} }

// With replaces the input.
func (n *ToChangelog) With(in []Node) Node { c := *n; c.In = in[0]; return &c }

// Schema is key, operation and rest.
func (n *ToChangelog) Schema() types.Schema {
	in := n.In.Schema()
	out := make(types.Schema, 0, len(in)+2)
	for _, k := range n.PartitionBy {
		out = append(out, plainField(in[k]))
	}
	out = append(out, types.Field{Name: n.Op, Type: types.StringT.Nullable(false)})
	for _, k := range plan.Others(len(in), n.PartitionBy, -1) {
		f := plainField(in[k])
		if n.Partial {
			f.Type.NotNull = false
		}
		out = append(out, f)
	}
	if n.Time >= 0 {
		out = append(out, types.Field{Name: "rowtime", Type: in[n.Time].Type})
	}
	return out
}

// FromChangelog makes changes of rows, which say in a column what change they are:
// FROM_CHANGELOG.
//
// Output: the columns PartitionBy, then the others but Op.
type FromChangelog struct {
	Place
	In          Node
	PartitionBy []int
	OrderBy     []plan.SortKey
	Op          int
	Codes       []plan.ChangeCode
	// Skip drops rows whose operation is not among Codes; otherwise they are errors.
	Skip bool
	// Upsert: the rows of a key replace each other.
	Upsert bool
	UID    string
}

// Inputs is the one input.
func (n *FromChangelog) Inputs() []Node { return []Node{n.In} }

// With replaces the input.
func (n *FromChangelog) With(in []Node) Node { c := *n; c.In = in[0]; return &c }

// Schema is key and rest.
func (n *FromChangelog) Schema() types.Schema {
	in := n.In.Schema()
	var out types.Schema
	for _, k := range append(append([]int(nil), n.PartitionBy...), plan.Others(len(in), n.PartitionBy, n.Op)...) {
		out = append(out, plainField(in[k]))
	}
	return out
}

// plainField is a column that is no time attribute any more.
func plainField(f types.Field) types.Field {
	f.Type.Attr = types.NotTime
	return f
}

// KindNames are the kinds of change as these functions name them, by batch.Kind.
var KindNames = [4]string{
	batch.Insert: "INSERT", batch.UpdateBefore: "UPDATE_BEFORE", batch.UpdateAfter: "UPDATE_AFTER", batch.Delete: "DELETE",
}
