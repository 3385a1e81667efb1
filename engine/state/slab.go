package state

import "encoding/binary"

// slab holds byte strings of any size, named by 64-bit references: page and offset.
// Freed places are used again by strings of the same size class. Each string has
// its length in four bytes before it.
type slab struct {
	pages [][]byte
	page  int // size of a page
	used  int // bytes of the last page
	free  [][]uint64
	bytes int64
}

// slabAlign is the unit of offsets, so that 32 bits reach far.
const slabAlign = 8

// class rounds a size up to its class: steps of 8 bytes to 128, then of an eighth.
func class(n int) (index, size int) {
	if n <= 128 {
		i := (n + 7) / 8
		return i, i * 8
	}
	base, i := 128, 17
	for {
		step := base / 8
		if n <= base*2 {
			k := (n - base + step - 1) / step
			return i + k - 1, base + k*step
		}
		base *= 2
		i += 8
	}
}

// put copies b and returns its reference; 0 for no bytes.
func (s *slab) put(b []byte) uint64 {
	if len(b) == 0 {
		return 0
	}
	i, size := class(len(b) + 4)
	var ref uint64
	if i < len(s.free) && len(s.free[i]) > 0 {
		last := len(s.free[i]) - 1
		ref = s.free[i][last]
		s.free[i] = s.free[i][:last]
	} else {
		ref = s.alloc(size)
	}
	p := s.at(ref)
	binary.LittleEndian.PutUint32(p, uint32(len(b)))
	copy(p[4:], b)
	s.bytes += int64(size)
	return ref
}

func (s *slab) alloc(size int) uint64 {
	if s.page == 0 {
		s.page = 4 << 10
	}
	if len(s.pages) == 0 || s.used+size > len(s.pages[len(s.pages)-1]) {
		// Pages grow with the slab, so small states stay small.
		if n := len(s.pages); n > 0 && s.page < 256<<10 {
			s.page *= 2
		}
		s.pages = append(s.pages, make([]byte, max(s.page, size)))
		s.used = 0
	}
	ref := uint64(len(s.pages))<<32 | uint64(s.used/slabAlign)
	s.used += size
	return ref
}

func (s *slab) at(ref uint64) []byte {
	return s.pages[ref>>32-1][uint32(ref)*slabAlign:]
}

// get returns the bytes of a reference.
func (s *slab) get(ref uint64) []byte {
	if ref == 0 {
		return nil
	}
	p := s.at(ref)
	n := binary.LittleEndian.Uint32(p)
	return p[4 : 4+n : 4+n]
}

// drop gives a reference back.
func (s *slab) drop(ref uint64) {
	if ref == 0 {
		return
	}
	i, size := class(int(binary.LittleEndian.Uint32(s.at(ref))) + 4)
	for len(s.free) <= i {
		s.free = append(s.free, nil)
	}
	s.free[i] = append(s.free[i], ref)
	s.bytes -= int64(size)
}

func (s *slab) clear() { *s = slab{} }

// mem is what the slab holds in memory.
func (s *slab) mem() int64 {
	n := int64(0)
	for _, p := range s.pages {
		n += int64(len(p))
	}
	for _, f := range s.free {
		n += int64(cap(f)) * 8
	}
	return n
}
