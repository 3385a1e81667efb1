package state

// Continuation says how a store stood to its newest snapshot, so that another one which
// is filled from that snapshot can go on as it did: with the same snapshots after it,
// each of the same entries.
type Continuation struct {
	// ID is the snapshot, Base the one that it continues, 0 for none.
	ID, Base int64
	// Payload is the bytes of its entries, FullBytes, DeltaBytes and Deltas are of the
	// chain that it belongs to, before it is confirmed.
	Payload, FullBytes, DeltaBytes int64
	Deltas                         int
}

// Continuation describes the newest snapshot, in the step that makes it. The function
// that it returns may be called once Write has ended, from any goroutine. It is nil
// without a snapshot.
func (s *Store) Continuation() func() Continuation {
	x := &s.snaps
	n := x.last
	if n == nil {
		return nil
	}
	c := Continuation{ID: n.id, Base: n.base, FullBytes: x.fullBytes, DeltaBytes: x.deltaSize, Deltas: x.deltas}
	return func() Continuation {
		c.Payload = n.payload.Load()
		return c
	}
}

// Continue makes a store whose structures were filled from a snapshot, and not changed
// since, go on as the one that made it.
func (s *Store) Continue(c Continuation) {
	x := &s.snaps
	n := s.Snapshot(c.ID, true)
	n.images, n.base = nil, c.Base
	if n.cold != nil {
		s.fail(n.cold.Close())
		n.cold = nil
	}
	n.payload.Store(c.Payload)
	n.done.Store(true)
	x.fullBytes, x.deltaSize, x.deltas = c.FullBytes, c.DeltaBytes, c.Deltas
	x.freeLater()
}
