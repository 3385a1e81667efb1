// Package invariant states what must hold.
//
// A broken invariant is a defect of mink, never of the user's input, so it
// panics; the host of the task turns the panic into an internal error with the
// task's name and step. Bad input is reported through package diag instead.
package invariant

import "fmt"

// Broken is the value of the panic raised by Check and Fail.
type Broken struct{ Msg string }

func (b Broken) Error() string { return "broken invariant: " + b.Msg }

// Check panics with Broken unless ok. The arguments are formatted only on
// failure, so a check on a hot path costs one branch.
func Check(ok bool, format string, args ...any) {
	if !ok {
		Fail(format, args...)
	}
}

// Fail panics with Broken.
func Fail(format string, args ...any) {
	panic(Broken{fmt.Sprintf(format, args...)})
}
