package scalar

import (
	"bytes"
	endian "encoding/binary"
	"errors"
	"math/bits"
	"unicode"
	"unicode/utf8"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

var splitIndex = function.Func{
	Name: "SPLIT_INDEX", Category: function.Text,
	Summary:    "A piece of the string between delimiters, counted from 0; NULL if there is none.",
	Signatures: []string{"SPLIT_INDEX(string, delimiter, index)", "SPLIT_INDEX(string, code, index)"},
	Examples: []function.Example{
		{SQL: "SPLIT_INDEX('Test', 'e', 1)", Want: "st"},
		{SQL: "SPLIT_INDEX('AQIDI', 73, 0)", Want: "AQ"},
		{SQL: "SPLIT_INDEX('a,,b', ',', 1)", Want: ""},
		{SQL: "SPLIT_INDEX('a,b', ',', 2)", Want: "NULL"},
		{SQL: "SPLIT_INDEX('a,b', ',', -1)", Want: "NULL"},
		{SQL: "SPLIT_INDEX('https://www.nexmark.com/a/b/item.htm?x=1', '/', 3)", Want: "a"},
	},
	Infer: func(c *function.Call) (function.Resolved, error) {
		s := spec{params: []class{text, text, integer}, result: types.StringT, nullable: true, cost: 15, eval: splitIndexKernel}
		if len(c.Args) == 3 && c.Args[1].Type.IsInteger() {
			s.params = []class{text, integer, integer}
		}
		r, err := s.infer(c)
		if err != nil {
			return r, err
		}
		if d, ok := literal(c, 1); ok && len(d) == 1 && d[0] < utf8.RuneSelf {
			if l := c.Args[2].Lit; l != nil && !l.IsNull(0) && l.Int(0) >= 0 {
				k := l.Int(0)
				r.MakeNext = func(memory *any, first bool) function.Kernel { return splitNext(d[0], k, memory, first) }
			}
		}
		return r, nil
	},
}

// splitPlace is where a call has stopped in each lane.
type splitPlace struct {
	piece int64   // the piece that it found
	next  []int32 // where the next piece begins; -1 if there is none
}

// splitNext finds piece k between single bytes. When the call in front has found a
// piece before it, it goes on from there, so that several pieces of a string cost
// one way through it.
func splitNext(delim byte, k int64, memory *any, first bool) function.Kernel {
	place, _ := (*memory).(*splitPlace)
	if place == nil {
		place = &splitPlace{}
		*memory = place
	}
	return func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		kernel.ShareBufs(dst, args[0])
		s := kernel.StrsOf(args[0])
		goOn := !first && place.piece < k
		left := k
		if goOn {
			left = k - place.piece - 1
		}
		if len(place.next) < n {
			place.next = append(place.next, make([]int32, n-len(place.next))...)
		}
		next := place.next[:n]
		for i := range kernel.Lanes(n, live) {
			t, base := s.At(i), 0
			if goOn {
				base = int(next[i])
			}
			if base < 0 || len(t) == 0 {
				next[i] = -1
				setNull(dst, i, n)
				continue
			}
			from, to, ok := pieceAtByte(t[base:], delim, left)
			if !ok {
				next[i] = -1
				setNull(dst, i, n)
				continue
			}
			from, to = from+base, to+base
			next[i] = -1
			if to < len(t) {
				next[i] = int32(to + 1)
			}
			dst.Views[i] = kernel.SubView(s.View(i), t, from, to)
		}
		place.piece = k
		return nil
	}
}

func splitIndexKernel(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
	kernel.ShareBufs(dst, args[0])
	s, index := kernel.StrsOf(args[0]), intsOf(args[2])
	var code ints
	var delim kernel.Strs
	coded := args[1].Type.IsInteger()
	if coded {
		code = intsOf(args[1])
	} else {
		delim = kernel.StrsOf(args[1])
	}
	var one [4]byte
	for i := range kernel.Lanes(n, live) {
		var d []byte
		if coded {
			c := code.at(i)
			if c < 1 || c > 255 {
				setNull(dst, i, n)
				continue
			}
			d = one[:utf8.EncodeRune(one[:], rune(c))]
		} else {
			d = delim.At(i)
		}
		t := s.At(i)
		from, to, ok := pieceAt(t, d, index.at(i))
		if !ok {
			setNull(dst, i, n)
			continue
		}
		dst.Views[i] = kernel.SubView(s.View(i), t, from, to)
	}
	return nil
}

