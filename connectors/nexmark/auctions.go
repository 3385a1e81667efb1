package nexmark

import "github.com/minkstream/mink/engine/batch"

// auctions makes the columns of auctions, row by row where text is made: they are
// 6 events in 100.
func (g *Generator) auctions(col *batch.Col, r *row, run *kindRun, c clock) {
	n := len(run.at)
	g.timeColumn(child(col, r, aTime, n), run.at)
	g.newIDs(child(col, r, aID, n), run, firstAuction)
	if !r.rand || n == 0 {
		g.emptyChildren(col, r, n)
		return
	}
	item, description := child(col, r, aItem, n), child(col, r, aDescription, n)
	initial, reserve := child(col, r, aInitial, n), child(col, r, aReserve, n)
	expires, seller := child(col, r, aExpires, n), child(col, r, aSeller, n)
	category, extra := child(col, r, aCategory, n), child(col, r, aExtra, n)
	if extra != nil {
		extra.AddBuf(g.t.extra)
	}
	at := 0
	for _, e := range run.runs {
		g.sellers(seller, run, e, at)
		at = e.end
	}
	for i, s := range run.s0 {
		v2, v3 := halves(word(s, 1))
		v4, v5 := halves(word(s, 2))
		if category != nil {
			category.I64[i] = int64(firstCategory + bound(v2, categories))
		}
		if initial != nil {
			initial.I64[i] = int64(g.t.priceOf(v3))
		}
		if reserve != nil {
			reserve.I64[i] = int64(g.t.priceOf(v3) + g.t.priceOf(v4))
		}
		if expires != nil {
			// h is the time in which a hundred more auctions appear.
			k := run.tick[i]
			now := c.ms(k)
			h := c.ms(k+hotBatch*g.total/g.cfg.Parts[1]) - now
			expires.I64[i] = c.base + int64(now+1+bound(v5, max(2*h, 1)))
		}
		if item == nil && description == nil && extra == nil {
			continue
		}
		v6, v7 := halves(word(s, 3))
		size := len(g.put(item, i, s, 0, 3+bound(v6, 17)))
		if description == nil && extra == nil {
			continue
		}
		size += len(g.put(description, i, s, 1, 3+bound(v7, 97)))
		g.pad(extra, i, g.extras[auction]-size, word(s, 4))
	}
}

// sellers makes the sellers of one epoch's auctions.
func (g *Generator) sellers(seller *batch.Col, run *kindRun, e epochRun, at int) {
	if seller == nil {
		return
	}
	people := (e.epoch + 1) * g.cfg.Parts[0]
	hot := (people - 1) / hotBatch * hotBatch
	active := min(people, activePeople)
	for i := at; i < e.end; i++ {
		v0, v1 := halves(word(run.s0[i], 0))
		seller.I64[i] = int64(firstPerson + pick(v0, g.hotS, hot, people-active+bound(v1, active+idLead)))
	}
}

// newIDs writes the ids of new persons or auctions.
func (g *Generator) newIDs(kid *batch.Col, run *kindRun, first int64) {
	if kid == nil {
		return
	}
	for i, id := range run.id {
		kid.I64[i] = first + int64(id)
	}
}

// emptyChildren makes the children that nothing was written to, of n rows that
// are none, or that are not there at all.
func (g *Generator) emptyChildren(col *batch.Col, r *row, n int) {
	if n > 0 {
		return
	}
	for f := range r.kid {
		child(col, r, f, 0)
	}
}

// put writes string t of an event, of n characters before blanks are trimmed, to
// row i of a column, if there is one, and returns it.
func (g *Generator) put(kid *batch.Col, i int, s, t, n uint64) []byte {
	text := g.randomText(s, t, n)
	if kid != nil {
		kid.Views[i] = g.text.Add(kid, text)
	}
	return text
}

// randomText makes string t of an event. It is valid until the next call.
func (g *Generator) randomText(s, t, n uint64) []byte {
	ss := mix(s + (0x100+t)*golden)
	letters := &g.t.letters
	line := &g.line
	for m := uint64(0); m < n; m += 4 {
		ss += golden
		w := mix(ss)
		out := line[m : m+4 : m+4]
		out[0] = letters[w&0xFFFF*338>>16]
		out[1] = letters[w>>16&0xFFFF*338>>16]
		out[2] = letters[w>>32&0xFFFF*338>>16]
		out[3] = letters[w>>48*338>>16]
	}
	from, to := 0, int(n)
	for from < to && line[from] == ' ' {
		from++
	}
	for from < to && line[to-1] == ' ' {
		to--
	}
	return line[from:to]
}

// pad writes row i's padding: a slice of the shared text.
func (g *Generator) pad(extra *batch.Col, i, left int, w uint64) {
	if extra == nil {
		return
	}
	length, offset := halves(w)
	n, at := padding(left, length, offset)
	extra.Views[i] = batch.MakeRef(g.t.extra[at:at+n], 0, uint32(at))
}
