package state

// Continuation says how a store stood to its newest snapshot, so that another one which
// is filled from that snapshot can go on as it did: with the same snapshots after it,
// each of the same changes.
type Continuation struct {
	// Chain are the checkpoints whose files it needs, oldest first, itself the last.
	Chain []int64
}

// Continuation describes the newest snapshot, in the step that makes it. It is nil
// without one.
func (s *Store) Continuation() *Continuation {
	n := s.snaps.last
	if n == nil {
		return nil
	}
	c := &Continuation{}
	for _, l := range n.needs {
		c.Chain = append(c.Chain, l.id)
	}
	c.Chain = append(c.Chain, n.id)
	return c
}

// Continue makes a store whose structures were filled from a snapshot, and not changed
// since, go on as the one that made it. The snapshot counts once it is confirmed.
func (s *Store) Continue(c Continuation) {
	x := &s.snaps
	k := len(c.Chain) - 1
	x.number = uint32(k)
	n := s.Snapshot(c.Chain[k], true)
	n.images = nil
	if n.cold != nil {
		s.fail(n.cold.Close())
		n.cold = nil
	}
	for i, id := range c.Chain[:k] {
		n.needs = append(n.needs, link{number: uint32(i + 1), id: id})
	}
	// In which of the files a part is, is not known.
	for _, t := range s.structs {
		t.parts(func(p *part, _ int64) { *p = part{since: 1} })
	}
	n.payload.Store(0)
	n.done.Store(true)
	x.freeLater()
}
