// Package load measures jobs with much state: what they do when it does not fit in
// memory, what a checkpoint costs and how long it takes, how late results are.
//
// It has no code of its own beside its tests, which take minutes and run with
// MINK_ALL=1, one at a time, on a machine that does nothing else:
//
//	MINK_ALL=1 go test ./testkit/load -run TestSpilledKeys -v
//
// Without it they run small, for their answers alone. Each says the figure that it
// holds the engine to, and how much it allows for a machine that is busy.
package load
