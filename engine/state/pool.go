package state

import "sync/atomic" //mink:det-ok stores of all tasks of a process share it; what they give does not depend on it

// Pool is the memory that the state of all jobs of a process has together. Each store has a
// budget of its own; where the budgets of those that are open come to more than the
// pool, each gets its part of it, from its next step on. What a store gives depends on
// none of this.
type Pool struct {
	bytes    int64
	promised atomic.Int64 // the budgets of open stores
}

// opened are the stores of the process that are open.
var opened atomic.Int64

// Stores is how many stores of this process are open: none where no task runs.
func Stores() int64 { return opened.Load() }

// NewPool makes a pool of so many bytes.
func NewPool(bytes int64) *Pool { return &Pool{bytes: bytes} }

// promise counts the budget of a store that opens; a negative one, of a store that closes.
// A nil pool bounds nothing.
func (p *Pool) promise(n int64) {
	if p != nil {
		p.promised.Add(n)
	}
}

// share is what a budget of n comes to now.
func (p *Pool) share(n int64) int64 {
	if p == nil {
		return n
	}
	all := p.promised.Load()
	if all <= p.bytes {
		return n
	}
	return max(1, int64(float64(n)*float64(p.bytes)/float64(all)))
}
