// Package batch holds the only form in which rows move: columns of equal length,
// the kind of change each row is, and the watermarks that lie between rows.
//
// A batch that an operator receives is read-only and valid only until the call
// that brought it returns; what is kept is copied. Fixed-width memory is reused
// by whoever emitted the batch; bytes under string views are immutable, belong to
// Go's collector and may be shared by any number of columns for any time.
//
// The two nils Sel == nil (every lane is a row) and Kinds == nil (every row is an
// insert) are the usual case: every operator has them as its first branch.
// Begin with Batch, then Col in col.go, then Gather in gather.go.
package batch

import "math"

// MaxRows is the usual number of lanes of a full batch. CapRows is the most a
// batch may have, so that a lane fits 16 bits.
const (
	MaxRows = 4096
	CapRows = math.MaxUint16
)

// Kind is the kind of change a row is.
type Kind uint8

// Kinds of change, as RowKind in Flink: +I, -U, +U, -D.
const (
	Insert Kind = iota
	UpdateBefore
	UpdateAfter
	Delete
)

// String gives "+I", "-U", "+U" or "-D".
func (k Kind) String() string { return [...]string{"+I", "-U", "+U", "-D"}[k&3] }

// Adds reports whether the row becomes part of the table (+I, +U).
func (k Kind) Adds() bool { return k == Insert || k == UpdateAfter }

// Mark is a watermark between rows: once lanes below Pos have been processed,
// the watermark of the stream is WM (milliseconds).
type Mark struct {
	Pos uint16
	WM  int64
}

// Watermark bounds. NoWatermark is before the first one, MaxWatermark is sent at
// the end of a bounded input.
const (
	NoWatermark  int64 = math.MinInt64
	MaxWatermark int64 = math.MaxInt64
)

// Batch is a run of rows in columns.
type Batch struct {
	// Cols have at least N lanes each.
	Cols []Col
	// N is the number of lanes, whether selected or not.
	N int
	// Sel lists the lanes that are rows, ascending; nil means all N.
	Sel []uint16
	// Kinds has N entries; nil means all inserts.
	Kinds []Kind
	// Marks are ascending in Pos and WM.
	Marks []Mark
	// Keys is the hash of key columns made by an earlier stage, or nil.
	Keys *KeyVec

	// mem holds reusable memory of this batch; see alloc.go.
	mem *batchMem
}

// Rows is the number of rows: selected lanes.
func (b *Batch) Rows() int {
	if b.Sel != nil {
		return len(b.Sel)
	}
	return b.N
}

// Kind returns the change kind of a lane.
func (b *Batch) Kind(lane int) Kind {
	if b.Kinds == nil {
		return Insert
	}
	return b.Kinds[lane]
}

// Lane returns the lane of row i.
func (b *Batch) Lane(i int) int {
	if b.Sel != nil {
		return int(b.Sel[i])
	}
	return i
}

// LastMark is the highest watermark carried by the batch, or NoWatermark.
func (b *Batch) LastMark() int64 {
	if len(b.Marks) == 0 {
		return NoWatermark
	}
	return b.Marks[len(b.Marks)-1].WM
}

// KeyVec is the hash of some columns, per lane, made once and carried through
// exchange and stateful operators. It is dropped when a projection touches a key.
type KeyVec struct {
	// Cols are the hashed columns of the batch, in key order.
	Cols []int
	// H is the 64-bit hash of each lane's key, by Hash in hash.go.
	H []uint64
	// KG is the key group of each lane.
	KG []uint16
}
