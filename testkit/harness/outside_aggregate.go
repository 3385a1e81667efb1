package harness

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

// Aggregate makes kernels that ask through the cassette, one change of an accumulator a call:
// so a book serves whatever rows come together.
func (t *tapedAggregates) Aggregate(d *function.Definition, params []types.Type, result types.Type) (func() function.AggregateKernel, error) {
	inner, err := t.inner.Aggregate(d, params, result)
	if err != nil {
		return nil, err
	}
	said, err := t.Describe(d)
	if err != nil || said.Det == function.Deterministic {
		return inner, err
	}
	args := argsOf(said, params)
	return func() function.AggregateKernel {
		return &tapedAggregate{
			section: "function " + d.Name, w: t.w, make: inner, row: newRowCodec(args),
			value: newRowCodec(types.Schema{{Name: "value", Type: result.Nullable(true)}}),
		}
	}, nil
}

// tapedAggregate is an aggregate function behind the cassette. Accumulators are written in
// base64.
type tapedAggregate struct {
	section    string
	w          *World
	make       func() function.AggregateKernel
	inner      function.AggregateKernel
	row, value *rowCodec // arguments and values
}

// made is the answer to a change.
type made struct {
	Accumulator string `json:"accumulator"`
}

// asked is a call as it stands in the book.
type asked struct {
	Call string          `json:"call"`
	Of   string          `json:"accumulator"`
	With string          `json:"with,omitempty"`
	Row  json.RawMessage `json:"row,omitempty"`
}

// accChange is a change of an accumulator, or the question for its value.
type accChange struct {
	call     string
	of, with string // "" is one of no rows
	lane     int    // of the row, -1 for none
}

// Apply makes the accumulators change by change: at a time those that wait for no other.
func (k *tapedAggregate) Apply(f *function.Frame, s *function.AggregateSteps) error {
	kept, err := f.Outside(func() ([]byte, error) {
		accs, err := k.apply(f, s)
		if err != nil {
			return nil, err
		}
		return json.Marshal(accs)
	})
	if err != nil {
		return err
	}
	var accs []string
	if err := json.Unmarshal(kept, &accs); err != nil {
		return err
	}
	s.Out = function.Accumulators{Width: s.Have.Width}
	for _, a := range accs {
		if err := addText(&s.Out, a); err != nil {
			return err
		}
	}
	return nil
}

func (k *tapedAggregate) apply(f *function.Frame, s *function.AggregateSteps) ([]string, error) {
	n := len(s.Base)
	out, at := make([]string, n), make([]int, n) // at: changes that were made
	done := make([]bool, n)
	var have []string
	for i := range s.N {
		have = append(have, textOf(&s.Have, i))
	}
	next := func(i int) (accChange, bool) {
		c := accChange{of: out[i], lane: -1}
		k := at[i]
		if s.Src[i] >= 0 {
			if k == 0 {
				c.call, c.with = "merge", have[s.Src[i]]
				return c, true
			}
			k--
		}
		if row := int(s.Rows[i]) + k; row < int(s.Rows[i+1]) {
			c.call, c.lane = "add", row
			if s.Back[row] {
				c.call = "retract"
			}
			return c, true
		}
		return c, false
	}
	for {
		var changes []accChange
		var of []int
		ended := false
		for i := range n {
			if done[i] {
				continue
			}
			if at[i] == 0 {
				if b := int(s.Base[i]); b < s.N {
					out[i] = have[b]
				} else if done[b-s.N] {
					out[i] = out[b-s.N]
				} else {
					continue
				}
			}
			if c, more := next(i); more {
				changes, of = append(changes, c), append(of, i)
			} else {
				done[i], ended = true, true
			}
		}
		if len(changes) == 0 && !ended {
			return out, nil // all are done: a step waits for none that comes after it
		}
		accs, err := k.changed(f, s, changes)
		if err != nil {
			return nil, err
		}
		for j, i := range of {
			out[i] = accs[j]
			at[i]++
		}
	}
}

