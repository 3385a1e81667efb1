package state

import "io"

// Snapshot is the store's content at one moment.
type Snapshot struct{}

// Snapshot freezes the content as checkpoint id, between steps. It copies
// directories, not rows: microseconds for ordinary state. full asks for all
// content; otherwise the store writes what changed since the last confirmed
// checkpoint, or all if there is none or a new base is due (Snapshot.Base tells).
//
// After Write the host calls Confirm when the checkpoint is durable, or Abort
// when it failed: until then pages are held twice where they change. A newer
// Snapshot makes an unanswered one count as aborted.
func (s *Store) Snapshot(id int64, full bool) *Snapshot { panic("unbuilt") }

// Confirm says that checkpoint id is durable: later snapshots need only what
// changed since. Unknown ids are ignored.
func (s *Store) Confirm(id int64) { panic("unbuilt") }

// Abort says that checkpoint id will never be used, and that its Write has ended.
func (s *Store) Abort(id int64) { panic("unbuilt") }

// Base is the checkpoint whose files this one continues: restoring needs its
// chain first. 0 means that the snapshot is complete in itself.
func (n *Snapshot) Base() int64 { panic("unbuilt") }

// Write writes the snapshot as one file. It may run on another goroutine while
// the task goes on, once.
func (n *Snapshot) Write(w io.Writer) (Info, error) { panic("unbuilt") }

// Info is what Write has written.
type Info struct {
	// Bytes is the size of the file, Entries the number of logical entries.
	Bytes, Entries int64
	// Groups are the hashes of the written entries by key group, in the order of
	// the store's groups: the sum of a hash of each entry, so it depends on
	// content alone and not on its order or layout.
	Groups []uint64
}

// Source is a snapshot file to read.
type Source interface {
	io.ReaderAt
	Size() int64
}

// Chain is the snapshot files of one old subtask, oldest first: a complete one,
// then those that continue it.
type Chain []Source

// Restore fills the store from the files of all old subtasks whose key groups
// overlap with its own, before any structure is made. Any old parallelism will
// do, with the same number of key groups. Files are verified here: a damaged one
// is an error with the code checkpoint that names the section.
func (s *Store) Restore(chains []Chain) error { panic("unbuilt") }

// Hashes are the hashes of all content by key group, as in Info. It walks over
// everything: for invariants and tests.
func (s *Store) Hashes() []uint64 { panic("unbuilt") }
