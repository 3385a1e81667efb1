package aggregate

// Heap holds the bytes that accumulator rows in a step's own memory refer to. A
// reference is a number; 0 means no bytes. Everything goes with Reset.
type Heap struct {
	vals  [][]byte
	own   []bool
	chunk []byte
}

// Reset forgets all bytes and keeps some memory.
func (h *Heap) Reset() {
	clear(h.vals)
	h.vals, h.own = h.vals[:0], h.own[:0]
	h.chunk = h.chunk[:0]
	if cap(h.chunk) > 1<<20 {
		h.chunk = nil
	}
}

// Blob returns the bytes of a reference. They must not be written.
func (h *Heap) Blob(ref uint64) []byte {
	if ref == 0 {
		return nil
	}
	return h.vals[ref-1]
}

// View gives a reference to bytes that are somebody else's and do not change until
// Reset; no bytes are 0.
func (h *Heap) View(b []byte) uint64 {
	if len(b) == 0 {
		return 0
	}
	h.vals = append(h.vals, b[:len(b):len(b)])
	h.own = append(h.own, false)
	return uint64(len(h.vals))
}

// Put copies bytes and gives a reference to them.
func (h *Heap) Put(b []byte) uint64 {
	if len(b) == 0 {
		return 0
	}
	if cap(h.chunk)-len(h.chunk) < len(b) {
		h.chunk = make([]byte, 0, max(64<<10, len(b)))
	}
	at := len(h.chunk)
	h.chunk = append(h.chunk, b...)
	return h.View(h.chunk[at:])
}

// edit returns bytes under a reference for writing, which may be longer than
// before; keep puts them back. Bytes that are somebody else's are copied first.
func (h *Heap) edit(ref uint64) []byte {
	if ref == 0 {
		return nil
	}
	if h.own[ref-1] {
		return h.vals[ref-1]
	}
	old := h.vals[ref-1]
	return append(make([]byte, 0, len(old)+len(old)/2+16), old...)
}

// keep stores bytes that the heap owns from now on under a reference, or under a
// new one if it is 0.
func (h *Heap) keep(ref uint64, b []byte) uint64 {
	if ref == 0 {
		if len(b) == 0 {
			return 0
		}
		h.vals = append(h.vals, b)
		h.own = append(h.own, true)
		return uint64(len(h.vals))
	}
	h.vals[ref-1] = b
	h.own[ref-1] = true
	return ref
}
