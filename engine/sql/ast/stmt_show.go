package ast

// Show is a SHOW statement that lists things. What is in capitals and in the plural:
// CATALOGS, DATABASES, FUNCTIONS, PROCEDURES, TABLES, VIEWS, MATERIALIZED TABLES,
// MODELS, CONNECTIONS, COLUMNS, PARTITIONS, MODULES, JARS, JOBS.
type Show struct {
	Pos
	What string
	// User is SHOW USER FUNCTIONS.
	User bool
	// Full is SHOW FULL MODULES.
	Full bool
	// Preposition is FROM, IN or "".
	Preposition string
	// From is the name after FROM or IN, or the table of SHOW PARTITIONS.
	From      Name
	Filter    ShowFilter
	Partition []Partition
}

// ShowFilter is [NOT] LIKE or ILIKE 'pattern'; Kind is "" when there is none.
type ShowFilter struct {
	Kind    string // LIKE or ILIKE
	Not     bool
	Pattern String
}

// ShowCurrent is SHOW CURRENT CATALOG or DATABASE.
type ShowCurrent struct {
	Pos
	What string
}

// ShowCreate is SHOW CREATE; What is TABLE, VIEW, CATALOG, MODEL, CONNECTION or
// MATERIALIZED TABLE.
type ShowCreate struct {
	Pos
	What string
	// OrAlter is SHOW CREATE OR ALTER MATERIALIZED TABLE.
	OrAlter bool
	Name    Name
}

// Describe is DESCRIBE or DESC; What is TABLE (also when no word was written),
// CATALOG, DATABASE, FUNCTION, MODEL, CONNECTION or JOB.
type Describe struct {
	Pos
	What     string
	Extended bool
	Name     Name
	Job      String // the id of DESCRIBE JOB
}

func (*Show) statement()        {}
func (*ShowCurrent) statement() {}
func (*ShowCreate) statement()  {}
func (*Describe) statement()    {}
