package exec

// Async is a Host that runs work outside of steps: calls to models, lookups that
// wait. The hosts of package flow are; an operator asks by a type assertion on
// Ctx.Host.
type Async interface {
	// Start runs f outside of the step, on another goroutine, and returns a number
	// that the operator's Completed gets with the result. f must not touch the
	// operator. Calls are not part of a snapshot: an operator keeps in its state
	// what it needs to start those again that had not completed, and does so in
	// Open.
	Start(name string, f func() ([]byte, error)) (id int64)
}

// Completer is an operator that uses Async.
type Completer interface {
	// Completed brings the result of call id, in a step of its own. Calls may
	// complete in any order.
	Completed(c *Ctx, id int64, result []byte, err error) error
}

// Limited is a Completer that wants no more input while enough calls are under way.
type Limited interface {
	// Full is asked between steps. While it is true the task takes no rows; it may
	// change only in a step.
	Full() bool
}
