//go:build poison

package batch

// poisonFreed makes released buffers unreadable, so that a batch used after it
// was given back shows.
const poisonFreed = true

func (c *Col) poison() {
	const word = 0xAAAAAAAAAAAAAAAA
	fillAll(c.Bits, word)
	fillAll(c.I8, -0x56)
	fillAll(c.I16, -0x5556)
	fillAll(c.I32, -0x55555556)
	fillAll(c.I64, -0x5555555555555556)
	fillAll(c.F32, -3.0316488e-13)
	fillAll(c.F64, -3.7206620809969885e-103)
	fillAll(c.Dec, Dec{-0x5555555555555556, word})
	fillAll(c.Views, View{word, word})
	fillAll(c.Offs, 0xAAAAAAAA)
	fillAll(c.At, 0xAAAA)
	fillAll(c.mem.nulls, word)
}

func fillAll[T any](s []T, v T) {
	s = s[:cap(s)]
	for i := range s {
		s[i] = v
	}
}
