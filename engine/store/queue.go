package state

import (
	"bytes"
	"cmp"
	"slices"
)

// Queue holds entries until their time has come: timers, and rows that wait for
// the watermark.
//
// Entries come out by (time, key group, key bytes), equal ones in arrival order.
// A queue of timers is a set: an entry equal in time and key to one that waits is
// kept once.
//
// Entries lie in buckets of about a second, unsorted; a bucket is sorted when its
// time comes.
type Queue struct {
	name    string
	store   *Store
	spec    QueueSpec
	buckets []bucket // by number
	slab    slab
	n       int
	seq     uint64
}

// QueueSpec is the shape of a Queue.
type QueueSpec struct {
	// Set keeps one of entries equal in time and key, the first: timers.
	Set bool
	// ByArrival orders entries of equal time and key group by arrival whatever
	// their keys: rows that wait.
	ByArrival bool
}

type bucket struct {
	number  int64
	entries []waiting
	min     int64
	sorted  bool
	// dedup is the size at which a set's bucket drops what it has twice.
	dedup int
}

type waiting struct {
	ts, seq      uint64
	hash         uint64
	key, payload uint64
	group        uint16
}

// bucketBits is the width of a bucket: 1.024 s.
const bucketBits = 10

// Queue returns the queue of that name, filled if it was restored.
func (s *Store) Queue(name string, spec QueueSpec) *Queue {
	q := &Queue{name: name, store: s, spec: spec}
	s.add(name, q)
	return q
}

// Add adds an entry. Key bytes and payload are copied.
func (q *Queue) Add(ts int64, k Key, payload []byte) {
	q.seq++
	q.put(waiting{ts: uint64(ts), seq: q.seq, hash: k.Hash, key: q.slab.put(k.Bytes), payload: q.slab.put(payload), group: k.Group})
}

func (q *Queue) put(w waiting) {
	ts := int64(w.ts)
	number := ts >> bucketBits
	i := len(q.buckets)
	for i > 0 && q.buckets[i-1].number > number {
		i--
		if i&15 == 0 {
			i, _ = slices.BinarySearchFunc(q.buckets[:i], number, func(b bucket, n int64) int { return cmp.Compare(b.number, n) })
			break
		}
	}
	switch {
	case i < len(q.buckets) && q.buckets[i].number == number:
	case i > 0 && q.buckets[i-1].number == number:
		i--
	default:
		q.buckets = slices.Insert(q.buckets, i, bucket{number: number, min: ts})
	}
	b := &q.buckets[i]
	b.entries = append(b.entries, w)
	b.min, b.sorted = min(b.min, ts), false
	q.n++
	if q.spec.Set && len(b.entries) > max(64, b.dedup) {
		q.sort(b)
		b.dedup = 2 * len(b.entries)
	}
}

// sort puts a bucket in order and, in a set, drops entries it has twice.
func (q *Queue) sort(b *bucket) {
	if b.sorted {
		return
	}
	slices.SortFunc(b.entries, func(x, y waiting) int {
		if d := cmp.Compare(int64(x.ts), int64(y.ts)); d != 0 {
			return d
		}
		if d := cmp.Compare(x.group, y.group); d != 0 {
			return d
		}
		if !q.spec.ByArrival {
			if d := bytes.Compare(q.slab.get(x.key), q.slab.get(y.key)); d != 0 {
				return d
			}
		}
		return cmp.Compare(x.seq, y.seq)
	})
	b.sorted = true
	if !q.spec.Set {
		return
	}
	kept := b.entries[:0]
	for i, w := range b.entries {
		if i > 0 {
			p := kept[len(kept)-1]
			if p.ts == w.ts && p.group == w.group && bytes.Equal(q.slab.get(p.key), q.slab.get(w.key)) {
				q.slab.drop(w.key)
				q.slab.drop(w.payload)
				q.n--
				continue
			}
		}
		kept = append(kept, w)
	}
	b.entries = kept
}

// Min is the earliest time of any entry, and whether there is one.
func (q *Queue) Min() (int64, bool) {
	if len(q.buckets) == 0 {
		return 0, false
	}
	return q.buckets[0].min, true
}

// Len is the number of entries; a timer may count twice for a while.
func (q *Queue) Len() int { return q.n }

// Due takes at most limit entries with a time at or below upTo into d and reports
// whether more of them are left. What d had before is dropped.
func (q *Queue) Due(upTo int64, limit int, d *Due) bool {
	d.TS, d.Keys, d.Payload, d.bytes, d.cuts = d.TS[:0], d.Keys[:0], d.Payload[:0], d.bytes[:0], d.cuts[:0]
	for len(q.buckets) > 0 && q.buckets[0].min <= upTo && len(d.TS) < limit {
		b := &q.buckets[0]
		q.sort(b)
		i := 0
		for ; i < len(b.entries) && int64(b.entries[i].ts) <= upTo && len(d.TS) < limit; i++ {
			w := &b.entries[i]
			d.TS = append(d.TS, int64(w.ts))
			d.Keys = append(d.Keys, Key{Group: w.group, Hash: w.hash})
			d.bytes = append(d.bytes, q.slab.get(w.key)...)
			d.cuts = append(d.cuts, len(d.bytes))
			d.bytes = append(d.bytes, q.slab.get(w.payload)...)
			d.cuts = append(d.cuts, len(d.bytes))
			q.slab.drop(w.key)
			q.slab.drop(w.payload)
		}
		q.n -= i
		if i == len(b.entries) {
			q.buckets = q.buckets[1:]
			continue
		}
		b.entries = b.entries[i:]
		b.min = int64(b.entries[0].ts)
	}
	at := 0
	for i := range d.Keys {
		k, p := d.cuts[2*i], d.cuts[2*i+1]
		d.Keys[i].Bytes = d.bytes[at:k:k]
		d.Payload = append(d.Payload, d.bytes[k:p:p])
		at = p
	}
	return len(q.buckets) > 0 && q.buckets[0].min <= upTo
}

// Due are entries that a Queue gave out; the bytes live until the next Due with
// the same d.
type Due struct {
	TS      []int64
	Keys    []Key
	Payload [][]byte

	bytes []byte
	cuts  []int
}
