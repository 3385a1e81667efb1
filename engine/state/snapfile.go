package state

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
)

// A snapshot file is blocks of entries, a footer that lists them, and a tail:
//
//	magic | blocks | footer | footer's length 8 | xxhash64 of the footer 8 | magic
//
// A block has entries of one structure, kind and key group, each with its length
// before it; so whoever restores some key groups reads only their blocks, and what
// an entry is does not depend on the layout of pages. The footer is
//
//	first key group 4 | end 4 | checkpoint 8 | base 8 | first of its files 8 | structures 4, their names |
//	blocks 4: structure 4, kind 1, key group 4, sub 8, entries 4, offset 8, bytes 4, xxhash64 8
//
// Blocks of a structure come in the order in which they must be applied. There may be room
// between them.
const (
	snapshotForm  = "mink-state-"
	snapshotMagic = snapshotForm + "6\n"
	snapshotOlder = snapshotForm + "5\n" // which is read too: it has no rows of a Sorted as they lie
	snapTail      = 16 + len(snapshotMagic)
	blockInfoSize = 41

	blockBytes  = 32 << 10 // a block is written when it is that long
	bufferBytes = 4 << 20  // all blocks are, when they are that long together

	// allGroups is the key group of entries that concern all of a file's groups.
	allGroups = 1<<16 - 1
)

type blockInfo struct {
	structure uint32
	kind      sectionKind
	group     uint32
	sub       int64
	entries   uint32
	off       int64
	size      uint32
	sum       uint64
}

// snapWriter writes a snapshot file. The first error stays and ends everything.
type snapWriter struct {
	w      io.Writer
	off    int64
	err    error
	info   Info
	groups Range
	names  []string
	blocks []blockInfo
	// The checkpoint, the one that it continues, and the first of those whose files it needs.
	id, base, first int64

	// The section being written: entries by key group, the last for allGroups.
	now   blockInfo
	seed  uint64
	bufs  [][]byte
	count []uint32
	held  int

	// Of an entry between open and close: where it begins in its buffer.
	at, to int

	unhashed bool
	head     []byte // of an entry that is lent
	sum      xxhash.Digest
	// again: entries that come have not changed since the base. They do not count.
	again   bool
	payload int64 // bytes of all entries that count: the same for the same content
}

func newSnapWriter(w io.Writer, groups Range) *snapWriter {
	n := groups.Len()
	x := &snapWriter{w: w, groups: groups, bufs: make([][]byte, n+1), count: make([]uint32, n+1), info: Info{Groups: make([]uint64, n)}}
	x.write([]byte(snapshotMagic))
	return x
}

func (x *snapWriter) fail(err error) {
	if x.err == nil && err != nil {
		x.err = err
	}
}

func (x *snapWriter) write(b []byte) {
	if x.err == nil {
		_, x.err = x.w.Write(b)
		x.off += int64(len(b))
	}
}

// section begins the entries of a kind of a structure's part sub.
func (x *snapWriter) section(name string, kind sectionKind, sub int64) {
	x.flush()
	if k := len(x.names); k == 0 || x.names[k-1] != name {
		x.names = append(x.names, name)
	}
	x.now = blockInfo{structure: uint32(len(x.names) - 1), kind: kind, sub: sub}
	x.seed = batch.Mix(xxhash.Sum64String(name) + uint64(kind)<<56 + batch.Mix(uint64(sub)))
}

// put adds an entry. Its hash counts for its key group.
func (x *snapWriter) put(group uint16, body []byte) {
	if group != allGroups && !x.again {
		if !x.unhashed {
			x.info.Groups[int(group)-x.groups.From] += batch.Mix(xxhash.Sum64(body) ^ x.seed)
		}
		x.info.Entries++
	}
	x.add(group, body)
}

// open begins an entry: the caller appends its bytes to what is returned, and gives all
// of it to close.
func (x *snapWriter) open(group uint16) []byte {
	if x.to = int(group) - x.groups.From; group == allGroups {
		x.to = len(x.bufs) - 1
	}
	b := x.bufs[x.to]
	x.at = len(b)
	return append(b, 0, 0, 0, 0)
}

