package state

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/bits"
	"path"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/minkstream/mink/engine/diag"
)

// coldSide is what does not fit in memory: rows, buckets of queues and pages of
// join rows. It is a working copy that is worth nothing once the task has ended,
// so nothing of it is synced and there is no log.
//
// Rows lie in Pebble under
//
//	'r' owner 4 key group 2 key   →  flags 1, epoch 8, entry as in table_save.go
//	'd' epoch 8 owner 4 key group 2 key  →  nothing: the row was changed in that
//	                                        epoch and no confirmed checkpoint has it
//
// and nothing that is decided here depends on Pebble's files or on its speed.
type coldSide struct {
	s         *Store
	db        *pebble.DB
	taken     *pebble.Batch // rows brought back in this step are deleted; indexed
	batch     *pebble.Batch // rows that leave
	owners    uint32
	files     []*pageFile
	retired   []*pageFile // wait for snapshots to end
	pageFiles int
	buf       []byte
}

const (
	coldDirty = 1 << iota // changed in the epoch of the value
	coldPend              // changed in an epoch before
	coldBorn              // inserted in the epoch of the value

	coldHead = 9
)

// fs is the file system and folder of what is spilled; made empty when it is first
// asked for.
func (c *coldSide) fs() (vfs.FS, string, error) {
	fs, dir := c.s.c.FS, c.s.c.Dir
	switch {
	case dir == "":
		if fs == nil {
			fs = vfs.NewMem()
			c.s.c.FS = fs
		}
		dir = "state"
	case fs == nil:
		fs = vfs.Default
	}
	if c.db == nil && c.pageFiles == 0 {
		if err := fs.RemoveAll(dir); err != nil {
			return nil, "", err
		}
	}
	return fs, dir, fs.MkdirAll(dir, 0o755)
}

// open makes Pebble ready.
func (c *coldSide) open() bool {
	if c.db != nil {
		return true
	}
	fs, dir, err := c.fs()
	if err == nil {
		cache := pebble.NewCache(max(1<<20, min(c.s.c.Memory/8, 64<<20)))
		defer cache.Unref()
		c.db, err = pebble.Open(path.Join(dir, "rows"), &pebble.Options{
			FS: fs, DisableWAL: true, Cache: cache, Logger: quiet{}, MemTableSize: 4 << 20,
			CompactionConcurrencyRange: func() (int, int) { return 1, 1 },
		})
	}
	if err != nil {
		c.s.fail(spillErr(err))
		return false
	}
	c.batch, c.taken = c.db.NewBatch(), c.db.NewIndexedBatch()
	return true
}

func spillErr(err error) error {
	return diag.Wrap(diag.IO, err, "spilling state to disk").
		WithHint("look whether the folder of spilled state can be written and has room, or raise state.memory")
}

// quiet drops Pebble's messages; errors come back from its calls.
type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(format string, args ...any) {
	panic(diag.New(diag.IO, "the store of spilled state failed: "+format, args...))
}

func (c *coldSide) set(key, value []byte) {
	if err := c.batch.Set(key, value, nil); err != nil {
		c.s.fail(spillErr(err))
	}
	c.s.spilled.Add(int64(len(key) + len(value)))
	if c.batch.Len() > 4<<20 {
		c.flush()
	}
}

func (c *coldSide) delete(key []byte) {
	if err := c.taken.Delete(key, nil); err != nil {
		c.s.fail(spillErr(err))
	}
}

// flush makes what was written visible to iterators and snapshots.
func (c *coldSide) flush() {
	if c.db == nil {
		return
	}
	for _, b := range []*pebble.Batch{c.taken, c.batch} {
		if b.Empty() {
			continue
		}
		if err := b.Commit(pebble.NoSync); err != nil {
			c.s.fail(spillErr(err))
		}
		b.Reset()
	}
}

// deleteRange deletes all keys with a prefix.
func (c *coldSide) deleteRange(prefix []byte) {
	if c.db == nil {
		return
	}
	c.flush()
	if err := c.db.DeleteRange(prefix, after(prefix), pebble.NoSync); err != nil {
		c.s.fail(spillErr(err))
	}
}

// after is the first key behind all that have a prefix.
func after(prefix []byte) []byte {
	p := bytes.Clone(prefix)
	for i := len(p) - 1; i >= 0; i-- {
		if p[i]++; p[i] != 0 {
			return p[:i+1]
		}
	}
	return nil
}

