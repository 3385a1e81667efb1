package nexmark

import "github.com/minkstream/mink/engine/batch"

// persons makes the columns of persons, 2 events in 100.
func (g *Generator) persons(col *batch.Col, r *row, run *kindRun) {
	n := len(run.at)
	g.timeColumn(child(col, r, pTime, n), run.at)
	g.newIDs(child(col, r, pID, n), run, firstPerson)
	if !r.rand || n == 0 {
		g.emptyChildren(col, r, n)
		return
	}
	name, email, card := child(col, r, pName, n), child(col, r, pEmail, n), child(col, r, pCard, n)
	city, state, extra := child(col, r, pCity, n), child(col, r, pState, n), child(col, r, pExtra, n)
	if name != nil {
		name.AddBuf(g.t.nameBytes)
	}
	if city != nil {
		city.AddBuf(g.t.cityBytes)
	}
	if extra != nil {
		extra.AddBuf(g.t.extra)
	}
	for i, s := range run.s0 {
		first, last := halves(word(s, 0))
		nameView := g.t.names[bound(first, uint64(len(firstNames)))*uint64(len(lastNames))+bound(last, uint64(len(lastNames)))]
		v6, v7 := halves(word(s, 3))
		cityView := g.t.cities[bound(v6, uint64(len(cities)))]
		stateView := g.t.states[bound(v7, uint64(len(states)))]
		if name != nil {
			name.Views[i] = nameView
		}
		if city != nil {
			city.Views[i] = cityView
		}
		if state != nil {
			state.Views[i] = stateView
		}
		var number [cardLen]byte
		if card != nil {
			putCard(&number, s)
			card.Views[i] = g.text.Add(card, number[:])
		}
		if email == nil && extra == nil {
			continue
		}
		mail := g.email(s)
		if email != nil {
			email.Views[i] = g.text.Add(email, mail)
		}
		size := nameView.Len() + len(mail) + cardLen + cityView.Len() + stateView.Len()
		g.pad(extra, i, g.extras[person]-size, word(s, 4))
	}
}

// cardLen is the length of a card number: four groups of four digits.
const cardLen = 19

func putCard(dst *[cardLen]byte, s uint64) {
	for k := range uint64(4) {
		v := word(s, 1+k/2) >> (32 * (k % 2)) & 0xFFFFFFFF
		d := bound(v, 10000)
		at := 5 * k
		if k > 0 {
			dst[at-1] = ' '
		}
		for j := at + 4; j > at; j-- {
			dst[j-1] = '0' + byte(d%10)
			d /= 10
		}
	}
}

// email is a person's address, valid until the next text is made.
func (g *Generator) email(s uint64) []byte {
	v10, v11 := halves(word(s, 5))
	var out [16]byte
	b := append(out[:0], g.randomText(s, 0, 3+bound(v10, 4))...)
	b = append(b, '@')
	b = append(b, g.randomText(s, 1, 3+bound(v11, 2))...)
	b = append(b, ".com"...)
	return g.line[:copy(g.line[:], b)]
}
