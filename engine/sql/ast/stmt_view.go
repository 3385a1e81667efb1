package ast

// CreateView is CREATE VIEW. The original text of the query is what lies under
// Query.Span().
type CreateView struct {
	Pos
	Name        Name
	Temporary   bool
	OrReplace   bool
	IfNotExists bool
	Columns     []Identifier
	Comment     String
	Query       Query
}

// AlterView is ALTER VIEW v RENAME TO (Kind AlterRename) or AS query (Kind
// AlterAsQuery).
type AlterView struct {
	Pos
	Name  Name
	Kind  AlterKind
	To    Name
	Query Query
}

// DropView is DROP VIEW.
type DropView struct {
	Pos
	Name      Name
	Temporary bool
	IfExists  bool
}

func (*CreateView) statement() {}
func (*AlterView) statement()  {}
func (*DropView) statement()   {}
