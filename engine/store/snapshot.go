package state

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/cespare/xxhash/v2"

	"github.com/minkstream/mink/engine/diag"
)

// A snapshot file is a magic word and one section a structure:
//
//	name | number of entries 8 | entries: key group 2, length 4, bytes | xxhash64 of all this
//
// An entry is a logical one (a row, a timer, a value), so a file can be read into
// any layout and any range of key groups.
const snapshotMagic = "mink-state-1\n"

// entrySink takes the logical entries of a structure.
type entrySink func(group uint16, entry []byte)

// Snapshot is the store's content at one moment.
type Snapshot struct {
	data   []byte
	info   Info
	groups Range
}

// Snapshot freezes the content as checkpoint id, between steps. full asks for all
// content; a snapshot of this store always has all of it.
//
// After Write the host calls Confirm when the checkpoint is durable, or Abort
// when it failed.
func (s *Store) Snapshot(id int64, full bool) *Snapshot {
	n := &Snapshot{groups: s.c.Groups, info: Info{Groups: make([]uint64, s.c.Groups.Len())}}
	n.data = append(make([]byte, 0, len(s.last)+len(s.last)/8+1024), snapshotMagic...)
	for _, name := range s.names {
		n.section(name, s.structs[name])
	}
	n.info.Bytes = int64(len(n.data))
	s.last = n.data
	return n
}

func (n *Snapshot) section(name string, x structure) {
	at := len(n.data)
	n.data = binary.LittleEndian.AppendUint32(n.data, uint32(len(name)))
	n.data = append(n.data, name...)
	count := len(n.data)
	n.data = append(n.data, make([]byte, 8)...)
	entries := uint64(0)
	seed := xxhash.Sum64String(name)
	x.save(func(group uint16, entry []byte) {
		entries++
		n.data = binary.LittleEndian.AppendUint16(n.data, group)
		n.data = binary.LittleEndian.AppendUint32(n.data, uint32(len(entry)))
		n.data = append(n.data, entry...)
		if g := int(group) - n.groups.From; g >= 0 && g < len(n.info.Groups) {
			n.info.Groups[g] += xxhash.Sum64(entry) ^ seed
		}
	})
	binary.LittleEndian.PutUint64(n.data[count:], entries)
	n.info.Entries += int64(entries)
	n.data = binary.LittleEndian.AppendUint64(n.data, xxhash.Sum64(n.data[at:]))
}

// Confirm says that checkpoint id is durable. Unknown ids are ignored.
func (s *Store) Confirm(id int64) {}

// Abort says that checkpoint id will never be used, and that its Write has ended.
func (s *Store) Abort(id int64) {}

// Base is the checkpoint whose files this one continues: restoring needs its
// chain first. 0 means that the snapshot is complete in itself.
func (n *Snapshot) Base() int64 { return 0 }

// Write writes the snapshot as one file. It may run on another goroutine while
// the task goes on, once.
func (n *Snapshot) Write(w io.Writer) (Info, error) {
	_, err := w.Write(n.data)
	return n.info, err
}

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

// savedEntry is an entry waiting for its structure to be made.
type savedEntry struct {
	group uint16
	body  []byte
}

// Restore fills the store from the files of all old subtasks whose key groups
// overlap with its own, before any structure is made. Any old parallelism will
// do, with the same number of key groups. Files are verified here: a damaged one
// is an error with the code checkpoint that names the section.
func (s *Store) Restore(chains []Chain) error {
	if s.saved == nil {
		s.saved = map[string][]savedEntry{}
	}
	for _, c := range chains {
		for _, f := range c {
			if err := s.restoreFile(f); err != nil {
				return err
			}
		}
	}
	return nil
}

func damaged(format string, args ...any) error {
	return diag.New(diag.Checkpoint, "the state file is damaged: "+fmt.Sprintf(format, args...))
}

func (s *Store) restoreFile(f Source) error {
	data := make([]byte, f.Size())
	if _, err := f.ReadAt(data, 0); err != nil && err != io.EOF {
		return diag.Wrap(diag.Checkpoint, err, "cannot read the state file")
	}
	if len(data) < len(snapshotMagic) || string(data[:len(snapshotMagic)]) != snapshotMagic {
		return damaged("it does not begin as one")
	}
	data = data[len(snapshotMagic):]
	for len(data) > 0 {
		rest, err := s.restoreSection(data)
		if err != nil {
			return err
		}
		data = rest
	}
	return nil
}

func (s *Store) restoreSection(data []byte) ([]byte, error) {
	whole := data
	if len(data) < 4 {
		return nil, damaged("it ends in a section's head")
	}
	n := int(binary.LittleEndian.Uint32(data))
	if n < 0 || len(data) < 12+n {
		return nil, damaged("it ends in a section's name")
	}
	name := string(data[4 : 4+n])
	entries := binary.LittleEndian.Uint64(data[4+n:])
	data = data[12+n:]
	var list []savedEntry
	for range entries {
		if len(data) < 6 {
			return nil, damaged("section %q ends early", name)
		}
		group := binary.LittleEndian.Uint16(data)
		size := int(binary.LittleEndian.Uint32(data[2:]))
		if size < 0 || len(data) < 6+size {
			return nil, damaged("section %q ends early", name)
		}
		if s.c.Groups.Has(int(group)) {
			list = append(list, savedEntry{group, data[6 : 6+size : 6+size]})
		}
		data = data[6+size:]
	}
	if len(data) < 8 || binary.LittleEndian.Uint64(data) != xxhash.Sum64(whole[:len(whole)-len(data)]) {
		return nil, damaged("the checksum of section %q is wrong", name)
	}
	s.saved[name] = append(s.saved[name], list...)
	return data[8:], nil
}

// Hashes are the hashes of all content by key group, as in Info. It walks over
// everything: for invariants and tests.
func (s *Store) Hashes() []uint64 {
	last := s.last
	n := s.Snapshot(0, true)
	s.last = last
	return n.info.Groups
}