// close ends an entry. Its hash counts for its key group.
func (x *snapWriter) close(b []byte) {
	g, n := x.to, len(b)-x.at-4
	binary.LittleEndian.PutUint32(b[x.at:], uint32(n))
	if !x.again {
		if !x.unhashed {
			x.info.Groups[g] += batch.Mix(xxhash.Sum64(b[x.at+4:]) ^ x.seed)
		}
		x.info.Entries++
	}
	x.bufs[g] = b
	x.added(g, n)
}

// closeRows ends an entry that stands for rows of all key groups and has no hash.
func (x *snapWriter) closeRows(b []byte, rows int) {
	n := len(b) - x.at - 4
	binary.LittleEndian.PutUint32(b[x.at:], uint32(n))
	if !x.again {
		x.info.Entries += int64(rows)
	}
	x.bufs[x.to] = b
	x.added(x.to, n)
}

// add adds an entry that is no content of a key group.
func (x *snapWriter) add(group uint16, body []byte) {
	g := int(group) - x.groups.From
	if group == allGroups {
		g = len(x.bufs) - 1
	}
	x.bufs[g] = putBytes(x.bufs[g], body)
	x.added(g, len(body))
}

// added counts an entry of n bytes in buffer g.
func (x *snapWriter) added(g, n int) {
	x.count[g]++
	x.held += 4 + n
	if !x.again {
		x.payload += int64(n)
	}
	if len(x.bufs[g]) >= blockBytes {
		x.block(g)
	}
	if x.held > bufferBytes {
		x.flush()
	}
}

// block writes the entries of one key group.
func (x *snapWriter) block(g int) {
	b := x.bufs[g]
	if x.count[g] == 0 {
		return
	}
	i := x.now
	i.group, i.entries, i.off, i.size, i.sum = uint32(x.groups.From+g), x.count[g], x.off, uint32(len(b)), xxhash.Sum64(b)
	if g == len(x.bufs)-1 {
		i.group = allGroups
	}
	x.blocks = append(x.blocks, i)
	x.write(b)
	x.held -= len(b)
	x.bufs[g], x.count[g] = b[:0], 0
}

// lendRows is closeRows for an entry of its own block, head and data, which goes to the
// writer from where it lies: data has more than StreamLong bytes, place bytes behind a
// multiple of StreamAlign, and never changes.
func (x *snapWriter) lendRows(head, data []byte, place, rows int) {
	g := len(x.bufs) - 1
	x.block(g)
	n := len(head) + len(data)
	x.head = append(binary.LittleEndian.AppendUint32(x.head[:0], uint32(n)), head...)
	if room := int(int64(place)-x.off-int64(len(x.head))) & (env.StreamAlign - 1); room > 0 {
		x.write(make([]byte, room))
	}
	x.sum.Reset()
	x.sum.Write(x.head)
	x.sum.Write(data)
	i := x.now
	i.group, i.entries, i.off, i.size, i.sum = allGroups, 1, x.off, uint32(4+n), x.sum.Sum64()
	x.blocks = append(x.blocks, i)
	x.write(x.head)
	if l, ok := x.w.(env.Lender); !ok {
		x.write(data)
	} else if x.err == nil {
		_, x.err = l.Lend(data)
		x.off += int64(len(data))
	}
	if !x.again {
		x.info.Entries += int64(rows)
		x.payload += int64(n)
	}
}

func (x *snapWriter) flush() {
	for g := range x.bufs {
		x.block(g)
	}
}

// end writes the footer.
func (x *snapWriter) end() {
	x.flush()
	b := binary.LittleEndian.AppendUint32(nil, uint32(x.groups.From))
	b = binary.LittleEndian.AppendUint32(b, uint32(x.groups.To))
	b = put64(put64(put64(b, uint64(x.id)), uint64(x.base)), uint64(x.first))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(x.names)))
	for _, n := range x.names {
		b = putBytes(b, []byte(n))
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(x.blocks)))
	for _, i := range x.blocks {
		b = append(binary.LittleEndian.AppendUint32(b, i.structure), byte(i.kind))
		b = put64(binary.LittleEndian.AppendUint32(b, i.group), uint64(i.sub))
		b = put64(binary.LittleEndian.AppendUint32(b, i.entries), uint64(i.off))
		b = put64(binary.LittleEndian.AppendUint32(b, i.size), i.sum)
	}
	x.write(b)
	tail := put64(put64(nil, uint64(len(b))), xxhash.Sum64(b))
	x.write(append(tail, snapshotMagic...))
	x.info.Bytes = x.off
}

