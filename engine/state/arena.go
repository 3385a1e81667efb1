package state

import (
	"encoding/binary"
	"errors"
	"io"
	"path"
	"slices"
	"strconv"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/minkstream/mink/engine/batch"
)

// A record of an arena is immutable:
//
//	row before it in its chain 40 bits, length 24 | number of the row in its key
//	group 48, length's high bits 8 | Ref of the key 32 | stamp, with TTL | bytes
//
// in words of 8 bytes. Where keys may leave memory, their rows have no Ref for good, and
// a record is
//
//	row before 40, length 24 | number 48, 8 | hash of the key 64 | stamp, with TTL |
//	key group 16, flags 16, length of the key 32 | key | bytes
//
// with the key itself in place of its hash where that is one word.
//
// A record takes at least recUnit bytes, so that the place divided
// by recUnit is a number of its own: dead bits and counters of a page are found by
// it.
const (
	recHead = 24
	recUnit = 32

	refPlace = 16 // bits of a RowRef for the place in a page, in words
	refBits  = 40
	seqMask  = 1<<48 - 1
	pageMax  = 8 << refPlace
)

// arenaPage is a run of records. The first of them are released in order; pages in
// between keep what is dead until the arena is written again.
type arenaPage struct {
	data []byte // nil: in a file
	used int
	live int // records that are not dead
	// By place: which records are dead, their counters, and which of those changed
	// since the last snapshot, or between the last confirmed checkpoint and it.
	dead          []uint64
	counts        []uint32
	dirty, pend   []uint64
	newest, epoch uint64 // newest is the highest stamp
	touch, full   bool
	file          *pageFile
	off           int64
	part          part
	// place is how many rows the multi-map had been given before the first one here, or
	// a little less.
	place uint64
}

// pageFile is a file of pages that left memory. Nothing in it is ever changed.
type pageFile struct {
	f    vfs.File
	name string
	size int64
	runs int // of rows, that lie in it and are still in use
	// One write goes to it at a time, from the task; reads come from anywhere.
}

// newPageFile makes a file for pages.
func (c *coldSide) newPageFile() *pageFile {
	fs, dir, err := c.fs()
	if err != nil {
		c.s.fail(spillErr(err))
		return nil
	}
	c.pageFiles++
	p := &pageFile{name: path.Join(dir, "pages-"+strconv.Itoa(c.pageFiles))}
	if p.f, err = fs.Create(p.name, vfs.WriteCategoryUnspecified); err != nil {
		c.s.fail(spillErr(err))
		return nil
	}
	c.files = append(c.files, p)
	return p
}

// retire closes and deletes a file once no snapshot can be reading it.
func (c *coldSide) retire(p *pageFile) {
	if p != nil {
		c.retired = append(c.retired, p)
	}
}

func (c *coldSide) removeRetired() {
	if len(c.retired) == 0 || c.s.snaps.frozen() {
		return
	}
	fs, _, err := c.fs()
	for _, p := range c.retired {
		c.files = slices.DeleteFunc(c.files, func(f *pageFile) bool { return f == p })
		err = errors.Join(err, p.f.Close())
		if fs != nil {
			err = errors.Join(err, fs.Remove(p.name))
		}
	}
	c.retired = nil
	if err != nil {
		c.s.fail(spillErr(err))
	}
}

// arena is the records of a MultiMap.
type arena struct {
	s      *Store
	head   int // bytes before a record's row
	pages  []arenaPage
	first  int // pages below were released
	size   int // of the next page
	hot    int64
	extra  int64 // bytes of counters and bits
	counts bool
	keyed  bool      // records have their keys
	word   *keyShape // of keys of one word, if records have them
	// stamped: they have a stamp.
	stamped bool
	dying   int64 // bytes of dead records that are not released
	all     int64 // bytes of all records that are not released
	hand    int
	seen    seenRecords
	file    *pageFile
	// place gives that of a page that is begun.
	place func() uint64
}

// recSize is the size of a record with n bytes of row.
func (a *arena) recSize(n int) int { return max(recUnit, (a.head+n+7)&^7) }

func refOf(page, off int) RowRef { return RowRef(page+1)<<refPlace | RowRef(off>>3) }

func (r RowRef) page() int { return int(r>>refPlace) - 1 }
func (r RowRef) off() int  { return int(r&(1<<refPlace-1)) << 3 }

func recLen(rec []byte) int {
	return int(binary.LittleEndian.Uint64(rec)>>refBits | binary.LittleEndian.Uint64(rec[8:])>>48<<24)
}

func recPrev(rec []byte) RowRef { return RowRef(binary.LittleEndian.Uint64(rec) & (1<<refBits - 1)) }
func recSeq(rec []byte) uint64  { return binary.LittleEndian.Uint64(rec[8:]) & seqMask }
func recKey(rec []byte) Ref     { return binary.LittleEndian.Uint32(rec[16:]) }

