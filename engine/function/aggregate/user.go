package aggregate

import (
	"encoding/binary"
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
)

// User is a call of an aggregate function of a user, understood. Its accumulators mean
// nothing to mink.
type User struct {
	// ID tells it from other functions in a plan.
	ID string
	function.AggregateResolved
	// At is where the call stands, for errors while it runs.
	At  diag.Span
	Det function.Det
}

// user runs a function of a user. Its own code is called with as many accumulators as
// there are at once: Fold only notes rows behind an accumulator, Merge and Final have
// them applied.
//
// An accumulator is its words, if it has a fixed width, and one reference to
//
//	uvarint        1 + the length of the accumulator in bytes, 0 for one of no rows
//	accumulator
//	rows           those not applied yet: length << 1 | taken back, and the arguments in
//	               normalised key form
//
// or to nothing when there are neither bytes nor rows.
//
// Lazy accumulators keep rows noted until there are many or the value is wanted. That
// is for operators that merge accumulators one by one.
type user struct {
	u      *User
	f      *function.Frame
	kernel function.AggregateKernel
	width  int
	lazy   bool

	buf   []byte
	vals  []*batch.Builder
	cols  []batch.Col
	args  []*batch.Col
	steps function.AggregateSteps
	have  function.Accumulators

	// Values that came with the accumulators of the last Merge: lane[r] is 1 + that of
	// the accumulator under reference r of heap.
	emits  bool
	heap   *Heap
	values *batch.Col
	lane   []uint32
	index  []uint32
}

// lazyBytes is how many bytes of rows a lazy accumulator keeps at most.
const lazyBytes = 32 << 10

// asked in the place of a reference is the number of a step whose accumulator is not
// there yet.
const asked = 1 << 63

func newUser(s Spec) *user {
	a := &user{u: s.User, f: s.Frame, width: s.User.Words, lazy: s.Lazy, emits: s.Emits && s.User.Words == 0, kernel: s.User.Make()}
	for _, t := range s.Args {
		a.vals = append(a.vals, batch.NewBuilder(t.Nullable(true)))
	}
	a.cols, a.args = make([]batch.Col, len(a.vals)), make([]*batch.Col, len(a.vals))
	for i := range a.cols {
		a.args[i] = &a.cols[i]
	}
	a.steps.Have.Width, a.have.Width = a.width, a.width
	return a
}

func (a *user) Lanes() int       { return a.width + 1 }
func (a *user) Blobs() []int     { return []int{a.width} }
func (a *user) WantsNulls() bool { return true }

// Fold notes rows.
func (a *user) Fold(f *Fold) {
	for i, l := range f.Lanes[:len(f.G)] {
		a.buf = batch.AppendKeys(a.buf[:0], f.Args, int(l))
		r := &f.row(i, a.Lanes())[a.width]
		b := f.Heap.edit(*r)
		if len(b) == 0 {
			b = append(b, 0)
		}
		tag := uint64(len(a.buf)) << 1
		if f.sign(i) < 0 {
			tag |= 1
		}
		*r = f.Heap.keep(*r, append(binary.AppendUvarint(b, tag), a.buf...))
	}
}

// split parts the bytes behind a reference; acc is nil when there is none.
func split(b []byte) (acc, rows []byte) {
	n, k := binary.Uvarint(b)
	switch {
	case k <= 0:
		return nil, nil
	case n == 0:
		return nil, b[k:]
	}
	end := k + int(n) - 1
	return b[k:end:end], b[end:]
}

// begin forgets steps.
func (a *user) begin() {
	s := &a.steps
	s.Have.Reset(0)
	s.Want, s.Values, a.values = false, nil, nil
	s.N, s.Base, s.Src, s.Rows, s.Back = 0, s.Base[:0], s.Src[:0], append(s.Rows[:0], 0), s.Back[:0]
}

// add makes a number of an accumulator that is there.
func (a *user) add(words []uint64, acc []byte) uint32 {
	a.steps.Have.Add(words, acc)
	a.steps.N++
	return uint32(a.steps.N - 1)
}

// step asks for an accumulator: from has the number of one that is there, or a step
// with the bit asked. It returns the latter.
func (a *user) step(from uint64, src int32, rows []byte) uint64 {
	s := &a.steps
	for len(rows) > 0 {
		var key []byte
		var back bool
		key, back, rows = next(rows)
		for _, v := range a.vals {
			key, _ = batch.DecodeKey(v, key)
		}
		s.Back = append(s.Back, back)
	}
	base := uint32(from)
	if from&asked != 0 {
		base = ^uint32(from) // told from those that are there when all of these are known
	}
	s.Base, s.Src, s.Rows = append(s.Base, base), append(s.Src, src), append(s.Rows, uint32(len(s.Back)))
	return asked | uint64(len(s.Base)-1)
}

// run has the steps made. firsts are those whose base is a step.
func (a *user) run() error {
	s := &a.steps
	for i, v := range a.vals {
		a.cols[i] = v.Finish()
	}
	if len(s.Base) == 0 && !s.Want {
		return nil
	}
	s.Args = a.args
	for i, b := range s.Base {
		if k := ^b; k < uint32(i) {
			s.Base[i] = uint32(s.N) + k
		}
	}
	if err := a.kernel.Apply(a.f, s); err != nil {
		return a.placed(err)
	}
	return nil
}

