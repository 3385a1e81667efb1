package exec

import (
	"encoding/binary"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// processCtx is what a process table function sees of the operator: state and timers
// of the key at hand, and where its rows go.
//
// Timers of a key are a list in order of (time, name), and a queue says when to look
// into the lists. A timer that is taken back stays in the queue and is not found in
// the list.
type processCtx struct {
	c   *Ctx
	o   *process
	wm  int64
	b   *batch.Batch
	kv  *batch.KeyVec
	at  state.Key
	mem []byte

	timers *state.Sorted
	due    *state.Queue

	states    []processState
	readyKeys batch.KeyVec
}

// processState is a piece of state, in one of its forms.
type processState interface {
	moved() // the key at hand has changed
	Clear()
}

func (x *processCtx) open(c *Ctx, o *process) {
	x.c, x.o, x.wm = c, o, c.Watermark()
	keys := colTypes(o.cfg.Input, o.cfg.Keys)
	for _, s := range o.cfg.State {
		ttl := s.TTL.Milliseconds()
		if s.TTL == 0 {
			ttl = c.TTL
		}
		ttl = max(ttl, 0)
		name, v := c.Name+".state."+s.Name, newProcessValue(s.Type, &o.out)
		switch s.Kind {
		case function.ValueKind:
			t := c.Store.Table(name, state.TableSpec{Key: keys, Lanes: 2, Blobs: []int{1}, TTL: ttl})
			x.states = append(x.states, &valueState{x: x, t: t, v: v})
		default:
			t := c.Store.Sorted(name, state.SortedSpec{Table: state.TableSpec{Key: keys, TTL: ttl}, Entry: 1})
			l := entries{x: x, s: t, v: v, ttl: ttl}
			if s.Kind == function.ListKind {
				x.states = append(x.states, &listState{l})
			} else {
				x.states = append(x.states, &mapState{entries: l, key: batch.NewBuilder(s.Key)})
			}
		}
	}
	if o.cfg.Timers {
		x.timers = c.Store.Sorted(c.Name+".timers", state.SortedSpec{Table: state.TableSpec{Key: keys}})
		x.due = c.Store.Queue(c.Name+".due", state.QueueSpec{Set: true})
	}
}

// rowsOf says of which batch the lanes are that follow.
func (x *processCtx) rowsOf(b *batch.Batch, kv *batch.KeyVec) { x.b, x.kv = b, kv }

// key goes to the key of a lane.
func (x *processCtx) key(lane uint16) {
	if !x.o.cfg.Set {
		return
	}
	x.at = state.MakeKey(x.b, x.kv, int(lane), x.mem[:0])
	x.mem = x.at.Bytes
	if x.kv == nil {
		x.at.Group = uint16(x.c.Store.Groups().From)
	}
	x.moved()
}

// keyOf goes to a key of a timer.
func (x *processCtx) keyOf(k state.Key) {
	x.mem = append(x.mem[:0], k.Bytes...)
	x.at = k
	x.at.Bytes = x.mem
	x.moved()
}

func (x *processCtx) moved() {
	for _, s := range x.states {
		s.moved()
	}
}

// Value is a piece of state.
func (x *processCtx) Value(i int) function.ValueState { return x.states[i].(*valueState) }

// List is a piece of state.
func (x *processCtx) List(i int) function.ListState { return x.states[i].(*listState) }

// Map is a piece of state.
func (x *processCtx) Map(i int) function.MapState { return x.states[i].(*mapState) }

// ClearState forgets all state of the key.
func (x *processCtx) ClearState() {
	for _, s := range x.states {
		s.Clear()
	}
}

// Watermark is the watermark before the rows at hand.
func (x *processCtx) Watermark() (int64, bool) { return x.wm, x.wm != batch.NoWatermark }

// SetTimer sets a timer without a name.
func (x *processCtx) SetTimer(ms int64) { x.set("", ms) }

// SetNamed sets a timer in the place of the one of that name.
func (x *processCtx) SetNamed(name string, ms int64) {
	x.ClearNamed(name)
	x.set(name, ms)
}

func (x *processCtx) set(name string, ms int64) {
	ref := x.timers.Keys().Get(x.at, state.Upsert)
	word := timeWord(ms)
	if p := x.timers.Seek(ref, word, []byte(name)); p.OK() && x.timers.Word(p) == word && string(x.timers.Rest(p)) == name {
		return
	}
	x.timers.Insert(ref, word, []byte(name), nil)
	x.due.Add(ms, x.at, nil)
}

// ClearTimer takes back a timer without a name.
func (x *processCtx) ClearTimer(ms int64) {
	x.drop(func(p state.Pos) bool { return x.timers.Word(p) == timeWord(ms) && len(x.timers.Rest(p)) == 0 })
}

// ClearNamed takes back the timer of a name.
func (x *processCtx) ClearNamed(name string) {
	x.drop(func(p state.Pos) bool { return string(x.timers.Rest(p)) == name && name != "" })
}

// ClearTimers takes back all timers of the key.
func (x *processCtx) ClearTimers() { x.drop(func(state.Pos) bool { return true }) }

func (x *processCtx) drop(which func(p state.Pos) bool) {
	ref := x.timers.Keys().Get(x.at, state.Write)
	if ref == state.None {
		return
	}
	for p := x.timers.First(ref); p.OK(); {
		if which(p) {
			p = x.timers.Remove(p)
		} else {
			p = x.timers.Next(p)
		}
	}
	if x.timers.Len(ref) == 0 {
		x.timers.Keys().Delete(ref)
	}
}

// takeTimer takes the first timer of the key at a time.
func (x *processCtx) takeTimer(at int64) (name string, ok bool) {
	ref := x.timers.Keys().Get(x.at, state.Write)
	if ref == state.None {
		return "", false
	}
	p := x.timers.Seek(ref, timeWord(at), nil)
	if !p.OK() || x.timers.Word(p) != timeWord(at) {
		return "", false
	}
	name = string(x.timers.Rest(p))
	x.timers.Remove(p)
	if x.timers.Len(ref) == 0 {
		x.timers.Keys().Delete(ref)
	}
	return name, true
}

// Key is the value of a key column.
func (x *processCtx) Key(i int) any {
	rest := x.at.Bytes
	for k, col := range x.o.cfg.Keys {
		b := batch.NewBuilder(x.o.cfg.Input[col])
		rest, _ = batch.DecodeKey(b, rest)
		if k == i {
			v := b.Finish()
			return v.Any(0)
		}
	}
	return nil
}

// Row gives a row.
func (x *processCtx) Row(row int, kind batch.Kind, values ...any) { x.o.out.row(row, kind, values) }

// Columns gives rows as columns.
func (x *processCtx) Columns(cols []*batch.Col, rows []uint16, kinds []batch.Kind) error {
	return x.o.out.columns(x.c, cols, rows, kinds)
}

// processValue turns Go values into bytes and back: eight bytes for what is kept as an
// integer, else a row of one column.
type processValue struct {
	t     types.Type
	whole bool
	b     *batch.BatchBuilder
	codec *state.Codec
	row   []byte
	cols  []batch.Col
	rows  [1][]byte
	out   *processOut // takes errors
}

func newProcessValue(t types.Type, out *processOut) processValue {
	v := processValue{t: t, out: out, b: batch.NewBatchBuilder(t), codec: state.NewCodec([]types.Type{t}), cols: make([]batch.Col, 1)}
	switch t.Phys() {
	case types.PhysI8, types.PhysI16, types.PhysI32, types.PhysI64:
		v.whole = true
	}
	return v
}

// bytes are good until the next call.
func (v *processValue) bytes(x any) []byte {
	if v.whole {
		switch n := x.(type) {
		case int:
			return v.int(int64(n))
		case int64:
			return v.int(n)
		}
	}
	if err := appendGo(v.b.Cols[0], x); err != nil {
		v.out.err = err
		v.b = batch.NewBatchBuilder(v.t)
		v.b.Cols[0].AppendNull()
	}
	v.b.EndRow(batch.Insert)
	v.row = append(v.codec.Append(v.row[:0], v.b.Finish(), []int{0}, 0), 0)
	return v.row
}

func (v *processValue) int(n int64) []byte {
	v.row = append(binary.LittleEndian.AppendUint64(v.row[:0], uint64(n)), 1)
	return v.row
}

// value is the opposite of bytes. The last byte tells the two forms apart.
func (v *processValue) value(b []byte) any {
	if b[len(b)-1] == 1 {
		return int64(binary.LittleEndian.Uint64(b))
	}
	v.rows[0] = b[:len(b)-1]
	v.cols[0].Alloc(v.t, 1)
	v.codec.Decode(v.cols, 0, nil, v.rows[:])
	return v.cols[0].Any(0)
}

type valueState struct {
	x *processCtx
	t *state.Table
	v processValue
}

func (s *valueState) moved() {}

// find is the value's bytes; nil when it is not set.
func (s *valueState) find() []byte {
	ref := s.t.Get(s.x.at, state.Read)
	if ref == state.None {
		return nil
	}
	return s.t.Blob(s.t.Row(ref)[1])
}

// Get is the value.
func (s *valueState) Get() any {
	b := s.find()
	if b == nil {
		return nil
	}
	return s.v.value(b)
}

// Int is the value as an integer.
func (s *valueState) Int() int64 {
	b := s.find()
	if b == nil || b[len(b)-1] != 1 {
		return 0
	}
	return int64(binary.LittleEndian.Uint64(b))
}

// Set replaces the value.
func (s *valueState) Set(v any) { s.put(s.v.bytes(v)) }

// SetInt replaces the value.
func (s *valueState) SetInt(v int64) { s.put(s.v.int(v)) }

func (s *valueState) put(b []byte) {
	row := s.t.Row(s.t.Get(s.x.at, state.Upsert))
	s.t.SetBlob(&row[1], b)
}

// Clear forgets the value.
func (s *valueState) Clear() {
	if ref := s.t.Get(s.x.at, state.Write); ref != state.None {
		s.t.Delete(ref)
	}
}

// entries are a list per key whose entries end on their own. The lane of an entry is
// when it was written.
type entries struct {
	x   *processCtx
	s   *state.Sorted
	v   processValue
	ttl int64
	now int64
}

func (e *entries) moved() {
	if e.ttl > 0 {
		e.now = e.x.c.Now()
	}
}

func (e *entries) expired(p state.Pos) bool {
	return e.ttl > 0 && int64(e.s.Lanes(p)[0])+e.ttl <= e.now
}

// add puts an entry behind those of its place.
func (e *entries) add(word uint64, rest, payload []byte) {
	ref := e.s.Keys().Get(e.x.at, state.Upsert)
	p := e.s.Insert(ref, word, rest, payload)
	e.s.Lanes(p)[0] = uint64(e.now)
}

// each visits what has not expired. What has is dropped when a third of the list has.
func (e *entries) each(visit func(p state.Pos) bool) {
	ref := e.s.Keys().Get(e.x.at, state.Read)
	if ref == state.None {
		return
	}
	old := 0
	for p := e.s.First(ref); p.OK(); p = e.s.Next(p) {
		if e.expired(p) {
			old++
		} else if !visit(p) {
			break
		}
	}
	if 3*old >= e.s.Len(ref) && old > 0 {
		e.prune()
	}
}

// prune drops what has expired. Writing to a key is what renews its TTL, so entries
// never outlive their key.
func (e *entries) prune() {
	ref := e.s.Keys().Get(e.x.at, state.Write)
	for p := e.s.First(ref); p.OK(); {
		if e.expired(p) {
			p = e.s.Remove(p)
		} else {
			p = e.s.Next(p)
		}
	}
	if e.s.Len(ref) == 0 {
		e.s.Keys().Delete(ref)
	}
}

// Len counts what has not expired.
func (e *entries) Len() int {
	if e.ttl == 0 {
		ref := e.s.Keys().Get(e.x.at, state.Read)
		if ref == state.None {
			return 0
		}
		return e.s.Len(ref)
	}
	n := 0
	e.each(func(state.Pos) bool { n++; return true })
	return n
}

// Clear forgets all entries.
func (e *entries) Clear() {
	if ref := e.s.Keys().Get(e.x.at, state.Write); ref != state.None {
		e.s.Keys().Delete(ref)
	}
}

type listState struct{ entries }

// Add puts a value at the end.
func (s *listState) Add(v any) { s.add(0, nil, s.v.bytes(v)) }

// Each visits the values in the order they came.
func (s *listState) Each(visit func(v any) bool) {
	s.each(func(p state.Pos) bool { return visit(s.v.value(s.s.Payload(p))) })
}

// mapState has a map's key, in normalised form, as the rest of an entry's place and its
// first bytes as the word.
type mapState struct {
	entries
	key *batch.Builder
	buf []byte
}

func (s *mapState) place(key any) (uint64, []byte) {
	if err := appendGo(s.key, key); err != nil {
		s.x.o.out.err = err
		s.key = batch.NewBuilder(s.key.Type())
		s.key.AppendNull()
	}
	c := s.key.Finish()
	s.buf = batch.AppendKey(s.buf[:0], &c, 0)
	var first [8]byte
	copy(first[:], s.buf)
	return binary.BigEndian.Uint64(first[:]), s.buf
}

// find is the entry of a map's key, if it has not expired.
func (s *mapState) find(ref state.Ref, word uint64, rest []byte) (state.Pos, bool) {
	if ref == state.None {
		return state.Pos{}, false
	}
	p := s.s.Seek(ref, word, rest)
	return p, p.OK() && s.s.Word(p) == word && string(s.s.Rest(p)) == string(rest)
}

// Get is the value of a key.
func (s *mapState) Get(key any) (any, bool) {
	word, rest := s.place(key)
	p, ok := s.find(s.s.Keys().Get(s.x.at, state.Read), word, rest)
	if !ok || s.expired(p) {
		return nil, false
	}
	return s.v.value(s.s.Payload(p)), true
}

// Put sets the value of a key.
func (s *mapState) Put(key, v any) {
	word, rest := s.place(key)
	if p, ok := s.find(s.s.Keys().Get(s.x.at, state.Write), word, rest); ok {
		s.s.Remove(p)
	}
	s.add(word, rest, s.v.bytes(v))
}

// Remove forgets a key.
func (s *mapState) Remove(key any) {
	word, rest := s.place(key)
	ref := s.s.Keys().Get(s.x.at, state.Write)
	if p, ok := s.find(ref, word, rest); ok {
		s.s.Remove(p)
		if s.s.Len(ref) == 0 {
			s.s.Keys().Delete(ref)
		}
	}
}

// Each visits the entries in order of key.
func (s *mapState) Each(visit func(key, v any) bool) {
	s.each(func(p state.Pos) bool {
		if _, ok := batch.DecodeKey(s.key, s.s.Rest(p)); !ok {
			return true
		}
		c := s.key.Finish()
		return visit(c.Any(0), s.v.value(s.s.Payload(p)))
	})
}
