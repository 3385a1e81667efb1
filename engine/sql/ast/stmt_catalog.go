package ast

// CreateCatalog is CREATE CATALOG.
type CreateCatalog struct {
	Pos
	Name        Identifier
	IfNotExists bool
	Comment     String
	Options     []Option
}

// AlterCatalog is ALTER CATALOG c SET, RESET or COMMENT; Kind is AlterSet,
// AlterReset or AlterComment.
type AlterCatalog struct {
	Pos
	Name    Identifier
	Kind    AlterKind
	Options []Option
	Keys    []String
	Comment String
}

// DropCatalog is DROP CATALOG.
type DropCatalog struct {
	Pos
	Name     Name
	IfExists bool
}

// CreateDatabase is CREATE DATABASE.
type CreateDatabase struct {
	Pos
	Name        Name
	IfNotExists bool
	Comment     String
	Options     []Option
}

// AlterDatabase is ALTER DATABASE d SET (...).
type AlterDatabase struct {
	Pos
	Name    Name
	Options []Option
}

// DropDatabase is DROP DATABASE; without CASCADE it is RESTRICT.
type DropDatabase struct {
	Pos
	Name     Name
	IfExists bool
	Cascade  bool
}

// AlterKind is the action of an ALTER statement that sets options and the like.
type AlterKind uint8

// The simple actions of ALTER.
const (
	AlterSet AlterKind = iota
	AlterReset
	AlterComment
	AlterRename
	AlterAsQuery
)

func (*CreateCatalog) statement()  {}
func (*AlterCatalog) statement()   {}
func (*DropCatalog) statement()    {}
func (*CreateDatabase) statement() {}
func (*AlterDatabase) statement()  {}
func (*DropDatabase) statement()   {}
