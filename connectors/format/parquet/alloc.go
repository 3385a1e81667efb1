package parquet

import "github.com/apache/arrow/go/v17/arrow/memory"

// growing is the allocator of a leaf. The library collects the bytes of strings of a
// batch in a buffer that doubles from a few bytes on; from the second batch on it
// gets what the largest one so far needed, in one step. No buffer exceeds loadMost.
type growing struct {
	memory.GoAllocator
	high int
}

// growFrom is the size from which a buffer is taken for one of strings.
const growFrom = 2048

func (g *growing) Allocate(size int) []byte {
	if size > loadMost {
		panic(tooMany{tooLarge("a column of a row of the Parquet file has more than %d MB", loadMost>>20)})
	}
	return g.GoAllocator.Allocate(size)
}

func (g *growing) Reallocate(size int, b []byte) []byte {
	if size <= cap(b) {
		return b[:size]
	}
	if size < growFrom {
		return g.GoAllocator.Reallocate(size, b)
	}
	out := g.Allocate(max(g.high, size))[:size]
	g.high = max(g.high, size)
	copy(out, b)
	return out
}