// placed gives an error the place of the call.
func (a *user) placed(err error) error {
	if le, ok := err.(*batch.LaneError); ok {
		return le.Err.Or(a.u.At)
	}
	if e, ok := err.(*diag.Error); ok {
		return e.Or(a.u.At)
	}
	return err
}

// Merge applies rows to accumulators, and joins those.
func (a *user) Merge(dst, base, src [][]uint64, off int, h *Heap) error {
	a.begin()
	clear(a.lane)
	a.steps.Want = a.emits
	for i, d := range dst {
		b, s, d := base[i][off:off+a.width+1], src[i][off:off+a.width+1], d[off:off+a.width+1]
		acc, rows := split(h.Blob(s[a.width]))
		merges := acc != nil || a.some(s)
		if !merges && len(rows) == 0 {
			if a.emits && b[a.width]&asked == 0 {
				old, _ := split(h.Blob(b[a.width]))
				a.known(b[a.width], a.add(b, old))
			}
			copy(d, b)
			continue
		}
		from := b[a.width]
		if from&asked == 0 {
			old, noted := split(h.Blob(from))
			if merges && old == nil && len(noted) == 0 && !a.some(b) && (len(rows) == 0 || a.lazy) {
				copy(d, s)
				continue
			}
			if !merges && a.lazy && len(noted)+len(rows) <= lazyBytes {
				a.note(d, b, old, noted, rows, h)
				continue
			}
			from = uint64(a.add(b, old))
			if a.emits && len(noted) == 0 {
				a.known(b[a.width], uint32(from))
			}
			if len(noted) > 0 {
				if !merges {
					noted = append(slices.Clip(noted), rows...)
					rows = nil
				}
				from = a.step(from, -1, noted)
			}
		}
		if merges {
			from = a.step(from, int32(a.add(s, acc)), rows)
		} else if len(rows) > 0 {
			from = a.step(from, -1, rows)
		}
		d[a.width] = from
	}
	if err := a.run(); err != nil {
		return err
	}
	for _, d := range dst {
		d := d[off : off+a.width+1]
		if d[a.width]&asked == 0 {
			continue
		}
		k := int(d[a.width] &^ asked)
		if a.width > 0 {
			copy(d, a.steps.Out.Row(k))
			d[a.width] = 0
			continue
		}
		out := a.steps.Out.Bytes[k]
		b := binary.AppendUvarint(make([]byte, 0, len(out)+5), uint64(len(out)+1))
		d[0] = h.View(append(b, out...))
		if a.emits {
			a.known(d[0], uint32(a.steps.N+k))
		}
	}
	a.heap, a.values = h, a.steps.Values
	return nil
}

// known notes the lane of the value of an accumulator under a reference.
func (a *user) known(ref uint64, lane uint32) {
	if n := int(ref) + 1 - len(a.lane); n > 0 {
		a.lane = append(a.lane, make([]uint32, n)...)
	}
	a.lane[ref] = lane + 1
}

// came writes values that came with the accumulators, if all did.
func (a *user) came(out *batch.Col, rows [][]uint64, off int, h Blobs) bool {
	if a.values == nil || h != Blobs(a.heap) {
		return false
	}
	a.index = a.index[:0]
	for _, r := range rows {
		ref := r[off+a.width]
		if ref >= uint64(len(a.lane)) || a.lane[ref] == 0 {
			return false
		}
		a.index = append(a.index, a.lane[ref]-1)
	}
	out.Alloc(out.Type, 0)
	out.AppendIndex(0, a.values, a.index, len(rows))
	return true
}

// some reports an accumulator of fixed width that is not that of no rows.
func (a *user) some(r []uint64) bool {
	for _, w := range r[:a.width] {
		if w != 0 {
			return true
		}
	}
	return false
}

// note puts rows behind those that are noted already.
func (a *user) note(d, base []uint64, acc, noted, rows []byte, h *Heap) {
	copy(d, base)
	b := make([]byte, 0, len(acc)+len(noted)+len(rows)+5)
	if acc == nil {
		b = append(b, 0)
	} else {
		b = append(binary.AppendUvarint(b, uint64(len(acc)+1)), acc...)
	}
	d[a.width] = h.View(append(append(b, noted...), rows...))
}

// Final asks for values; what is noted is applied before, and stays noted.
func (a *user) Final(out *batch.Col, rows [][]uint64, off int, h Blobs) error {
	if a.came(out, rows, off, h) {
		return nil
	}
	a.begin()
	a.have.Reset(0)
	var last []int
	for i, r := range rows {
		r := r[off : off+a.width+1]
		acc, noted := split(h.Blob(r[a.width]))
		if len(noted) > 0 {
			a.step(uint64(a.add(r, acc)), -1, noted)
			last = append(last, i)
		}
		a.have.Add(r, acc)
	}
	if err := a.run(); err != nil {
		return err
	}
	for k, i := range last {
		if a.width > 0 {
			copy(a.have.Row(i), a.steps.Out.Row(k))
		} else {
			a.have.Bytes[i] = a.steps.Out.Bytes[k]
		}
	}
	return a.placed(a.kernel.Values(a.f, out, &a.have, len(rows)))
}
