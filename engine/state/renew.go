package state

import "slices"

// A snapshot that continues another has what changed, and beside it some of the rest
// anew: those parts of the content that have been written longest ago. So the files of
// the first snapshots of a chain come to have nothing that later ones have not, and are
// not needed any more, and no snapshot but the first has to have all.
//
// A part is a page of rows, a page of a join's rows, a run on disk or a bucket of a queue.

// part is what is known of a part: all of it lies in the snapshots from number since on,
// with those that are not taken yet, and all in the newest one if that is number now.
type part struct{ since, now uint32 }

// link is a snapshot whose file the newest confirmed checkpoint needs.
type link struct {
	number  uint32
	id      int64
	changed int64 // bytes of entries that changed; 0 if it has all
}

const (
	// chainMax is how many files a checkpoint needs at most.
	chainMax = 32
	// changesShare is how many times the bytes of the content a chain may have in changes
	// before more of it is renewed: so much more is read by a restore.
	changesShare = 2
	// renewPages is how many pages' worth are renewed in any case, so that little content
	// lies in few files.
	renewPages = 2
)

// renewal says which parts the snapshot of a number has anew: those that are in files
// before that at place old of the chain, and left bytes of those that are in it.
type renewal struct {
	number uint32
	old    int
	left   int64
}

// fresh is a part whose first content comes now.
func (x *snapState) fresh() part { return part{since: x.number + 1} }

// settle takes what the newest snapshot has of a part for good, if it was confirmed.
func (x *snapState) settle(p *part) {
	if p.now != 0 && len(x.chain) > 0 && x.chain[len(x.chain)-1].number == p.now {
		p.since = max(p.since, p.now)
	}
	p.now = 0
}

// plan decides what the next snapshot renews: the sooner a part must be written, the
// greater the share of it, so that each has its turn before the chain is too long.
func (s *Store) plan(delta bool) renewal {
	x := &s.snaps
	r := renewal{number: x.number, old: -1}
	ages := make([]int64, len(x.chain)+1)
	all := int64(0)
	for _, t := range s.structs {
		t.parts(func(p *part, bytes int64) {
			x.settle(p)
			ages[x.age(p.since)] += bytes
			all += bytes
		})
	}
	if !delta {
		return r
	}
	due, changed := int64(0), int64(0)
	for i, l := range x.chain {
		due += ages[i]
		left := int64(max(1, chainMax-(len(x.chain)-i)))
		r.left = max(r.left, (due+left-1)/left)
		changed += l.changed
	}
	if changed > all*changesShare {
		r.left = max(r.left, changed/int64(len(x.chain)*changesShare))
	}
	r.left = max(r.left, int64(renewPages*s.c.PageBytes))
	for r.old = 0; r.old < len(x.chain) && ages[r.old] <= r.left; r.old++ {
		r.left -= ages[r.old]
	}
	return r
}

// age is the place in the chain of the first file that a part is in.
func (x *snapState) age(since uint32) int {
	i, _ := slices.BinarySearchFunc(x.chain, since, func(l link, n uint32) int { return int(int64(l.number) - int64(n)) })
	return i
}

// renew reports whether the snapshot that is taken has a part of so many bytes anew.
func (x *snapState) renew(p *part, bytes int64) bool {
	r := &x.renewal
	switch age := x.age(p.since); {
	case age < r.old:
	case age == r.old && age < len(x.chain) && r.left > 0:
		r.left -= bytes
	default:
		return false
	}
	p.now = r.number
	return true
}

// needed is how many files of the chain still count beside the newest snapshot.
func (s *Store) needed() int {
	x := &s.snaps
	oldest := x.number
	for _, t := range s.structs {
		t.parts(func(p *part, _ int64) {
			if p.now != x.number {
				oldest = min(oldest, p.since)
			}
		})
	}
	return len(x.chain) - x.age(oldest)
}