// confirmed forgets which rows have changed in epochs up to one.
func (c *coldSide) confirmed(epoch uint64) {
	if c.db == nil {
		return
	}
	c.flush()
	to := binary.BigEndian.AppendUint64([]byte{'d'}, epoch+1)
	if err := c.db.DeleteRange([]byte{'d'}, to, pebble.NoSync); err != nil {
		c.s.fail(spillErr(err))
	}
}

func (c *coldSide) close() error {
	var err error
	if c.db != nil {
		err = errors.Join(c.batch.Close(), c.taken.Close(), c.db.Close())
	}
	for _, f := range c.files {
		err = errors.Join(err, f.f.Close())
	}
	if c.db != nil || len(c.files) > 0 {
		fs, dir := c.s.c.FS, c.s.c.Dir
		if dir == "" {
			dir = "state"
		}
		if fs == nil {
			fs = vfs.Default
		}
		err = errors.Join(err, fs.RemoveAll(dir))
	}
	c.db, c.batch, c.taken, c.files, c.retired = nil, nil, nil, nil, nil
	return err
}

// coldKeys are the rows of a table that are on disk. A filter keeps new keys from
// asking the disk.
type coldKeys struct {
	t      *Table
	owner  uint32 // 0: none yet
	n      int    // rows on disk
	filter bloom
}

func (k *coldKeys) init(t *Table) { k.t = t }

// may reports whether a key with a hash may be on disk.
func (k *coldKeys) may(h uint64) bool { return k.filter.has(h) }

func (k *coldKeys) mem() int64 { return k.filter.mem() }

// drop forgets all rows on disk. Notes of changes stay under the old owner, where
// nobody looks.
func (k *coldKeys) drop() {
	if k.owner != 0 {
		k.t.s.cold.deleteRange(k.prefix(nil))
	}
	*k = coldKeys{t: k.t}
}

func (k *coldKeys) prefix(dst []byte) []byte {
	return binary.BigEndian.AppendUint32(append(dst, 'r'), k.owner)
}

func (k *coldKeys) rowKey(dst []byte, group uint16, key []byte) []byte {
	return append(binary.BigEndian.AppendUint16(k.prefix(dst), group), key...)
}

func (k *coldKeys) noteKey(dst []byte, epoch uint64, group uint16, key []byte) []byte {
	dst = binary.BigEndian.AppendUint64(append(dst, 'd'), epoch)
	dst = binary.BigEndian.AppendUint32(dst, k.owner)
	return append(binary.BigEndian.AppendUint16(dst, group), key...)
}

// put moves a row to disk; its memory is freed by the caller.
func (k *coldKeys) put(ref Ref) {
	t := k.t
	c := &t.s.cold
	row := t.whole(ref)
	p, i := ref>>t.r.shift, int(ref&(1<<t.r.shift-1))
	bit := func(words []uint64) bool { return words != nil && words[i>>6]>>(i&63)&1 != 0 }
	flags := byte(0)
	dirty, pend := bit(t.dirty[p]), bit(t.pend[p])
	if dirty {
		flags |= coldDirty
	}
	if pend {
		flags |= coldPend
	}
	if bit(t.born[p]) {
		flags |= coldBorn
	}
	epoch := t.s.snaps.epoch
	t.sc.key = t.appendKey(t.sc.key[:0], row, &t.sl)
	t.sc.value = binary.BigEndian.AppendUint64(append(t.sc.value[:0], flags), epoch)
	t.sc.value = t.encodeRow(t.sc.value, row, &t.sl, t.list)
	c.buf = k.rowKey(c.buf[:0], groupOf(row), t.sc.key)
	c.set(c.buf, t.sc.value)
	if at := epoch; !t.untracked && (dirty || pend) {
		if !dirty {
			at--
		}
		c.buf = k.noteKey(c.buf[:0], at, groupOf(row), t.sc.key)
		c.set(c.buf, nil)
	}
	k.filter.add(t.rowHash(row), func(add func(uint64)) { k.hashes(add) })
	k.n++
}

// hashes calls add with the hashes of all rows on disk, to make a filter again.
func (k *coldKeys) hashes(add func(uint64)) {
	c := &k.t.s.cold
	c.flush()
	scan(c.db, k.prefix(nil), c.s.fail, func(_, value []byte) {
		add(binary.LittleEndian.Uint64(value[coldHead+hashOff:]))
	})
}

