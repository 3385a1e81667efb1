package catalog

import "github.com/minkstream/mink/engine/connect"

// SetSystem gives the session the tables of MinkDatabase; their catalog is that of
// the name they are asked for by.
func (s *Session) SetSystem(tables []*Table) { s.system = tables }

// systemTables are the system's tables as seen in a catalog; nil for other databases.
func (s *Session) systemTables(cat, db string) []*Table {
	if !s.Store.HasCatalog(cat) {
		return nil
	}
	if db == InformationSchema {
		return informationTables(cat)
	}
	if db != MinkDatabase {
		return nil
	}
	out := make([]*Table, len(s.system))
	for i, t := range s.system {
		c := *t
		c.Path.Catalog = cat
		out[i] = &c
	}
	return out
}

// systemTable finds a system table, or nil.
func (s *Session) systemTable(p Path) *Table {
	for _, t := range s.systemTables(p.Catalog, p.Database) {
		if t.Path.Object == p.Object {
			return t
		}
	}
	return nil
}

// PathTable is what a function of FROM with one argument, a path, reads.
type PathTable struct {
	Columns   []Column
	Connector *connect.Connector
	// Option gets the path.
	Option string
}
