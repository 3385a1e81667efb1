package ast

// QueryStatement is a query alone: SELECT, VALUES, TABLE.
type QueryStatement struct {
	Pos
	Query Query
}

// Insert is INSERT INTO and INSERT OVERWRITE.
type Insert struct {
	Pos
	Table     Name
	Overwrite bool
	// Upsert is UPSERT INTO, a form no planner takes.
	Upsert bool
	Hints  []Hint
	// Partition is the PARTITION clause.
	Partition []Partition
	// Columns are the target columns, names or paths.
	Columns  []Name
	Query    Query
	Conflict ConflictAction
}

// ConflictAction is what ON CONFLICT DO asks.
type ConflictAction uint8

// The actions on conflict.
const (
	ConflictDefault ConflictAction = iota // not written
	ConflictError
	ConflictNothing
	ConflictDeduplicate
)

// StatementSet is STATEMENT SET BEGIN insert; ... END, under EXECUTE, EXPLAIN or
// COMPILE PLAN.
type StatementSet struct {
	Pos
	Inserts []*Insert
}

// BeginStatementSet is BEGIN STATEMENT SET.
type BeginStatementSet struct{ Pos }

// EndStatementSet is END.
type EndStatementSet struct{ Pos }

// Execute is EXECUTE with a StatementSet, an Insert or a QueryStatement.
type Execute struct {
	Pos
	Statement Statement
}

// Assignment is column = expr.
type Assignment struct {
	Column Name
	Value  Expr
}

// Update is UPDATE.
type Update struct {
	Pos
	Table Name
	Hints []Hint
	Alias *Identifier
	Set   []Assignment
	Where Expr
}

// Delete is DELETE FROM.
type Delete struct {
	Pos
	Table Name
	Hints []Hint
	Alias *Identifier
	Where Expr
}

// Merge is MERGE INTO, a form no planner takes.
type Merge struct {
	Pos
	Table Name
	Hints []Hint
	Alias *Identifier
	Using TableRef
	On    Expr
	// Update is set by WHEN MATCHED.
	Update []Assignment
	// Insert is set by WHEN NOT MATCHED.
	Insert *MergeInsert
}

// MergeInsert is INSERT (columns) VALUES row of a MERGE.
type MergeInsert struct {
	Columns []Identifier
	Row     Expr
}

func (*QueryStatement) statement()    {}
func (*Insert) statement()            {}
func (*StatementSet) statement()      {}
func (*BeginStatementSet) statement() {}
func (*EndStatementSet) statement()   {}
func (*Execute) statement()           {}
func (*Update) statement()            {}
func (*Delete) statement()            {}
func (*Merge) statement()             {}
