package batch

import (
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/types"
)

// TestBytes: what the values of some rows take, added up by hand.
func TestBytes(t *testing.T) {
	b := NewBatchBuilder(types.BigIntT, types.IntT, types.BooleanT, types.StringT)
	for i := range 9 {
		b.Row(Insert, int64(i), i, i%2 == 0, strings.Repeat("x", 4*i)) // longer than 12 from the fourth on
	}
	x := b.Finish()
	long := int64(0)
	for i := range 9 {
		if 4*i > 12 {
			long += int64(4 * i)
		}
	}
	if got, want := x.Bytes(), 9*8+9*4+2+9*16+long; got != want {
		t.Errorf("%d, not %d", got, want)
	}
	x.Kinds = make([]Kind, 9)
	if got, want := x.Bytes(), 9*8+9*4+2+9*16+long+9; got != want {
		t.Errorf("with kinds %d, not %d", got, want)
	}
	x.Cols[0].Enc = Const
	if got, want := x.Bytes(), 8+9*4+2+9*16+long+9; got != want {
		t.Errorf("with a constant %d, not %d", got, want)
	}
	empty := &Batch{}
	if got := empty.Bytes(); got != 0 {
		t.Errorf("of nothing %d", got)
	}
}
