package batch

import (
	"fmt"
	"math"
	"sync" //mink:det-ok readers of files and servers share it, and no task does

	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Bounded is an Arrow allocator that has so many bytes to give at a time. Buffers of what
// is read from outside may be compressed, and say themselves how large they are. It panics
// when it has no more, which Arrow's readers of messages make an error of.
type Bounded struct {
	memory.GoAllocator
	mu         sync.Mutex
	most, left int
}

// NewBounded gives up to most bytes.
func NewBounded(most int) *Bounded { return &Bounded{most: most, left: most} }

// What a part of a file may be unpacked: a thousand times the file, as columns of equal
// values come to some hundreds, no less than 64 MB and no more than 1 GB.
const (
	unpackRatio = 1000
	unpackFloor = 64 << 20
	unpackMost  = 1 << 30
)

// NewUnpacking gives what a record in a file of so many bytes may take, until the next
// Refill.
func NewUnpacking(bytes int64) *Bounded {
	return NewBounded(int(min(unpackMost, max(unpackFloor, min(bytes, unpackMost)*unpackRatio))))
}

// Refill lets what was given out be: it belongs to records that are the reader's now.
func (b *Bounded) Refill() {
	b.mu.Lock()
	b.left = b.most
	b.mu.Unlock()
}

// Allocate gives size bytes.
func (b *Bounded) Allocate(size int) []byte {
	if size < 0 {
		size = math.MaxInt
	}
	b.mu.Lock()
	enough := size <= b.left
	if enough {
		b.left -= size
	}
	b.mu.Unlock()
	if !enough {
		panic(fmt.Sprintf("the columns take more than %d MB of memory", b.most>>20))
	}
	return b.GoAllocator.Allocate(size)
}

// Reallocate makes old size bytes long.
func (b *Bounded) Reallocate(size int, old []byte) []byte {
	if size >= 0 && size <= cap(old) {
		return old[:size]
	}
	out := b.Allocate(size)
	copy(out, old)
	b.Free(old)
	return out
}

// Free takes bytes back.
func (b *Bounded) Free(old []byte) {
	b.mu.Lock()
	b.left += cap(old)
	b.mu.Unlock()
}
