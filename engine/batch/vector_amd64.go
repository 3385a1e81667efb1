package batch

import (
	"unsafe" //mink:det-ok places of numbers in memory, of which there are as many as is said

	"golang.org/x/sys/cpu"
)

// What vector_amd64.s does is what the loops of Go beside its callers do, several numbers at
// a time.

// hasVectors says that the processor can do it.
var hasVectors = cpu.X86.HasAVX2 && cpu.X86.HasBMI1

// packFours writes groups of four numbers plus less at dst, step bytes each, of which the
// last one and what is written of it beyond has eight; shifts are how far each of a group is
// shifted. n is a multiple of 16 above 0. It gives all bits of the sums.
//
//go:noescape
func packFours(dst, v unsafe.Pointer, n int, less uint64, shifts *[4]uint64, step int) (all uint64)

// packTwos writes groups of two numbers; shifts are those of two groups, n is a multiple of 8.
//
//go:noescape
func packTwos(dst, v unsafe.Pointer, n int, less uint64, shifts *[4]uint64, step int) (all uint64)

// packViews writes groups of two views: length plus least, and above its 8 bits the place
// plus less. shifts are those of first and second views, n is a multiple of 8. It gives all bits
// of the lengths.
//
//go:noescape
func packViews(dst, v unsafe.Pointer, n int, less, least uint64, shifts *[4]uint64, step int) (sizes uint64)

// borders32 writes the places of those of n+1 numbers that are not as the one before them, and
// gives how many they are; -1 where there are more than most, or hardly fewer. n is a multiple of
// 32 above 0.
//
//go:noescape
func borders32(dst *uint16, most int, v unsafe.Pointer, n int) (many int)

// borders64 does it with n a multiple of 16.
//
//go:noescape
func borders64(dst *uint16, most int, v unsafe.Pointer, n int) (many int)
