package batch

import (
	"encoding/binary"

	"github.com/minkstream/mink/engine/types"
)

// Bytes of a nested value that is not NULL, used inside encoded rows:
//
//	ROW     for each field: 00 if NULL, else 01 and the value
//	lists   number of elements as a varint, then for each element (key and value of
//	        a MAP) 00 or 01 and the value
//	strings length as a varint, then the bytes; other values little endian

func appendNested(dst []byte, c *Col, l int) []byte {
	switch c.Type.Phys() {
	case types.PhysRow:
		for i := range c.Kids {
			dst = appendTagged(dst, &c.Kids[i], l)
		}
	case types.PhysList:
		lo, hi := int(c.Offs[l]), int(c.Offs[l+1])
		dst = binary.AppendUvarint(dst, uint64(hi-lo))
		for k := lo; k < hi; k++ {
			for i := range c.Kids {
				dst = appendTagged(dst, &c.Kids[i], k)
			}
		}
	case types.PhysBytes:
		var t [12]byte
		s := c.Bytes(l, &t)
		dst = binary.AppendUvarint(dst, uint64(len(s)))
		dst = append(dst, s...)
	default:
		var t [16]byte
		putFixed(t[:], c, l)
		dst = append(dst, t[:keyWidth(c.Type.Phys())]...)
	}
	return dst
}

func appendTagged(dst []byte, c *Col, l int) []byte {
	if c.IsNull(l) {
		return append(dst, 0)
	}
	return appendNested(append(dst, 1), c, c.valueLane(l))
}

// takeNested writes one value to lane l, the next of owned column c, and returns
// the bytes behind it.
func takeNested(c *Col, l int, p []byte, sb *StringBuilder) []byte {
	c.grow(l + 1)
	switch c.mem.phys {
	case types.PhysRow:
		for i := range c.Kids {
			p = takeTagged(&c.Kids[i], l, p, sb)
		}
	case types.PhysList:
		n, k := binary.Uvarint(p)
		p = p[k:]
		if l == 0 {
			c.Offs[0] = 0
		}
		at := int(c.Offs[l])
		for e := range int(n) {
			for i := range c.Kids {
				p = takeTagged(&c.Kids[i], at+e, p, sb)
			}
		}
		c.Offs[l+1] = uint32(at) + uint32(n)
	case types.PhysBytes:
		n, k := binary.Uvarint(p)
		c.Views[l] = sb.Add(c, p[k:k+int(n)])
		p = p[k+int(n):]
	default:
		getFixed(c, l, p)
		p = p[keyWidth(c.mem.phys):]
	}
	appendNullBits[uint16](c, l, nil, nil, 1)
	return p
}

func takeTagged(c *Col, l int, p []byte, sb *StringBuilder) []byte {
	c.own(l)
	if l == 0 && c.mem.phys == types.PhysRow {
		c.nullKids(0, 0)
	}
	if l == 0 && c.mem.phys == types.PhysList {
		c.nullKids(0, 0)
	}
	if p[0] == 0 {
		nullCol(c, l, 1)
		return p[1:]
	}
	return takeNested(c, l, p[1:], sb)
}
