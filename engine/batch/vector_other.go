//go:build !amd64

package batch

import "unsafe" //mink:det-ok none is followed here

// hasVectors: what vector_amd64.go declares is for other processors.
const hasVectors = false

func packFours(dst, v unsafe.Pointer, n int, less uint64, shifts *[4]uint64, step int) (all uint64) {
	panic("no vectors")
}

func packTwos(dst, v unsafe.Pointer, n int, less uint64, shifts *[4]uint64, step int) (all uint64) {
	panic("no vectors")
}

func packViews(dst, v unsafe.Pointer, n int, less, least uint64, shifts *[4]uint64, step int) (sizes uint64) {
	panic("no vectors")
}

func borders32(dst *uint16, most int, v unsafe.Pointer, n int) (many int) { panic("no vectors") }

func borders64(dst *uint16, most int, v unsafe.Pointer, n int) (many int) { panic("no vectors") }
