package aggregate

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

func inferOne(name string) func([]types.Type, bool) (types.Type, []types.Type, error) {
	return func(args []types.Type, _ bool) (types.Type, []types.Type, error) {
		if len(args) != 1 {
			return types.Type{}, nil, wrong(name, args)
		}
		return args[0].Plain().Nullable(true), args, nil
	}
}

var firstValue = Func{
	Name:           "FIRST_VALUE",
	Summary:        "First value that is not NULL, in order of arrival.",
	Signatures:     []string{"FIRST_VALUE(value)"},
	Examples:       []function.Example{{SQL: "SELECT FIRST_VALUE(x) FROM (VALUES (2), (1)) AS t(x)", Want: "2"}},
	OrderDependent: true,
	Infer:          inferOne("FIRST_VALUE"),
	New: func(s Spec) Acc {
		if s.Retract {
			return newList(s, listFirst)
		}
		return &edge{cell: newCell(s.Args[0])}
	},
}

var lastValue = Func{
	Name:           "LAST_VALUE",
	Summary:        "Last value that is not NULL, in order of arrival.",
	Signatures:     []string{"LAST_VALUE(value)"},
	Examples:       []function.Example{{SQL: "SELECT LAST_VALUE(x) FROM (VALUES (2), (1)) AS t(x)", Want: "1"}},
	OrderDependent: true,
	Infer:          inferOne("LAST_VALUE"),
	New: func(s Spec) Acc {
		if s.Retract {
			return newList(s, listLast)
		}
		return &edge{cell: newCell(s.Args[0]), last: true}
	},
}

var singleValue = Func{
	Name:       "SINGLE_VALUE",
	Summary:    "The only value; more than one row is an error. Scalar subqueries use it.",
	Signatures: []string{"SINGLE_VALUE(value)"},
	Examples:   []function.Example{{SQL: "SELECT SINGLE_VALUE(x) FROM (VALUES (2)) AS t(x)", Want: "2"}},
	NoDistinct: true,
	Infer:      inferOne("SINGLE_VALUE"),
	New:        func(s Spec) Acc { return newList(s, listSingle) },
}

// edge keeps the first or the last value of rows that are not taken back. Lane 0
// says whether there is one.
type edge struct {
	cell cell
	last bool
}

func (a *edge) Lanes() int       { return 1 + a.cell.lanes() }
func (a *edge) WantsNulls() bool { return false }
func (a *edge) Blobs() []int {
	if a.cell.blob() {
		return []int{1}
	}
	return nil
}

func (a *edge) Fold(f *Fold) {
	w := a.Lanes()
	for i, l := range f.Lanes[:len(f.G)] {
		if r := f.row(i, w); a.last || r[0] == 0 {
			r[0] = 1
			a.cell.take(r[1:], f.Args[0], int(l), f.Heap)
		}
	}
}

func (a *edge) Merge(dst, base, src [][]uint64, off int, _ *Heap) error {
	w := a.Lanes()
	for i, d := range dst {
		from := base[i]
		if src[i][off] != 0 && (a.last || from[off] == 0) {
			from = src[i]
		}
		copy(d[off:off+w], from[off:off+w])
	}
	return nil
}

func (a *edge) Final(out *batch.Col, rows [][]uint64, off int, h Blobs) error {
	a.cell.final(out, rows, off+1, func(r []uint64) bool { return r[off] != 0 }, h)
	return nil
}

// errTooMany is the error of SINGLE_VALUE.
func errTooMany() error {
	return diag.New(diag.InvalidQuery, "a scalar subquery gave more than one row")
}
