package state

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
	"sort"

	"github.com/minkstream/mink/engine/batch"
)

// coldKeys are the rows of a table that are on disk. They lie in runs, each sorted by
// the hash of the key and never changed: what leaves memory at one time becomes a run
// in each of the parts that hashes are cut into by their first bits, and a part that has
// many runs is written again as one, a few parts a step. Of a run memory has a filter,
// the hash that each block of rows begins with, and bits: which rows came back, so that
// they lie here no more, and which no confirmed checkpoint may have. So a key that is
// not on disk does not read it, and one that is reads one block.
//
// A row is
//
//	length of the entry 4 | flags 1 | key group 2 | epoch 8 | entry as in table_save.go
//
// or, of the keys of a multi-map, as in multimap_cold.go.
type coldKeys struct {
	t    *Table
	n    int
	bits uint        // of a hash that name its place in dir
	dir  []*coldPart // neighbours may be the same part
	held int64       // bytes of memory of all runs
	seen uint64      // of no account: keeps reads ahead from being left out
}

type coldPart struct {
	depth uint // bits of a hash that it stands for
	rows  int  // of its runs, also those that came back
	runs  []*coldRun
	owed  bool
}

// owedPart is a part that is to be written as one run.
type owedPart struct {
	k *coldKeys
	p *coldPart
}

type coldRun struct {
	file    *pageFile
	off     int64
	size    int
	n, live int
	filter  bloom
	blocks  []coldBlock
	dead    []uint64 // rows that came back; shared with images of older epochs
	epoch   uint64   // since which dead is our own
	changed []uint64 // rows that the confirmed checkpoint may not have as they are
	newest  uint64   // epoch of the last change of those
	part    part
}

// coldBlock is where a block of rows begins: the hash and number of the first row.
type coldBlock struct {
	hash     uint64
	row, off uint32
}

const (
	coldDirty = 1 << iota // changed in the epoch of the row
	coldPend              // changed in an epoch before
	coldBorn              // inserted in the epoch of the row

	coldHead = 15

	coldBlockBytes = 2 << 10
	coldGuess      = 16      // blocks that the place of a hash is guessed wrong by, mostly
	coldRunsMax    = 6       // of a part, before it is written as one
	coldPartRows   = 1 << 16 // of a part, before it is cut in two
	coldFileBytes  = 64 << 20
	coldWriteBytes = 1 << 20
	// coldWork is how many rows are merged in a step at least, if there is a need.
	coldWork = 1 << 14
)

// changedIn is the epoch of a row's last change that a checkpoint may lack, 0 for none.
func changedIn(rec []byte) uint64 {
	epoch := binary.LittleEndian.Uint64(rec[7:])
	switch flags := rec[4]; {
	case flags&coldDirty != 0:
		return epoch
	case flags&coldPend != 0:
		return epoch - 1
	}
	return 0
}

func recordLen(rec []byte) int     { return coldHead + int(binary.LittleEndian.Uint32(rec)) }
func recordHash(rec []byte) uint64 { return binary.LittleEndian.Uint64(rec[coldHead+hashOff:]) }
func recordGroup(rec []byte) uint16 {
	return binary.LittleEndian.Uint16(rec[5:])
}

// recordKey is the key of a record.
func recordKey(rec []byte) []byte {
	const at = coldHead + hashOff + 8
	n := int(binary.LittleEndian.Uint32(rec[at:]))
	return rec[at+4 : at+4+n]
}

func (k *coldKeys) init(t *Table) { k.t = t }

func (k *coldKeys) part(h uint64) *coldPart { return k.dir[h>>(64-k.bits)] }

func (k *coldKeys) mem() int64 { return k.held + int64(len(k.dir))*8 }

func (r *coldRun) mem() int64 {
	return 200 + r.filter.mem() + int64(cap(r.blocks))*16 + int64(len(r.dead)+len(r.changed))*8
}

// each calls visit once for each part.
func (k *coldKeys) each(visit func(p *coldPart)) {
	for i, p := range k.dir {
		if i == 0 || p != k.dir[i-1] {
			visit(p)
		}
	}
}

// drop forgets all rows on disk.
func (k *coldKeys) drop() {
	k.each(func(p *coldPart) {
		for _, r := range p.runs {
			k.release(r)
		}
		p.runs, p.rows = nil, 0
	})
	*k = coldKeys{t: k.t}
}

