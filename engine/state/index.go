package state

import (
	"math/bits"

	"github.com/minkstream/mink/engine/batch"
)

// index finds rows by a 64-bit word: the key itself, or the hash of a longer key.
// Open addressing with linear probing; a slot is two words, the key word and
//
//	pass 16 | group 16 | Ref 32
//
// or 0 in empty slots. The upper half is what Table.groupWords noted in its last pass
// through this row. A position is the mixed word times the number of
// slots, shifted: any size will do, and growing visits memory in order.
//
// An index of many slots grows step by step: what it was, old, keeps the words whose homes
// there are not below at, and a little of it is moved with each insert and each batch of
// searches. So no step waits for all of it.
//
// Chains that grow long although the table is not full change the salt: known
// hash functions must not let somebody choose keys that collide.
type index struct {
	slots []uint64
	n     int
	salt  uint64
	calm  int // no new salt below this many rows
	room  int // of an index that is made again: words of the one it stands for
	pass  uint16
	seen  uint64 // of no account: keeps reads ahead from being left out

	old   []uint64 // what is being moved to slots, nil if nothing is
	at    int      // an empty slot of old, or its start
	steps int      // slots from which on it grows step by step; 0 is never
	owed  int      // slots that should have been moved, few
	fresh int      // nothing stands from this place of slots on, while old is there
}

const (
	golden     = 0x9E3779B97F4A7C15
	firstSlots = 16
	// Chains of some hundred rows come about by chance just before an index grows.
	probesMax   = 1024
	salterSlots = 1 << 12 // smaller tables are scanned fast anyway
	systemPage  = 4096    // bytes

	// Slots that are moved for each row that is inserted, or looked up in a batch.
	moveInsert = 8
	moveLookup = 2
	stepsMin   = 256 // slots of old: enough for what is inserted before all are moved
	moveSlots  = 64  // at once, at least: each time some more are moved, up to an empty one
)

// home is where the search for a word begins.
func (x *index) home(word uint64) uint64 {
	hi, _ := bits.Mul64(batch.Mix(word+golden^x.salt), uint64(len(x.slots)>>1))
	return hi << 1
}

// place is where a word would be: the slots, and where in them the search begins.
func (x *index) place(word uint64) ([]uint64, uint64) {
	m := batch.Mix(word + golden ^ x.salt)
	if x.old != nil {
		if hi, _ := bits.Mul64(m, uint64(len(x.old)>>1)); hi<<1 >= uint64(x.at) {
			return x.old, hi << 1
		}
	}
	hi, _ := bits.Mul64(m, uint64(len(x.slots)>>1))
	return x.slots, hi << 1
}

// seek is where a word is that is a whole key, or an empty slot.
func (x *index) seek(word uint64) (slots []uint64, i uint64) {
	for slots, i = x.place(word); slots[i+1] != 0 && slots[i] != word; {
		if i += 2; i == uint64(len(slots)) {
			i = 0
		}
	}
	return slots, i
}

// homeBlock is where the search for each of some words begins.
type homeBlock [64]uint64

// homes works out where the searches for the first of words begin and reads what is
// there. No read waits for another, so that they overlap; in a search they would not,
// since whether it goes on is guessed wrong too often. While the index grows step by step
// they are good for nothing but that they were read.
func (x *index) homes(words []uint64, homes *homeBlock) {
	if x.old != nil {
		seen := uint64(0)
		for j, w := range words[:min(len(words), len(homes))] {
			slots, p := x.place(w)
			homes[j] = p
			seen += slots[p]
		}
		x.seen = seen
		return
	}
	slots, size, salt, seen := x.slots, uint64(len(x.slots)>>1), x.salt, uint64(0)
	for j, w := range words[:min(len(words), len(homes))] {
		p, _ := bits.Mul64(batch.Mix(w+golden^salt), size)
		homes[j] = p << 1
		seen += slots[p<<1]
	}
	x.seen = seen
}

// find returns the row of a word that is a whole key.
func (x *index) find(word uint64) Ref {
	if x.n == 0 {
		return None
	}
	slots, i := x.seek(word)
	return Ref(slots[i+1])
}

// insert adds a row under a word; with keys that share a word, behind them.
func (x *index) insert(word uint64, ref Ref) { x.insertEntry(word, uint64(ref)) }

func (x *index) insertEntry(word, entry uint64) {
	switch {
	case x.old != nil:
		x.owe(moveInsert)
	case x.steps > 0 && len(x.slots)>>1 >= max(x.steps, stepsMin) && x.full(1):
		x.old, x.at, x.owed, x.fresh = x.slots, 0, 0, 0
		x.slots = make([]uint64, len(x.old)>>1*3/2*2)
	default:
		x.reserve(1)
	}
	slots, home := x.place(word)
	x.insertIn(slots, home, word, entry, 0)
}

// full reports whether there is no room for n more rows.
func (x *index) full(n int) bool { return (x.n+n)*5 > len(x.slots)*2 } // load 0.8

// reserve makes room for n more rows. Nothing is left to be moved then.
func (x *index) reserve(n int) {
	if x.old != nil {
		x.advance(len(x.old))
	}
	if x.full(n) {
		x.resize(max(firstSlots, len(x.slots)>>1*3/2, (x.n+n)*3/2))
	}
}