// pieceAt finds piece k of s. An empty string has no pieces; without delimiter s
// is split at white space.
func pieceAt(s, delim []byte, k int64) (from, to int, ok bool) {
	if k < 0 || len(s) == 0 {
		return 0, 0, false
	}
	switch len(delim) {
	case 0:
		return wordAt(s, k)
	case 1:
		return pieceAtByte(s, delim[0], k)
	}
	for {
		at := bytes.Index(s[from:], delim)
		if k == 0 {
			if at < 0 {
				return from, len(s), true
			}
			return from, from + at, true
		}
		if at < 0 {
			return 0, 0, false
		}
		from += at + len(delim)
		k--
	}
}

// pieceAtByte is pieceAt for a delimiter of one byte. It looks at eight bytes at a
// time: bit 7 of each byte of hits is set where the byte is the delimiter.
func pieceAtByte(s []byte, delim byte, k int64) (from, to int, ok bool) {
	const low = 0x7F7F7F7F7F7F7F7F
	same := uint64(delim) * 0x0101010101010101
	i := 0
	for ; i+8 <= len(s); i += 8 {
		x := endian.LittleEndian.Uint64(s[i:]) ^ same
		hits := ^((x&low + low) | x | low)
		if n := int64(bits.OnesCount64(hits)); k > n || n == 0 {
			k -= n
			continue
		}
		for ; hits != 0; hits &= hits - 1 {
			at := i + bits.TrailingZeros64(hits)>>3
			if k == 0 {
				return from, at, true
			}
			k--
			from = at + 1
		}
	}
	for ; i < len(s); i++ {
		if s[i] != delim {
			continue
		}
		if k == 0 {
			return from, i, true
		}
		k--
		from = i + 1
	}
	return from, len(s), k == 0
}

func wordAt(s []byte, k int64) (from, to int, ok bool) {
	for {
		at := bytes.IndexFunc(s[from:], unicode.IsSpace)
		if k == 0 {
			if at < 0 {
				return from, len(s), true
			}
			return from, from + at, true
		}
		if at < 0 {
			return 0, 0, false
		}
		_, size := utf8.DecodeRune(s[from+at:])
		from += at + size
		k--
	}
}

var split = function.Func{
	Name: "SPLIT", Category: function.Collection,
	Summary:    "The pieces of a string between delimiters; its characters when the delimiter is empty.",
	Signatures: []string{"SPLIT(string, delimiter)"},
	Examples:   []function.Example{{SQL: "SPLIT(',123,123,', ',')", Want: "[, 123, 123, ]"}, {SQL: "SPLIT('12', '')", Want: "[1, 2]"}},
	Infer: spec{params: []class{text, text}, result: types.ArrayT(types.StringT.Nullable(false)), cost: 60, eval: func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		s, delim := kernel.StrsOf(args[0]), kernel.StrsOf(args[1])
		l := newTextList(f, dst, 0)
		err := listLanes(dst, n, live, l.count, func(i int) error {
			t, d := s.At(i), delim.At(i)
			if len(t) == 0 {
				return nil // no piece at all, as in Flink
			}
			for len(d) == 0 {
				_, k := utf8.DecodeRune(t)
				l.add(t[:k])
				if t = t[k:]; len(t) == 0 {
					return nil
				}
			}
			for len(d) > 0 {
				k := bytes.Index(t, d)
				if k < 0 {
					break
				}
				l.add(t[:k])
				t = t[k+len(d):]
			}
			l.add(t)
			return nil
		})
		l.close()
		return err
	}}.infer,
}

var strToMap = function.Func{
	Name: "STR_TO_MAP", Category: function.Text,
	Summary:    "A map of the keys and values in a string; both delimiters are regular expressions.",
	Signatures: []string{"STR_TO_MAP(string [, pair delimiter [, key-value delimiter]])"},
	Examples:   []function.Example{{SQL: "STR_TO_MAP('k1=v1,k2=v2')", Want: "{k1=v1, k2=v2}"}, {SQL: "STR_TO_MAP('a:1;b', ';', ':')", Want: "{a=1, b=NULL}"}, {SQL: "STR_TO_MAP('')", Want: "{}"}},
	Infer: func(c *function.Call) (function.Resolved, error) {
		delims := [2]pattern{{fixed: true}, {fixed: true}}
		for i, standard := range []string{",", "="} {
			t := standard
			if len(c.Args) > i+1 {
				var ok bool
				if t, ok = literal(c, i+1); !ok {
					delims[i] = pattern{}
					continue
				}
			}
			re, err := kernel.CompileRegex(t)
			if err != nil {
				return function.Resolved{}, diag.New(diag.InvalidArgument, "%s", err)
			}
			delims[i].re = re
		}
		return spec{params: []class{text, text, text}, min: 1, result: types.MapT(types.StringT, types.StringT), fallible: true, cost: 100, make: func() function.Kernel {
			d := delims
			return func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
				return strToMapKernel(&d, f, dst, args, n, live)
			}
		}}.infer(c)
	},
}

