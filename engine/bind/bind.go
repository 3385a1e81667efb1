// Package bind gives a statement its meaning: names become tables, columns and
// functions, expressions get types, and a query becomes a tree of package logical.
//
// A Binder serves one statement. Mistakes are *diag.Error with their place in the
// statement's text. What Flink's grammar has and mink cannot plan is refused with
// code unsupported and the words "not supported yet"; what Flink refuses too has a
// code of its own.
//
// Statements that change the catalog or the session, and those that show something,
// become an Action: nothing happens until it is applied. Begin with Binder, then
// select.go for queries and expr.go for expressions.
package bind

import (
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/print"
	"github.com/minkstream/mink/engine/types"
)

// Binder binds one statement.
type Binder struct {
	Session *catalog.Session
	// Text is the text the spans of the statement lie in. It is needed to keep the
	// text of views and computed columns.
	Text string

	// from is where names are resolved from when it is not the session's current
	// place: inside a view.
	from  catalog.Path
	ctes  *cteEnv
	views []catalog.Path // being expanded, against views that contain themselves
	depth int            // of nested queries, for the hint scope
	// inlined are the SQL functions being put in, against functions that call
	// themselves; calls counts all that were.
	inlined []*catalog.UserFunction
	calls   *int
	// full are the names of a query whose text is kept, else nil.
	full *print.Names
	// rowLevel is the table of FROM whose rows UPDATE or DELETE replace.
	rowLevel ast.TableRef
}

// New makes a binder for a statement of text.
func New(s *catalog.Session, text string) *Binder { return &Binder{Session: s, Text: text} }

// Bound is a statement with its meaning: *Query, *Insert, *Inserts, *Action,
// *Explain, *BeginSet, *EndSet, or one of those in stmt_*.go.
type Bound interface{ bound() }

// Query is a query whose rows go to whoever asked.
type Query struct {
	Root logical.Node
	At   diag.Span
}

// Insert is a query whose rows go to a table.
type Insert struct {
	// Table is the target, with the options of a hint in it.
	Table *catalog.Table
	// Root gives a column for each of Columns, in their declared types.
	Root logical.Node
	// Columns are positions in Table.Columns.
	Columns []int
	// Static are the columns of the static partition with their values as text.
	Static    [][2]string
	Overwrite bool
	Conflict  ast.ConflictAction
	// RowLevel is set where the insert is an UPDATE or DELETE.
	RowLevel *RowLevel
	// Creation is set where the table is made first: CREATE TABLE AS.
	Creation *Creation
	// At is the place of the target's name, Query that of the query.
	At, Query diag.Span
}

// Inserts is a statement set: one job.
type Inserts struct{ List []*Insert }

// Action is a statement that takes effect at once. Apply does it and returns what
// it shows; nil rows mean OK.
type Action struct {
	// Name is the statement's first words, for narration: "CREATE TABLE".
	Name string
	// Shows tells that the statement returns rows that are data (SHOW, DESCRIBE).
	Shows bool
	Apply func() (*Rows, error)
	// Warning is advice to show with the result, or nil.
	Warning *diag.Error
}

// Explain asks for the plan of a statement.
type Explain struct {
	Of Bound
	// Details are ESTIMATED_COST, CHANGELOG_MODE, PLAN_ADVICE, JSON_EXECUTION_PLAN.
	Details []string
	At      diag.Span
}

// BeginSet is BEGIN STATEMENT SET: inserts are collected until EndSet.
type BeginSet struct{ At diag.Span }

// EndSet is END: what was collected runs as one Inserts.
type EndSet struct{ At diag.Span }

func (*Query) bound()    {}
func (*Insert) bound()   {}
func (*Inserts) bound()  {}
func (*Action) bound()   {}
func (*Explain) bound()  {}
func (*BeginSet) bound() {}
func (*EndSet) bound()   {}

// Rows are the rows of an Action: values are string, bool, int64 or nil.
type Rows struct {
	Schema types.Schema
	Data   [][]any
}

// unsupported is a feature of Flink's that mink cannot plan.
func unsupported(at diag.Span, format string, args ...any) *diag.Error {
	return diag.At(at, diag.Unsupported, format+" not supported yet", args...)
}

// parsedOnly is a form that Flink parses and does not run.
func parsedOnly(at diag.Span, what string) *diag.Error {
	return diag.At(at, diag.UnsupportedByFlink, "%s is parsed but cannot be planned", what)
}

func (b *Binder) batch() bool { return b.Session.Config.Batch() }
