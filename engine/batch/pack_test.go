package batch

import (
	"fmt"
	"testing"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// TestPack packs rows of several types, in pieces and in one, in order and chosen, and
// reads them back; packed rows that are cut short are an error.
func TestPack(t *testing.T) {
	ts := []types.Type{types.BigIntT, types.StringT, types.ArrayT(types.DoubleT), types.BooleanT}
	row := func(i int) []any {
		if i%7 == 0 {
			return []any{nil, nil, nil, nil}
		}
		return []any{int64(i), fmt.Sprintf("a text that is longer, %d", i), []any{float64(i), nil}, i%2 == 0}
	}
	for _, n := range []int{0, 1, 5, MaxRows, MaxRows + 3, 2*MaxRows + 1} {
		var cols []Col
		for f, typ := range ts {
			b := NewBuilder(typ)
			for i := range n {
				b.AppendAny(row(i)[f])
			}
			cols = append(cols, b.Finish())
		}
		backward := make([]uint32, n)
		for i := range backward {
			backward[i] = uint32(n - 1 - i)
		}
		for _, at := range [][]uint32{nil, backward} {
			codec := NewRowCodec(ts)
			data := append(codec.Pack([]byte("before"), cols, at, n), "after"...)
			got := make([]Col, len(ts))
			k, rest, err := codec.Unpack(got, data[len("before"):])
			if err != nil || k != n || string(rest) != "after" {
				t.Fatalf("%d rows: %d came back, %q follows, %v", n, k, rest, err)
			}
			for i := range n {
				want := row(i)
				if at != nil {
					want = row(n - 1 - i)
				}
				for f := range ts {
					if g, w := fmt.Sprint(got[f].Any(i)), fmt.Sprint(want[f]); g != w {
						t.Fatalf("%d rows, row %d, field %d: %s, want %s", n, i, f, g, w)
					}
				}
			}
			packed := codec.Pack(nil, cols, at, n)
			for cut := 0; cut < len(packed); cut += 1 + len(packed)/50 {
				if _, _, err := codec.Unpack(make([]Col, len(ts)), packed[:cut]); diag.CodeOf(err) != diag.Internal {
					t.Fatalf("%d rows cut to %d of %d bytes: %v", n, cut, len(packed), err)
				}
			}
		}
	}
}
