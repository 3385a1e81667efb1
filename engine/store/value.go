package state

// Value is a small blob of the task that belongs to no key.
type Value struct {
	name     string
	store    *Store
	b        []byte
	restored [][]byte
}

// Value returns the value of that name.
func (s *Store) Value(name string) *Value {
	v := &Value{name: name, store: s}
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
	name  string
	store *Store
	n     []uint64
}

// Counters returns the counters of that name.
func (s *Store) Counters(name string) *Counters {
	c := &Counters{name: name, store: s, n: make([]uint64, s.c.Groups.Len())}
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
func (c *Counters) At(group uint16) *uint64 { return &c.n[int(group)-c.store.c.Groups.From] }
