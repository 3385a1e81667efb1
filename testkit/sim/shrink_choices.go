package sim

import (
	"maps"
	"slices"

	"github.com/minkstream/mink/engine/flow"
)

// copied is a copy without sites that chose nothing.
func copied(c flow.SimChoices) flow.SimChoices {
	out := flow.SimChoices{}
	for site, list := range c {
		if len(list) > 0 {
			out[site] = slices.Clone(list)
		}
	}
	return out
}

// vary changes a scenario, what was chosen in it, or both.
func (s *shrinker) vary(sc *Scenario) {
	way := s.rnd.IntN(4)
	if way > 0 {
		for range 1 + s.rnd.IntN(4) {
			s.choose(sc)
		}
	}
	if way < 2 {
		for range 1 + s.rnd.IntN(3) {
			s.change(sc)
		}
	}
}

// choose leaves out a few choices of one site, or makes one less, or another. Sites that choose
// seldom have their turn too: they draw what is of consequence.
func (s *shrinker) choose(sc *Scenario) {
	sites := slices.Sorted(maps.Keys(sc.Choices))
	if len(sites) == 0 {
		return
	}
	site := sites[s.rnd.IntN(len(sites))]
	if s.rnd.IntN(2) == 0 {
		all := 0
		for _, list := range sc.Choices {
			all += len(list)
		}
		at := s.rnd.IntN(all + 1)
		for _, site = range sites {
			if at -= len(sc.Choices[site]); at <= 0 {
				break
			}
		}
	}
	list := slices.Clone(sc.Choices[site])
	if len(list) == 0 {
		return
	}
	sc.Choices = maps.Clone(sc.Choices)
	at := s.rnd.IntN(len(list))
	switch s.rnd.IntN(6) {
	case 0, 1:
		list = slices.Delete(list, at, min(len(list), at+1+s.rnd.IntN(1+s.rnd.IntN(8))))
	case 2, 3:
		list[at] = 0
	case 4:
		list[at] = s.rnd.IntN(list[at] + 1)
	default:
		list[at] = s.rnd.IntN(1 << 30)
	}
	sc.Choices[site] = list
}
