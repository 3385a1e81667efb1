package catalog

import (
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/env"
)

// Type is a kind of catalog, named by the option 'type' of CREATE CATALOG.
type Type struct {
	Name    string
	Summary string
	// Options are those beside 'type'.
	Options []connect.Option
	// Open makes the catalog. Its options were checked.
	Open func(e *env.Env, o connect.Options) (Catalog, error)
}

const firstDatabase = "default-database"

// Types lists the kinds of catalogs in order of name. A new one adds a line.
func Types() []Type {
	return []Type{memoryType, diskType}
}

var memoryType = Type{
	Name: InMemory, Summary: "Lives as long as its session's process.",
	Options: []connect.Option{{Key: firstDatabase, Default: "default", Doc: "Name of the first database."}},
	Open: func(_ *env.Env, o connect.Options) (Catalog, error) {
		return NewMemory(o.Text(firstDatabase, "default")), nil
	},
}

var diskType = Type{
	Name: OnDisk, Summary: "A folder of SQL files, with every version of every definition.",
	Options: []connect.Option{
		{Key: "path", Required: true, Doc: "The folder; it is made when it is not there."},
		{Key: firstDatabase, Default: "default", Doc: "Name of the first database."},
	},
	Open: func(e *env.Env, o connect.Options) (Catalog, error) {
		return OpenDisk(e, o["path"], o.Text(firstDatabase, "default"))
	},
}
