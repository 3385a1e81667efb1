package expr

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
)

// variantItem is v[i], an element of an array from 1, or v['name'], a member of an
// object; NULL when there is none. The part is copied out as a value of its own.
func variantItem(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
	w := f.Strings(dst)
	s := kernel.StrsOf(args[0])
	key := args[1]
	byName := key.Type.IsString()
	var names kernel.Strs
	if byName {
		names = kernel.StrsOf(key)
	}
	for i := range kernel.Lanes(n, live) {
		v := kernel.VariantOf(s.At(i))
		ok := false
		if byName {
			v, ok = v.Member(names.At(i))
		} else {
			v, ok = v.Element(key.Int(i) - 1)
		}
		if !ok {
			dst.SetNull(i, n)
			continue
		}
		w.Buf = v.Append(w.Buf)
		dst.Views[i] = w.End()
	}
	w.Close()
	return nil
}
