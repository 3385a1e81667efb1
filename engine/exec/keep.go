package exec

import (
	"slices"

	"github.com/minkstream/mink/engine/batch"
	state "github.com/minkstream/mink/engine/state"
)

// Keeper is an operator that has something between two steps that its structures do not
// have. It is asked for it where a replay keeps a moment to go back to: nothing may be
// emitted, and what is given must stay as it is.
//
// Of the others the structures say all: Open on kept ones makes the same operator.
type Keeper interface {
	Keep(c *Ctx) any
	// Again gives back what Keep gave, behind Open. It may be called for several.
	Again(c *Ctx, kept any)
}

// kept copies the clock.
func (g *groupClock) kept() groupClock {
	n := *g
	n.at = slices.Clone(g.at)
	return n
}

// back makes the clock what it was.
func (g *groupClock) back(kept any) {
	k := kept.(groupClock)
	g.at, g.low, g.high = slices.Clone(k.at), k.low, k.high
}

// Keep says how far windows have fired.
func (o *windowAgg) Keep(*Ctx) any { return o.groups.kept() }

// Again sets how far windows have fired.
func (o *windowAgg) Again(_ *Ctx, kept any) { o.groups.back(kept) }

// Keep says how far windows have fired.
func (o *sessionOp) Keep(*Ctx) any { return o.groups.kept() }

// Again sets how far windows have fired.
func (o *sessionOp) Again(_ *Ctx, kept any) { o.groups.back(kept) }

// Keep says how far timers have fired.
func (o *process) Keep(*Ctx) any { return o.groups.kept() }

// Again sets how far timers have fired.
func (o *process) Again(_ *Ctx, kept any) { o.groups.back(kept) }

// Keep says up to where rows were given out.
func (o *sortTime) Keep(*Ctx) any { return o.last }

// Again sets up to where rows were given out.
func (o *sortTime) Again(_ *Ctx, kept any) { o.last = kept.(int64) }

// keptSnapshotJoin is what a snapshot join knows of times.
type keptSnapshotJoin struct{ since, mark, alarm, next int64 }

// Keep says what has been loaded, and what timers are waited for.
func (j *snapshotJoin) Keep(*Ctx) any {
	return keptSnapshotJoin{j.since, j.mark, j.alarm, j.idle.next}
}

// Again sets it.
func (j *snapshotJoin) Again(_ *Ctx, kept any) {
	k := kept.(keptSnapshotJoin)
	j.since, j.mark, j.alarm, j.idle.next = k.since, k.mark, k.alarm, k.next
}

// keptBundle is the open bundle.
type keptBundle struct {
	rows                      [2]batch.Batch
	before, due, passed, next int64
	op                        any
}

// Keep copies the open bundle.
func (o *bundle) Keep(c *Ctx) any {
	k := &keptBundle{before: o.before, due: o.due, passed: o.passed, next: o.next}
	for i := range o.rows {
		k.rows[i].Append(&o.rows[i], nil)
	}
	if x, ok := o.op.(Keeper); ok {
		k.op = x.Keep(c)
	}
	return k
}

// Again opens the bundle again.
func (o *bundle) Again(c *Ctx, kept any) {
	k := kept.(*keptBundle)
	o.before, o.due, o.passed, o.next = k.before, k.due, k.passed, k.next
	for i := range k.rows {
		o.rows[i].Append(&k.rows[i], nil)
	}
	if x, ok := o.op.(Keeper); ok {
		x.Again(c, k.op)
	}
}

// keptCache is a cache but for its rows, which lie in its table.
type keptCache struct {
	head, tail state.Ref
	n          int
	load       bool
	due        int64
}

// Keep keeps the cache: what it knows is not asked for again.
func (j *lookupJoin) Keep(*Ctx) any {
	if j.cache == nil {
		return nil
	}
	return keptCache{j.cache.head, j.cache.tail, j.cache.n, j.cache.load, j.cache.due}
}

// Again makes the cache what it was.
func (j *lookupJoin) Again(_ *Ctx, kept any) {
	if k, ok := kept.(keptCache); ok {
		x := j.cache
		x.head, x.tail, x.n, x.load, x.due = k.head, k.tail, k.n, k.load, k.due
	}
}

// keptWaiting is the rows that wait for answers.
type keptWaiting struct {
	cache   any
	waiting []waitingKey
	calls   map[int64]int // row that each call is for
	under   int
	ended   bool
}

// Keep copies the rows that wait for answers.
func (j *asyncLookup) Keep(c *Ctx) any {
	k := &keptWaiting{cache: j.lookupJoin.Keep(c), under: j.under, ended: j.ended, calls: map[int64]int{}}
	place := map[*waitingKey]int{}
	for i, w := range j.waiting {
		place[w] = i
		k.waiting = append(k.waiting, *w)
	}
	for id, w := range j.calls { //mink:det-ok a copy
		k.calls[id] = place[w]
	}
	return k
}

// Again puts them back.
func (j *asyncLookup) Again(c *Ctx, kept any) {
	k := kept.(*keptWaiting)
	j.lookupJoin.Again(c, k.cache)
	j.waiting, j.calls, j.under, j.ended = nil, map[int64]*waitingKey{}, k.under, k.ended
	for i := range k.waiting {
		w := k.waiting[i]
		j.waiting = append(j.waiting, &w)
	}
	for id, i := range k.calls { //mink:det-ok a copy
		j.calls[id] = j.waiting[i]
	}
}

// keptAsked is the calls of a model that have not come back.
type keptAsked struct {
	queue   []*asked
	running int
	passed  int64
}

func (a *asked) copy() *asked {
	n := &asked{call: a.call, since: a.since, answer: a.answer, done: a.done}
	n.rows.Append(&a.rows, nil)
	n.args.Append(&a.args, nil)
	return n
}

// Keep copies the rows that a model was asked about.
func (o *predictAsync) Keep(*Ctx) any {
	k := &keptAsked{running: o.running, passed: o.passed}
	for _, a := range o.queue {
		k.queue = append(k.queue, a.copy())
	}
	return k
}

// Again puts them back.
func (o *predictAsync) Again(_ *Ctx, kept any) {
	k := kept.(*keptAsked)
	o.queue, o.running, o.passed = nil, k.running, k.passed
	for _, a := range k.queue {
		o.queue = append(o.queue, a.copy())
	}
}