// release gives a run back, and its file with the last one in it.
func (k *coldKeys) release(r *coldRun) {
	k.held -= r.mem()
	c := &k.t.s.cold
	if r.file.runs--; r.file.runs == 0 && r.file != c.out {
		c.retire(r.file)
	}
}

// rowSorter is the rows that leave memory, until they are written.
type rowSorter struct {
	since uint32 // all of them are in the snapshots from that number on
	data  []byte
	list  []sortedWord // hash, and place of the row
}

// full reports that enough rows have come together for good runs.
func (x *rowSorter) full(s *Store) bool {
	return int64(len(x.data)) > max(64<<10, min(s.c.Memory/8, 16<<20))
}

// put moves a row to disk; its memory is freed by the caller, who calls flush in the end.
func (k *coldKeys) put(ref Ref) {
	t := k.t
	x := &t.s.cold.rows
	row := t.whole(ref)
	p, i := ref>>t.r.shift, int(ref&(1<<t.r.shift-1))
	bit := func(words []uint64) bool { return words != nil && words[i>>6]>>(i&63)&1 != 0 }
	flags := byte(0)
	if !t.untracked {
		if bit(t.dirty[p]) {
			flags |= coldDirty
		}
		if bit(t.pend[p]) {
			flags |= coldPend
		}
	}
	if bit(t.born[p]) {
		flags |= coldBorn
	}
	at := len(x.data)
	if at == 0 {
		x.since = t.s.snaps.number + 1
	}
	x.since = min(x.since, t.r.meta[p].part.since)
	if c := t.carried(p); c != nil && (bit(c.rows) || bit(c.pend)) {
		x.since = min(x.since, c.since)
	}
	x.data = append(x.data, 0, 0, 0, 0, flags)
	x.data = binary.LittleEndian.AppendUint16(x.data, groupOf(row))
	x.data = binary.LittleEndian.AppendUint64(x.data, t.s.snaps.epoch)
	if t.chains != nil {
		x.data = t.chains.encodeKey(x.data, row)
	} else {
		x.data = t.encodeRow(x.data, row, &t.sl, t.list)
	}
	binary.LittleEndian.PutUint32(x.data[at:], uint32(len(x.data)-at-coldHead))
	x.list = append(x.list, sortedWord{t.rowHash(row), 0, uint32(at)})
}

// flush writes the rows that were put.
func (k *coldKeys) flush() {
	c := &k.t.s.cold
	x := &c.rows
	if len(x.list) == 0 {
		return
	}
	if len(k.dir) == 0 {
		k.dir = []*coldPart{{}}
	}
	x.list = sortWords(x.list)
	w := k.writer()
	w.since = x.since
	for list := x.list; len(list) > 0; {
		p := k.part(list[0].word)
		n := sort.Search(len(list), func(i int) bool { return k.part(list[i].word) != p })
		for _, e := range list[:n] {
			rec := x.data[e.ref:]
			w.add(rec[:recordLen(rec)])
		}
		list = list[n:]
		k.join(p, w.end())
	}
	w.write(true)
	k.n += len(x.list)
	c.evicted += len(x.list)
	c.s.spilled.Add(int64(len(x.data)))
	x.data, x.list = x.data[:0], x.list[:0]
}

// join adds a run to a part.
func (k *coldKeys) join(p *coldPart, r *coldRun) {
	if r == nil {
		return
	}
	p.runs = append(p.runs, r)
	p.rows += r.n
	if !p.owed && (len(p.runs) > coldRunsMax || p.rows > 2*coldPartRows) {
		p.owed = true
		c := &k.t.s.cold
		c.owed = append(c.owed, owedPart{k, p})
	}
}

// runWriter makes runs.
type runWriter struct {
	k      *coldKeys
	buf    []byte
	hashes []uint64
	run    *coldRun
	since  uint32 // of the part that a run becomes
	file   *pageFile
	begin  int // of the run in buf
	block  int // of the last block, in the run
}

// writer begins to make runs, with memory that is used again and again.
func (k *coldKeys) writer() runWriter {
	c := &k.t.s.cold
	return runWriter{k: k, buf: c.writing[:0], hashes: c.hashes[:0]}
}