// recStamp is the stamp of a record of an arena with TTL.
func recStamp(rec []byte) uint64 { return binary.LittleEndian.Uint64(rec[24:]) }

func (a *arena) recRow(rec []byte) []byte {
	n, at := recLen(rec), a.head
	if a.keyed {
		at += int(binary.LittleEndian.Uint32(rec[a.head-4:]))
	}
	return rec[at : a.head+n : a.head+n]
}

// recGroup is the key group of a record that has its key.
func (a *arena) recGroup(rec []byte) uint16 { return binary.LittleEndian.Uint16(rec[a.head-8:]) }

// recName is the key of a record that has it; buf is memory for its bytes.
func (a *arena) recName(rec, buf []byte) Key {
	w := binary.LittleEndian.Uint64(rec[a.head-8:])
	k := Key{Group: uint16(w), Hash: binary.LittleEndian.Uint64(rec[16:])}
	switch n := int(w >> 32); {
	case a.word == nil:
		k.Bytes = rec[a.head : a.head+n : a.head+n]
	case w&nullName != 0:
		k.Hash, k.Bytes = nullHash, append(buf[:0], 0)
	default:
		k.Bytes = a.word.appendWord(buf[:0], k.Hash)
		k.Hash = batch.Mix(k.Hash + golden)
	}
	return k
}

// nullName says that the key of a record is NULL.
const nullName = 1 << 16

// recordName is the key of a record that is added: with word, group and null, where keys
// are one word, or else with the key.
type recordName struct {
	Key
	word uint64
	null bool
}

// add appends a record: with key, the Ref of its key, or with name.
func (a *arena) add(prev RowRef, key Ref, name *recordName, seq, stamp uint64, row []byte) RowRef {
	size := len(row)
	if a.keyed {
		size += len(name.Bytes)
	}
	need := a.recSize(size)
	ref, p := a.take(need)
	rec := p.data[ref.off():][:need]
	n := uint64(size)
	binary.LittleEndian.PutUint64(rec, uint64(prev)|n<<refBits)
	binary.LittleEndian.PutUint64(rec[8:], seq&seqMask|n>>24<<48)
	binary.LittleEndian.PutUint64(rec[16:], uint64(key))
	if a.stamped {
		binary.LittleEndian.PutUint64(rec[24:], stamp)
		p.newest = max(p.newest, stamp) // after a restore rows do not lie by age
	}
	to := rec[a.head:]
	if a.keyed {
		third, last := name.Hash, uint64(name.Group)|uint64(len(name.Bytes))<<32
		if a.word != nil {
			third = name.word
			if name.null {
				last |= nullName
			}
		}
		binary.LittleEndian.PutUint64(rec[16:], third)
		binary.LittleEndian.PutUint64(rec[a.head-8:], last)
		to = to[copy(to, name.Bytes):]
	}
	copy(to, row)
	return ref
}

// addCopy appends a copy of a record of the same form.
func (a *arena) addCopy(prev RowRef, rec []byte) RowRef {
	ref, p := a.take(len(rec))
	to := p.data[ref.off():][:len(rec)]
	copy(to, rec)
	binary.LittleEndian.PutUint64(to, uint64(prev)|binary.LittleEndian.Uint64(rec)&^(1<<refBits-1))
	if a.stamped {
		p.newest = max(p.newest, recStamp(rec))
	}
	return ref
}

// take makes room for a record.
func (a *arena) take(need int) (RowRef, *arenaPage) {
	k := len(a.pages) - 1
	if k < 0 || a.pages[k].used+need > len(a.pages[k].data) || a.pages[k].data == nil {
		a.newPage(need)
		k++
	}
	p := &a.pages[k]
	off := p.used
	p.used += need
	p.live++
	p.touch = true
	a.all += int64(need)
	return refOf(k, off), p
}

func (a *arena) newPage(need int) {
	top := min(8*a.s.c.PageBytes, pageMax)
	switch {
	case a.size == 0:
		a.size = max(256, a.s.c.PageBytes/8)
	case a.size < top:
		a.size = min(a.size*2, top)
	}
	if k := len(a.pages); k > 0 {
		a.pages[k-1].full = true
	}
	size := max(a.size, need)
	p := arenaPage{data: make([]byte, size), epoch: a.s.snaps.epoch, part: a.s.snaps.fresh(), place: a.place()}
	if a.counts {
		p.counts = make([]uint32, (size+recUnit-1)/recUnit)
		a.extra += int64(size / recUnit * 4)
	}
	a.pages = append(a.pages, p)
	a.hot += int64(size)
}

