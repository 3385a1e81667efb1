package state

import (
	"io"
	"slices"
	"sync/atomic" //mink:det-ok a snapshot is written beside the task; what it shares is frozen

	"github.com/cockroachdb/pebble/v2"
)

// Snapshot is the store's content at one moment, or what has changed in it since a
// checkpoint. Taking one costs as much as there are pages; nothing is copied but
// the bits that say which rows to write. A page is copied when the task writes to
// it before Write has ended.
type Snapshot struct {
	id, base int64
	number   uint32
	// needs are the checkpoints whose files it needs beside its own, oldest first.
	needs  []link
	groups Range
	images []image
	cold   *pebble.Snapshot
	// done says that Write has ended and frozen memory may be written again.
	done     atomic.Bool
	unhashed bool
	// payload is the bytes of the entries written, -1 before that.
	payload atomic.Int64
}

// snapState is what a store knows of its snapshots.
type snapState struct {
	epoch          uint64 // raised by each snapshot and each Kept; the first is 1
	confirmedEpoch uint64 // changes up to here are in confirmed checkpoints
	// Pages of an epoch below shared belong to a Kept too: copied is what was copied of
	// such pages. taken says that there was a snapshot.
	shared   uint64
	copied   int64
	taken    bool
	last     *Snapshot   // the newest
	writing  []*Snapshot // those whose Write has not ended, as far as known
	later    []*slab     // where something was dropped while writing was not empty
	coldSnap *pebble.Snapshot
	// base is the newest confirmed checkpoint, 0 if there is none to continue; chain are
	// those whose files it needs, oldest first, itself the last. number is that of the
	// newest snapshot; see renew.go.
	base    int64
	chain   []link
	number  uint32
	renewal renewal
}

// frozen reports whether a snapshot may still be being written.
func (x *snapState) frozen() bool { return len(x.writing) > 0 }

// freeLater frees what was dropped while snapshots were written, if none is any
// more.
func (x *snapState) freeLater() {
	n := 0
	for _, w := range x.writing {
		if !w.done.Load() {
			x.writing[n] = w
			n++
		}
	}
	clear(x.writing[n:])
	x.writing = x.writing[:n]
	if n > 0 || len(x.later) == 0 {
		return
	}
	for _, b := range x.later {
		b.freeLater()
	}
	x.later = nil
}

// Snapshot freezes the content as checkpoint id (above 0), between steps. full asks
// for all content; otherwise a snapshot has only what changed since the newest
// confirmed checkpoint, if there is one, and some of the rest.
//
// After Write the host calls Confirm when the checkpoint is durable, or Abort when
// it failed. No Write may be left out: it ends the time in which memory is frozen.
func (s *Store) Snapshot(id int64, full bool) *Snapshot {
	x := &s.snaps
	x.freeLater()
	delta := !full && x.base != 0
	x.number++
	n := &Snapshot{id: id, groups: s.c.Groups, number: x.number}
	n.payload.Store(-1)
	x.renewal = s.plan(delta)
	n.images, n.cold = s.freeze(delta, true)
	if delta {
		n.base, n.needs = x.base, x.chain[len(x.chain)-s.needed():]
	}
	x.epoch++
	x.taken = true
	x.last = n
	x.writing = append(x.writing, n)
	return n
}

func (s *Store) freeze(delta, keep bool) ([]image, *pebble.Snapshot) {
	images := make([]image, len(s.structs))
	for i, t := range s.structs {
		images[i] = t.freeze(delta, keep)
	}
	cold := s.snaps.coldSnap
	s.snaps.coldSnap = nil
	return images, cold
}

// Confirm says that checkpoint id is durable: later snapshots may continue it.
// Unknown ids are ignored, and all but the newest.
func (s *Store) Confirm(id int64) {
	x := &s.snaps
	n := x.last
	if n == nil || n.id != id || x.base == id {
		return
	}
	size := n.payload.Load()
	if size < 0 {
		return // its Write failed or goes on: nothing can rest on it
	}
	x.base, x.confirmedEpoch = id, x.epoch-1
	if n.base == 0 {
		size = 0
	}
	x.chain = append(slices.Clone(n.needs), link{n.number, id, size})
	for _, t := range s.structs {
		t.confirmed()
	}
}

// Abort says that checkpoint id will never be used, and that its Write has ended.
func (s *Store) Abort(id int64) {
	x := &s.snaps
	if x.last != nil && x.last.id == id && x.base != id {
		x.last = nil
	}
	x.freeLater()
}

// Base is the checkpoint that this one continues. 0 means that the snapshot is complete
// in itself.
func (n *Snapshot) Base() int64 { return n.base }

// Files is how many files of the checkpoint Base, the newest of them, a restore needs
// before that of the snapshot.
func (n *Snapshot) Files() int { return len(n.needs) }

// Unhashed says before Write that nobody compares the hashes of the content: they stay
// 0, and Write takes less time.
func (n *Snapshot) Unhashed() { n.unhashed = true }

// Write writes the snapshot as one file. It may run on another goroutine while
// the task goes on, once.
func (n *Snapshot) Write(w io.Writer) (Info, error) {
	defer n.done.Store(true)
	x := newSnapWriter(w, n.groups)
	x.id, x.base, x.first, x.unhashed = n.id, n.base, n.id, n.unhashed
	if len(n.needs) > 0 {
		x.first = n.needs[0].id
	}
	for _, m := range n.images {
		if m != nil && x.err == nil {
			m.write(x)
		}
	}
	n.images = nil
	x.end()
	if n.cold != nil {
		x.fail(n.cold.Close())
		n.cold = nil
	}
	if x.err != nil {
		return Info{}, x.err
	}
	n.payload.Store(x.payload)
	return x.info, nil
}

// Info is what Write has written.
type Info struct {
	// Bytes is the size of the file, Entries the number of logical entries, but for those
	// that have not changed since Base.
	Bytes, Entries int64
	// Groups are the hashes of these entries by key group, in the order of the store's
	// groups: the sum of a hash of each entry, so it depends on content alone and not
	// on its order or layout.
	Groups []uint64
}

// Hashes are the hashes of all content by key group, as in Info of a complete
// snapshot. It walks over everything: for invariants and tests.
func (s *Store) Hashes() []uint64 {
	images, cold := s.freeze(false, false)
	x := newSnapWriter(io.Discard, s.c.Groups)
	for _, m := range images {
		if m != nil {
			m.write(x)
		}
	}
	if cold != nil {
		x.fail(cold.Close())
	}
	s.fail(x.err)
	return x.info.Groups
}
