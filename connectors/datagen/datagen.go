// Package datagen is the connector that makes rows up: random values, or counting
// ones, at a given rate.
//
// The value of a field is a function of the run's seed, the field and the number of
// the row, so a reader goes on anywhere and a run can be repeated. Only times are
// taken from the clock of the task, as Flink does. Begin with source.go; gen.go has
// the generators.
package datagen

import "github.com/minkstream/mink/engine/connect"

// Connector is 'connector' = 'datagen'.
var Connector = connect.Connector{
	Name:    "datagen",
	Summary: "Random or counting rows at a given rate.",
	Options: []connect.Option{
		{Key: "rows-per-second", Type: connect.Int, Default: "10000", Doc: "Rows per second, over all subtasks."},
		{Key: "number-of-rows", Type: connect.Int, Doc: "How many rows there are; without end by default."},
		{Key: "fields.", Prefix: true, Doc: "fields.<name>.kind (random, sequence), .min, .max, .max-past, .length, .var-len, .start, .end, .null-rate; " +
			"fields.<name>.element.*, .key.*, .value.* for collections, fields.<name>.<field>.* for rows."},
	},
	Source: newSource,
	Starts: true, // rows come into being as they are read: none is older
}
