package catalog

import (
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/types"
)

// Kind is a namespace of a database. Tables, views and materialized tables share
// one.
type Kind uint8

// The namespaces.
const (
	Tables Kind = iota
	Functions
	Models
	Connections
	kinds
)

// Folder is the name of the namespace, and of its folder on disk.
func (k Kind) Folder() string {
	return [...]string{"tables", "functions", "models", "connections"}[k]
}

// Object is what a database keeps: a *Table, *UserFunction, *Model, *Connection, or
// a *Definition that is still to be bound. It is never changed after it was stored.
type Object interface {
	// Space is the namespace it belongs to.
	Space() Kind
	// Where is its full name.
	Where() Path
	// What is the word for it in messages: "table", "view".
	What() string
	// DDL is the statement that makes it again, with its name in one part and its
	// options in full.
	DDL() string
	// base is the version it was read from; 0 for one that is new.
	base() int
}

// Held is the part of an object that a catalog with versions fills.
type Held struct{ version int }

func (s *Held) base() int { return s.version }

// Definition is an object as a catalog on disk keeps it: a CREATE statement.
// Session.Find turns it into what it defines.
type Definition struct {
	Held
	Kind Kind
	Path Path
	Word string // What
	// Text is the statement.
	Text string
	// Scope is where the query of a view or materialized table resolves names; its
	// Catalog is "" for the catalog the object is in.
	Scope Path
	// Refresh is that of a materialized table.
	Refresh *Refresh
	// From is the time since when it holds, in milliseconds of the epoch.
	From int64
	// Dropped tells that the version says that the object is gone; Text is empty.
	Dropped bool
}

// Space is the namespace.
func (d *Definition) Space() Kind { return d.Kind }

// Where is the full name.
func (d *Definition) Where() Path { return d.Path }

// What is the word for it.
func (d *Definition) What() string { return d.Word }

// DDL is the statement as it was written.
func (d *Definition) DDL() string { return d.Text }

// Version is the number of the version, from 1.
func (d *Definition) Version() int { return d.version }

// Loaded notes on an object that it was made from d.
func Loaded(o Object, d *Definition) {
	switch o := o.(type) {
	case *Table:
		o.version = d.version
	case *UserFunction:
		o.version = d.version
	case *Model:
		o.version = d.version
	case *Connection:
		o.version = d.version
	}
}

// Model is a model made by CREATE MODEL.
type Model struct {
	Held
	Path      Path
	Temporary bool
	// Input and Output are nil when they are not declared.
	Input   types.Schema
	Output  types.Schema
	Comment string
	Options connect.Options
}

// Space is Models.
func (m *Model) Space() Kind { return Models }

// Where is the full name.
func (m *Model) Where() Path { return m.Path }

// What is the word for it.
func (m *Model) What() string { return "model" }

// Connection is a connection made by CREATE CONNECTION: options that tables share.
type Connection struct {
	Held
	// Path of a system connection has a name alone.
	Path    Path
	System  bool
	Comment string
	Options connect.Options
}

// Space is Connections.
func (c *Connection) Space() Kind { return Connections }

// Where is the full name.
func (c *Connection) Where() Path { return c.Path }

// What is the word for it.
func (c *Connection) What() string { return "connection" }

// Space is Tables.
func (t *Table) Space() Kind { return Tables }

// Where is the full name.
func (t *Table) Where() Path { return t.Path }

// What is Kind.
func (t *Table) What() string { return t.Kind() }