// release gives back the pages at the front that have nothing live. Rows removed in
// a step can be read until it ends, so nothing is released before.
func (a *arena) release() {
	for a.first < len(a.pages) {
		p := &a.pages[a.first]
		if p.live > 0 || !p.full {
			return
		}
		a.hot -= int64(len(p.data))
		a.extra -= int64(len(p.counts)*4 + len(p.dead)*8)
		a.all -= int64(p.used)
		a.dying -= int64(p.used)
		*p = arenaPage{full: true}
		a.first++
	}
}

// own makes the bits and counters of a page writable after a snapshot.
func (a *arena) own(p *arenaPage) {
	if p.epoch == a.s.snaps.epoch {
		return
	}
	shared := p.epoch < a.s.snaps.shared
	p.epoch = a.s.snaps.epoch
	if shared || a.s.snaps.frozen() {
		a.s.snaps.copied += int64(len(p.dead)*8 + len(p.counts)*4 + len(p.dirty)*8)
		p.dead, p.counts, p.dirty = slices.Clone(p.dead), slices.Clone(p.counts), slices.Clone(p.dirty)
	}
}

// rec is a record: in memory the rest of its page, else a copy.
func (a *arena) rec(ref RowRef) []byte {
	p := &a.pages[ref.page()]
	p.touch = true
	if p.data != nil {
		return p.data[ref.off():]
	}
	if rec := a.seen.find(ref); rec != nil {
		return rec
	}
	rec, err := a.read(p, ref.off())
	if err != nil {
		a.s.fail(spillErr(err))
		return make([]byte, a.head+recUnit)
	}
	a.seen.add(ref, rec)
	return rec
}

// coldRead is how much is read of a record at first.
const coldRead = 512

func (a *arena) read(p *arenaPage, off int) ([]byte, error) {
	b := a.seen.room(min(coldRead, p.used-off))
	if err := p.file.readAt(b, p.off+int64(off)); err != nil {
		return nil, err
	}
	n := a.head + recLen(b)
	if n > len(b) {
		b = make([]byte, n)
		return b, p.file.readAt(b, p.off+int64(off))
	}
	a.seen.use(n)
	return b[:n:n], nil
}

func (f *pageFile) readAt(b []byte, off int64) error {
	if n, err := f.f.ReadAt(b, off); n < len(b) {
		if err == nil {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	return nil
}

// gone reports whether a record is dead, or was released with its page.
func (a *arena) gone(ref RowRef) bool {
	k := ref.page()
	if k < a.first {
		return true
	}
	p := &a.pages[k]
	return p.dead != nil && batch.Bit(p.dead, ref.off()/recUnit)
}

// kill marks a record as dead.
func (a *arena) kill(ref RowRef, rec []byte) {
	p := &a.pages[ref.page()]
	a.own(p)
	if p.dead == nil {
		size := max(p.used, len(p.data))
		p.dead = make([]uint64, batch.Words((size+recUnit-1)/recUnit))
		a.extra += int64(len(p.dead) * 8)
	}
	batch.SetBit(p.dead, ref.off()/recUnit)
	p.live--
	a.dying += int64(a.recSize(recLen(rec)))
}

// all records of a page, in order: visit returns false to stop.
func (a *arena) each(k int, p *arenaPage, visit func(ref RowRef, rec []byte) bool) error {
	data := p.data
	if data == nil && p.used > 0 {
		data = make([]byte, p.used)
		if err := p.file.readAt(data, p.off); err != nil {
			return err
		}
	}
	for off := 0; off < p.used; {
		rec := data[off:]
		next := off + a.recSize(recLen(rec))
		if !visit(refOf(k, off), rec) {
			return nil
		}
		off = next
	}
	return nil
}

// victim is the page to look at next, and whether it is one that may leave memory.
func (a *arena) victim(hard bool) (int, bool) {
	if a.hand++; a.hand < a.first || a.hand >= len(a.pages) {
		a.hand = a.first
	}
	p := &a.pages[a.hand]
	if p.data == nil || !p.full && !hard {
		return 0, false
	}
	if p.touch && !hard {
		p.touch = false
		return 0, false
	}
	return a.hand, true
}

// evict moves a page to the file.
func (a *arena) evict(k int) {
	if a.file == nil {
		if a.file = a.s.cold.newPageFile(); a.file == nil {
			return
		}
	}
	// A file may change what it is given to write, and images read the page.
	p := &a.pages[k]
	a.s.cold.buf = append(a.s.cold.buf[:0], p.data[:p.used]...)
	if _, err := a.file.f.Write(a.s.cold.buf); err != nil {
		a.s.fail(spillErr(err))
		return
	}
	p.file, p.off = a.file, a.file.size
	a.file.size += int64(p.used)
	a.s.spilled.Add(int64(p.used))
	a.hot -= int64(len(p.data))
	p.data, p.full = nil, true
}

func (a *arena) mem() int64 { return a.hot + a.extra + int64(len(a.pages))*8 }
