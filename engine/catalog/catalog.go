// Package catalog keeps tables, views, functions, models and connections by name,
// and the state of a session that decides what a name means: current catalog and
// database, temporary objects, modules, configuration.
//
// A Store holds catalogs and is shared by all sessions of an engine; it may be used
// by several goroutines. A Catalog is in memory (Memory) or on disk (Disk). What they
// return is never changed after it was stored. A Session belongs to one client.
// Nothing here touches connectors: whether a table's options are right shows when it
// is first used.
//
// Begin with Catalog, then Table in table.go, the other objects in object.go, and
// Session in session.go.
package catalog

import (
	"strings"

	"github.com/minkstream/mink/engine/connect"
)

// Names that exist from the start.
const (
	DefaultCatalog  = "default_catalog"
	DefaultDatabase = "default_database"
)

// Path is the full name of an object.
type Path struct{ Catalog, Database, Object string }

// String quotes the parts as Flink does.
func (p Path) String() string {
	return Quote(p.Catalog) + "." + Quote(p.Database) + "." + Quote(p.Object)
}

// Quote puts a name in backticks.
func Quote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// Info is what is known of a catalog or database beside what it holds.
type Info struct {
	Comment string
	Options connect.Options
}

// Catalog keeps databases with objects by name. Its methods may be called from
// several goroutines; each takes effect at once or fails and changes nothing. The
// caller does not change what it gave or got. Whether a database or object exists is
// for the caller to check first: Database and Get return nil when it does not.
type Catalog interface {
	// First is the database that USE CATALOG makes current.
	First() string
	// Databases lists names in order.
	Databases() ([]string, error)
	// Database returns nil when there is none of that name.
	Database(name string) (*Info, error)
	// PutDatabase makes a database or changes what is known of it.
	PutDatabase(name string, info Info) error
	// RemoveDatabase removes a database with all that is in it.
	RemoveDatabase(name string) error
	// List gives an entry for each object of a namespace, in order of name.
	List(k Kind, db string) ([]Entry, error)
	// Get returns an object, or a *Definition to be bound; nil when there is none.
	Get(k Kind, p Path) (Object, error)
	// Put stores an object under its path. It fails with the code conflict when the
	// object there is not the one that o was made from (o.base).
	Put(o Object) error
	// Remove takes an object away, with the same conflict.
	Remove(o Object) error
	// Keeps reports nil when the catalog can keep objects of the kind over sessions,
	// or says why not.
	Keeps(k Kind) error
	// Close releases what opening took.
	Close() error
}

// Entry is an object in a list: its name and the word for it.
type Entry struct {
	Name      string
	What      string
	Temporary bool
}

// Lender is a Catalog that lends folders for what belongs to its tables and outlives the
// process: checkpoints of the jobs that fill them.
type Lender interface {
	Catalog
	// Lend is the folder of a table. It is not made.
	Lend(p Path) string
}

// Versioned is a Catalog that keeps old versions of what it holds.
type Versioned interface {
	Catalog
	// AsOf returns the definition that held at a time in milliseconds of the epoch;
	// nil when there was none.
	AsOf(k Kind, p Path, millis int64) (*Definition, error)
	// Versions lists the versions of an object, oldest first; none when it never was.
	Versions(k Kind, p Path) ([]*Definition, error)
	// DropVersions removes the versions with the given numbers. The newest one stays.
	DropVersions(k Kind, p Path, numbers []int) error
}
