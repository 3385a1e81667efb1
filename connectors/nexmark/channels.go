package nexmark

import (
	"math/bits"
	"strconv"
)

// makeChannels makes the names and URLs of all channels. Channel n has URL number
// n, hot channel h number 2^20 + h.
func (t *tables) makeChannels() {
	for n := range coldChannels {
		name := "channel-" + strconv.Itoa(n)
		t.urls, t.channels[n].url = addText(t.urls, t.url(uint64(n), true))
		_, t.channels[n].name = addText(nil, name)
	}
	for h, name := range hotNames {
		t.urls, t.channels[coldChannels+h].url = addText(t.urls, t.url(1<<20+uint64(h), false))
		_, t.channels[coldChannels+h].name = addText(nil, name)
	}
}

// url is URL number x. Nine of ten cold channels have their number, bit-reversed,
// as a parameter.
func (t *tables) url(x uint64, cold bool) string {
	const urlSeed = 0x6E65786D75726C00
	u := mix(urlSeed + x)
	w0 := word(u, 0)
	out := []byte("https://www.nexmark.com/")
	m := uint64(0)
	for p := range 3 {
		for range 3 + w0>>(16*p)&0xFFFF*2>>16 {
			lane := word(u, 1+m/4) >> (16 * (m % 4)) & 0xFFFF
			out = append(out, t.urlLetters[lane*338>>16])
			m++
		}
		out = append(out, '/')
	}
	out = append(out, "item.htm?query=1"...)
	if cold && w0>>48*10>>16 > 0 {
		out = append(out, "&channel_id="...)
		id := int32(bits.Reverse32(uint32(x)))
		if id < 0 {
			id = -id // stays negative for the smallest value
		}
		out = strconv.AppendInt(out, int64(id), 10)
	}
	return string(out)
}
