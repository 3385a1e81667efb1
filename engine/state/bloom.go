package state

import "math/bits"

// bloom is a set of hashes that may say yes to some that are not in it. A hash
// touches one block of 64 bytes; with 12 bits a hash about one in 100 answers is
// wrong. Hashes cannot be taken out.
type bloom struct {
	words []uint64
	n     int // hashes added
}

const (
	bloomBits  = 12
	bloomProbe = 6
)

// block is the place of a hash.
func (b *bloom) block(h uint64) []uint64 {
	hi, _ := bits.Mul64(h*golden, uint64(len(b.words)>>3))
	return b.words[hi<<3 : hi<<3+8]
}

func (b *bloom) has(h uint64) bool {
	if b.n == 0 {
		return false
	}
	blk := b.block(h)
	for range bloomProbe {
		if blk[h&7]>>(h>>3&63)&1 == 0 {
			return false
		}
		h >>= 9
	}
	return true
}

func (b *bloom) mark(h uint64) {
	blk := b.block(h)
	for range bloomProbe {
		blk[h&7] |= 1 << (h >> 3 & 63)
		h >>= 9
	}
}

func (b *bloom) size(room int) {
	blocks := (room*bloomBits + 511) / 512
	*b = bloom{words: make([]uint64, blocks*8)}
}

func (b *bloom) mem() int64 { return int64(len(b.words)) * 8 }