// Source is a snapshot file to read.
type Source interface {
	io.ReaderAt
	Size() int64
}

// Chain is the snapshot files of one old subtask that a checkpoint needs, oldest first.
type Chain []Source

// restoredFile is a file that structures are filled from as they are made.
type restoredFile struct {
	src    Source
	groups Range
	names  []string
	blocks []blockInfo

	id, base, first int64
	place           int  // in its chain
	whole           bool // the chain has no other
}

// Restore fills the store from the files of all old subtasks whose key groups
// overlap with its own, before any structure is made. Any old parallelism will
// do, with the same number of key groups. Their footers are verified here, and what a
// structure is filled from when it is made: whatever is damaged is an error with the
// code checkpoint that names the section, of Restore or of Err. Files stay open until
// then.
func (s *Store) Restore(chains []Chain) error {
	for _, c := range chains {
		for i, src := range c {
			f, err := openSnapshot(src)
			if err != nil {
				return err
			}
			f.place, f.whole = i, len(c) == 1
			if i > 0 && f.base != s.files[len(s.files)-1].id {
				return damaged("it is not at its place in the chain of files")
			}
			s.files = append(s.files, f)
		}
		if n := len(s.files); len(c) > 0 && s.files[n-1].first != s.files[n-len(c)].id {
			return damaged("the chain of files does not begin where it should")
		}
	}
	return nil
}

func (s *Store) wants(b *blockInfo) bool { return b.group == allGroups || s.c.Groups.Has(int(b.group)) }

func damaged(format string, args ...any) error {
	return diag.New(diag.Checkpoint, "%s", "the state file is damaged: "+fmt.Sprintf(format, args...))
}

func openSnapshot(src Source) (*restoredFile, error) {
	size := src.Size()
	if size < int64(len(snapshotMagic)+snapTail) {
		return nil, damaged("it is too short")
	}
	var head [len(snapshotMagic)]byte
	var tail [snapTail]byte
	if err := readAt(src, head[:], 0); err != nil {
		return nil, err
	}
	if err := readAt(src, tail[:], size-int64(snapTail)); err != nil {
		return nil, err
	}
	if h := string(head[:]); h != string(tail[16:]) || h != snapshotMagic && h != snapshotOlder {
		if h == string(tail[16:]) && strings.HasPrefix(h, snapshotForm) && strings.HasSuffix(h, "\n") {
			return nil, diag.New(diag.Checkpoint, "the state file has form %s, and this mink reads form %s",
				h[len(snapshotForm):len(h)-1], snapshotMagic[len(snapshotForm):len(h)-1]).
				WithHint("begin from a state that this version has written, or run the version that wrote the file")
		}
		return nil, damaged("it does not begin and end as one")
	}
	n := binary.LittleEndian.Uint64(tail[:])
	if n > uint64(size)-uint64(snapTail+len(snapshotMagic)) {
		return nil, damaged("its footer has no room")
	}
	b := make([]byte, n)
	end := size - int64(snapTail) - int64(n)
	if err := readAt(src, b, end); err != nil {
		return nil, err
	}
	if binary.LittleEndian.Uint64(tail[8:]) != xxhash.Sum64(b) {
		return nil, damaged("the checksum of its footer is wrong")
	}
	f := &restoredFile{src: src}
	r := entryReader{b: b}
	f.groups = Range{int(r.u32()), int(r.u32())}
	f.id, f.base, f.first = int64(r.u64()), int64(r.u64()), int64(r.u64())
	for k := r.u32(); k > 0 && !r.bad; k-- {
		f.names = append(f.names, string(r.bytes()))
	}
	for k := r.u32(); k > 0 && !r.bad; k-- {
		i := blockInfo{structure: r.u32(), kind: sectionKind(r.u8()), group: r.u32(), sub: int64(r.u64()), entries: r.u32(), off: int64(r.u64()), size: r.u32(), sum: r.u64()}
		if int(i.structure) >= len(f.names) || i.off < 0 || i.off+int64(i.size) > end {
			return nil, damaged("its footer is wrong")
		}
		f.blocks = append(f.blocks, i)
	}
	if !r.ok() {
		return nil, damaged("its footer is wrong")
	}
	return f, nil
}

