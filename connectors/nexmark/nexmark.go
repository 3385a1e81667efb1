// Package nexmark is the source of the Nexmark benchmark: an online auction's
// persons, auctions and bids as one stream of three kinds of events.
//
// Every row is a pure function of a seed and its number, so that any part of the
// stream can be made alone, by any worker, in any order and with any set of
// columns. Distributions are those of the public suite; the randomness is mink's
// own, so results of bounded runs are known in advance.
//
// It refuses nothing that the suite allows but a rate that changes over time.
// Begin with Connector, then Generator in generator.go; random.go says how values
// are drawn.
package nexmark

import "github.com/minkstream/mink/engine/connect"

// Connector is 'connector' = 'nexmark'.
var Connector = connect.Connector{
	Name:            "nexmark",
	Summary:         "Generates the events of the Nexmark benchmark, the same in every run.",
	Source:          newSource,
	Starts:          true, // rows come into being as they are read: none is older
	SourceWatermark: sourceWatermark,
	Options: []connect.Option{
		{Key: "events.num", Type: connect.Int, Default: "0", Doc: "How many events are generated; 0 is without end."},
		{Key: "first-event.rate", Type: connect.Int, Default: "10000", Doc: "Events per second of event time; the same as next-event.rate."},
		{Key: "next-event.rate", Type: connect.Int, Default: "10000", Doc: "Events per second of event time."},
		{Key: "person.proportion", Type: connect.Int, Default: "1", Doc: "Persons among events."},
		{Key: "auction.proportion", Type: connect.Int, Default: "3", Doc: "Auctions among events."},
		{Key: "bid.proportion", Type: connect.Int, Default: "46", Doc: "Bids among events."},
		{Key: "person.avg-size", Type: connect.Int, Default: "200", Doc: "Mean size of a person in bytes, reached by padding."},
		{Key: "auction.avg-size", Type: connect.Int, Default: "500", Doc: "Mean size of an auction in bytes, reached by padding."},
		{Key: "bid.avg-size", Type: connect.Int, Default: "100", Doc: "Mean size of a bid in bytes, reached by padding."},
		{Key: "bid.hot-ratio.auctions", Type: connect.Int, Default: "2", Doc: "One of this many bids is not for the hot auction."},
		{Key: "bid.hot-ratio.bidders", Type: connect.Int, Default: "4", Doc: "One of this many bids is not by the hot bidder."},
		{Key: "auction.hot-ratio.sellers", Type: connect.Int, Default: "4", Doc: "One of this many auctions is not by the hot seller."},
		{Key: "keep-alive", Type: connect.Bool, Default: "false", Doc: "Leave the source running, silent, after its last event."},
		{Key: "stop-at", Type: connect.Int, Default: "0", Doc: "Stop after this many events; 0 is after events.num."},
		{Key: "max-emit-speed", Type: connect.Bool, Default: "true", Doc: "Emit as fast as rows are taken, not at the rate."},
		{Key: "seed", Type: connect.Int, Default: "1", Doc: "Seed of the values."},
		{Key: "base-time", Default: "2015-07-15 00:00:00", Doc: "Time of the first event, in UTC: a timestamp, or milliseconds since 1970."},
		{Key: "layout", Type: connect.Enum, Values: []string{"striped", "timelines"}, Default: "striped",
			Doc: "How splits share the stream: one timeline dealt in blocks, or a timeline each as in the public suite."},
		{Key: "bidder-offset", Type: connect.Int, Default: "1000", Doc: "First bidder id; 2000 is what the suite for Flink gives."},
		{Key: "out-of-order-group", Type: connect.Int, Default: "1", Doc: "Events are shuffled within groups of this size; 1 keeps them in order."},
		{Key: "materialize", Type: connect.Enum, Values: []string{"all", "projected"}, Default: "all",
			Doc: "Build every column, as other engines' generators do, or only those that the query reads."},
	},
}
