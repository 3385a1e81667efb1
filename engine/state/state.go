// Package state keeps what operators must remember between steps: keyed tables,
// join sides, ordered lists per key, timers, panes of windows, distinct sets and
// small counters.
//
// A Store belongs to one task and owns a range of key groups. Structures are made
// through it by name; after a restore they are found filled. All of them take
// whole vectors of keys, hold no pointers (pages of words, slabs of bytes), show
// their content only in orders that follow from the input (first touch, arrival,
// key order), are snapshotted by key group while the task goes on, and leave
// memory for disk past the budget without that being visible in results.
//
// How a step uses it:
//
//	store.BeginStep(now)        // the host: clock for TTL
//	table.Group(g, b, keys, sel, state.Write)
//	for i, ref := range g.Refs { row := table.Row(ref); row[0] += ... }
//	store.EndStep()             // the host: spill past the budget; errors surface
//
// Refs, row slices and blobs are valid until EndStep and never across steps: keep
// keys, not refs. Nothing here is safe for use by two goroutines, with one
// exception: Snapshot.Write may run elsewhere while the task goes on.
//
// Errors of disks and of restored files do not come back from every call: the
// store remembers the first one, EndStep and Err return it.
// Begin with Store, then Table in table.go, then snapshot.go.
package state

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/minkstream/mink/engine/batch"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/invariant"
)

// Ref names a row of a Table for the rest of the step. None is no row.
type Ref = uint32

// None is the Ref of no row.
const None Ref = 0

// Range is a range of key groups, From included, To not.
type Range struct{ From, To int }

// Len is the number of key groups in the range.
func (r Range) Len() int { return r.To - r.From }

// Has reports whether the key group is in the range.
func (r Range) Has(group int) bool { return group >= r.From && group < r.To }

// OwnedBy is the range of key groups that subtask i of p owns out of m. The
// ranges of all subtasks tile [0, m).
func OwnedBy(i, p, m int) Range { return Range{(i*m + p - 1) / p, ((i+1)*m + p - 1) / p} }

// Config says what a Store owns and may use.
type Config struct {
	// Groups are the key groups the task owns; empty means all of MaxGroups.
	Groups Range
	// MaxGroups is the number of key groups of the job (default 128).
	MaxGroups int
	// Memory is the budget in bytes (state.memory); 0 means no limit and no disk.
	Memory int64
	// FS and Dir say where state goes that does not fit: Dir is wiped when it is
	// first used and is worthless after the task's end. FS nil is the machine's
	// disk; Dir "" keeps spilled state in memory, for tests and simulations.
	FS  vfs.FS
	Dir string
	// PageBytes is the size of a page (default 32 KiB); tests make it small.
	PageBytes int
}

// Store is the state of one task.
type Store struct {
	c       Config
	err     error
	now     int64
	steps   uint64
	used    int64 // bytes of all structures
	structs []structure
	sweepAt int

	// Snapshots; see snapshot.go.
	epoch     uint64      // raised by each snapshot; the first is 1
	writing   []*Snapshot // frozen and neither confirmed nor aborted
	later     []laterFree // dropped while writing was not empty
	confirmed *Snapshot   // what the next one may continue
	deltas    int         // snapshots since the last complete one
	deltaSum  int64       // and their bytes
	fullSum   int64       // bytes of the last complete one
	mustFull  bool        // changes are no longer known in full

	files *restored // what structures are filled from
	cold  *coldSide // what was spilled
}

// structure is what the store knows of each of its parts.
type structure interface {
	describe() Description
	// freeze returns an unchanging image. delta asks for changes since the last
	// confirmed checkpoint only. keep says that the image becomes a snapshot, so
	// what changes from now on must be known; without it nothing may be changed.
	freeze(delta, keep bool) image
	// confirmed forgets the changes that the confirmed snapshot has.
	confirmed()
	// load takes one entry of a restored file. Files come oldest first, and of
	// each file the sections in the order of their kinds.
	load(kind sectionKind, group int, key, value []byte) error
	// evict moves cold content to disk until the store's account is at or below
	// target; hard takes what was touched lately too.
	evict(target int64, hard bool)
	// sweep frees what has expired, in a bounded part of the structure.
	sweep()
	// walk calls visit with all entries, in any order, for the debugger.
	drop()
}

// image is the content of a structure at one moment. write may run on another
// goroutine.
type image interface {
	write(w *sectionWriter) error
	// close lets go of files.
	close()
}

// New makes an empty store. Nothing is opened yet.
func New(c Config) *Store {
	if c.MaxGroups == 0 {
		c.MaxGroups = batch.DefaultKeyGroups
	}
	if c.Groups.Len() == 0 {
		c.Groups = Range{0, c.MaxGroups}
	}
	if c.PageBytes == 0 {
		c.PageBytes = 32 << 10
	}
	s := &Store{c: c, epoch: 1}
	s.cold = &coldSide{s: s}
	return s
}

// Groups is the range of key groups the store owns.
func (s *Store) Groups() Range { return s.c.Groups }

// onlyGroup is the key group of what has no key.
func (s *Store) onlyGroup() uint16 { return uint16(s.c.Groups.From) }

// BeginStep sets the clock that TTL is measured by, in milliseconds. The host
// calls it before each step with the time it has recorded for the step.
func (s *Store) BeginStep(now int64) { s.now = now }

// EndStep ends a step: what exceeds the budget leaves for disk, a little of what
// has expired is freed, refs become invalid. It returns the first error that
// happened in the store; the task then fails, its results since the last
// checkpoint being worthless.
func (s *Store) EndStep() error {
	s.steps++
	if s.steps%sweepSteps == 0 && len(s.structs) > 0 {
		s.sweepAt = (s.sweepAt + 1) % len(s.structs)
		s.structs[s.sweepAt].sweep()
	}
	if s.c.Memory > 0 && s.used > s.c.Memory {
		s.spill()
	}
	return s.err
}

// sweepSteps is how many steps pass between two sweeps.
const sweepSteps = 16

// spill brings the account to 7/8 of the budget: first what was not touched since
// it was looked at last, then anything.
func (s *Store) spill() {
	target := s.c.Memory - s.c.Memory/8
	for _, hard := range []bool{false, true} {
		for _, st := range s.structs {
			if s.used <= target {
				return
			}
			st.evict(target, hard)
		}
	}
}

// Err is the first error of the store: a failed disk, or restored content that
// does not fit the structure asking for it. The host looks at it once all
// operators are open.
func (s *Store) Err() error { return s.err }

// MemBytes is what the structures hold in memory, as the budget sees it.
func (s *Store) MemBytes() int64 { return s.used }

// Close lets go of memory and deletes what was spilled. No snapshot may be being
// written.
func (s *Store) Close() error {
	s.structs, s.files, s.later = nil, nil, nil
	return s.cold.close()
}

// frozen reports whether a snapshot may still be being written.
func (s *Store) frozen() bool { return len(s.writing) > 0 }

// tracking reports whether changes must be noted: there is a checkpoint that the
// next one could continue.
func (s *Store) tracking() bool { return s.epoch > 1 }

// fail remembers the first error.
func (s *Store) fail(err error) {
	if s.err == nil && err != nil {
		s.err = err
	}
}

// String gives "[0,64)".
func (r Range) String() string { return fmt.Sprintf("[%d,%d)", r.From, r.To) }
