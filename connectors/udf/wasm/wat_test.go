package wasm

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// assemble makes a module of WebAssembly text, as much of it as tests need: memory,
// global, start, func with param, result, local and plain instructions (no folded ones), and
// inline exports. Mistakes panic.
func assemble(text string) []byte {
	a := &assembler{globals: map[string]int{}, funcs: map[string]int{}}
	root := parseWat(text)
	if root.items[0].word != "module" {
		panic("wat: no module")
	}
	var types, funcs, mems, globals, exports, starts, codes [][]byte
	list := root.items[1:]
	n := 0
	for _, it := range list {
		switch it.items[0].word {
		case "func":
			a.funcs[it.items[1].word] = n
			n++
		case "global":
			a.globals[it.items[1].word] = len(a.globals)
		}
	}
	export := func(it node, kind byte, index int) {
		for _, k := range it.items {
			if k.head() == "export" {
				e := append(name(strings.Trim(k.items[1].word, `"`)), kind)
				exports = append(exports, append(e, uleb(uint64(index))...))
			}
		}
	}
	for _, it := range list {
		switch it.items[0].word {
		case "memory":
			pages, _ := strconv.Atoi(it.items[len(it.items)-1].word)
			mems = append(mems, append([]byte{0}, uleb(uint64(pages))...))
			export(it, 2, 0)
		case "global": // (global $g (mut i32) (i32.const n))
			v, _ := strconv.Atoi(it.items[3].items[1].word)
			globals = append(globals, append(append([]byte{0x7f, 1, 0x41}, sleb(int64(v))...), 0x0b))
		case "start":
			starts = append(starts, uleb(uint64(a.funcs[it.items[1].word])))
		case "import":
			a.imports = append(a.imports, append(append(name("env"), name("f")...), 0, 0))
		case "func":
			typ, code := a.function(it)
			export(it, 0, len(funcs)+len(a.imports))
			funcs = append(funcs, uleb(uint64(len(types))))
			types = append(types, typ)
			codes = append(codes, append(uleb(uint64(len(code))), code...))
		}
	}
	out := []byte("\x00asm\x01\x00\x00\x00")
	for _, s := range []struct {
		id   byte
		list [][]byte
	}{{1, types}, {2, a.imports}, {3, funcs}, {5, mems}, {6, globals}, {7, exports}, {8, starts}, {10, codes}} {
		if len(s.list) == 0 {
			continue
		}
		body := uleb(uint64(len(s.list)))
		if s.id == 8 {
			body = nil // the only section that is no list
		}
		for _, b := range s.list {
			body = append(body, b...)
		}
		out = append(append(append(out, s.id), uleb(uint64(len(body)))...), body...)
	}
	return out
}

type assembler struct {
	globals, funcs map[string]int
	imports        [][]byte
}

var valueTypes = map[string]byte{"i32": 0x7f, "i64": 0x7e, "f32": 0x7d, "f64": 0x7c}

// plainOps have no operands; memOps take an alignment and offset=N.
var plainOps = map[string]byte{
	"unreachable": 0x00, "return": 0x0f, "end": 0x0b, "else": 0x05, "drop": 0x1a, "i32.eqz": 0x45, "i32.eq": 0x46, "i32.lt_s": 0x48, "i32.lt_u": 0x49,
	"i32.ge_u": 0x4f, "i32.add": 0x6a, "i32.sub": 0x6b, "i32.mul": 0x6c, "i32.and": 0x71, "i32.shl": 0x74, "i32.shr_u": 0x76, "i64.add": 0x7c, "i64.sub": 0x7d, "i64.mul": 0x7e, "i64.div_s": 0x7f,
	"i64.eqz": 0x50, "i64.eq": 0x51,
	"f64.mul": 0xa2, "f64.add": 0xa0,
}

var memOps = map[string][2]byte{
	"i32.load": {0x28, 2}, "i64.load": {0x29, 3}, "f64.load": {0x2b, 3}, "i32.load8_u": {0x2d, 0}, "i32.store": {0x36, 2}, "i64.store": {0x37, 3},
	"f64.store": {0x39, 3}, "i32.store8": {0x3a, 0},
}

