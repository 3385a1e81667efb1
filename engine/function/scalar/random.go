package scalar

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// javaRandom is the 48-bit linear congruential generator that the documentation of
// java.util.Random prescribes, so that a seed gives the same sequence as there.
type javaRandom struct{ state uint64 }

const (
	javaMultiplier = 0x5DEECE66D
	javaMask       = 1<<48 - 1
)

func newJavaRandom(seed int64) javaRandom {
	return javaRandom{(uint64(seed) ^ javaMultiplier) & javaMask}
}

func (r *javaRandom) next(bits uint) int32 {
	r.state = (r.state*javaMultiplier + 0xB) & javaMask
	return int32(r.state >> (48 - bits))
}

func (r *javaRandom) float() float64 {
	high := int64(r.next(26)) << 27
	return float64(high+int64(r.next(27))) / (1 << 53)
}

func (r *javaRandom) intn(bound int32) int32 {
	if bound&-bound == bound {
		return int32(int64(bound) * int64(r.next(31)) >> 31)
	}
	for {
		bits := r.next(31)
		v := bits % bound
		if bits-v+(bound-1) >= 0 {
			return v
		}
	}
}

// seeded keeps the generator of a call with a seed: it starts with the first seed
// that is seen.
type seeded struct {
	rng    javaRandom
	seeded bool
}

func (s *seeded) seed(v int64) *javaRandom {
	if !s.seeded {
		s.rng, s.seeded = newJavaRandom(v), true
	}
	return &s.rng
}

var rand = function.Func{
	Name: "RAND", Category: function.Arithmetic, Det: function.PerCall,
	Summary:    "A random number from 0 up to 1; the same seed gives the same sequence.",
	Signatures: []string{"RAND()", "RAND(seed)"},
	Examples:   []function.Example{{SQL: "RAND(1) BETWEEN 0 AND 1", Want: "TRUE"}, {SQL: "RAND(42)", Want: "0.7275636800328681"}},
	Infer: func(c *function.Call) (function.Resolved, error) {
		p, err := match(c, -1, false, integer)
		if err != nil {
			return function.Resolved{}, err
		}
		return function.Resolved{Params: p, Result: types.DoubleT.Nullable(nullable(c)), Strict: true, Cost: 5, Make: func() function.Kernel {
			var s seeded
			return func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
				for i := range kernel.Lanes(n, live) {
					if len(args) == 0 {
						dst.F64[i] = f.Rand().Float64()
						continue
					}
					v := intsOf(args[0])
					dst.F64[i] = s.seed(v.at(i)).float()
				}
				return nil
			}
		}}, nil
	},
}

var randInteger = function.Func{
	Name: "RAND_INTEGER", Category: function.Arithmetic, Det: function.PerCall,
	Summary:    "A random integer from 0 up to the bound, without it.",
	Signatures: []string{"RAND_INTEGER(bound)", "RAND_INTEGER(seed, bound)"},
	Examples:   []function.Example{{SQL: "RAND_INTEGER(42, 10)", Want: "0"}, {SQL: "RAND_INTEGER(1) = 0", Want: "TRUE"}},
	Infer: func(c *function.Call) (function.Resolved, error) {
		p, err := match(c, 1, false, integer, integer)
		if err != nil {
			return function.Resolved{}, err
		}
		return function.Resolved{Params: p, Result: types.IntT.Nullable(nullable(c)), Strict: true, Fallible: true, Cost: 5, Make: func() function.Kernel {
			var s seeded
			return func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
				seed, bound := intsOf(args[0]), intsOf(args[len(args)-1])
				for i := range kernel.Lanes(n, live) {
					b := int32(bound.at(i))
					if b <= 0 {
						return fail(i, "the bound of RAND_INTEGER must be above 0, not %d", b)
					}
					if len(args) == 1 {
						dst.I32[i] = f.Rand().Int32N(b)
					} else {
						dst.I32[i] = s.seed(seed.at(i)).intn(b)
					}
				}
				return nil
			}
		}}, nil
	},
}

var uuid = function.Func{
	Name: "UUID", Category: function.Text, Det: function.PerCall,
	Summary:    "A random UUID of version 4, another for each row.",
	Signatures: []string{"UUID()"},
	Examples:   []function.Example{{SQL: "CHAR_LENGTH(UUID())", Want: "36"}, {SQL: "SUBSTRING(UUID(), 15, 1)", Want: "4"}},
	Infer: func(c *function.Call) (function.Resolved, error) {
		return function.Resolved{Result: types.CharT(36).Nullable(false), Strict: true, Cost: 40, Eval: uuidKernel}, count(c, 0, 0, false)
	},
}

func uuidKernel(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
	const hex = "0123456789abcdef"
	w := f.Strings(dst)
	for i := range kernel.Lanes(n, live) {
		hi, lo := f.Rand().Uint64(), f.Rand().Uint64()
		hi = hi&^0xF000 | 0x4000
		lo = lo&^(3<<62) | 2<<62
		for k := range 32 {
			v := hi
			if k >= 16 {
				v = lo
			}
			if k == 8 || k == 12 || k == 16 || k == 20 {
				w.Buf = append(w.Buf, '-')
			}
			w.Buf = append(w.Buf, hex[v>>(60-4*(k&15))&15])
		}
		dst.Views[i] = w.End()
	}
	w.Close()
	return nil
}