// owe lets so many slots be moved, soon.
func (x *index) owe(n int) {
	if x.owed += n; x.owed >= moveSlots {
		n, x.owed = x.owed, 0
		x.advance(n)
	}
}

// advance moves what stands in the next n slots of old, and in those behind them up to an
// empty one: then no word whose home is below stands behind it.
func (x *index) advance(n int) {
	old, i := x.old, x.at
	for to := min((i/2+n)*3, len(x.slots)); x.fresh < to; x.fresh += systemPage / 8 {
		x.slots[x.fresh] = 0 // as in resize
	}
	for end := min(i+2*n, len(old)); i < len(old) && (i < end || old[i+1] != 0); i += 2 {
		x.move(i, false)
	}
	if x.at = i; i < len(old) {
		return
	}
	for i = 0; old[i+1] != 0; i += 2 { // what went around the end
		x.move(i, true)
	}
	x.old = nil
}

// move copies what stands in a slot of old if it went around the end, or if it did not.
// It stays in old too, so that chains there are whole; nobody looks for it there.
func (x *index) move(i int, around bool) {
	word, entry := x.old[i], x.old[i+1]
	if entry == 0 {
		return
	}
	m := batch.Mix(word + golden ^ x.salt)
	if hi, _ := bits.Mul64(m, uint64(len(x.old)>>1)); (hi<<1 > uint64(i)) == around {
		hi, _ = bits.Mul64(m, uint64(len(x.slots)>>1))
		x.used(int(hi<<1) + 2*placeIn(x.slots, hi<<1, word, entry))
	}
}

// used notes that something stands at place i of slots, or of its beginning if that is
// behind the end.
func (x *index) used(i int) {
	if i >= x.fresh {
		x.fresh = (i/(systemPage/8) + 1) * (systemPage / 8)
	}
}

// insertFrom adds a row whose search has come to slot i after so many probes. There is
// room for it.
func (x *index) insertFrom(i, word, entry uint64, probes int) {
	x.insertIn(x.slots, i, word, entry, probes)
}

func (x *index) insertIn(slots []uint64, i, word, entry uint64, probes int) {
	x.n++
	passed := placeIn(slots, i, word, entry)
	if x.old != nil && &slots[0] == &x.slots[0] {
		x.used(int(i) + 2*passed)
	}
	if probes += passed; probes > probesMax && len(x.slots) > 2*salterSlots && x.n >= x.calm && x.old == nil {
		// Whoever finds keys that collide under the new salt too gains little.
		x.calm = x.n + x.n/4
		x.salt = batch.Mix(x.salt + golden)
		x.resize(len(x.slots) >> 1)
	}
}

func (x *index) placeFrom(i, word, entry uint64) int { return placeIn(x.slots, i, word, entry) }

// placeIn puts an entry into the first empty slot from i on and says how many it passed.
func placeIn(slots []uint64, i, word, entry uint64) int {
	probes := 0
	for ; slots[i+1] != 0; probes++ {
		if i += 2; i == uint64(len(slots)) {
			i = 0
		}
	}
	slots[i], slots[i+1] = word, entry
	return probes
}

// resize gives the index n slots.
func (x *index) resize(n int) {
	if x.old != nil {
		x.advance(len(x.old))
	}
	old := x.slots
	x.slots = make([]uint64, 2*n)
	// Memory that is new is the system's to give with the first write. It does so faster
	// in order, and twice where a read comes first, as searches do.
	for i := 0; i < len(x.slots); i += systemPage / 8 {
		x.slots[i] = 0
	}
	for i := 0; i < len(old); i += 2 {
		if old[i+1] != 0 {
			x.placeFrom(x.home(old[i]), old[i], old[i+1])
		}
	}
}

// remove takes a row out, moving later ones of the chain back.
func (x *index) remove(word uint64, ref Ref) {
	slots, i := x.place(word)
	size := uint64(len(slots))
	for Ref(slots[i+1]) != ref {
		if i += 2; i == size {
			i = 0
		}
	}
	for j := i; ; {
		if j += 2; j == size {
			j = 0
		}
		if slots[j+1] == 0 {
			break
		}
		// The entry at j may move to i unless its home lies after i, seen
		// cyclically: distances wrap around below 0.
		h, _ := bits.Mul64(batch.Mix(slots[j]+golden^x.salt), size>>1)
		h <<= 1
		fromHome, fromHole := j-h, j-i
		if h > j {
			fromHome += size
		}
		if i > j {
			fromHole += size
		}
		if fromHome >= fromHole {
			slots[i], slots[i+1] = slots[j], slots[j+1]
			i = j
		}
	}
	slots[i+1] = 0
	x.n--
}

// nextPass begins a pass of Table.groupWords: no row is noted in it yet.
func (x *index) nextPass() uint64 {
	if x.pass++; x.pass == 0 {
		for _, slots := range [][]uint64{x.slots, x.old} {
			for i := 1; i < len(slots); i += 2 {
				slots[i] = uint64(Ref(slots[i]))
			}
		}
		x.pass = 1
	}
	return uint64(x.pass)
}

// shrink makes the index fit what is left after many removals.
func (x *index) shrink() {
	if want := max(firstSlots, x.n*3/2); want < len(x.slots)>>3 {
		x.resize(want)
	}
}

func (x *index) reset() {
	x.slots, x.old, x.n = nil, nil, 0
}

func (x *index) mem() int64 { return int64(len(x.slots)+len(x.old)) * 8 }
