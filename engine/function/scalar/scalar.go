// Package scalar holds the scalar functions, one family a file, and their list.
//
// A function is a value of function.Func with its examples; All lists them. Infer
// checks the arguments by classes (see spec here) and picks a kernel; kernels are
// plain loops over columns, mostly from package kernel.
//
// To add a function, write it in a file of its own and add a line to all.go.
package scalar

import (
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// class is what a parameter takes: which types, and what they are cast to.
type class struct {
	name string
	// to gives the type an argument is cast to, or reports that it is not taken.
	to func(t types.Type) (types.Type, bool)
}

// same takes the types for which ok holds, as they are; a bare NULL becomes null.
func same(name string, null types.Type, ok func(types.Type) bool) class {
	return class{name, func(t types.Type) (types.Type, bool) {
		if t.Kind == types.Null {
			return null, true
		}
		return t.Plain(), ok(t)
	}}
}

// castTo takes the types for which ok holds and casts them.
func castTo(name string, to types.Type, ok func(types.Type) bool) class {
	return class{name, func(t types.Type) (types.Type, bool) {
		if t.Kind == types.Null {
			return to, true
		}
		to.NotNull = t.NotNull
		return to, ok(t)
	}}
}

// The classes of parameters.
var (
	text      = same("a string", types.StringT, types.Type.IsString)
	binary    = same("binary", types.BytesT, types.Type.IsBinary)
	textOrBin = same("a string or binary", types.StringT, func(t types.Type) bool { return t.IsString() || t.IsBinary() })
	number    = same("a number", types.IntT, types.Type.IsNumeric)
	integer   = same("an integer", types.IntT, types.Type.IsInteger)
	whole     = castTo("an integer", types.BigIntT, types.Type.IsInteger)
	double    = castTo("a number", types.DoubleT, types.Type.IsNumeric)
	boolean   = same("BOOLEAN", types.BooleanT, func(t types.Type) bool { return t.Kind == types.Boolean })
	timestamp = same("a timestamp", types.TimestampT(3), types.Type.IsTimestamp)
	anything  = same("a value", types.StringT, func(types.Type) bool { return true })
	array     = same("an array", types.ArrayT(types.StringT), func(t types.Type) bool { return t.Kind == types.Array })
	mapping   = same("a map", types.MapT(types.StringT, types.StringT), func(t types.Type) bool { return t.Kind == types.Map })
)

// spec describes a function with a fixed result type.
type spec struct {
	params []class
	// min is the number of parameters that must be there; 0 means all, -1 none.
	min int
	// more says that the last class may occur again.
	more bool
	// result is the type of the value: NOT NULL if all arguments are, unless
	// nullable says that other values can be NULL too.
	result   types.Type
	nullable bool
	// derive gives the result from the types of the parameters, in place of result.
	derive func(params []types.Type) types.Type
	// loose functions see NULL arguments; the rest give NULL for them.
	loose    bool
	fallible bool
	cost     int
	eval     function.Kernel
	make     func() function.Kernel
}

// infer makes the Infer of a function.
func (s spec) infer(c *function.Call) (function.Resolved, error) {
	params, err := match(c, s.min, s.more, s.params...)
	if err != nil {
		return function.Resolved{}, err
	}
	if s.derive != nil {
		s.result = s.derive(params).Nullable(true)
	}
	r := function.Resolved{
		Params: params, Result: s.result, Eval: s.eval, Make: s.make,
		Strict: !s.loose, Fallible: s.fallible, Cost: max(s.cost, 1),
	}
	r.Result.NotNull = s.result.NotNull || !s.nullable && !nullable(c)
	return r, nil
}

// match checks arguments against classes and gives the types they are cast to.
func match(c *function.Call, least int, more bool, classes ...class) ([]types.Type, error) {
	switch {
	case least < 0:
		least = 0
	case least == 0:
		least = len(classes)
	}
	if err := count(c, least, len(classes), more); err != nil {
		return nil, err
	}
	out := make([]types.Type, len(c.Args))
	for i, a := range c.Args {
		k := classes[min(i, len(classes)-1)]
		t, ok := k.to(a.Type)
		if !ok {
			return nil, wrongType(c, i, k.name)
		}
		out[i] = t
	}
	return out, nil
}

// count checks the number of arguments.
func count(c *function.Call, least, most int, more bool) error {
	if n := len(c.Args); n < least || n > most && !more {
		return diag.New(diag.InvalidArgument, "%s does not take %d arguments", c.Name, n).
			WithHint("DESCRIBE FUNCTION EXTENDED %s shows what it takes", c.Name)
	}
	return nil
}

// wrongType is the error of an argument of a type that is not taken.
func wrongType(c *function.Call, i int, want string) error {
	return diag.New(diag.InvalidArgument, "argument %d of %s must be %s, not %s", i+1, c.Name, want, c.Args[i].Type.Nullable(true)).
		WithHint("CAST it; DESCRIBE FUNCTION EXTENDED shows the forms")
}

// nullable reports whether an argument may be NULL.
func nullable(c *function.Call) bool {
	for _, a := range c.Args {
		if a.Type.IsNullable() {
			return true
		}
	}
	return false
}

// literal is the text of a constant string argument; ok is false when the argument
// is absent, not constant or NULL.
func literal(c *function.Call, i int) (s string, ok bool) {
	if i >= len(c.Args) || c.Args[i].Lit == nil || !c.Args[i].Type.IsString() || c.Args[i].Lit.IsNull(0) {
		return "", false
	}
	var tmp [batch.InlineMax]byte
	return string(c.Args[i].Lit.Bytes(0, &tmp)), true
}

// literalInt is the value of a constant integer argument.
func literalInt(c *function.Call, i int) (v int64, ok bool) {
	if i >= len(c.Args) || c.Args[i].Lit == nil || !c.Args[i].Type.IsInteger() || c.Args[i].Lit.IsNull(0) {
		return 0, false
	}
	return c.Args[i].Lit.Int(0), true
}

// ints reads integer columns of any width lane by lane.
type ints struct {
	c    *batch.Col
	wide []int64
	mid  []int32
	mask int
}

func intsOf(c *batch.Col) ints {
	r := ints{c: c, wide: c.I64, mid: c.I32, mask: -1}
	if c.Enc == batch.Const {
		r.mask = 0
	}
	return r
}

func (r *ints) at(i int) int64 {
	i &= r.mask
	if r.wide != nil {
		return r.wide[i]
	}
	if r.mid != nil {
		return int64(r.mid[i])
	}
	return r.c.Int(i)
}

// makeText is a kernel that writes new text for each lane of its string arguments.
func makeText(f func(w *batch.Writer, s []byte)) function.Kernel {
	return func(fr *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		w := fr.Strings(dst)
		s := kernel.StrsOf(args[0])
		for i := range kernel.Lanes(n, live) {
			f(&w, s.At(i))
			dst.Views[i] = w.End()
		}
		w.Close()
		return nil
	}
}

// testText is a kernel that tests each string.
func testText(f func(s []byte) bool) function.Kernel {
	return func(fr *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		s := kernel.StrsOf(args[0])
		for i := range kernel.Lanes(n, live) {
			if f(s.At(i)) {
				batch.SetBit(dst.Bits, i)
			}
		}
		return nil
	}
}

// countText is a kernel that gives an INT for each string.
func countText(f func(s []byte) int) function.Kernel {
	return func(fr *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		s := kernel.StrsOf(args[0])
		for i := range kernel.Lanes(n, live) {
			dst.I32[i] = int32(f(s.At(i)))
		}
		return nil
	}
}

// zoned makes kernels that turn instants into local times: each has the session
// zone with the offset it used last.
func zoned(k func(z *kernel.Zone, f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error) func() function.Kernel {
	return func() function.Kernel {
		var z kernel.Zone
		var loc *time.Location
		return func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
			if f.Zone() != loc {
				loc = f.Zone()
				z = kernel.MakeZone(loc)
			}
			return k(&z, f, dst, args, n, live)
		}
	}
}

// setNull makes a lane NULL, with an empty value under it.
func setNull(dst *batch.Col, i, n int) {
	if dst.Views != nil {
		dst.Views[i] = batch.View{}
	}
	dst.SetNull(i, n)
}

// fail makes the error of a lane.
func fail(lane int, format string, args ...any) error {
	return batch.FailLane(lane, diag.InvalidArgument, format, args...)
}
