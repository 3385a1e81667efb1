package state

import (
	"bytes"
	"cmp"
	"slices"
)

// Cursor walks over a table in order of (key group, key). It may be kept across
// steps; rows inserted meanwhile are not seen.
type Cursor struct {
	t    *Table
	refs []Ref
	ids  []uint64
	keys []Key // instead of refs, where rows may leave memory between steps
	at   int
	walk bool // rows stay as they are
}

// Walk begins a walk over all rows in no order. It ends within the step, in which no row
// is added or deleted.
func (t *Table) Walk() *Cursor {
	if t.spills {
		return t.Cursor()
	}
	return &Cursor{t: t, refs: t.refs(), walk: true}
}

// Cursor begins a walk over all rows in order of (key group, key).
func (t *Table) Cursor() *Cursor {
	c := &Cursor{t: t, refs: t.refs()}
	t.SortRefs(c.refs)
	if !t.spills {
		c.ids = make([]uint64, len(c.refs))
		for i, ref := range c.refs {
			c.ids[i] = t.rowHash(t.whole(ref))
		}
		return c
	}
	for _, ref := range c.refs {
		c.keys = append(c.keys, t.KeyOf(ref, nil))
	}
	c.refs = nil
	if t.cold.n > 0 {
		c.keys = append(c.keys, t.cold.list(nil)...)
		slices.SortFunc(c.keys, func(a, b Key) int {
			if d := cmp.Compare(a.Group, b.Group); d != 0 {
				return d
			}
			return bytes.Compare(a.Bytes, b.Bytes)
		})
	}
	return c
}

// Next fills refs with the next rows and returns how many; 0 at the end. The refs
// are good for Read until the step ends; rows may be touched and deleted.
func (c *Cursor) Next(refs []Ref) int {
	n := 0
	t := c.t
	for ; n < len(refs) && c.at < len(c.keys); c.at++ {
		if ref := t.Get(c.keys[c.at], Read); ref != None {
			refs[n] = ref
			n++
		}
	}
	for ; n < len(refs) && c.at < len(c.refs); c.at++ {
		ref := c.refs[c.at]
		if !t.r.isLive(ref) {
			continue
		}
		if row := t.whole(ref); (c.walk || t.rowHash(row) == c.ids[c.at]) && (t.stampAt == 0 || !t.expired(row)) {
			refs[n] = ref
			n++
		}
	}
	return n
}