// add adds a record, which has a hash not below that of the one before it.
func (w *runWriter) add(rec []byte) {
	s := w.k.t.s
	if w.run == nil {
		w.run, w.begin = &coldRun{epoch: s.snaps.epoch, part: part{since: w.since}}, len(w.buf)
	}
	r := w.run
	h := recordHash(rec)
	at := len(w.buf) - w.begin
	if len(r.blocks) == 0 || at-w.block >= coldBlockBytes {
		r.blocks = append(r.blocks, coldBlock{h, uint32(r.n), uint32(at)})
		w.block = at
	}
	if e := changedIn(rec); e > s.snaps.confirmedEpoch {
		for len(r.changed) <= r.n>>6 {
			r.changed = append(r.changed, 0)
		}
		r.changed[r.n>>6] |= 1 << (r.n & 63)
		r.newest = max(r.newest, e)
	}
	w.hashes = append(w.hashes, h)
	w.buf = append(w.buf, rec...)
	r.n++
}

// end ends a run; nil if it is empty or cannot be written.
func (w *runWriter) end() *coldRun {
	r, c := w.run, &w.k.t.s.cold
	if w.run = nil; r == nil {
		return nil
	}
	if w.file == nil || c.out == nil {
		if w.file = c.rowFile(); w.file == nil {
			return nil
		}
	}
	r.file, r.off, r.size, r.live = w.file, w.file.size+int64(w.begin), len(w.buf)-w.begin, r.n
	r.file.runs++
	r.dead = make([]uint64, batch.Words(r.n))
	if r.changed != nil {
		r.changed = append(r.changed, make([]uint64, len(r.dead)-len(r.changed))...)
	}
	r.filter.size(r.n)
	for _, h := range w.hashes {
		r.filter.mark(h)
	}
	r.filter.n = r.n
	w.hashes = w.hashes[:0]
	w.k.held += r.mem()
	w.write(false)
	return r
}

// write writes what has come together, between two runs; last for all of it, after
// which the writer is not used any more.
func (w *runWriter) write(last bool) {
	if last {
		defer func() { w.k.t.s.cold.writing, w.k.t.s.cold.hashes = w.buf[:0], w.hashes[:0] }()
	}
	if w.file == nil || len(w.buf) == 0 || !last && len(w.buf) < coldWriteBytes {
		return
	}
	c := &w.k.t.s.cold
	if _, err := w.file.f.Write(w.buf); err != nil {
		c.s.fail(spillErr(err))
	}
	w.file.size += int64(len(w.buf))
	w.buf = w.buf[:0]
	if w.file.size >= coldFileBytes {
		c.out = nil
		if w.file.runs == 0 {
			c.retire(w.file)
		}
		w.file = nil
	}
}

// rowFile is the file that runs are added to.
func (c *coldSide) rowFile() *pageFile {
	if c.out == nil {
		c.out = c.newPageFile()
	}
	return c.out
}

// work writes parts with many runs again, at the end of a step: some rows for each that
// has left memory in it.
func (c *coldSide) work() {
	left := coldWork + 8*c.evicted
	c.evicted = 0
	for len(c.owed) > 0 && left > 0 && c.s.err == nil {
		o := c.owed[0]
		c.owed = c.owed[1:]
		left -= o.k.merge(o.p)
	}
	if len(c.owed) == 0 {
		c.owed = nil
	}
}

// merge writes the youngest runs of a part as one: those that are not small against
// what is merged already. It returns the number of rows.
func (k *coldKeys) merge(p *coldPart) int {
	p.owed = false
	if len(p.runs) == 0 {
		return 0
	}
	c := &k.t.s.cold
	live, sum, from := 0, 0, len(p.runs)
	for _, r := range p.runs {
		live += r.live
	}
	for from > 0 && (live > coldPartRows || p.rows > 2*coldPartRows || len(p.runs)-from < 3 || p.runs[from-1].n <= 2*sum) {
		from--
		sum += p.runs[from].n
	}
	old := slices.Clone(p.runs[from:])
	p.runs = p.runs[:from:from]
	p.rows -= sum
	size := 0
	for _, r := range old {
		size += r.size
	}
	c.merging = sized(c.merging, size)
	buf := c.merging
	ms := make([]runReader, len(old))
	for i, r := range old {
		ms[i] = runReader{r: r, b: buf[:r.size]}
		buf = buf[r.size:]
		if err := r.file.readAt(ms[i].b, r.off); err != nil {
			c.s.fail(spillErr(err))
			return sum
		}
		ms[i].settle()
	}
	half := uint64(0) // where the second half of the part begins
	if live > coldPartRows && p.depth < 32 {
		half = k.cut(p)
	}
	w := k.writer()
	w.since = k.t.s.snaps.number + 1
	for _, r := range old {
		w.since = min(w.since, r.part.since)
	}
	to := p
	for {
		least := -1
		for i := range ms {
			if len(ms[i].b) > 0 && (least < 0 || ms[i].h < ms[least].h) {
				least = i
			}
		}
		if least < 0 {
			break
		}
		m := &ms[least]
		if half != 0 && m.h >= half {
			k.join(to, w.end())
			to, half = k.part(m.h), 0
		}
		n := recordLen(m.b)
		w.add(m.b[:n])
		m.b = m.b[n:]
		m.row++
		m.settle()
	}
	k.join(to, w.end())
	w.write(true)
	for _, r := range old {
		k.release(r)
	}
	return sum
}

