package plan

import (
	"slices"

	"github.com/minkstream/mink/engine/batch"
)

// ChangeCode is a text that stands for a kind of change.
type ChangeCode struct {
	Text string
	Kind batch.Kind
}

// Others are the columns of n that are neither in keys nor skip.
func Others(n int, keys []int, skip int) []int {
	var out []int
	for i := range n {
		if i != skip && !slices.Contains(keys, i) {
			out = append(out, i)
		}
	}
	return out
}

// ToChangelog makes inserts of all changes, with a column that says what each was.
type ToChangelog struct {
	Traits
	in1
	// Keys come first, then the operation, then Rest, then Time if that is not -1.
	Keys, Rest []int
	Time       int
	Codes      [4]*string
	// Partial: rows of -D keep the columns Keep only, among Keys and Rest.
	Partial    bool
	Keep       []int
	Invocation string
	FuncUID    string
}

// Name is the operator's name.
func (*ToChangelog) Name() string { return "ProcessTableFunction" }

// Attrs are the call, its uid and the output.
func (n *ToChangelog) Attrs() []Attr {
	return []Attr{{"invocation", "[" + n.Invocation + "]"}, {"uid", "[" + n.FuncUID + "]"}, {"select", "[" + names(n.Schema) + "]"}}
}

// FromChangelog makes changes of rows that say in a column what change they are.
type FromChangelog struct {
	Traits
	in1
	// Cols are the columns of the output.
	Cols       []int
	Op         int
	Codes      []ChangeCode
	Skip       bool
	Invocation string
	FuncUID    string
}

// Name is the operator's name.
func (*FromChangelog) Name() string { return "ProcessTableFunction" }

// Attrs are the call, its uid and the output.
func (n *FromChangelog) Attrs() []Attr {
	return []Attr{{"invocation", "[" + n.Invocation + "]"}, {"uid", "[" + n.FuncUID + "]"}, {"select", "[" + names(n.Schema) + "]"}}
}