// scan calls visit with all entries under a prefix, in order.
func scan(r pebble.Reader, prefix []byte, fail func(error), visit func(key, value []byte)) {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
	if err != nil {
		fail(spillErr(err))
		return
	}
	for ok := it.First(); ok; ok = it.Next() {
		visit(it.Key(), it.Value())
	}
	if err := it.Close(); err != nil {
		fail(spillErr(err))
	}
}

// take brings a row back into memory, as it was; None if it is not on disk.
func (k *coldKeys) take(key Key) Ref {
	t := k.t
	c := &t.s.cold
	c.buf = k.rowKey(c.buf[:0], key.Group, key.Bytes)
	value, closer, err := c.taken.Get(c.buf)
	if err == pebble.ErrNotFound {
		return None
	}
	if err != nil {
		t.s.fail(spillErr(err))
		return None
	}
	flags, epoch := value[0], binary.BigEndian.Uint64(value[1:])
	ref := t.decodeRow(key.Group, value[coldHead:])
	if e := closer.Close(); e != nil {
		t.s.fail(spillErr(e))
	}
	if ref == None {
		t.s.fail(diag.New(diag.Internal, "a spilled row of %q cannot be read", t.name))
		return None
	}
	c.delete(c.buf)
	at := epoch
	if flags&coldDirty == 0 {
		at--
	}
	if flags&(coldDirty|coldPend) != 0 {
		c.buf = k.noteKey(c.buf[:0], at, key.Group, key.Bytes)
		c.delete(c.buf)
	}
	k.n--
	now, confirmed := t.s.snaps.epoch, t.s.snaps.confirmedEpoch
	t.setBits(ref, flags&coldDirty != 0 && epoch == now,
		flags&coldBorn != 0 && epoch == now,
		flags&coldDirty != 0 && epoch < now && epoch > confirmed || flags&coldPend != 0 && epoch-1 > confirmed)
	if k.n == 0 {
		k.filter = bloom{}
	}
	return ref
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
	if !t.spills || t.r.n == 0 || !t.s.cold.open() {
		return 0
	}
	if t.cold.owner == 0 {
		t.s.cold.owners++
		t.cold.owner = t.s.cold.owners
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
	}
	t.ix.shrink()
	return before - t.mem()
}

// longList is the number of entries up to which a list leaves memory, however small
// the budget.
const longList = 1024

func (t *Table) evictPage(p uint32) {
	for i, b := range append([]uint64(nil), t.r.meta[p].live...) {
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
	snap        *pebble.Snapshot // closed by the Snapshot
	owner       uint32
	full        bool
	from, epoch uint64 // changed after from, up to epoch
}

func (k *coldKeys) freeze(delta bool) *coldImage {
	s := k.t.s
	if k.owner == 0 || k.n == 0 {
		return nil
	}
	s.cold.flush()
	if s.snaps.coldSnap == nil {
		s.snaps.coldSnap = s.cold.db.NewSnapshot()
	}
	return &coldImage{snap: s.snaps.coldSnap, owner: k.owner, full: !delta, from: s.snaps.confirmedEpoch, epoch: s.snaps.epoch}
}

// rows calls visit with the entries to write.
func (m *coldImage) rows(w *snapWriter, visit func(group uint16, body []byte)) {
	k := coldKeys{owner: m.owner}
	if m.full {
		scan(m.snap, k.prefix(nil), w.fail, func(key, value []byte) {
			visit(binary.BigEndian.Uint16(key[5:]), value[coldHead:])
		})
		return
	}
	var at []byte
	for e := m.from + 1; e <= m.epoch; e++ {
		prefix := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64([]byte{'d'}, e), m.owner)
		scan(m.snap, prefix, w.fail, func(key, _ []byte) {
			at = append(k.prefix(at[:0]), key[len(prefix):]...)
			value, closer, err := m.snap.Get(at)
			if err != nil {
				w.fail(spillErr(err))
				return
			}
			visit(binary.BigEndian.Uint16(key[len(prefix):]), value[coldHead:])
			if err := closer.Close(); err != nil {
				w.fail(spillErr(err))
			}
		})
	}
}

// list lists the keys on disk that begin with a prefix of key group and key.
func (k *coldKeys) list(prefix []byte) []Key {
	c := &k.t.s.cold
	c.flush()
	var out []Key
	scan(c.db, append(k.prefix(nil), prefix...), c.s.fail, func(key, value []byte) {
		out = append(out, Key{
			Group: binary.BigEndian.Uint16(key[5:]),
			Hash:  binary.LittleEndian.Uint64(value[coldHead+hashOff:]),
			Bytes: bytes.Clone(key[7:]),
		})
	})
	return out
}
