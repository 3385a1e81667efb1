package state

import "slices"

// Value is a small blob of the task that belongs to no key.
type Value struct {
	name     string
	s        *Store
	b        []byte
	restored [][]byte
	from     []uint16 // the key groups they were kept with
}

// Value returns the value of that name.
func (s *Store) Value(name string) *Value {
	if x, ok := adopt[*Value](s, name); ok {
		return x
	}
	v := &Value{name: name, s: s}
	s.add(name, v)
	if len(v.restored) == 1 {
		v.b = v.restored[0]
	}
	return v
}

// Set replaces the value; the bytes are copied.
func (v *Value) Set(b []byte) { v.b = append(v.b[:0:0], b...) }

// Get is what Set was given last, or nil.
func (v *Value) Get() []byte { return v.b }

// Restored are the values of the old subtasks whose first key group this task now
// owns, in order: one if the parallelism is as it was, none or several otherwise.
// With exactly one, Get returns it too.
func (v *Value) Restored() [][]byte { return v.restored }

// Counters is a 64-bit counter for each key group: sequence numbers that go on
// where they were after a restore at any parallelism.
type Counters struct {
	name string
	s    *Store
	n    []uint64
}

// Counters returns the counters of that name.
func (s *Store) Counters(name string) *Counters {
	if x, ok := adopt[*Counters](s, name); ok {
		return x
	}
	c := &Counters{name: name, s: s, n: make([]uint64, s.c.Groups.Len())}
	s.add(name, c)
	return c
}

// Next adds one to a key group's counter and returns it: 1 at first.
func (c *Counters) Next(group uint16) uint64 {
	p := c.At(group)
	*p++
	return *p
}

// At is a key group's counter, which may be written.
func (c *Counters) At(group uint16) *uint64 { return &c.n[int(group)-c.s.c.Groups.From] }

// valueImage is entries of one section.
type valueImage struct {
	name   string
	groups []uint16
	bodies [][]byte
	keyed  bool // the content belongs to key groups
}

func (x *valueImage) write(w *snapWriter) {
	w.section(x.name, kindRow, 0)
	for i, g := range x.groups {
		if x.keyed {
			w.put(g, x.bodies[i])
		} else {
			w.add(g, x.bodies[i])
		}
	}
}

// freeze has the value in every snapshot, changed or not.
func (v *Value) freeze(_, _ bool) image {
	body := []byte{0}
	if v.b != nil {
		body = append([]byte{1}, v.b...)
	}
	return &valueImage{v.name, []uint16{v.s.onlyGroup()}, [][]byte{body}, false}
}

func (v *Value) load(e *savedEntry) bool {
	if len(e.body) == 0 || e.body[0] > 1 {
		return false
	}
	i := slices.Index(v.from, e.group)
	if i >= 0 {
		v.from, v.restored = slices.Delete(v.from, i, i+1), slices.Delete(v.restored, i, i+1)
	}
	if e.body[0] == 1 {
		i, _ = slices.BinarySearch(v.from, e.group)
		v.from, v.restored = slices.Insert(v.from, i, e.group), slices.Insert(v.restored, i, slices.Clone(e.body[1:]))
	}
	return true
}

func (v *Value) mem() int64               { return int64(len(v.b)) }
func (v *Value) parts(func(*part, int64)) {}
func (v *Value) confirmed()               {}
func (v *Value) evict(int64, bool) int64  { return 0 }
func (v *Value) sweep()                   {}
func (v *Value) tidy()                    {}

// freeze has the counters in every snapshot, changed or not.
func (c *Counters) freeze(_, _ bool) image {
	x := &valueImage{name: c.name, keyed: true}
	for g, n := range c.n {
		if n > 0 {
			x.groups = append(x.groups, uint16(c.s.c.Groups.From+g))
			x.bodies = append(x.bodies, put64(nil, n))
		}
	}
	return x
}

func (c *Counters) load(e *savedEntry) bool {
	r := entryReader{b: e.body}
	*c.At(e.group) = r.u64()
	return r.ok()
}

func (c *Counters) mem() int64               { return int64(len(c.n)) * 8 }
func (c *Counters) parts(func(*part, int64)) {}
func (c *Counters) confirmed()               {}
func (c *Counters) evict(int64, bool) int64  { return 0 }
func (c *Counters) sweep()                   {}
func (c *Counters) tidy()                    {}
