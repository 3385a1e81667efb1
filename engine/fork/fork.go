// Package fork runs statements over the inputs of a tape: what its sources gave comes
// again, as fast as it is taken, and what jobs give is collected into tables that can
// be compared. Nothing is written outside.
//
// A job that is forked is planned as any other. Its graph is changed before it is
// started (Inputs.Edit, Outputs.Edit), so that a plan shows nothing of it. A fork is no
// replay: rows of different splits may meet in another order, and the clock is that of
// now.
//
// Begin with Inputs in inputs.go, then source in source.go.
package fork
