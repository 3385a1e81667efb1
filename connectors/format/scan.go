package format

import (
	"encoding/binary"
	"math/bits"
)

const (
	lows  = 0x0101010101010101
	highs = 0x8080808080808080
)

// Repeat is b in every byte of a word.
func Repeat(b byte) uint64 { return uint64(b) * lows }

// zeros has the high bit set in the lowest zero byte of w, and maybe in others
// above it.
func zeros(w uint64) uint64 { return (w - lows) &^ w & highs }

// ScanAny2 returns the first index from i on of a byte a or b (given by Repeat),
// or len(s), and whether any byte before it is outside of ASCII.
func ScanAny2(s []byte, i int, a, b uint64) (int, bool) {
	var wide uint64
	for ; i+8 <= len(s); i += 8 {
		w := binary.LittleEndian.Uint64(s[i:])
		if z := zeros(w^a) | zeros(w^b); z != 0 {
			k := bits.TrailingZeros64(z) &^ 7
			wide |= w & (1<<uint(k) - 1)
			return i + k/8, wide&highs != 0
		}
		wide |= w
	}
	for ; i < len(s); i++ {
		c := s[i]
		if c == byte(a) || c == byte(b) {
			break
		}
		wide |= uint64(c)
	}
	return i, wide&highs != 0
}

// ScanString returns the first index from i on of a quote, a backslash or a
// control character, or len(s), and whether any byte before it is outside of ASCII.
func ScanString(s []byte, i int) (int, bool) {
	const quote, slash, space = '"' * lows, '\\' * lows, ' ' * lows
	var wide uint64
	for ; i+8 <= len(s); i += 8 {
		w := binary.LittleEndian.Uint64(s[i:])
		// (w - spaces) borrows in a byte below a space; bytes with the high bit
		// are none.
		if z := zeros(w^quote) | zeros(w^slash) | (w-space)&^w&highs; z != 0 {
			k := bits.TrailingZeros64(z) &^ 7
			wide |= w & (1<<uint(k) - 1)
			return i + k/8, wide&highs != 0
		}
		wide |= w
	}
	for ; i < len(s); i++ {
		c := s[i]
		if c == '"' || c == '\\' || c < ' ' {
			break
		}
		wide |= uint64(c)
	}
	return i, wide&highs != 0
}

// Has reports whether s has the byte q (given by Repeat), and whether it has bytes
// outside of ASCII. It looks at all of s, without a branch a word. With bytes
// outside of ASCII it may find a q that is not there.
func Has(s []byte, q uint64) (found, wide bool) {
	var hit, high uint64
	for ; len(s) >= 32; s = s[32:] {
		a, b := binary.LittleEndian.Uint64(s), binary.LittleEndian.Uint64(s[8:])
		c, d := binary.LittleEndian.Uint64(s[16:]), binary.LittleEndian.Uint64(s[24:])
		hit |= ((a ^ q) - lows) | ((b ^ q) - lows) | ((c ^ q) - lows) | ((d ^ q) - lows)
		high |= a | b | c | d
	}
	for ; len(s) >= 8; s = s[8:] {
		w := binary.LittleEndian.Uint64(s)
		hit |= (w ^ q) - lows
		high |= w
	}
	for _, c := range s {
		if c == byte(q) {
			hit = highs
		}
		high |= uint64(c)
	}
	return hit&highs != 0, high&highs != 0
}

// Plain reports whether s is ASCII without control characters and without the byte
// q (given by Repeat).
func Plain(s []byte, q uint64) bool {
	const space = ' ' * lows
	// Without a high bit in a word a borrow comes only from a byte that is bad.
	var bad uint64
	for ; len(s) >= 32; s = s[32:] {
		a, b := binary.LittleEndian.Uint64(s), binary.LittleEndian.Uint64(s[8:])
		c, d := binary.LittleEndian.Uint64(s[16:]), binary.LittleEndian.Uint64(s[24:])
		bad |= (a | (a - space) | ((a ^ q) - lows)) | (b | (b - space) | ((b ^ q) - lows)) |
			(c | (c - space) | ((c ^ q) - lows)) | (d | (d - space) | ((d ^ q) - lows))
	}
	for ; len(s) >= 8; s = s[8:] {
		w := binary.LittleEndian.Uint64(s)
		bad |= w | (w - space) | ((w ^ q) - lows)
	}
	for _, c := range s {
		if c < ' ' || c == byte(q) {
			return false
		}
		bad |= uint64(c)
	}
	return bad&highs == 0
}
