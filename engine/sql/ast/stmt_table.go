package ast

// CreateTable is CREATE TABLE and REPLACE TABLE, also with LIKE or AS query.
type CreateTable struct {
	Pos
	Name        Name
	Temporary   bool
	IfNotExists bool
	// Replace is REPLACE TABLE, or with OrReplace also CREATE OR REPLACE TABLE.
	Replace   bool
	OrReplace bool
	Schema    Schema
	Comment   String
	// Distribution is nil without DISTRIBUTED.
	Distribution *Distribution
	// PartitionedBy are the names of PARTITIONED BY.
	PartitionedBy []Identifier
	// Connection is the name after USING CONNECTION.
	Connection Name
	Options    []Option
	Like       *TableLike
	Query      Query // of AS
}

// Schema is the parenthesised list of a CREATE or ALTER statement, each kind in the
// order written.
type Schema struct {
	// Columns holds physical, metadata and computed columns.
	Columns []*Column
	// Names is the bare name list of CREATE TABLE t (a, b) AS query.
	Names       []Identifier
	Watermarks  []*Watermark
	Constraints []*Constraint
	// Parens tells an empty list from none.
	Parens bool
}

// ColumnKind says where a column's values come from.
type ColumnKind uint8

// The kinds of columns.
const (
	ColumnPhysical ColumnKind = iota
	ColumnMetadata
	ColumnComputed
)

// Column is a column of a schema.
type Column struct {
	Pos
	// Name has one part, except in ALTER TABLE MODIFY where it may be a path.
	Name Name
	Kind ColumnKind
	Type TypeSpec // nil for a computed column
	// Expr is the expression of a computed column.
	Expr Expr
	// Key is the name after METADATA FROM.
	Key     String
	Virtual bool
	// Constraint is an inline PRIMARY KEY or UNIQUE.
	Constraint *Constraint
	Comment    String
	Position   Position
}

// Position is FIRST or AFTER column of ALTER TABLE ADD and MODIFY.
type Position struct {
	First bool
	After Name // set for AFTER
}

// Watermark is WATERMARK FOR column AS expr.
type Watermark struct {
	Pos
	Column Name
	Expr   Expr
}

// Constraint is PRIMARY KEY or UNIQUE over columns.
type Constraint struct {
	Pos
	Name    *Identifier
	Unique  bool         // UNIQUE, else PRIMARY KEY
	Columns []Identifier // empty for an inline constraint
	// Enforcement is what was written: nothing, ENFORCED or NOT ENFORCED.
	Enforcement Enforcement
}

// Enforcement of a constraint.
type Enforcement uint8

// The enforcements.
const (
	EnforceDefault Enforcement = iota
	Enforced
	NotEnforced
)

// Distribution is DISTRIBUTED BY or INTO.
type Distribution struct {
	Pos
	// Kind is HASH, RANGE or "".
	Kind    string
	Columns []Identifier
	// Buckets is the digits after INTO, or "".
	Buckets string
}

// TableLike is LIKE src (options).
type TableLike struct {
	Pos
	Source  Name
	Options []LikeOption
}

// LikeOption is one option of LIKE, both words in capitals: INCLUDING, EXCLUDING or
// OVERWRITING; ALL, CONSTRAINTS, DISTRIBUTION, PARTITIONS, GENERATED, METADATA,
// OPTIONS or WATERMARKS.
type LikeOption struct {
	Strategy string
	Feature  string
}

// AlterTable is ALTER TABLE t with one action.
type AlterTable struct {
	Pos
	Name     Name
	IfExists bool
	Action   AlterAction
}

// AlterAction is what ALTER TABLE or ALTER MATERIALIZED TABLE does.
type AlterAction interface {
	Node
	alterAction()
}

// AddColumns is ADD with columns, constraints and watermarks.
type AddColumns struct {
	Pos
	Schema Schema
}

// ModifyColumns is MODIFY with columns, constraints and watermarks.
type ModifyColumns struct {
	Pos
	Schema Schema
}

// AddDistribution is ADD DISTRIBUTION.
type AddDistribution struct {
	Pos
	Distribution *Distribution
}

// ModifyDistribution is MODIFY DISTRIBUTION.
type ModifyDistribution struct {
	Pos
	Distribution *Distribution
}

// DropKind is what a DROP action of ALTER TABLE drops.
type DropKind uint8

// The things an ALTER TABLE can drop.
const (
	DropColumns DropKind = iota
	DropPrimaryKey
	DropConstraint
	DropWatermark
	DropDistribution
)

// DropPart is DROP of columns, a key, a constraint, the watermark or the
// distribution.
type DropPart struct {
	Pos
	Kind       DropKind
	Columns    []Name
	Constraint Identifier
}

// AddPartitions is ADD [IF NOT EXISTS] PARTITION ...
type AddPartitions struct {
	Pos
	IfNotExists bool
	Partitions  []PartitionDef
}

// PartitionDef is a partition with its options.
type PartitionDef struct {
	Spec    []Partition
	Options []Option
}

// DropPartitions is DROP [IF EXISTS] PARTITION ...
type DropPartitions struct {
	Pos
	IfExists   bool
	Partitions [][]Partition
}

// RenameTable is RENAME TO.
type RenameTable struct {
	Pos
	To Name
}

// RenameColumn is RENAME old TO new.
type RenameColumn struct {
	Pos
	From Name
	To   Identifier
}

// SetOptions is SET (...).
type SetOptions struct {
	Pos
	Options []Option
}

// ResetOptions is RESET (...).
type ResetOptions struct {
	Pos
	Keys []String
}

// DropTable is DROP TABLE.
type DropTable struct {
	Pos
	Name      Name
	Temporary bool
	IfExists  bool
}

// AnalyzeTable is ANALYZE TABLE ... COMPUTE STATISTICS.
type AnalyzeTable struct {
	Pos
	Name       Name
	Partition  []Partition // a Value may be nil
	Columns    []Identifier
	AllColumns bool
}

// TruncateTable is TRUNCATE TABLE.
type TruncateTable struct {
	Pos
	Name Name
}

func (*AddColumns) alterAction()         {}
func (*ModifyColumns) alterAction()      {}
func (*AddDistribution) alterAction()    {}
func (*ModifyDistribution) alterAction() {}
func (*DropPart) alterAction()           {}
func (*AddPartitions) alterAction()      {}
func (*DropPartitions) alterAction()     {}
func (*RenameTable) alterAction()        {}
func (*RenameColumn) alterAction()       {}
func (*SetOptions) alterAction()         {}
func (*ResetOptions) alterAction()       {}

func (*CreateTable) statement()   {}
func (*AlterTable) statement()    {}
func (*DropTable) statement()     {}
func (*AnalyzeTable) statement()  {}
func (*TruncateTable) statement() {}