var errNoRegex = errors.New("the delimiter is no regular expression")

func strToMapKernel(d *[2]pattern, f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
	s := kernel.StrsOf(args[0])
	var texts [2]kernel.Strs
	for k := range texts {
		if len(args) > k+1 {
			texts[k] = kernel.StrsOf(args[k+1])
		}
	}
	// Keys and values lie in two columns and are written one after the other.
	type span struct {
		lane     int
		from, to int
		null     bool
	}
	var values []span
	keys := newTextList(f, dst, 0)
	err := listLanes(dst, n, live, keys.count, func(i int) error {
		pairs, err := d[0].at(&texts[0], i)
		if err != nil {
			return err
		}
		kv, err := d[1].at(&texts[1], i)
		if err != nil {
			return err
		}
		if pairs == nil || kv == nil {
			return fail(i, "%s", errNoRegex)
		}
		t := s.At(i)
		first := keys.count()
		for _, p := range splitBy(pairs, t) {
			key, value := p, span{lane: i, null: true}
			if from, to, ok := kv.Group(t[p[0]:p[1]], 0); ok {
				key = [2]int{p[0], p[0] + from}
				value = span{i, p[0] + to, p[1], false}
			}
			values = addPair(keys, values, first, t[key[0]:key[1]], value)
		}
		return nil
	})
	keys.close()
	if err != nil {
		return err
	}
	vals := newTextList(f, dst, 1)
	for _, v := range values {
		if v.null {
			vals.null()
		} else {
			vals.add(s.At(v.lane)[v.from:v.to])
		}
	}
	vals.close()
	return nil
}

// addPair adds a key and its value; a key that the map has gets the new value.
func addPair[T any](keys *textList, values []T, first uint32, key []byte, v T) []T {
	for k := first; k < keys.count(); k++ {
		w := keys.kid.Views[k]
		if w.Len() != len(key) {
			continue
		}
		var tmp [batch.InlineMax]byte
		if w.Len() <= batch.InlineMax && bytes.Equal(w.Inline(&tmp), key) ||
			w.Len() > batch.InlineMax && bytes.Equal(keys.w.Buf[w.Off():w.Off()+uint32(w.Len())], key) {
			values[k] = v
			return values
		}
	}
	keys.add(key)
	return append(values, v)
}

// splitBy splits as Java's String.split does: empty pieces at the end go.
func splitBy(re *kernel.Regex, s []byte) [][2]int {
	var out [][2]int
	at := 0
	for _, m := range re.Find(s, 0) {
		if m[1] == 0 {
			continue
		}
		out = append(out, [2]int{at, m[0]})
		at = m[1]
	}
	out = append(out, [2]int{at, len(s)})
	for len(out) > 0 && out[len(out)-1][0] == out[len(out)-1][1] {
		out = out[:len(out)-1]
	}
	return out
}

var elt = function.Func{
	Name: "ELT", Category: function.Text,
	Summary:    "The value at a position of the list, from 1; NULL if there is none.",
	Signatures: []string{"ELT(index, value, ...)"},
	Examples:   []function.Example{{SQL: "ELT(2, 'a', 'b')", Want: "b"}, {SQL: "ELT(3, 'a', 'b')", Want: "NULL"}},
	Infer: func(c *function.Call) (function.Resolved, error) {
		if v, ok := literalInt(c, 0); ok && v < 1 {
			return function.Resolved{}, diag.New(diag.InvalidArgument, "the index of ELT must be above 0, not %d", v)
		}
		p, err := match(c, 2, true, integer, textOrBin)
		if err != nil {
			return function.Resolved{}, err
		}
		t, err := function.CommonType(p[1:]...)
		if err != nil {
			return function.Resolved{}, err
		}
		for i := range p[1:] {
			p[i+1] = cast(p[i+1], t)
		}
		return function.Resolved{Params: p, Result: t.Nullable(true), Cost: 10, Eval: func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
			w := f.Strings(dst)
			index := intsOf(args[0])
			var tmp [batch.InlineMax]byte
			for i := range kernel.Lanes(n, live) {
				k := int64(0)
				if !args[0].IsNull(i) {
					k = index.at(i)
				}
				if k < 1 || k >= int64(len(args)) || args[k].IsNull(i) {
					setNull(dst, i, n)
					continue
				}
				w.Buf = append(w.Buf, args[k].Bytes(i, &tmp)...)
				dst.Views[i] = w.End()
			}
			w.Close()
			return nil
		}}, nil
	},
}
