package state

// Value is a small blob of the task that belongs to no key.
type Value struct{}

// Value returns the value of that name.
func (s *Store) Value(name string) *Value { panic("unbuilt") }

// Set replaces the value; the bytes are copied.
func (v *Value) Set(b []byte) { panic("unbuilt") }

// Get is what Set was given last, or nil.
func (v *Value) Get() []byte { panic("unbuilt") }

// Restored are the values of the old subtasks whose first key group this task now
// owns, in order: one if the parallelism is as it was, none or several otherwise.
// With exactly one, Get returns it too.
func (v *Value) Restored() [][]byte { panic("unbuilt") }

// Counters is a 64-bit counter for each key group: sequence numbers that go on
// where they were after a restore at any parallelism.
type Counters struct{}

// Counters returns the counters of that name.
func (s *Store) Counters(name string) *Counters { panic("unbuilt") }

// Next adds one to a key group's counter and returns it: 1 at first.
func (c *Counters) Next(group uint16) uint64 { panic("unbuilt") }

// At is a key group's counter, which may be written.
func (c *Counters) At(group uint16) *uint64 { panic("unbuilt") }
