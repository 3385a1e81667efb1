package expr

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// assign numbers the columns of the program: inputs, then constants, then
// registers. A register is used again, for values of the same layout, behind the
// last instruction that reads it. Instructions run in one direction and jumps only
// leave some out, so their order decides what is alive.
func (c *compiler) assign(outs []int) {
	p := c.p
	last := c.lastUse(outs)
	where := make([]int, len(c.slots))
	for i := range where {
		where[i] = -1
	}
	add := func(i int, col *batch.Col) {
		where[i] = len(p.cols)
		p.cols = append(p.cols, col)
	}
	for i, s := range c.slots {
		if s.kind == slotInput {
			add(i, nil)
			p.input = append(p.input, s.input)
		}
	}
	for i, s := range c.slots {
		if s.kind == slotConst {
			add(i, s.lit)
		}
	}
	free := map[types.Phys][]int{}
	var expire [][]int = make([][]int, len(p.code)+1)
	for pc := range p.code {
		in := &p.code[pc]
		if d := in.dst; d >= 0 && where[d] < 0 {
			s := c.slots[d]
			if f := free[s.phys]; s.kind == slotRegister && len(f) > 0 {
				where[d] = f[len(f)-1]
				free[s.phys] = f[:len(f)-1]
			} else {
				add(d, &batch.Col{})
			}
			if l := last[d]; s.kind == slotRegister && l < len(p.code) {
				expire[l] = append(expire[l], d)
			}
		}
		// A register whose last reader is this instruction is free for the next.
		for _, d := range expire[pc] {
			free[c.slots[d].phys] = append(free[c.slots[d].phys], where[d])
		}
	}
	for i := range p.code {
		in := &p.code[i]
		if in.dst >= 0 {
			in.dst = where[in.dst]
		}
		for k, a := range in.args {
			in.args[k] = where[a]
		}
	}
	p.outs = make([]int, len(outs))
	for i, o := range outs {
		if where[o] < 0 {
			add(o, &batch.Col{})
		}
		p.outs[i] = where[o]
	}
}

// lastUse is the last instruction that touches each slot, or one past the end for
// outputs. An alias keeps what it points to alive as long as itself.
func (c *compiler) lastUse(outs []int) []int {
	code := c.p.code
	last := make([]int, len(c.slots))
	for _, o := range outs {
		last[o] = len(code)
	}
	for pc := len(code) - 1; pc >= 0; pc-- {
		in := &code[pc]
		if in.dst >= 0 {
			last[in.dst] = max(last[in.dst], pc)
		}
		for _, a := range in.args {
			last[a] = max(last[a], pc)
			if in.dst >= 0 && c.slots[in.dst].kind == slotAlias {
				last[a] = max(last[a], last[in.dst])
			}
		}
	}
	return last
}
