package batch

import (
	"encoding/binary"
	"slices"
)

// Lanes of sparse rows in the raw form. Sources that give several kinds of rows give them
// in runs, and a run is its first lane and its length.
//
//	number of runs, 2 bytes first lane and 2 bytes length of each; or lanesPlain, the lanes

// lanesPlain stands in the place of the number of runs.
const lanesPlain = 1 << 16

// appendLanes writes lanes, which ascend.
func appendLanes(dst []byte, at []uint16) []byte {
	start, most := len(dst), len(at)/2
	// Three bytes have room for the number of runs, whatever it is.
	dst = slices.Grow(dst, 3+2*len(at))[:start+3+4*most]
	out, runs, n := dst[start+3:], 0, 1
	for i := 0; i < len(at); i += n {
		if runs == most {
			dst = binary.AppendUvarint(dst[:start], lanesPlain)
			return append(dst, bytesOf(at)...)
		}
		// Most runs are as long as the one before.
		first, end := int(at[i]), i+n
		if end > len(at) || int(at[end-1])-first != n-1 || end < len(at) && int(at[end])-first == n {
			n = runOf(at[i:])
		}
		binary.LittleEndian.PutUint32(out[4*runs:], uint32(first)|uint32(n)<<16)
		runs++
	}
	dst[start], dst[start+1], dst[start+2] = byte(runs)|0x80, byte(runs>>7)|0x80, byte(runs>>14)
	return dst[:start+3+4*runs]
}

// runOf is the length of the run that lanes begin with. Lanes ascend, so that two that are
// as far from one another as their places have a run between them.
func runOf(at []uint16) int {
	first := int(at[0])
	low, high := 1, 2 // the run has low, and not high, once that is known
	for high <= len(at) && int(at[high-1])-first == high-1 {
		low, high = high, 2*high
	}
	for high = min(high, len(at)+1); high-low > 1; {
		if mid := (low + high) / 2; int(at[mid-1])-first == mid-1 {
			low = mid
		} else {
			high = mid
		}
	}
	return low
}

// lanes reads n of them.
func (r *rawReader) lanes(n int) []uint16 {
	runs := r.count(lanesPlain)
	if runs == lanesPlain {
		return rawValues[uint16](r, n)
	}
	in := r.take(4 * runs)
	if r.bad || n > CapRows {
		r.bad = true
		return nil
	}
	out := make([]uint16, 0, n)
	for ; len(in) > 0; in = in[4:] {
		first, many := int(binary.LittleEndian.Uint16(in)), int(binary.LittleEndian.Uint16(in[2:]))
		if many > n-len(out) || first+many > CapRows {
			r.bad = true
			return nil
		}
		for l := first; l < first+many; l++ {
			out = append(out, uint16(l))
		}
	}
	if len(out) != n {
		r.bad = true
		return nil
	}
	return out
}
