package state

// carriedRows are the rows of a page that came from disk and may be in older files alone
// than others of the page: the next snapshot has them again.
type carriedRows struct {
	rows, pend []uint64 // that came since the last snapshot, and before it
	since      uint32   // of the oldest
}

// carried is that of a page, or nil.
func (t *Table) carried(p uint32) *carriedRows {
	if int(p) < len(t.carry) {
		return t.carry[p]
	}
	return nil
}

// carryRow notes a row that is in the snapshots from number since on.
func (t *Table) carryRow(ref Ref, since uint32) {
	p, i := ref>>t.r.shift, int(ref&(1<<t.r.shift-1))
	for len(t.carry) <= int(p) {
		t.carry = append(t.carry, nil)
	}
	c := t.carry[p]
	if c == nil {
		c = &carriedRows{since: since}
		t.carry[p] = c
	}
	if c.rows == nil {
		c.rows = make([]uint64, len(t.dirty[p]))
	}
	c.rows[i>>6] |= 1 << (i & 63)
	c.since = min(c.since, since)
}

// settle moves rows to pend, which is not shared with anything.
func (c *carriedRows) settle() {
	if c.rows == nil {
		return
	}
	for i, w := range c.pend {
		c.rows[i] |= w
	}
	c.pend, c.rows = c.rows, nil
}

// carriedConfirmed forgets what the last snapshot has.
func (t *Table) carriedConfirmed() {
	for p, c := range t.carry {
		if c == nil {
			continue
		}
		if c.pend = nil; c.rows == nil {
			t.carry[p] = nil
		}
	}
}
