package function

import (
	"bytes"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// AggregateFunc is an aggregate function of a user. Values of it are never changed
// after they were registered.
type AggregateFunc struct {
	// Name is the name it is called by. ID tells functions of one name apart.
	Name, ID string
	// Summary is one sentence, Signatures are the accepted forms.
	Summary    string
	Signatures []string
	// Det is PerCall when a value may be another one each time.
	Det Det
	// Infer works out what a call means. An error it returns has code
	// invalid-argument or another of package diag; the caller adds the place.
	Infer func(c *Call) (AggregateResolved, error)
}

// AggregateResolved is what a call of an aggregate means. One may serve several
// operators.
type AggregateResolved struct {
	// Params are the types that the arguments are cast to, one for each, and Result
	// is the type of the value.
	Params []types.Type
	Result types.Type
	// Words is the number of 64-bit words of an accumulator, which are zero before the
	// first row. With 0 it is bytes of any length, none before the first row.
	Words int
	// Retracts: rows can be taken back. Without it a query over changes is refused, as
	// are frames of OVER that rows leave.
	Retracts bool
	// Merges: one accumulator can be added to another. Windows of sessions, HOP and
	// CUMULATE need it.
	Merges bool
	// Make makes the code for one operator.
	Make func() AggregateKernel
}

// AggregateKernel is the code of an aggregate in one operator. It keeps nothing between
// calls but scratch memory: what it knows is in the accumulators. Rows with NULL
// arguments are given to it, too. What it asks another process goes through
// Frame.Outside. AggregateLoops is one made of loops over columns.
type AggregateKernel interface {
	// Apply makes the accumulators s.Out. An error of a row is a *batch.LaneError with
	// its lane in s.Args.
	Apply(f *Frame, s *AggregateSteps) error
	// Values writes the values of n accumulators to dst, a column made with Alloc of the
	// result type for n lanes.
	Values(f *Frame, dst *batch.Col, a *Accumulators, n int) error
}

// Accumulators are a column of accumulators: of fixed width in Words, Width each, or
// else in Bytes, nil for one of no rows.
type Accumulators struct {
	Width int
	Words []uint64
	Bytes [][]byte
}

// Row is the words of accumulator i.
func (a *Accumulators) Row(i int) []uint64 {
	return a.Words[i*a.Width : (i+1)*a.Width : (i+1)*a.Width]
}

// Reset makes it n accumulators of no rows.
func (a *Accumulators) Reset(n int) {
	a.Words, a.Bytes = a.Words[:0], a.Bytes[:0]
	a.grow(n)
}

// grow adds n accumulators of no rows.
func (a *Accumulators) grow(n int) {
	if a.Width > 0 {
		a.Words = append(a.Words, make([]uint64, n*a.Width)...)
		return
	}
	a.Bytes = append(a.Bytes, make([][]byte, n)...)
}

// Add appends an accumulator: words, or bytes that are not written to.
func (a *Accumulators) Add(words []uint64, b []byte) {
	if a.Width > 0 {
		a.Words = append(a.Words, words[:a.Width]...)
		return
	}
	a.Bytes = append(a.Bytes, b)
}

// set makes accumulator i a copy of accumulator j of from.
func (a *Accumulators) set(i int, from *Accumulators, j int) {
	if a.Width > 0 {
		copy(a.Row(i), from.Row(j))
		return
	}
	a.Bytes[i] = bytes.Clone(from.Bytes[j])
}

// AggregateSteps are accumulators to be made, one a step: each from an accumulator that
// is there, with another one merged into it, and rows added or taken back after that.
type AggregateSteps struct {
	// Have are the accumulators that are there. They are not written to.
	Have Accumulators
	N    int // of them
	// Step i begins with accumulator Base[i] of Have, or that of step Base[i]-N, which
	// comes before i, and merges accumulator Src[i] of Have into it unless that is -1.
	Base []uint32
	Src  []int32
	// Then it takes the rows Rows[i] to Rows[i+1] of Args, in order; Back tells those
	// that are taken back. There is one more of Rows than there are steps.
	Rows []uint32
	Back []bool
	Args []*batch.Col
	// Out gets the accumulators of the steps.
	Out Accumulators
	// Want says that values will be asked for, of those in Have as they are, but for the
	// ones that are merged only, and of the steps. Code that can give them in the same
	// call sets Values to a column of them, Have first.
	Want   bool
	Values *batch.Col
}

// AggregateRows are rows of columns for accumulators: row i lies in lane Lanes[i] of
// Args and goes to accumulator To[i].
type AggregateRows struct {
	Args  []*batch.Col
	Lanes []uint32
	To    []uint32
}

// AggregateLoops is an AggregateKernel of loops. Each is given accumulators of its own,
// to be written in place; those of bytes may be replaced by others.
type AggregateLoops struct {
	// Accumulate adds rows, Retract takes rows back (nil: it cannot).
	Accumulate func(f *Frame, a *Accumulators, r *AggregateRows) error
	Retract    func(f *Frame, a *Accumulators, r *AggregateRows) error
	// Merge adds accumulator src[i] of from, which is not written to, to accumulator
	// to[i] of a (nil: it cannot).
	Merge func(f *Frame, a *Accumulators, to []uint32, from *Accumulators, src []uint32) error
	// Value writes values, as Values of AggregateKernel.
	Value func(f *Frame, dst *batch.Col, a *Accumulators, n int) error

	level []uint32
	order []uint32
	count []uint32
	rows  AggregateRows
	to    []uint32
	src   []uint32
}

// Values calls Value.
func (l *AggregateLoops) Values(f *Frame, dst *batch.Col, a *Accumulators, n int) error {
	return l.Value(f, dst, a, n)
}

// Apply takes together all steps that wait for the same number of others, so that
// groups are worked on side by side, however the rows of each follow each other.
func (l *AggregateLoops) Apply(f *Frame, s *AggregateSteps) error {
	n := len(s.Base)
	s.Out.Width = s.Have.Width
	s.Out.Reset(n)
	levels := l.sort(s)
	at := 0
	for _, k := range l.count[:levels] {
		if err := l.together(f, s, l.order[at:at+int(k)]); err != nil {
			return err
		}
		at += int(k)
	}
	return nil
}

// sort puts the steps in order of how many others come before each and returns the
// number of levels; count has the steps of each.
func (l *AggregateLoops) sort(s *AggregateSteps) int {
	l.level, l.count, l.order = l.level[:0], l.count[:0], append(l.order[:0], s.Base...)
	for _, b := range s.Base {
		v := uint32(0)
		if int(b) >= s.N {
			v = l.level[int(b)-s.N] + 1
		}
		l.level = append(l.level, v)
		for len(l.count) <= int(v) {
			l.count = append(l.count, 0)
		}
		l.count[v]++
	}
	next := make([]uint32, len(l.count))
	for v := 1; v < len(next); v++ {
		next[v] = next[v-1] + l.count[v-1]
	}
	for i, v := range l.level {
		l.order[next[v]] = uint32(i)
		next[v]++
	}
	return len(l.count)
}

// together runs steps that do not wait for each other.
func (l *AggregateLoops) together(f *Frame, s *AggregateSteps, steps []uint32) error {
	l.to, l.src = l.to[:0], l.src[:0]
	for _, i := range steps {
		if b := int(s.Base[i]); b < s.N {
			s.Out.set(int(i), &s.Have, b)
		} else {
			s.Out.set(int(i), &s.Out, b-s.N)
		}
		if s.Src[i] >= 0 {
			l.to, l.src = append(l.to, i), append(l.src, uint32(s.Src[i]))
		}
	}
	if len(l.to) > 0 {
		if err := l.Merge(f, &s.Out, l.to, &s.Have, l.src); err != nil {
			return err
		}
	}
	r := &l.rows
	r.Args, r.Lanes, r.To = s.Args, r.Lanes[:0], r.To[:0]
	back := false
	flush := func() error {
		loop := l.Accumulate
		if back {
			loop = l.Retract
		}
		if len(r.To) == 0 {
			return nil
		}
		err := loop(f, &s.Out, r)
		r.Lanes, r.To = r.Lanes[:0], r.To[:0]
		return err
	}
	for _, i := range steps {
		for k := s.Rows[i]; k < s.Rows[i+1]; k++ {
			if s.Back[k] != back {
				if err := flush(); err != nil {
					return err
				}
				back = s.Back[k]
			}
			r.Lanes, r.To = append(r.Lanes, k), append(r.To, i)
		}
	}
	return flush()
}