// cut makes two parts of one whose rows are all at hand. It returns the hash that the
// second begins with.
func (k *coldKeys) cut(p *coldPart) uint64 {
	if p.depth == k.bits {
		dir := make([]*coldPart, 2*len(k.dir))
		for i := range dir {
			dir[i] = k.dir[i>>1]
		}
		k.dir, k.bits = dir, k.bits+1
	}
	p.depth++
	second := &coldPart{depth: p.depth}
	at := slices.Index(k.dir, p)
	n := 1 << (k.bits - p.depth) // places of each half
	for i := at + n; i < at+2*n; i++ {
		k.dir[i] = second
	}
	return uint64(at+n) << (64 - k.bits)
}

// runReader reads the rows of a run that are still there.
type runReader struct {
	r   *coldRun
	b   []byte
	row int
	h   uint64
}

func (m *runReader) settle() {
	for len(m.b) > 0 && batch.Bit(m.r.dead, m.row) {
		m.b = m.b[recordLen(m.b):]
		m.row++
	}
	if len(m.b) > 0 {
		m.h = recordHash(m.b)
	}
}

// setBits sets what is known of a row's changes.
func (t *Table) setBits(ref Ref, dirty, born, pend bool) {
	p, i := ref>>t.r.shift, int(ref&(1<<t.r.shift-1))
	set := func(words []uint64, on bool) {
		words[i>>6] &^= 1 << (i & 63)
		if on {
			words[i>>6] |= 1 << (i & 63)
		}
	}
	set(t.dirty[p], dirty)
	set(t.born[p], born)
	if t.pend[p] == nil && !pend {
		return
	}
	b := make([]uint64, len(t.dirty[p])) // images share the old bits
	copy(b, t.pend[p])
	set(b, pend)
	t.pend[p] = b
}

// evict moves rows to disk, page by page, those first that no step has touched
// since it was looked at last.
func (t *Table) evict(need int64, hard bool) int64 {
	before := t.mem()
	if !t.spills || t.r.n == 0 {
		return 0
	}
	rounds := 1
	if hard {
		rounds = 2
	}
	for range rounds * len(t.r.data) {
		if before-t.mem() >= need {
			break
		}
		t.hand = (t.hand + 1) % uint32(len(t.r.data))
		if t.r.data[t.hand] == nil {
			continue
		}
		if m := &t.r.meta[t.hand]; m.touch && !hard {
			m.touch = false
			continue
		}
		t.evictPage(t.hand)
		if t.s.cold.rows.full(t.s) {
			t.cold.flush()
		}
	}
	t.cold.flush()
	t.ix.shrink()
	return before - t.mem()
}

// longList is the number of entries up to which a list leaves memory, however small
// the budget.
const longList = 1024

func (t *Table) evictPage(p uint32) {
	var words [64]uint64
	var homes homeBlock
	for i, b := range append([]uint64(nil), t.r.meta[p].live...) {
		if b == 0 {
			continue
		}
		if t.ix.n > 0 { // read ahead where the rows will be taken out
			n := 0
			for c := b; c != 0; c &= c - 1 {
				words[n] = t.whole(Ref(int(p)<<t.r.shift | i<<6 | bits.TrailingZeros64(c)))[t.keyAt]
				n++
			}
			t.ix.homes(words[:n], &homes)
		}
		for ; b != 0; b &= b - 1 {
			ref := Ref(int(p)<<t.r.shift | i<<6 | bits.TrailingZeros64(b))
			row := t.whole(ref)
			if t.list != nil && int64(row[len(row)-listLanes]) > max(longList, t.s.c.Memory/64) {
				continue // to write such a list again and again costs more than it saves
			}
			if t.stampAt == 0 || !t.expired(row) {
				t.cold.put(ref)
			}
			t.freeValues(row)
			t.remove(ref)
		}
	}
}

// coldImage is the part of a table that was on disk when a snapshot was taken.
type coldImage struct {
	runs []coldRunImage
	all  bool   // all rows count as changed
	from uint64 // else those that did after that epoch
}