func (a *assembler) function(it node) (typ, code []byte) {
	locals := map[string]int{}
	var params, results, extra []byte
	var body []node
	for _, k := range it.items[2:] {
		switch k.head() {
		case "param", "local":
			t := valueTypes[k.items[len(k.items)-1].word]
			locals[k.items[1].word] = len(locals)
			if k.head() == "param" {
				params = append(params, t)
			} else {
				extra = append(extra, t)
			}
		case "result":
			results = append(results, valueTypes[k.items[1].word])
		case "export":
		case "":
			body = append(body, k)
		default:
			panic("wat: " + k.head())
		}
	}
	typ = append(append([]byte{0x60, byte(len(params))}, params...), byte(len(results)))
	typ = append(typ, results...)
	code = uleb(uint64(len(extra)))
	for _, t := range extra {
		code = append(code, 1, t)
	}
	var labels []string
	for i := 0; i < len(body); i++ {
		op := body[i].word
		arg := func() string { i++; return body[i].word }
		index := func(m map[string]int, w string) []byte {
			v, ok := m[w]
			if !ok {
				panic("wat: no " + w)
			}
			return uleb(uint64(v))
		}
		switch op {
		case "block", "loop", "if":
			code = append(code, map[string]byte{"block": 0x02, "loop": 0x03, "if": 0x04}[op], 0x40)
			label := ""
			if i+1 < len(body) && strings.HasPrefix(body[i+1].word, "$") {
				label = arg()
			}
			labels = append(labels, label)
			continue
		case "br", "br_if":
			w, depth := arg(), -1
			for k := range labels {
				if labels[len(labels)-1-k] == w {
					depth = k
					break
				}
			}
			if depth < 0 {
				panic("wat: no label " + w)
			}
			code = append(code, map[string]byte{"br": 0x0c, "br_if": 0x0d}[op], byte(depth))
			continue
		case "local.get", "local.set", "local.tee":
			code = append(append(code, map[string]byte{"local.get": 0x20, "local.set": 0x21, "local.tee": 0x22}[op]), index(locals, arg())...)
			continue
		case "global.get", "global.set":
			code = append(append(code, map[string]byte{"global.get": 0x23, "global.set": 0x24}[op]), index(a.globals, arg())...)
			continue
		case "call":
			code = append(append(code, 0x10), index(a.funcs, arg())...)
			continue
		case "i32.const", "i64.const":
			v, err := strconv.ParseInt(arg(), 0, 64)
			if err != nil {
				panic(err)
			}
			code = append(append(code, map[string]byte{"i32.const": 0x41, "i64.const": 0x42}[op]), sleb(v)...)
			continue
		case "memory.size", "memory.grow":
			code = append(code, map[string]byte{"memory.size": 0x3f, "memory.grow": 0x40}[op], 0)
			continue
		}
		if m, ok := memOps[op]; ok {
			off := uint64(0)
			if i+1 < len(body) && strings.HasPrefix(body[i+1].word, "offset=") {
				off, _ = strconv.ParseUint(strings.TrimPrefix(arg(), "offset="), 0, 32)
			}
			code = append(append(code, m[0], m[1]), uleb(off)...)
			continue
		}
		b, ok := plainOps[op]
		if !ok {
			panic("wat: no instruction " + op)
		}
		if op == "end" {
			labels = labels[:len(labels)-1]
		}
		code = append(code, b)
	}
	return typ, append(code, 0x0b)
}

func name(s string) []byte { return append(uleb(uint64(len(s))), s...) }

func uleb(v uint64) []byte { return binary.AppendUvarint(nil, v) }

func sleb(v int64) []byte {
	var out []byte
	for {
		b := byte(v & 0x7f)
		v >>= 7
		if v == 0 && b&0x40 == 0 || v == -1 && b&0x40 != 0 {
			return append(out, b)
		}
		out = append(out, b|0x80)
	}
}

// node is a word, or a list in parentheses.
type node struct {
	word  string
	items []node
}

func (n node) head() string {
	if len(n.items) == 0 {
		return ""
	}
	return n.items[0].word
}

func parseWat(text string) node {
	var lines []string
	for _, l := range strings.Split(text, "\n") {
		l, _, _ = strings.Cut(l, ";;")
		lines = append(lines, l)
	}
	text = strings.NewReplacer("(", " ( ", ")", " ) ").Replace(strings.Join(lines, "\n"))
	stack := []node{{}}
	for _, w := range strings.Fields(text) {
		switch w {
		case "(":
			stack = append(stack, node{})
		case ")":
			top := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			stack[len(stack)-1].items = append(stack[len(stack)-1].items, top)
		default:
			stack[len(stack)-1].items = append(stack[len(stack)-1].items, node{word: w})
		}
	}
	if len(stack) != 1 || len(stack[0].items) != 1 {
		panic(fmt.Sprint("wat: ", len(stack), " parentheses are open"))
	}
	return stack[0].items[0]
}
