package nexmark

import (
	"math"
	"sync"

	"github.com/minkstream/mink/engine/batch"
)

// How values are drawn. Each event has a stream of 64-bit words; word j gives the
// 32-bit values 2j (low half) and 2j+1 (high half), and every field takes values of
// fixed numbers, whether the field is wanted or not:
//
//	bid      0 hot auction?, 1 cold auction, 2 hot bidder?, 3 cold bidder, 4 price,
//	         5 hot channel?, 6 channel, 7 extra length, 8 extra offset
//	auction  0 hot seller?, 1 cold seller, 2 category, 3 initialBid, 4 reserve,
//	         5 expires, 6 itemName length, 7 description length, 8 and 9 extra
//	person   0 first name, 1 last name, 2-5 credit card, 6 city, 7 state, 8 and 9
//	         extra, 10 and 11 email lengths

const golden = 0x9E3779B97F4A7C15

// mix is the finaliser of SplitMix64.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// start is the state of an event's stream.
func start(seed, id uint64) uint64 { return mix(seed ^ mix(id+1)) }

// word is word j of a stream.
func word(s, j uint64) uint64 { return mix(s + (j+1)*golden) }

// bound maps a 32-bit value to [0, n).
func bound(v, n uint64) uint64 { return v * n >> 32 }

// halves are the two 32-bit values of a word.
func halves(w uint64) (lo, hi uint64) { return w & 0xFFFFFFFF, w >> 32 }

// hotFrom is the value from which a draw of one in r is hot: bound(v, r) > 0.
func hotFrom(r uint64) uint64 { return (1<<32 + r - 1) / r }

// pick gives hot if v >= from and cold otherwise, without a branch: the choice is
// random, so a branch would be mispredicted.
func pick(v, from, hot, cold uint64) uint64 {
	isCold := uint64(int64(v-from) >> 63)
	return hot ^ (hot^cold)&isCold
}

// tables are what all streams share. They do not depend on the seed.
type tables struct {
	// price is 100 * 10^(6i/4096) in cents, rounded.
	price [4097]uint32
	// extra is the text that paddings are slices of.
	extra []byte
	// channels are the 10,000 cold channels, then the 4 hot ones.
	channels [coldChannels + hotChannels]channel
	urls     []byte
	// letters and urlLetters map 338 equally likely values to characters.
	letters, urlLetters [338]byte
	names               [len(firstNames) * len(lastNames)]batch.View
	nameBytes           []byte
	cities              [len(cities)]batch.View
	cityBytes           []byte
	states              [len(states)]batch.View
}

// channel is the views of a channel's name, always inline, and of its URL.
type channel struct{ name, url batch.View }

const (
	coldChannels = 10000
	hotChannels  = 4
	extraBytes   = 1 << 20
)

var (
	firstNames = [...]string{"Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter"}
	lastNames  = [...]string{"Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris"}
	cities     = [...]string{"Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle", "Kent", "Cheyenne"}
	states     = [...]string{"AZ", "CA", "ID", "OR", "WA", "WY"}
	hotNames   = [hotChannels]string{"Google", "Facebook", "Baidu", "Apple"}
)

// static are the tables, made when the first generator is.
var static = sync.OnceValue(makeTables)

func makeTables() *tables {
	t := &tables{}
	for i := range t.price {
		t.price[i] = uint32(math.Round(100 * math.Pow(10, 6*float64(i)/4096)))
	}
	for c := range t.letters {
		t.letters[c], t.urlLetters[c] = 'a'+byte(c%26), 'a'+byte(c%26)
		if c < 26 {
			t.letters[c], t.urlLetters[c] = ' ', '_'
		}
	}
	const extraSeed = 0x6E65786D61726B31
	t.extra = make([]byte, extraBytes)
	e := mix(extraSeed)
	for m := 0; m < extraBytes; m += 4 {
		w := word(e, uint64(m/4))
		for i := range 4 {
			t.extra[m+i] = 'a' + byte(w>>(16*i)&0xFFFF*26>>16)
		}
	}
	t.makeChannels()
	for i, f := range firstNames {
		for j, l := range lastNames {
			t.nameBytes, t.names[i*len(lastNames)+j] = addText(t.nameBytes, f+" "+l)
		}
	}
	for i, c := range cities {
		t.cityBytes, t.cities[i] = addText(t.cityBytes, c)
	}
	for i, s := range states {
		t.states[i] = batch.MakeInline([]byte(s))
	}
	return t
}

// addText appends s to buf and gives a view of it in buffer 0.
func addText(buf []byte, s string) ([]byte, batch.View) {
	at := len(buf)
	buf = append(buf, s...)
	return buf, batch.MakeRef(buf[at:], 0, uint32(at))
}

// price maps a 32-bit value to a log-uniform price between 1.00 and 1,000,000.00,
// in cents.
func (t *tables) priceOf(v uint64) uint64 {
	i, f := v>>20, v>>4&0xFFFF
	lo := uint64(t.price[i])
	return lo + (uint64(t.price[i+1])-lo)*f>>16
}
