package state

import (
	"bytes"
	"cmp"
	"encoding/binary"
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
// time comes. Buckets are what leaves memory and what a checkpoint writes.
type Queue struct {
	name    string
	s       *Store
	spec    QueueSpec
	buckets []bucket // by number
	n       int
	size    int64
	owner   uint32   // of buckets on disk; 0: none yet
	seq     []uint64 // by key group: the last number given out
	order   []sortedWord
	// Buckets that ended since the last snapshot, and between the last confirmed
	// checkpoint and it.
	gone, gonePend []int64
}

// QueueSpec is the shape of a Queue.
type QueueSpec struct {
	// Set keeps one of entries equal in time and key, the first: timers.
	Set bool
	// ByArrival orders entries of equal time and key group by arrival whatever
	// their keys: rows that wait.
	ByArrival bool
}

// bucket is the entries of a span of time. Those in memory are pieces of data, at
// the places in at, which is in order if sorted; others are on disk in chunks.
type bucket struct {
	number int64
	data   []byte // only appended to, or replaced
	at     []uint32
	taken  int // of at, from the start
	cold   int // entries on disk
	chunks uint32
	min    int64
	sorted bool
	dedup  int // entries at which a set drops what it has twice
	// Of a bucket that a Kept has too: the room that data and at get when they grow.
	roomData, roomAt int

	dirty, pend bool // changed since the last snapshot; before it, after the last confirmed checkpoint
	part        part
	again       bool // in an image: it is written although it has not changed
}

// waiting is an entry:
//
//	time 8 | hash 8 | number 8 | key | payload
//
// with the key group, in 2 bytes, before it in memory; bucket reads its parts in place.
type waiting struct {
	ts           int64
	hash, seq    uint64
	key, payload []byte
}

func putWaiting(b []byte, group uint16, w *waiting) []byte {
	b = append(b, byte(group), byte(group>>8))
	return putWaitingBody(b, w)
}

func putWaitingBody(b []byte, w *waiting) []byte {
	b = put64(put64(put64(b, uint64(w.ts)), w.hash), w.seq)
	return putBytes(putBytes(b, w.key), w.payload)
}

// takeWaiting reads an entry in memory and says how long it is.
func takeWaiting(b []byte) (group uint16, w waiting, n int) {
	group = uint16(b[0]) | uint16(b[1])<<8
	r := entryReader{b: b[2:]}
	w = takeBody(&r)
	return group, w, len(b) - len(r.b)
}

func takeBody(r *entryReader) waiting {
	w := waiting{ts: int64(r.u64()), hash: r.u64(), seq: r.u64()}
	w.key = r.bytes()
	w.payload = r.bytes()
	return w
}

// bucketBits is the width of a bucket: 1.024 s.
const bucketBits = 10

// Queue returns the queue of that name, filled if it was restored.
func (s *Store) Queue(name string, spec QueueSpec) *Queue {
	if x, ok := adopt[*Queue](s, name); ok {
		return x
	}
	q := &Queue{name: name, s: s, spec: spec}
	s.add(name, q)
	return q
}

// number is the last number given out in a key group.
func (q *Queue) number(group uint16) *uint64 {
	if q.seq == nil {
		q.seq = make([]uint64, q.s.c.Groups.Len())
	}
	return &q.seq[int(group)-q.s.c.Groups.From]
}

// Add adds an entry. Key bytes and payload are copied.
func (q *Queue) Add(ts int64, k Key, payload []byte) {
	if !q.s.c.Groups.Has(int(k.Group)) {
		q.s.fail(errGroup(q.name, k.Group, q.s.c.Groups))
		return
	}
	n := q.number(k.Group)
	*n++
	q.put(k.Group, &waiting{ts: ts, hash: k.Hash, seq: *n, key: k.Bytes, payload: payload})
}

// find is the place of a bucket, and whether it is there.
func (q *Queue) find(number int64) (int, bool) {
	k := len(q.buckets)
	if k == 0 || q.buckets[k-1].number < number {
		return k, false
	}
	if q.buckets[k-1].number == number {
		return k - 1, true
	}
	return slices.BinarySearchFunc(q.buckets, number, func(b bucket, n int64) int { return cmp.Compare(b.number, n) })
}

func (q *Queue) put(group uint16, w *waiting) {
	number := w.ts >> bucketBits
	i, ok := q.find(number)
	if !ok {
		q.buckets = slices.Insert(q.buckets, i, bucket{number: number, min: w.ts, sorted: true, part: q.s.snaps.fresh()})
	}
	b := &q.buckets[i]
	had := b.mem()
	if need := 64 + len(w.key) + len(w.payload); b.roomData-len(b.data) >= need && cap(b.data) < b.roomData {
		b.data = append(make([]byte, 0, b.roomData), b.data...)
	} else if cap(b.data)-len(b.data) < need {
		// Frozen images keep the old memory.
		b.data = append(make([]byte, 0, cap(b.data)*3/2+128+len(w.key)+len(w.payload)), b.data...)
	}
	b.sorted = b.sorted && (len(b.at) == 0 || b.follows(group, w, &q.spec))
	if cap(b.at) < b.roomAt && len(b.at) < b.roomAt {
		b.at = append(make([]uint32, 0, b.roomAt), b.at...)
	}
	b.at = append(b.at, uint32(len(b.data)))
	b.data = putWaiting(b.data, group, w)
	b.min, b.dirty = min(b.min, w.ts), true
	q.size += b.mem() - had
	q.n++
	if q.spec.Set && len(b.at) > max(64, b.dedup) {
		q.sort(b)
		b.dedup = 2 * len(b.at)
	}
}

// follows reports whether an entry comes behind the last one of a bucket in order, so
// that what comes in order need not be sorted.
func (b *bucket) follows(group uint16, w *waiting, spec *QueueSpec) bool {
	last := b.data[b.at[len(b.at)-1]:]
	kg, ts := uint16(last[0])|uint16(last[1])<<8, int64(binary.LittleEndian.Uint64(last[2:]))
	switch {
	case w.ts != ts:
		return w.ts > ts
	case group != kg:
		return group > kg
	}
	_, l, _ := takeWaiting(last)
	if spec.ByArrival {
		return w.seq > l.seq
	}
	d := bytes.Compare(w.key, l.key)
	return d > 0 || d == 0 && !spec.Set && w.seq > l.seq
}

func (b *bucket) mem() int64 {
	return int64(max(cap(b.data), b.roomData) + 4*max(cap(b.at), b.roomAt))
}

// sort puts a bucket in order and, in a set, drops entries it has twice.
func (q *Queue) sort(b *bucket) {
	had := b.mem()
	q.n -= b.sort(q.spec, &q.order)
	q.size += b.mem() - had
}

// sort puts the entries in memory in order and says how many it dropped. Times within a
// bucket and key groups are one number, what else is compared begins with another: most
// entries are in order after a sort by those two.
func (b *bucket) sort(spec QueueSpec, scratch *[]sortedWord) (dropped int) {
	if b.sorted {
		return 0
	}
	order := (*scratch)[:0]
	for _, at := range b.at[b.taken:] {
		w := sortedWord{group: b.rank(at), ref: at}
		if spec.ByArrival {
			w.word = b.seq(at)
		} else {
			w.word = prefix(b.key(at))
		}
		order = append(order, w)
	}
	order = sortWords(order)
	if !spec.ByArrival {
		b.sortTies(order)
	}
	// Images share the old list.
	at := make([]uint32, 0, len(order))
	for i, w := range order {
		if spec.Set && i > 0 {
			if p := order[i-1]; p.group == w.group && p.word == w.word && bytes.Equal(b.key(p.ref), b.key(w.ref)) {
				continue
			}
		}
		at = append(at, w.ref)
	}
	b.at, b.taken, b.sorted, b.roomAt, *scratch = at, 0, true, 0, order
	if dropped = len(order) - len(at); dropped > 0 {
		b.repack()
	}
	return dropped
}

// sortTies sorts what is equal in both numbers by whole keys, then by arrival.
func (b *bucket) sortTies(order []sortedWord) {
	for from := 0; from < len(order); {
		to := from + 1
		for to < len(order) && order[to].group == order[from].group && order[to].word == order[from].word {
			to++
		}
		if to-from > 1 {
			slices.SortFunc(order[from:to], func(x, y sortedWord) int {
				if d := bytes.Compare(b.key(x.ref), b.key(y.ref)); d != 0 {
					return d
				}
				return cmp.Compare(b.seq(x.ref), b.seq(y.ref))
			})
		}
		from = to
	}
}

// prefix is the first eight bytes of a key, to be compared as a number.
func prefix(key []byte) uint64 {
	if len(key) >= 8 {
		return binary.BigEndian.Uint64(key)
	}
	w := uint64(0)
	for i, x := range key {
		w |= uint64(x) << (56 - 8*i)
	}
	return w
}

// repack drops the bytes of entries that are gone.
func (b *bucket) repack() {
	size := 0
	for _, at := range b.at {
		_, _, n := takeWaiting(b.data[at:])
		size += n
	}
	data := make([]byte, 0, size+size/2+64)
	for i, at := range b.at {
		_, _, n := takeWaiting(b.data[at:])
		b.at[i] = uint32(len(data))
		data = append(data, b.data[at:int(at)+n]...)
	}
	b.data, b.roomData = data, 0
}

// rank is an entry's time within its bucket, and its key group.
func (b *bucket) rank(at uint32) uint32 {
	e := b.data[at:]
	return (uint32(binary.LittleEndian.Uint64(e[2:]))&(1<<bucketBits-1))<<16 | uint32(binary.LittleEndian.Uint16(e))
}

func (b *bucket) seq(at uint32) uint64 { return binary.LittleEndian.Uint64(b.data[at+18:]) }

func (b *bucket) key(at uint32) []byte {
	e := b.data[at+26:]
	return e[4 : 4+binary.LittleEndian.Uint32(e)]
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
	d.TS, d.Keys, d.Payload, d.Seq = d.TS[:0], d.Keys[:0], d.Payload[:0], d.Seq[:0]
	for len(q.buckets) > 0 && q.buckets[0].min <= upTo && len(d.TS) < limit {
		b := &q.buckets[0]
		q.warm(b)
		q.sort(b)
		i := b.taken
		for ; i < len(b.at) && len(d.TS) < limit; i++ {
			kg, w, _ := takeWaiting(b.data[b.at[i]:])
			if w.ts > upTo {
				break
			}
			d.TS = append(d.TS, w.ts)
			d.Keys = append(d.Keys, Key{Group: kg, Hash: w.hash, Bytes: w.key})
			d.Seq = append(d.Seq, w.seq)
			d.Payload = append(d.Payload, w.payload)
		}
		q.n -= i - b.taken
		b.taken, b.dirty = i, true
		if i == len(b.at) {
			q.pop()
			continue
		}
		_, w, _ := takeWaiting(b.data[b.at[i]:])
		b.min = w.ts
	}
	return len(q.buckets) > 0 && q.buckets[0].min <= upTo
}

// pop drops the first bucket.
func (q *Queue) pop() {
	b := &q.buckets[0]
	q.size -= b.mem()
	if q.s.snaps.taken {
		q.gone = append(q.gone, b.number)
	}
	*b = bucket{}
	q.buckets = q.buckets[1:]
}

// Due are entries that a Queue gave out. Keys and payloads are bytes of the queue, which
// never change.
type Due struct {
	TS      []int64
	Keys    []Key
	Payload [][]byte
	// Seq numbers the entries of a key group in the order they were added.
	Seq []uint64
}
