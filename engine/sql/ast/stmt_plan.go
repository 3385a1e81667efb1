package ast

// Explain is EXPLAIN of a statement.
type Explain struct {
	Pos
	// PlanFor is EXPLAIN PLAN FOR.
	PlanFor bool
	// Details are ESTIMATED_COST, CHANGELOG_MODE, PLAN_ADVICE, JSON_EXECUTION_PLAN as
	// written, in capitals and without duplicates.
	Details   []string
	Statement Statement
}

// CompilePlan is COMPILE PLAN 'file' FOR an Insert or a StatementSet; with Execute
// it is COMPILE AND EXECUTE PLAN.
type CompilePlan struct {
	Pos
	File        String
	IfNotExists bool
	Execute     bool
	Statement   Statement
}

// ExecutePlan is EXECUTE PLAN 'file'.
type ExecutePlan struct {
	Pos
	File String
}

func (*Explain) statement()     {}
func (*CompilePlan) statement() {}
func (*ExecutePlan) statement() {}
