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
	"slices"
	"sync/atomic" //mink:det-ok a snapshot is written beside the task; what it shares is frozen

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
	// Pool, if set, is shared with other stores of the process.
	Pool *Pool
	// FS and Dir say where state goes that does not fit: Dir is wiped when it is
	// first used and is worthless after the task's end. FS nil is the machine's
	// disk; Dir "" keeps spilled state in memory, for tests and simulations.
	FS  vfs.FS
	Dir string
	// From gives the name that a structure has in restored files; nil leaves names as they
	// are.
	From func(name string) string
	// PageBytes is the size of a page (default 32 KiB); tests make it small.
	PageBytes int
}

// Store is the state of one task.
type Store struct {
	c       Config
	open    bool // its budget is counted
	err     error
	now     int64
	steps   uint64
	used    atomic.Int64 // bytes of all structures, as of the last EndStep
	spilled atomic.Int64 // bytes that have left for disk so far
	names   []string
	structs []structure
	sweepAt int

	caches []*Table
	// Of a store made of a Kept: how many of structs were not asked for yet, and which
	// were.
	unclaimed int
	claimed   []bool

	snaps snapState
	files []*restoredFile // what structures are filled from
	cold  coldSide        // what was spilled
}

// structure is what the store knows of each of its parts.
type structure interface {
	describe() Description
	// look shows the content to people, between two steps.
	look() Look
	// mem is what the structure holds in memory, as the budget sees it.
	mem() int64
	// freeze returns an unchanging image. delta asks for what has changed since the
	// last confirmed checkpoint; keep says that the image becomes a snapshot, so
	// that changes are counted from here.
	freeze(delta, keep bool) image
	// clone copies the structure for another store, but for its pages; see Kept.
	clone(to *Store, live bool) structure
	// parts calls visit for each part of the content, with about how many bytes it has.
	parts(visit func(p *part, bytes int64))
	// confirmed forgets the changes that the last snapshot has.
	confirmed()
	// load takes one entry of a restored file; false means that it does not fit.
	// Files of a chain come oldest first, sections in the order in which they were written.
	load(e *savedEntry) bool
	// evict moves cold content to disk, at least need bytes of it if there is that
	// much; hard takes what was touched lately too. It returns the bytes freed.
	evict(need int64, hard bool) int64
	// sweep frees what has expired, in a bounded part of the structure.
	sweep()
	// tidy ends a step.
	tidy()
}

// image is the content of a structure at one moment. write may run on another
// goroutine.
type image interface {
	write(w *snapWriter)
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
	s := &Store{c: c, open: true}
	c.Pool.promise(c.Memory)
	opened.Add(1)
	s.snaps.epoch = 1
	s.cold.s = s
	return s
}

// add makes a structure known and fills it with what was restored for it.
func (s *Store) add(name string, x structure) {
	if slices.Contains(s.names, name) {
		invariant.Fail("two state structures named %q", name)
	}
	s.names, s.structs = append(s.names, name), append(s.structs, x)
	s.fill(name, x)
}

func errGroup(name string, group uint16, have Range) error {
	return diag.New(diag.Internal, "state %q got a row of key group %d and owns %v", name, group, have)
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
	s.snaps.freeLater()
	s.cold.removeRetired()
	used := int64(0)
	for _, x := range s.structs {
		x.tidy()
		used += x.mem()
	}
	if budget := s.c.Pool.share(s.c.Memory); s.c.Memory > 0 && used > budget {
		used = s.spill(used, budget)
	}
	s.cold.work()
	s.cold.flush()
	s.used.Store(used)
	return s.err
}

// sweepSteps is how many steps pass between two sweeps.
const sweepSteps = 16

// spill brings the account to 7/8 of a budget: first what was not touched since
// it was looked at last, then anything.
func (s *Store) spill(used, budget int64) int64 {
	target := budget - budget/8
	for _, hard := range []bool{false, true} {
		for _, x := range s.structs {
			if used <= target || s.err != nil {
				return used
			}
			used -= x.evict(used-target, hard)
		}
	}
	return used
}

// Err is the first error of the store: a failed disk, or restored content that
// does not fit the structure asking for it. The host looks at it once all
// operators are open.
func (s *Store) Err() error { return s.err }

// MemBytes is what the structures held in memory when the last step ended, as the
// budget sees it. It may be called from anywhere.
func (s *Store) MemBytes() int64 { return s.used.Load() }

// SpilledBytes is what has left memory for disk since the store was made: what came
// back and left again counts again. It may be called from anywhere, also after Close.
func (s *Store) SpilledBytes() int64 { return s.spilled.Load() }

// Close lets go of memory and deletes what was spilled. No snapshot may be being
// written.
func (s *Store) Close() error {
	s.structs, s.names, s.files, s.unclaimed = nil, nil, nil, 0
	if s.open {
		s.open = false
		opened.Add(-1)
		s.c.Pool.promise(-s.c.Memory)
	}
	return s.cold.close()
}

// fail remembers the first error.
func (s *Store) fail(err error) {
	if s.err == nil && err != nil {
		s.err = err
	}
}

// String gives "[0,64)".
func (r Range) String() string { return fmt.Sprintf("[%d,%d)", r.From, r.To) }
