package state

import (
	"encoding/binary"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/minkstream/mink/engine/diag"
)

// An entry of a queue is in the form of waiting; a bucket that changed is written
// whole, and before it that its older content is void.

// queueImage is a queue at one moment.
type queueImage struct {
	name    string
	spec    QueueSpec
	buckets []bucket
	gone    []int64
	delta   bool
	seq     []uint64
	from    int // first key group
	owner   uint32
	cold    *pebble.Snapshot
}

func (q *Queue) freeze(delta, keep bool) image {
	x := &queueImage{name: q.name, spec: q.spec, delta: delta, seq: slices.Clone(q.seq), from: q.s.c.Groups.From, owner: q.owner}
	cold := false
	for i := range q.buckets {
		b := &q.buckets[i]
		if keep {
			b.dirty, b.pend = false, b.pend || b.dirty
		}
		cold = cold || b.cold > 0
	}
	if keep {
		q.gonePend = append(slices.Clone(q.gonePend), q.gone...)
		q.gone = nil
	}
	if delta {
		x.gone = q.gonePend
	}
	for i := range q.buckets {
		switch b := &q.buckets[i]; {
		case delta && b.pend, !delta && keep:
			b.part.now = q.s.snaps.number
		case delta:
			b.again = q.s.snaps.renew(&b.part, b.weight())
		}
	}
	x.buckets = slices.Clone(q.buckets)
	if cold {
		q.s.cold.flush()
		if q.s.snaps.coldSnap == nil {
			q.s.snaps.coldSnap = q.s.cold.db.NewSnapshot()
		}
		x.cold = q.s.snaps.coldSnap
	}
	return x
}

// weight is about how many bytes the entries of a bucket have.
func (b *bucket) weight() int64 {
	n := int64(len(b.at) - b.taken)
	if len(b.at) == 0 {
		return int64(b.cold) * 64
	}
	return int64(len(b.data)) * (n + int64(b.cold)) / int64(len(b.at))
}

func (q *Queue) parts(visit func(p *part, bytes int64)) {
	for i := range q.buckets {
		visit(&q.buckets[i].part, q.buckets[i].weight())
	}
}

func (q *Queue) confirmed() {
	q.gonePend = nil
	for i := range q.buckets {
		q.buckets[i].pend = false
	}
}

func (x *queueImage) write(w *snapWriter) {
	for _, number := range x.gone {
		w.section(x.name, kindClear, number)
		w.put(allGroups, nil)
	}
	w.section(x.name, kindIDs, 0)
	for g, n := range x.seq {
		if n > 0 {
			w.put(uint16(x.from+g), put64(nil, n))
		}
	}
	var scratch []sortedWord
	for i := range x.buckets {
		b := &x.buckets[i]
		if x.delta {
			if !b.pend && !b.again {
				continue
			}
			w.again = !b.pend
			w.section(x.name, kindClear, b.number)
			w.put(allGroups, nil)
		}
		w.section(x.name, kindRow, b.number)
		all := x.whole(b, w)
		if x.spec.Set {
			// An entry that is there twice counts once, wherever its bucket lies.
			all.sort(x.spec, &scratch)
		}
		for _, at := range all.at[all.taken:] {
			kg, _, n := takeWaiting(all.data[at:])
			w.put(kg, all.data[at+2:int(at)+n])
		}
		w.again = false
	}
}

// whole is a bucket with what is on disk of it.
func (x *queueImage) whole(b *bucket, w *snapWriter) bucket {
	if b.chunks == 0 {
		return *b
	}
	all := bucket{data: slices.Clone(b.data), at: slices.Clone(b.at[b.taken:])}
	for c := range b.chunks {
		data, closer, err := x.cold.Get(chunkKey(nil, x.owner, b.number, c))
		if err != nil {
			w.fail(spillErr(err))
			return all
		}
		all.add(data)
		w.fail(closer.Close())
	}
	return all
}

// add adds a chunk as it lies on disk.
func (b *bucket) add(data []byte) {
	b.data = slices.Grow(b.data, len(data))
	for len(data) > 0 {
		_, _, n := takeWaiting(data)
		b.at = append(b.at, uint32(len(b.data)))
		b.data = append(b.data, data[:n]...)
		data = data[n:]
	}
}

func (q *Queue) load(e *savedEntry) bool {
	r := entryReader{b: e.body}
	switch e.kind {
	case kindClear:
		if i, ok := q.find(e.sub); ok {
			q.dropGroups(i, e.files)
		}
	case kindIDs:
		*q.number(e.group) = r.u64()
		return r.ok()
	case kindRow:
		w := takeBody(&r)
		if !r.ok() || w.ts>>bucketBits != e.sub {
			return false
		}
		q.put(e.group, &w)
	default:
		return false
	}
	return true
}

// dropGroups drops the entries of some key groups from a bucket, at restore.
func (q *Queue) dropGroups(i int, groups Range) {
	b := &q.buckets[i]
	q.warm(b)
	old := *b
	q.size -= old.mem()
	q.n -= len(old.at) - old.taken
	q.buckets = slices.Delete(q.buckets, i, i+1)
	for _, at := range old.at[old.taken:] {
		if kg, w, _ := takeWaiting(old.data[at:]); !groups.Has(int(kg)) {
			q.put(kg, &w)
		}
	}
}

func (q *Queue) mem() int64 { return q.size + int64(len(q.buckets))*100 }

func (q *Queue) sweep() {}

func (q *Queue) tidy() {}

// chunkKey is where a piece of a bucket lies on disk: 'q' owner 4 bucket 8 chunk 4.
func chunkKey(dst []byte, owner uint32, number int64, chunk uint32) []byte {
	dst = binary.BigEndian.AppendUint32(append(dst, 'q'), owner)
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(dst, uint64(number)), chunk)
}

// evict moves buckets to disk, the latest first; the first, which is next, stays
// if it can.
func (q *Queue) evict(need int64, hard bool) int64 {
	had := q.mem()
	first := 1
	if hard {
		first = 0
	}
	for i := len(q.buckets) - 1; i >= first && had-q.mem() < need; i-- {
		b := &q.buckets[i]
		if len(b.at) == b.taken || !q.s.cold.open() {
			continue
		}
		if q.owner == 0 {
			q.s.cold.owners++
			q.owner = q.s.cold.owners
		}
		q.size -= b.mem()
		b.at = slices.Clone(b.at[b.taken:])
		b.taken = 0
		b.repack()
		q.s.cold.set(chunkKey(nil, q.owner, b.number, b.chunks), b.data)
		b.cold += len(b.at)
		b.chunks++
		b.data, b.at, b.sorted = nil, nil, false
	}
	return had - q.mem()
}

// warm brings a bucket back into memory.
func (q *Queue) warm(b *bucket) {
	if b.cold == 0 {
		return
	}
	c := &q.s.cold
	q.size -= b.mem()
	b.at = slices.Clone(b.at)
	for k := range b.chunks {
		key := chunkKey(nil, q.owner, b.number, k)
		data, closer, err := c.taken.Get(key)
		if err != nil {
			q.s.fail(spillErr(err))
			break
		}
		b.add(data)
		if err := closer.Close(); err != nil {
			q.s.fail(spillErr(err))
		}
		c.delete(key)
	}
	if len(b.at)-b.taken < b.cold {
		q.s.fail(diag.New(diag.Internal, "a spilled bucket of %q is not whole", q.name))
	}
	b.cold, b.chunks, b.sorted = 0, 0, false
	q.size += b.mem()
}
