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
	names   []string
	structs map[string]structure
	// saved holds restored entries until their structure is made.
	saved map[string][]savedEntry
	last  []byte // the newest snapshot, for its size
}

// structure is what a Store keeps under a name.
type structure interface {
	save(sink entrySink)
	// load takes restored entries; false means that they do not fit.
	load(entries []savedEntry) bool
	describe() Description
}

// add makes a structure known and fills it with what was restored for it.
func (s *Store) add(name string, x structure) {
	if _, dup := s.structs[name]; dup {
		invariant.Fail("two state structures named %q", name)
	}
	s.names = append(s.names, name)
	s.structs[name] = x
	entries, ok := s.saved[name]
	if !ok {
		return
	}
	delete(s.saved, name)
	if !x.load(entries) {
		s.fail(diag.New(diag.Checkpoint, "the restored state of %q does not fit the operator", name).
			WithHint("the query has changed: start from an empty state, or restore with the query that wrote it"))
	}
}

func errGroup(name string, group uint16, have Range) error {
	return diag.New(diag.Internal, "state %q got a row of key group %d and owns %v", name, group, have)
}

// New makes an empty store. Nothing is allocated or opened yet.
func New(c Config) *Store {
	if c.MaxGroups == 0 {
		c.MaxGroups = 128
	}
	if c.Groups.Len() == 0 {
		c.Groups = Range{0, c.MaxGroups}
	}
	return &Store{c: c, structs: map[string]structure{}}
}

// Groups is the range of key groups the store owns.
func (s *Store) Groups() Range { return s.c.Groups }

// BeginStep sets the clock that TTL is measured by, in milliseconds. The host
// calls it before each step with the time it has recorded for the step.
func (s *Store) BeginStep(now int64) { s.now = now }

// EndStep ends a step: refs become invalid. It returns the first error that
// happened in the store; the task then fails, its results since the last
// checkpoint being worthless.
func (s *Store) EndStep() error { return s.err }

// Err is the first error of the store: a failed disk, or restored content that
// does not fit the structure asking for it. The host looks at it once all
// operators are open.
func (s *Store) Err() error { return s.err }

// MemBytes is what the structures hold in memory.
func (s *Store) MemBytes() int64 {
	n := int64(0)
	for _, name := range s.names {
		n += s.structs[name].describe().MemBytes
	}
	return n
}

// Close lets go of memory and deletes what was spilled.
func (s *Store) Close() error { return nil }

func (s *Store) fail(err error) {
	if s.err == nil && err != nil {
		s.err = err
	}
}

// String gives "[0,64)".
func (r Range) String() string { return fmt.Sprintf("[%d,%d)", r.From, r.To) }