// changed gives the accumulators that come of changes.
func (k *tapedAggregate) changed(f *function.Frame, s *function.AggregateSteps, changes []accChange) ([]string, error) {
	if len(changes) == 0 {
		return nil, nil
	}
	all := &batch.Batch{N: len(s.Back)}
	for _, a := range s.Args {
		all.Cols = append(all.Cols, *a)
	}
	answers, err := k.ask(all, changes, func(part []int) ([][]string, error) {
		x := function.AggregateSteps{Have: function.Accumulators{Width: s.Have.Width}, Rows: []uint32{0}}
		var lanes []int
		for _, p := range part {
			c := &changes[p]
			src := int32(-1)
			x.Base = append(x.Base, uint32(x.N))
			if err := addText(&x.Have, c.of); err != nil {
				return nil, err
			}
			if x.N++; c.call == "merge" {
				src = int32(x.N)
				if err := addText(&x.Have, c.with); err != nil {
					return nil, err
				}
				x.N++
			}
			x.Src = append(x.Src, src)
			if c.lane >= 0 {
				lanes, x.Back = append(lanes, c.lane), append(x.Back, c.call == "retract")
			}
			x.Rows = append(x.Rows, uint32(len(lanes)))
		}
		rows := picked(all, lanes)
		for i := range rows.Cols {
			x.Args = append(x.Args, &rows.Cols[i])
		}
		if err := k.live().Apply(frameOf(f), &x); err != nil {
			var row *batch.LaneError
			if errors.As(err, &row) && row.Lane < len(lanes) {
				return nil, &batch.LaneError{Lane: lanes[row.Lane], Err: row.Err}
			}
			return nil, err
		}
		out := make([][]string, len(part))
		for i := range part {
			text, err := json.Marshal(made{textOf(&x.Out, i)})
			if err != nil {
				return nil, err
			}
			out[i] = []string{string(text)}
		}
		return out, nil
	})
	if err != nil {
		return nil, err
	}
	out := make([]string, len(changes))
	for i, a := range answers {
		var m made
		if len(a) != 1 || json.Unmarshal([]byte(a[0]), &m) != nil {
			return nil, diag.New(diag.Cassette, "the recorded answer %s is no accumulator", strings.Join(a, " "))
		}
		out[i] = m.Accumulator
	}
	return out, nil
}

// Values asks for values, those of equal accumulators once.
func (k *tapedAggregate) Values(f *function.Frame, dst *batch.Col, a *function.Accumulators, n int) error {
	if n == 0 {
		return nil
	}
	kept, err := f.Outside(func() ([]byte, error) {
		changes := make([]accChange, n)
		for i := range changes {
			changes[i] = accChange{call: "value", of: textOf(a, i), lane: -1}
		}
		answers, err := k.ask(nil, changes, func(part []int) ([][]string, error) {
			x := function.Accumulators{Width: a.Width}
			for _, p := range part {
				if err := addText(&x, changes[p].of); err != nil {
					return nil, err
				}
			}
			values := &batch.Batch{N: len(part), Cols: make([]batch.Col, 1)}
			values.Cols[0].Alloc(k.value.schema[0].Type, len(part))
			if err := k.live().Values(frameOf(f), &values.Cols[0], &x, len(part)); err != nil {
				return nil, err
			}
			return k.value.texts(values, upTo(len(part)), len(part))
		})
		if err != nil {
			return nil, err
		}
		return json.Marshal(answers)
	})
	if err != nil {
		return err
	}
	var answers [][]string
	if err := json.Unmarshal(kept, &answers); err != nil {
		return err
	}
	got := &batch.Batch{}
	if _, err := k.value.rows(got, nil, answers, make([]uint16, len(answers))); err != nil {
		return err
	}
	dst.Gather(&got.Cols[0], upTo(n), n)
	return nil
}

func (k *tapedAggregate) live() function.AggregateKernel {
	if k.inner == nil {
		k.inner = k.make()
	}
	return k.inner
}

func (k *tapedAggregate) ask(rows *batch.Batch, changes []accChange, live func(part []int) ([][]string, error)) ([][]string, error) {
	calls := make([]string, len(changes))
	for i, c := range changes {
		x := asked{Call: c.call, Of: c.of, With: c.with}
		if c.lane >= 0 {
			row, err := k.row.text(rows, c.lane)
			if err != nil {
				return nil, err
			}
			x.Row = json.RawMessage(row)
		}
		text, err := json.Marshal(x)
		if err != nil {
			return nil, err
		}
		calls[i] = string(text)
	}
	return k.w.book().Ask(k.section, calls, live)
}

func upTo(n int) []uint16 {
	out := make([]uint16, n)
	for i := range out {
		out[i] = uint16(i)
	}
	return out
}

// textOf is accumulator i, "" if it is one of no rows.
func textOf(a *function.Accumulators, i int) string {
	b := []byte(nil)
	if a.Width == 0 {
		b = a.Bytes[i]
	} else {
		for _, w := range a.Row(i) {
			b = binary.LittleEndian.AppendUint64(b, w)
		}
	}
	return base64.RawStdEncoding.EncodeToString(b)
}

// addText appends an accumulator.
func addText(a *function.Accumulators, text string) error {
	b, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return err
	}
	words := make([]uint64, a.Width)
	for i := range words {
		if len(b) >= 8*(i+1) {
			words[i] = binary.LittleEndian.Uint64(b[8*i:])
		}
	}
	if len(b) == 0 {
		b = nil
	}
	a.Add(words, b)
	return nil
}
