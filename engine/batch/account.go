package batch

import "sync/atomic" //mink:det-ok memory is counted for all tasks; no result depends on it

// Account counts the bytes that a structure holds, and adds them to its parents:
// operator, task, job. Budgets and eviction look at accounts only, so that what
// they decide repeats. Adding is safe from several goroutines; the zero value is
// an account without parent.
type Account struct {
	used   atomic.Int64
	peak   atomic.Int64
	parent *Account
}

// NewAccount makes an account below parent, which may be nil.
func NewAccount(parent *Account) *Account { return &Account{parent: parent} }

// Add adds n bytes, or takes them away if n is negative.
func (a *Account) Add(n int64) {
	for ; a != nil; a = a.parent {
		now := a.used.Add(n)
		for p := a.peak.Load(); now > p && !a.peak.CompareAndSwap(p, now); p = a.peak.Load() {
		}
	}
}

// Used is the number of bytes held now.
func (a *Account) Used() int64 { return a.used.Load() }

// Peak is the most bytes ever held.
func (a *Account) Peak() int64 { return a.peak.Load() }

// Set makes the account hold n bytes.
func (a *Account) Set(n int64) { a.Add(n - a.used.Load()) }

// Close takes what is left out of the parents.
func (a *Account) Close() { a.Set(0) }
