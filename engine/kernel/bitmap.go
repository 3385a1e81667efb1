package kernel

import (
	"strconv"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/minkstream/mink/engine/batch"
)

// A BITMAP is a set of unsigned 32-bit integers. In a column it is the portable form of
// Roaring bitmaps, run-optimized, which is also what BITMAP_TO_BYTES gives.

// BitmapOf reads a value that was made by AppendBitmap. It lies in b and must not be
// changed; operations that make a new one are safe.
func BitmapOf(b []byte) *roaring.Bitmap {
	r := roaring.New()
	if _, err := r.FromBuffer(b); err != nil {
		return roaring.New()
	}
	return r
}

// ReadBitmap reads bytes from outside; false when they are no bitmap.
func ReadBitmap(b []byte) (r *roaring.Bitmap, ok bool) {
	defer func() {
		if recover() != nil {
			r, ok = nil, false // bytes that lie about their sizes
		}
	}()
	r = roaring.New()
	if n, err := r.FromBuffer(append([]byte(nil), b...)); err != nil || n != int64(len(b)) {
		return nil, false
	}
	return r, r.Validate() == nil
}

// AppendBitmap writes a bitmap.
func AppendBitmap(dst []byte, r *roaring.Bitmap) []byte {
	r.RunOptimize()
	w := sliceWriter{dst}
	if _, err := r.WriteTo(&w); err != nil {
		return dst // a slice takes everything
	}
	return w.b
}

type sliceWriter struct{ b []byte }

func (w *sliceWriter) Write(p []byte) (int, error) {
	w.b = append(w.b, p...)
	return len(p), nil
}

// bitmapTextMax is the length behind which the text of a bitmap is cut.
const bitmapTextMax = 0x80000

// AppendBitmapText writes the numbers in order: {1,2,3}. A long text ends in ,...}.
func AppendBitmapText(dst []byte, r *roaring.Bitmap) []byte {
	from := len(dst)
	dst = append(dst, '{')
	for it := r.Iterator(); it.HasNext(); {
		if len(dst) > from+1 {
			dst = append(dst, ',')
			if len(dst)-from > bitmapTextMax {
				dst = append(dst, "..."...)
				break
			}
		}
		dst = strconv.AppendUint(dst, uint64(it.Next()), 10)
	}
	return append(dst, '}')
}

// BitmapOp is an operation on two bitmaps.
type BitmapOp uint8

// The operations.
const (
	BitmapAnd BitmapOp = iota
	BitmapOr
	BitmapXor
	BitmapAndNot
)

// Bitmaps writes op of two bitmaps for each live lane.
func Bitmaps(s *batch.Scratch, op BitmapOp, dst *batch.Col, a, b *batch.Col, n int, live []uint64) {
	f := [...]func(x, y *roaring.Bitmap) *roaring.Bitmap{roaring.And, roaring.Or, roaring.Xor, roaring.AndNot}[op]
	w := s.Strings(dst)
	x, y := StrsOf(a), StrsOf(b)
	for i := range Lanes(n, live) {
		w.Buf = AppendBitmap(w.Buf, f(BitmapOf(x.At(i)), BitmapOf(y.At(i))))
		dst.Views[i] = w.End()
	}
	w.Close()
}
