package ast

// UseCatalog is USE CATALOG.
type UseCatalog struct {
	Pos
	Name Identifier
}

// UseDatabase is USE [catalog.]database.
type UseDatabase struct {
	Pos
	Name Name
}

// Set is SET ['key' = 'value']; without a key it lists the settings.
type Set struct {
	Pos
	Key   String
	Value String
}

// Reset is RESET ['key']; without a key it resets everything.
type Reset struct {
	Pos
	Key String
}

// SetOption is ALTER SYSTEM|SESSION SET name = value and RESET name, which no planner
// takes.
type SetOption struct {
	Pos
	// Scope is SYSTEM or SESSION.
	Scope string
	Name  Name
	// Value is nil for RESET. The word ON and bare names are a ColumnRef.
	Value Expr
}

// StopJob is STOP JOB.
type StopJob struct {
	Pos
	Job       String
	Savepoint bool
	Drain     bool
}

func (*UseCatalog) statement()  {}
func (*UseDatabase) statement() {}
func (*Set) statement()         {}
func (*Reset) statement()       {}
func (*SetOption) statement()   {}
func (*StopJob) statement()     {}
