package nexmark

import (
	"encoding/binary"

	"github.com/minkstream/mink/engine/batch"
)

// bids makes the columns of bids.
func (g *Generator) bids(col *batch.Col, r *row, run *kindRun) {
	n := len(run.at)
	g.timeColumn(child(col, r, bTime, n), run.at)
	g.bidIDs(child(col, r, bAuction, n), child(col, r, bBidder, n), run)
	price, name, url := child(col, r, bPrice, n), child(col, r, bChannel, n), child(col, r, bURL, n)
	extra := child(col, r, bExtra, n)
	if url != nil {
		url.AddBuf(g.t.urls)
	}
	if extra != nil {
		extra.AddBuf(g.t.extra)
	}
	switch {
	case n == 0:
	case price != nil && name != nil && url != nil && extra != nil && g.longPadding():
		g.bidRest(price.I64, name.Views, url.Views, extra.Views, run.s0)
	default:
		g.bidSome(price, name, url, extra, run.s0)
	}
}

// longPadding reports whether every bid's padding lies outside of its view.
func (g *Generator) longPadding() bool {
	left := g.extras[bid]
	return left > 0 && left-(2*left+5)/10 > batch.InlineMax
}

// bidIDs makes auction and bidder, which share words 0 and 1 and the ids of the
// newest auction and person.
func (g *Generator) bidIDs(auctions, bidders *batch.Col, run *kindRun) {
	if auctions == nil && bidders == nil {
		return
	}
	at := 0
	for _, e := range run.runs {
		s0 := run.s0[at:e.end]
		last := (e.epoch+1)*g.cfg.Parts[1] - 1
		people := (e.epoch + 1) * g.cfg.Parts[0]
		if auctions != nil {
			out := auctions.I64[at:e.end]
			hot := last/hotBatch*hotBatch + firstAuction
			low := last - min(last, inFlight)
			span := last - low + idLead + 1
			low += firstAuction
			from := g.hotA
			for i, s := range s0 {
				v0, v1 := halves(word(s, 0))
				out[i] = int64(pick(v0, from, hot, low+bound(v1, span)))
			}
		}
		if bidders != nil {
			out := bidders.I64[at:e.end]
			offset := uint64(g.cfg.BidderOffset)
			hot := (people-1)/hotBatch*hotBatch + 1 + offset
			active := min(people, activePeople)
			low := people - active + offset
			span := active + idLead
			from := g.hotB
			for i, s := range s0 {
				v2, v3 := halves(word(s, 1))
				out[i] = int64(pick(v2, from, hot, low+bound(v3, span)))
			}
		}
		at = e.end
	}
}

// bidRest makes price, channel, url and extra in one pass: they share words 2, 3
// and 4.
func (g *Generator) bidRest(price []int64, name, url, extra []batch.View, s0 []uint64) {
	n := len(s0)
	price, name, url, extra = price[:n], name[:n], url[:n], extra[:n]
	t := g.t
	left := uint64(g.extras[bid])
	delta := (2*left + 5) / 10
	short := left - delta
	const mostCold = coldChannels
	for i, s := range s0 {
		v4, v5 := halves(word(s, 2))
		v6, v7 := halves(word(s, 3))
		price[i] = int64(t.priceOf(v4))
		c := &t.channels[pick(v5, 1<<31, mostCold+v6>>30, bound(v6, mostCold))]
		name[i], url[i] = c.name, c.url
		m := short + bound(v7, 2*delta)
		at := bound(word(s, 4)&0xFFFFFFFF, extraBytes-m)
		extra[i] = batch.View{A: m, B: at << 32}
	}
	t.firstBytes(extra)
}

// firstBytes completes views of long paddings. The first bytes are read last: each is a cache
// miss, and many overlap here.
func (t *tables) firstBytes(extra []batch.View) {
	for i := range extra {
		at := extra[i].B >> 32
		extra[i].A |= uint64(binary.LittleEndian.Uint32(t.extra[at:])) << 32
	}
}

// bidSome makes those of the columns that are wanted.
func (g *Generator) bidSome(price, name, url, extra *batch.Col, s0 []uint64) {
	t := g.t
	if price != nil {
		for i, s := range s0 {
			price.I64[i] = int64(t.priceOf(word(s, 2) & 0xFFFFFFFF))
		}
	}
	if name != nil || url != nil {
		for i, s := range s0 {
			v5 := word(s, 2) >> 32
			v6 := word(s, 3) & 0xFFFFFFFF
			c := &t.channels[pick(v5, 1<<31, coldChannels+v6>>30, bound(v6, coldChannels))]
			if name != nil {
				name.Views[i] = c.name
			}
			if url != nil {
				url.Views[i] = c.url
			}
		}
	}
	if extra == nil {
		return
	}
	left, views := g.extras[bid], extra.Views[:len(s0)]
	if g.longPadding() {
		for i, s := range s0 {
			m, at := padding(left, word(s, 3)>>32, word(s, 4)&0xFFFFFFFF)
			views[i] = batch.View{A: m, B: at << 32}
		}
		t.firstBytes(views)
		return
	}
	for i, s := range s0 {
		m, at := padding(left, word(s, 3)>>32, word(s, 4)&0xFFFFFFFF)
		views[i] = batch.MakeRef(t.extra[at:at+m], 0, uint32(at))
	}
}
