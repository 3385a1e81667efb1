package state

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// Codec turns rows of given types into bytes and back: what is kept as blob or
// payload. Equal rows have equal bytes.
type Codec struct{}

// NewCodec makes a codec for rows of the given column types.
func NewCodec(ts []types.Type) *Codec { panic("unbuilt") }

// Append appends the bytes of one row: the columns cols of b, in the codec's
// order, at lane.
func (c *Codec) Append(dst []byte, b *batch.Batch, cols []int, lane int) []byte { panic("unbuilt") }

// Decode writes rows to columns: column cols[k] of the codec goes to out[k], rows
// to lanes at, at+1, ... The columns have room for them (Alloc or Resize). Bytes
// of strings are copied, so rows may be temporary. cols nil means all columns.
func (c *Codec) Decode(out []batch.Col, at int, cols []int, rows [][]byte) { panic("unbuilt") }

// Ordering turns ORDER BY columns into bytes that compare as SQL orders them.
type Ordering struct{}

// OrderBy says how one column of an Ordering is sorted.
type OrderBy struct {
	Type types.Type
	// Desc sorts downwards. NullsLast puts NULL after all values; the default is
	// that NULL is lowest, so first when ascending and last when descending.
	Desc, NullsLast bool
}

// NewOrdering makes an ordering over columns.
func NewOrdering(cols []OrderBy) *Ordering { panic("unbuilt") }

// Append gives the order of a row: the first eight bytes as a word, which decides
// most comparisons, and the rest, appended to dst. An ordering over one column of
// at most 8 bytes that is NOT NULL has no rest.
func (o *Ordering) Append(dst []byte, b *batch.Batch, cols []int, lane int) (word uint64, rest []byte) {
	panic("unbuilt")
}
