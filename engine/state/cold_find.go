package state

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sort"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
)

// may reports whether a key with a hash may be on disk.
func (k *coldKeys) may(h uint64) bool {
	if k.n == 0 {
		return false
	}
	for _, r := range k.part(h).runs {
		if r.filter.has(h) {
			return true
		}
	}
	return false
}

// mayAll is may of up to 64 hashes, a bit each. Filters are larger than caches: all places
// are read ahead, so that the reads overlap.
func (k *coldKeys) mayAll(hashes []uint64) uint64 {
	seen := uint64(0)
	for _, h := range hashes {
		for _, r := range k.part(h).runs {
			seen += r.filter.block(h)[0]
		}
	}
	k.seen = seen
	may := uint64(0)
	for j, h := range hashes {
		if k.may(h) {
			may |= 1 << j
		}
	}
	return may
}

// find looks for a key in a run: its record, which is good until the next call, and
// its number.
func (k *coldKeys) find(r *coldRun, h uint64, key Key) ([]byte, int) {
	for i := r.blockOf(h); i >= 0; i-- {
		row := int(r.blocks[i].row)
		for b := k.read(r, i); len(b) > 0; row++ {
			n := recordLen(b)
			if recordHash(b) == h && !batch.Bit(r.dead, row) && recordGroup(b) == key.Group && bytes.Equal(recordKey(b[:n]), key.Bytes) {
				return b[:n], row
			}
			b = b[n:]
		}
		if r.blocks[i].hash != h {
			break // or the block before may end with rows of the same hash
		}
	}
	return nil, 0
}

// blockOf is the last block that begins with a hash not above h, -1 if there is none.
func (r *coldRun) blockOf(h uint64) int {
	list, from := r.blocks, 0
	if last := len(list) - 1; last > 2*coldGuess && h > list[0].hash && h < list[last].hash {
		// Hashes lie evenly, so the place is nearly known.
		at := int(float64(h-list[0].hash) / float64(list[last].hash-list[0].hash) * float64(last))
		if i := max(0, at-coldGuess); list[i].hash <= h {
			from = i
		}
		if i := min(last, at+coldGuess); list[i].hash > h {
			list = list[:i]
		}
	}
	list = list[from:]
	return from + sort.Search(len(list), func(i int) bool { return list[i].hash > h }) - 1
}

// read reads a block of a run.
func (k *coldKeys) read(r *coldRun, i int) []byte {
	c := &k.t.s.cold
	from, to := int(r.blocks[i].off), r.size
	if i+1 < len(r.blocks) {
		to = int(r.blocks[i+1].off)
	}
	c.block = sized(c.block, to-from)
	if err := r.file.readAt(c.block, r.off+int64(from)); err != nil {
		c.s.fail(spillErr(err))
		return nil
	}
	return c.block
}

// seek looks for a key in all runs: the part, the run and the number of its record in it,
// and the record, which is good until the next call and nil if the key is not on disk.
func (k *coldKeys) seek(key Key) (p *coldPart, run, row int, rec []byte) {
	if k.n == 0 {
		return nil, 0, 0, nil
	}
	h := k.t.keyHash(key)
	p = k.part(h)
	for run = len(p.runs) - 1; run >= 0; run-- {
		r := p.runs[run]
		if !r.filter.has(h) {
			continue
		}
		if rec, row = k.find(r, h, key); rec != nil {
			return p, run, row, rec
		}
	}
	return nil, 0, 0, nil
}

// take brings a row back into memory, as it was; None if it is not on disk.
func (k *coldKeys) take(key Key) Ref {
	p, run, row, rec := k.seek(key)
	if rec == nil {
		return None
	}
	t, r := k.t, p.runs[run]
	if t.chains != nil {
		k.kill(p, run, row)
		return t.chains.decodeKey(key, rec[coldHead:])
	}
	flags, epoch := rec[4], binary.LittleEndian.Uint64(rec[7:])
	ref := t.decodeRow(key.Group, rec[coldHead:])
	if ref == None {
		t.s.fail(diag.New(diag.Internal, "a spilled row of %q cannot be read", t.name))
		return None
	}
	k.kill(p, run, row)
	now, confirmed := t.s.snaps.epoch, t.s.snaps.confirmedEpoch
	if page := &t.r.meta[ref>>t.r.shift].part; r.part.since < max(page.since, page.now) {
		t.carryRow(ref, r.part.since)
	}
	t.setBits(ref, flags&coldDirty != 0 && epoch == now,
		flags&coldBorn != 0 && epoch == now,
		flags&coldDirty != 0 && epoch < now && epoch > confirmed || flags&coldPend != 0 && epoch-1 > confirmed)
	return ref
}

// forget drops the row of an entry's key, which a newer one takes the place of.
func (k *coldKeys) forget(group uint16, body []byte) {
	r := entryReader{b: body}
	r.u64()
	r.u64()
	key := Key{Group: group, Hash: r.u64(), Bytes: r.bytes()}
	if !r.bad && k.t.fits(key) && k.may(k.t.keyHash(key)) {
		k.take(key)
	}
}

// kill notes that a row of a run has come back.
func (k *coldKeys) kill(p *coldPart, i, row int) {
	r, x := p.runs[i], &k.t.s.snaps
	if r.epoch != x.epoch {
		if r.epoch = x.epoch; x.frozen() {
			r.dead = slices.Clone(r.dead)
		}
	}
	batch.SetBit(r.dead, row)
	k.n--
	if r.live--; r.live == 0 {
		p.runs = slices.Delete(p.runs, i, i+1)
		p.rows -= r.n
		k.release(r)
	}
}