func readAt(src Source, b []byte, off int64) error {
	if n, err := src.ReadAt(b, off); n < len(b) {
		if err == nil || err == io.EOF {
			return damaged("it ends early")
		}
		return diag.Wrap(diag.Checkpoint, err, "cannot read the state file")
	}
	return nil
}

// read reads a block into buf.
func (f *restoredFile) read(i *blockInfo, buf []byte) ([]byte, error) {
	buf = sized(buf, int(i.size))
	if err := readAt(f.src, buf, i.off); err != nil {
		return buf, err
	}
	if xxhash.Sum64(buf) != i.sum {
		return buf, damaged("the checksum of section %q is wrong", f.names[i.structure])
	}
	return buf, nil
}

// fill fills a structure with what was restored for it.
func (s *Store) fill(name string, x structure) {
	var buf []byte
	var err error
	from := name
	if s.c.From != nil {
		from = s.c.From(name)
	}
	var list []fileBlock
	for _, f := range s.files {
		for k := range f.blocks {
			if i := &f.blocks[k]; f.names[i.structure] == from && s.wants(i) {
				list = append(list, fileBlock{f, i})
			}
		}
	}
	o, ordered := x.(ordered)
	if ordered && len(list) > 0 {
		o.arrange(list)
		defer o.arranged()
	}
	blocks, together := x.(blockLoader)
	if together {
		rows := int64(0)
		for _, k := range list {
			switch k.kind {
			case kindRow:
				rows += int64(k.entries)
			case kindPage: // of all key groups that the file has
				mine := min(k.f.groups.To, s.c.Groups.To) - max(k.f.groups.From, s.c.Groups.From)
				rows += int64(k.size) / blocks.pageRow() * int64(max(0, mine)) / int64(max(1, k.f.groups.Len()))
			}
		}
		blocks.expect(rows)
	}
	for _, k := range list {
		i := k.blockInfo
		if buf, err = k.f.read(i, buf); err != nil {
			s.fail(err)
			return
		}
		e := savedEntry{kind: i.kind, sub: i.sub, group: uint16(i.group), files: k.f.groups, place: k.f.place}
		var ok bool
		if together {
			ok = blocks.loadBlock(&e, buf, int(i.entries))
		} else {
			ok = loadEach(x, &e, buf, int(i.entries))
		}
		if !ok {
			s.fail(diag.New(diag.Checkpoint, "the restored state of %q does not fit the operator", name).
				WithHint("the query has changed: start from an empty state, or restore with the query that wrote it"))
			return
		}
		if ordered {
			o.loaded()
		}
		if s.c.Memory > 0 {
			s.keepBudget()
		}
	}
}

// fileBlock is a block of a file.
type fileBlock struct {
	f *restoredFile
	*blockInfo
}

// ordered is a structure that has an order of its own for the blocks of all files: it is
// asked for it before the first, told behind each, and at the end.
type ordered interface {
	arrange(list []fileBlock)
	loaded()
	arranged()
}

// keepBudget lets what is restored leave memory as it comes.
func (s *Store) keepBudget() {
	used := int64(0)
	for _, x := range s.structs {
		used += x.mem()
	}
	if budget := s.c.Pool.share(s.c.Memory); used > budget {
		s.spill(used, budget)
		s.cold.work()
		s.cold.flush()
	}
}

func (r *entryReader) u32() uint32 {
	if len(r.b) < 4 {
		r.bad = true
		return 0
	}
	v := binary.LittleEndian.Uint32(r.b)
	r.b = r.b[4:]
	return v
}

func (r *entryReader) u8() byte {
	if len(r.b) < 1 {
		r.bad = true
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

// Content is what a snapshot file has of a structure.
type Content struct {
	Name  string
	Bytes int64
}

// Contents lists the structures of a snapshot file in its order. Only the file's footer is
// read.
func Contents(src Source) ([]Content, error) {
	f, err := openSnapshot(src)
	if err != nil {
		return nil, err
	}
	out := make([]Content, len(f.names))
	for i, n := range f.names {
		out[i].Name = n
	}
	for i := range f.blocks {
		out[f.blocks[i].structure].Bytes += int64(f.blocks[i].size)
	}
	return out, nil
}
