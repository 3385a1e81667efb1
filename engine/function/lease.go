package function

import "sync" //mink:det-ok sessions and jobs hold what user functions run in, no task does

// Lease counts who uses what a Runtime started: statements that are being planned, which
// may run a function of constants, and jobs. It is part of the runtimes that start
// something. Its methods may be called from several goroutines.
type Lease struct {
	// Idle stops what was started; it is called when a job has ended and nobody is left.
	Idle func()

	mu    sync.Mutex
	users int
	ended bool
}

// Hold counts a user.
func (l *Lease) Hold() {
	l.mu.Lock()
	l.users++
	l.mu.Unlock()
}

// Release ends a Hold; ended is true when it was a job's. A statement that ends leaves
// what it started to the next one.
func (l *Lease) Release(ended bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.users--
	l.ended = l.ended || ended
	if l.users == 0 && l.ended {
		l.ended = false
		l.Idle()
	}
}
