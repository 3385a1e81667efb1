// Package udf has what the runtimes of user functions share: how long a call may take,
// which rows of a batch go to the other side, and how columns of fixed width lie there.
//
// Each runtime, in a folder below, says the rest: frames and types of its own.
package udf

import (
	"encoding/binary"
	"math"
	"slices"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// Timeout is how long the function may take for a batch; 0 has no limit.
func Timeout(d *function.Definition) (time.Duration, error) {
	text := d.Setting("mink.udf.timeout")
	timeout, ok := connect.ParseDuration(text)
	if !ok {
		return 0, diag.New(diag.InvalidOption, "setting 'mink.udf.timeout' takes a duration, not '%s'", text)
	}
	return timeout, nil
}

// Lanes lists the lanes that count, in the memory of list.
func Lanes(list []uint32, n int, live []uint64) []uint32 {
	list = list[:0]
	for l := range kernel.Lanes(n, live) {
		list = append(list, uint32(l))
	}
	return list
}

// AppendFixed appends the values of a flat or const column of fixed width at lanes,
// little endian as in memory; a boolean is a byte. What a NULL holds is of no account.
func AppendFixed(b []byte, c *batch.Col, lanes []uint32) []byte {
	mask := uint32(math.MaxUint32)
	if c.Enc == batch.Const {
		mask = 0
	}
	b, le := slices.Grow(b, 8*len(lanes)), binary.LittleEndian
	switch c.Type.Phys() {
	case types.PhysBool:
		for _, l := range lanes {
			v := byte(0)
			if batch.Bit(c.Bits, int(l&mask)) {
				v = 1
			}
			b = append(b, v)
		}
	case types.PhysI8:
		for _, l := range lanes {
			b = append(b, byte(c.I8[l&mask]))
		}
	case types.PhysI16:
		for _, l := range lanes {
			b = le.AppendUint16(b, uint16(c.I16[l&mask]))
		}
	case types.PhysI32:
		for _, l := range lanes {
			b = le.AppendUint32(b, uint32(c.I32[l&mask]))
		}
	case types.PhysI64:
		for _, l := range lanes {
			b = le.AppendUint64(b, uint64(c.I64[l&mask]))
		}
	case types.PhysF32:
		for _, l := range lanes {
			b = le.AppendUint32(b, math.Float32bits(c.F32[l&mask]))
		}
	case types.PhysF64:
		for _, l := range lanes {
			b = le.AppendUint64(b, math.Float64bits(c.F64[l&mask]))
		}
	}
	return b
}

// AppendTexts appends offsets of four bytes, from 0, and returns where the bytes of
// text begin, which add appends for each lane; pad brings what stands before them to a
// multiple of it.
func AppendTexts(b []byte, lanes []uint32, pad int, add func(b []byte, l uint32) []byte) (out []byte, from int) {
	offs := len(b)
	b = append(b, make([]byte, 4*(len(lanes)+1))...)
	for len(b)%pad != 0 {
		b = append(b, 0)
	}
	from = len(b)
	for i, l := range lanes {
		b = add(b, l)
		binary.LittleEndian.PutUint32(b[offs+4*(i+1):], uint32(len(b)-from))
	}
	return b, from
}
