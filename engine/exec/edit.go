package exec

import (
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function/aggregate"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// EditState changes entries of a structure, which are numbered as LookState lists them:
// columns of theirs get other values, or without any they are taken out. A value is made
// in the type that is asked for. It is for who tries out another state between two steps.
//
// An aggregate gets the accumulator of one row with the value, COUNT that of so many rows.
func EditState(op Operator, c *Ctx, short string, entries []uint16, set map[int]func(types.Type) (*batch.Col, error)) error {
	if b, ok := op.(*bundle); ok {
		op = b.op
	}
	v := View{Name: short, blob: -1}
	if s, ok := op.(Shower); ok {
		for _, x := range s.Views() {
			if x.Name == short {
				v = x
			}
		}
	}
	for _, l := range c.Store.Look() {
		if l.Name != c.Name+"."+short {
			continue
		}
		if l.Key == nil {
			l.Key = v.keyTypes
		}
		var found []state.Seen
		n := 0
		l.Each(func(e *state.Seen) bool {
			if slices.Contains(entries, uint16(n)) {
				found = append(found, *e)
			}
			n++
			return n <= int(entries[len(entries)-1])
		})
		slices.Reverse(found)
		for i := range found {
			if err := v.edit(l, &found[i], set); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *View) edit(l state.Look, e *state.Seen, set map[int]func(types.Type) (*batch.Col, error)) error {
	if len(set) == 0 {
		if e.Drop == nil {
			return diag.New(diag.Config, "entries of a %s cannot be taken out", l.Kind)
		}
		e.Drop()
		return nil
	}
	var t StateTable
	v.columns(&t, l)
	extra := len(v.extras(l))
	stored := len(l.Row)
	if l.Row == nil && v.codec != nil {
		stored = len(v.codec.Types())
	}
	row := map[int]func(types.Type) (*batch.Col, error){}
	for k := range t.Types {
		value := set[k]
		if value == nil {
			continue
		}
		at := k - t.Keys
		var err error
		switch {
		case at < extra:
			err = v.editLane(e, t.Columns[k].Name, t.Types[k], value)
		case at < extra+stored:
			row[at-extra] = value
		default:
			err = v.editAggregate(e, at-extra-stored, value)
		}
		if err != nil {
			return err
		}
	}
	if len(row) == 0 {
		return nil
	}
	return v.editRow(l, e, row)
}

// editLane writes a lane that has words, or one that is shown as it lies.
func (v *View) editLane(e *state.Seen, name string, t types.Type, value func(types.Type) (*batch.Col, error)) error {
	lane := -1
	for _, x := range v.lanes {
		if x.name == name && x.get == nil {
			lane = x.lane
		}
	}
	if i, ok := strings.CutPrefix(name, "lane"); ok && !v.said() && len(i) == 1 {
		lane = int(i[0] - '0')
	}
	if lane < 0 || e.Touch == nil {
		return diag.New(diag.Config, "%q follows from where the entry stands and cannot be set", name)
	}
	c, err := value(t)
	if err != nil {
		return err
	}
	if lanes := e.Touch(); c.Type.Kind == types.Boolean {
		lanes[lane] = uint64(0)
		if c.Bool(0) {
			lanes[lane] = 1
		}
	} else {
		lanes[lane] = uint64(c.Int(0))
	}
	return nil
}

// editAggregate makes the accumulator of one row.
func (v *View) editAggregate(e *state.Seen, i int, value func(types.Type) (*batch.Col, error)) error {
	a := v.aggs
	s, acc := &a.specs[i], a.accs[i]
	if s.User != nil || s.Distinct || len(s.Args) > 1 || v.entry || e.Touch == nil || e.SetBlob == nil {
		return diag.New(diag.Config, "the accumulator of %s cannot be made of its result", s.Func).WithHint("drop the entry, or edit the records it is made of")
	}
	lanes := e.Touch()
	from := v.aggAt + a.offs[i]
	if s.builtin() == "COUNT" {
		c, err := value(types.BigIntT)
		if err != nil {
			return err
		}
		lanes[from] = uint64(c.Int(0))
		return nil
	}
	c, err := value(a.argTypes[i])
	if err != nil {
		return err
	}
	var heap aggregate.Heap
	made := make([]uint64, acc.Lanes())
	c.Flatten(1)
	acc.Fold(&aggregate.Fold{L: made, Stride: len(made), G: []uint16{0}, Lanes: []uint16{0}, Args: []*batch.Col{c}, Heap: &heap})
	blobs := acc.Blobs()
	for k, w := range made {
		if slices.Contains(blobs, k) {
			e.SetBlob(from+k, heap.Blob(w))
		} else {
			lanes[from+k] = w
		}
	}
	return nil
}

// editRow writes columns of a stored row.
func (v *View) editRow(l state.Look, e *state.Seen, set map[int]func(types.Type) (*batch.Col, error)) error {
	ts, old := l.Row, e.Row
	codec := v.codec
	switch {
	case ts != nil:
		codec = state.NewCodec(ts)
	case v.blob >= 0 && !v.kind && e.SetBlob != nil:
		ts, old = codec.Types(), e.Blob(e.Lanes[v.blob])
	default:
		return diag.New(diag.Config, "rows of a %s cannot be written", l.Kind).WithHint("drop the entry, or edit the records it is made of")
	}
	var b batch.Batch
	b.Alloc(ts, 1)
	codec.Decode(b.Cols, 0, nil, [][]byte{slices.Clone(old)})
	for k := range ts {
		if set[k] == nil {
			continue
		}
		c, err := set[k](ts[k])
		if err != nil {
			return err
		}
		b.Cols[k] = *c
	}
	row := codec.Append(nil, &b, allCols(len(ts)), 0)
	if l.Row != nil {
		e.Replace(row)
	} else {
		e.SetBlob(v.blob, row)
	}
	return nil
}
