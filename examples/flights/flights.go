// Package flights is an example: real flights of early 2001 and a streaming job
// over them, as files that stand alone and as the data of `mink demo`.
//
// flights.sql runs by itself with `mink run flights.sql` from this folder. The
// origin and licence of the data are in LICENSE.md. The package holds the files and
// nothing else.
package flights

import _ "embed"

// Flights has a line for each flight: time of departure, origin, destination, delay
// in minutes (early is negative), distance in miles.
//
//go:embed flights.csv
var Flights []byte

// Airports has a line for each airport: code, name, city, state.
//
//go:embed airports.csv
var Airports []byte

// SQL is the job.
//
//go:embed flights.sql
var SQL string
