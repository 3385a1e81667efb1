package ast

// CreateMaterializedTable is CREATE [OR ALTER] MATERIALIZED TABLE.
type CreateMaterializedTable struct {
	Pos
	Name          Name
	OrAlter       bool
	Schema        Schema
	Comment       String
	Distribution  *Distribution
	PartitionedBy []Identifier
	Options       []Option
	Start         *StartMode
	Freshness     *IntervalLiteral
	// RefreshMode is CONTINUOUS, FULL or "".
	RefreshMode string
	Query       Query
}

// StartMode is START_MODE = mode: FROM_BEGINNING, FROM_NOW, FROM_TIMESTAMP or one of
// them after RESUME_OR_. Arg is the interval or timestamp in parentheses, or nil.
type StartMode struct {
	Pos
	Mode string
	Arg  Expr
}

// AlterMaterializedTable is ALTER MATERIALIZED TABLE m with one action: one of those
// of AlterTable, or the ones below.
type AlterMaterializedTable struct {
	Pos
	Name   Name
	Action AlterAction
}

// Suspend is SUSPEND.
type Suspend struct{ Pos }

// Resume is RESUME [WITH (...)].
type Resume struct {
	Pos
	Options []Option
}

// Refresh is REFRESH [PARTITION (...)].
type Refresh struct {
	Pos
	Partition []Partition
}

// SetFreshness is SET FRESHNESS = interval.
type SetFreshness struct {
	Pos
	Freshness *IntervalLiteral
}

// SetRefreshMode is SET REFRESH_MODE = mode.
type SetRefreshMode struct {
	Pos
	Mode string
}

// AsQuery is AS query.
type AsQuery struct {
	Pos
	Query Query
}

// DropMaterializedTable is DROP MATERIALIZED TABLE.
type DropMaterializedTable struct {
	Pos
	Name     Name
	IfExists bool
}

func (*Suspend) alterAction()        {}
func (*Resume) alterAction()         {}
func (*Refresh) alterAction()        {}
func (*SetFreshness) alterAction()   {}
func (*SetRefreshMode) alterAction() {}
func (*AsQuery) alterAction()        {}

func (*CreateMaterializedTable) statement() {}
func (*AlterMaterializedTable) statement()  {}
func (*DropMaterializedTable) statement()   {}
