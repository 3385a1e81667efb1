package state

import (
	"cmp"
	"slices"
)

// sortedWord is a row with what it is sorted by: group, then word.
type sortedWord struct {
	word  uint64
	group uint32
	ref   uint32
}

// radixMin is the length from which sorting by bytes is faster than comparing.
const radixMin = 256

// sortWords sorts by (group, word), keeping the order of equals, byte by byte from
// the lowest; bytes that are equal in all elements are skipped.
func sortWords(list []sortedWord) []sortedWord {
	if len(list) < radixMin {
		slices.SortStableFunc(list, func(a, b sortedWord) int {
			if c := cmp.Compare(a.group, b.group); c != 0 {
				return c
			}
			return cmp.Compare(a.word, b.word)
		})
		return list
	}
	var words, groups uint64
	for i := range list {
		words |= list[i].word ^ list[0].word
		groups |= uint64(list[i].group ^ list[0].group)
	}
	other := make([]sortedWord, len(list))
	for b := 0; b < 64; b += 8 {
		if words>>b&0xFF != 0 {
			radixPass(other, list, func(e *sortedWord) uint8 { return uint8(e.word >> b) })
			list, other = other, list
		}
	}
	for b := 0; b < 32; b += 8 {
		if groups>>b&0xFF != 0 {
			radixPass(other, list, func(e *sortedWord) uint8 { return uint8(e.group >> b) })
			list, other = other, list
		}
	}
	return list
}

func radixPass(dst, src []sortedWord, digit func(*sortedWord) uint8) {
	var at [256]int
	for i := range src {
		at[digit(&src[i])]++
	}
	sum := 0
	for d, n := range at {
		at[d] = sum
		sum += n
	}
	for i := range src {
		d := digit(&src[i])
		dst[at[d]] = src[i]
		at[d]++
	}
}
