package exec

import (
	"bytes"

	state "github.com/minkstream/mink/engine/state"
)

// runMerge gives the entries of several lists in one order, equal ones by the number of
// their list. Heads is a heap of where each list is.
type runMerge struct {
	s     *state.Sorted
	heads []runHead
}

type runHead struct {
	word uint64
	rest []byte
	run  int
	pos  state.Pos
}

func (h *runHead) before(x *runHead) bool {
	if h.word != x.word {
		return h.word < x.word
	}
	if d := bytes.Compare(h.rest, x.rest); d != 0 {
		return d < 0
	}
	return h.run < x.run
}

// add adds list run, from p on.
func (m *runMerge) add(run int, p state.Pos) {
	if !p.OK() {
		return
	}
	m.heads = append(m.heads, runHead{m.s.Word(p), m.s.Rest(p), run, p})
	for i := len(m.heads) - 1; i > 0 && m.heads[i].before(&m.heads[(i-1)/2]); i = (i - 1) / 2 {
		m.heads[i], m.heads[(i-1)/2] = m.heads[(i-1)/2], m.heads[i]
	}
}

// next takes the first entry: its payload.
func (m *runMerge) next() []byte {
	h := &m.heads[0]
	payload := m.s.Payload(h.pos)
	if p := m.s.Next(h.pos); p.OK() {
		h.pos, h.word, h.rest = p, m.s.Word(p), m.s.Rest(p)
	} else {
		last := len(m.heads) - 1
		m.heads[0] = m.heads[last]
		m.heads = m.heads[:last]
	}
	for i := 0; ; {
		least := i
		for k := 2*i + 1; k <= 2*i+2 && k < len(m.heads); k++ {
			if m.heads[k].before(&m.heads[least]) {
				least = k
			}
		}
		if least == i {
			return payload
		}
		m.heads[i], m.heads[least] = m.heads[least], m.heads[i]
		i = least
	}
}

// mergeGroup is the entries of one place, less those that others take back.
type mergeGroup struct {
	rows [][]byte
	gone [][]byte
}

// take takes the entries of the first place from m. What it gives is good until the next
// call.
func (g *mergeGroup) take(m *runMerge) [][]byte {
	g.rows, g.gone = g.rows[:0], g.gone[:0]
	first := m.heads[0]
	for len(m.heads) > 0 && m.heads[0].word == first.word && bytes.Equal(m.heads[0].rest, first.rest) {
		removes := m.s.Lanes(m.heads[0].pos)[0] != 0
		if payload := m.next(); removes {
			g.gone = append(g.gone, payload)
		} else {
			g.rows = append(g.rows, payload)
		}
	}
	if len(g.gone) == 0 {
		return g.rows
	}
	gone := map[string]int{}
	for _, p := range g.gone {
		gone[string(p)]++
	}
	left := g.rows[:0]
	for _, p := range g.rows {
		if gone[string(p)] > 0 {
			gone[string(p)]--
			continue
		}
		left = append(left, p)
	}
	g.rows = left
	return left
}
