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
}

const (
	golden     = 0x9E3779B97F4A7C15
	firstSlots = 16
	// Chains of some hundred rows come about by chance just before an index grows.
	probesMax   = 1024
	salterSlots = 1 << 12 // smaller tables are scanned fast anyway
)

// home is where the search for a word begins.
func (x *index) home(word uint64) uint64 {
	hi, _ := bits.Mul64(batch.Mix(word+golden^x.salt), uint64(len(x.slots)>>1))
	return hi << 1
}

// homeBlock is where the search for each of some words begins.
type homeBlock [64]uint64

// homes works out where the searches for the first of words begin and reads what is
// there. No read waits for another, so that they overlap; in a search they would not,
// since whether it goes on is guessed wrong too often.
func (x *index) homes(words []uint64, homes *homeBlock) {
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
	slots := x.slots
	for i := x.home(word); ; {
		r := slots[i+1]
		if r == 0 || slots[i] == word {
			return Ref(r)
		}
		if i += 2; i == uint64(len(slots)) {
			i = 0
		}
	}
}

// insert adds a row under a word; with keys that share a word, behind them.
func (x *index) insert(word uint64, ref Ref) { x.insertEntry(word, uint64(ref)) }

func (x *index) insertEntry(word, entry uint64) {
	if (x.n+1)*5 > len(x.slots)*2 { // load 0.8
		x.resize(max(firstSlots, len(x.slots)>>1*3/2))
	}
	x.n++
	if probes := x.place(word, entry); probes > probesMax && len(x.slots) > 2*salterSlots && x.n >= x.calm {
		// Whoever finds keys that collide under the new salt too gains little.
		x.calm = x.n + x.n/4
		x.salt = batch.Mix(x.salt + golden)
		x.resize(len(x.slots) >> 1)
	}
}

func (x *index) place(word, entry uint64) int {
	return x.placeFrom(x.home(word), word, entry)
}

func (x *index) placeFrom(i, word, entry uint64) int {
	slots := x.slots
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
	old := x.slots
	x.slots = make([]uint64, 2*n)
	for i := 0; i < len(old); i += 2 {
		if old[i+1] != 0 {
			x.place(old[i], old[i+1])
		}
	}
}

// remove takes a row out, moving later ones of the chain back.
func (x *index) remove(word uint64, ref Ref) {
	slots := x.slots
	size := uint64(len(slots))
	i := x.home(word)
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
		h := x.home(slots[j])
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
		for i := 1; i < len(x.slots); i += 2 {
			x.slots[i] = uint64(Ref(x.slots[i]))
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
	x.slots, x.n = nil, 0
}

func (x *index) mem() int64 { return int64(len(x.slots)) * 8 }