type coldRunImage struct {
	r             *coldRun // for what never changes
	dead, changed []uint64
	whole         bool // with rows that have not changed
}

func (k *coldKeys) freeze(delta, keep bool) *coldImage {
	if k.n == 0 {
		return nil
	}
	x := &k.t.s.snaps
	m := &coldImage{all: !delta, from: x.confirmedEpoch}
	k.each(func(p *coldPart) {
		for _, r := range p.runs {
			if r.changed != nil && r.newest <= m.from {
				k.held -= int64(len(r.changed)) * 8
				r.changed = nil
			}
			whole := !delta || x.renew(&r.part, int64(r.size))
			if !delta && keep {
				r.part.now = x.number
			}
			if whole || r.changed != nil {
				m.runs = append(m.runs, coldRunImage{r, r.dead, r.changed, whole})
			}
		}
	})
	return m
}

// rows calls visit with the entries to write, and whether they have changed.
func (m *coldImage) rows(w *snapWriter, visit func(group uint16, body []byte, changed bool)) {
	var buf []byte
	for _, x := range m.runs {
		want := make([]uint64, len(x.dead))
		n := 0
		for i, d := range x.dead {
			want[i] = ^d
			if !x.whole {
				want[i] &= x.changed[i]
			}
			n += bits.OnesCount64(want[i])
		}
		// Blocks that lie side by side are read at once.
		r := x.r
		for i := 0; i < len(r.blocks) && w.err == nil && n > 0; {
			from, to := i, i
			for to < len(r.blocks) && r.blockEnd(to)-int(r.blocks[from].off) <= coldWriteBytes {
				if !anyBit(want, int(r.blocks[to].row), r.blockRows(to)) {
					break
				}
				to++
			}
			if i = to + 1; to == from {
				if !anyBit(want, int(r.blocks[to].row), r.blockRows(to)) {
					continue
				}
				to++
			}
			i = to
			buf = sized(buf, r.blockEnd(to-1)-int(r.blocks[from].off))
			if err := r.file.readAt(buf, r.off+int64(r.blocks[from].off)); err != nil {
				w.fail(spillErr(err))
				return
			}
			row := int(r.blocks[from].row)
			for b := buf; len(b) > 0; row++ {
				n := recordLen(b)
				if batch.Bit(want, row) {
					changed := m.all || changedIn(b) > m.from
					if changed || x.whole {
						visit(recordGroup(b), b[coldHead:n], changed)
					}
				}
				b = b[n:]
			}
		}
	}
}

func (r *coldRun) blockEnd(i int) int {
	if i+1 < len(r.blocks) {
		return int(r.blocks[i+1].off)
	}
	return r.size
}

// blockRows is the number of the first row behind a block.
func (r *coldRun) blockRows(i int) int {
	if i+1 < len(r.blocks) {
		return int(r.blocks[i+1].row)
	}
	return r.n
}

// anyBit reports whether a bit of [from, to) is set.
func anyBit(words []uint64, from, to int) bool {
	for ; from < to && from&63 != 0; from++ {
		if batch.Bit(words, from) {
			return true
		}
	}
	for ; from+64 <= to; from += 64 {
		if words[from>>6] != 0 {
			return true
		}
	}
	for ; from < to; from++ {
		if batch.Bit(words, from) {
			return true
		}
	}
	return false
}

// list lists the keys on disk that begin with a prefix of key group and key, sorted.
func (k *coldKeys) list(prefix []byte) []Key {
	var out []Key
	if k.n == 0 {
		return nil
	}
	at := make([]byte, 0, 64)
	w := snapWriter{}
	k.freeze(false, false).rows(&w, func(group uint16, body []byte, _ bool) {
		n := int(binary.LittleEndian.Uint32(body[hashOff+8:]))
		key := body[hashOff+12 : hashOff+12+n]
		at = append(binary.BigEndian.AppendUint16(at[:0], group), key...)
		if bytes.HasPrefix(at, prefix) {
			out = append(out, Key{Group: group, Hash: binary.LittleEndian.Uint64(body[hashOff:]), Bytes: bytes.Clone(key)})
		}
	})
	k.t.s.fail(w.err)
	slices.SortFunc(out, func(a, b Key) int {
		if a.Group != b.Group {
			return int(a.Group) - int(b.Group)
		}
		return bytes.Compare(a.Bytes, b.Bytes)
	})
	return out
}
