package catalog

import "time"

// Materialized is what makes a table a materialized one: the query whose rows it holds
// and how often they are brought up to date.
type Materialized struct {
	// Query is the query with full names, Original as it was written.
	Query, Original string
	// Columns are the table's columns that the query gives, in the query's order.
	Columns []string
	// Freshness is how old the rows may be, FreshnessText as it was written; "" when it
	// was not.
	Freshness     time.Duration
	FreshnessText string
	// Mode is CONTINUOUS (a streaming job) or FULL (a batch job each time).
	Mode string
}
