package function

import "testing"

// What a runtime started is stopped when a job has ended and nobody uses it: not under
// a statement that is being planned, and not by a statement's end alone.
func TestLease(t *testing.T) {
	idle := 0
	l := Lease{Idle: func() { idle++ }}
	expect := func(what string, want int) {
		t.Helper()
		if idle != want {
			t.Errorf("%s: stopped %d times, want %d", what, idle, want)
		}
	}
	l.Hold()
	l.Release(false)
	expect("a statement has ended", 0)
	l.Hold() // a job
	l.Hold() // a statement that is planned meanwhile
	l.Release(true)
	expect("the job has ended under a statement", 0)
	l.Release(false)
	expect("the statement has ended, too", 1)
	l.Hold()
	l.Release(false)
	expect("another statement", 1)
	l.Hold()
	l.Release(true)
	expect("another job", 2)
}
