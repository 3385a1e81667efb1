// Package nexmark holds the queries of the Nexmark benchmark, what they must give,
// and a sink that checks it.
//
// Data comes from the nexmark connector, which makes the same events in every run,
// so the final result of a bounded run is known as a number of rows and a checksum
// that does not depend on their order. Naive computes the same results row by row,
// from nothing but the events: for other sizes and seeds than those known.
//
// The package runs nothing. Begin with Queries, then Script in script.go, Expected
// in expected.go and Verifier in verify.go.
package nexmark

// Query is one query of the benchmark.
type Query struct {
	// Name is "q0" to "q23".
	Name string
	// Summary is what it computes.
	Summary string
	// Columns are those of its sink, in the order in which the query fills them.
	Columns []Column
	// Updates reports that the sink receives updates, not only inserts.
	Updates bool
	// Check says how its result is checked.
	Check Check
	// Skip says why the query is not part of a run; empty for all others.
	Skip string
	// uses are the statements it needs between source and sink.
	uses []string
	// partitioned are the sink's partition columns.
	partitioned string
}

// Column is a column of a sink, its type in SQL.
type Column struct{ Name, Type string }

// Check says how a result is checked.
type Check uint8

// Ways to check.
const (
	// Exact: rows and checksum are known.
	Exact Check = iota
	// Arrival: rows and checksum are known when events arrive in order of their
	// numbers; otherwise those of the columns in TieFree.
	Arrival
	// Total: the sum of the second column is the number of bids.
	Total
	// None: nothing is known.
	None
)

// TieFree are the columns of q19 that no order of arrival changes.
var TieFree = []int{0, 2, 7}

// cols makes columns of names and types in turn.
func cols(s ...string) []Column {
	var out []Column
	for i := 0; i < len(s); i += 2 {
		out = append(out, Column{s[i], s[i+1]})
	}
	return out
}

func concat(lists ...[]Column) []Column {
	var out []Column
	for _, l := range lists {
		out = append(out, l...)
	}
	return out
}

const (
	number = "BIGINT"
	text   = "STRING"
	moment = "TIMESTAMP(3)"
	money  = "DECIMAL(23, 3)"
)

var (
	bidShort = cols("auction", number, "bidder", number, "price", number, "dateTime", moment, "extra", text)
	bidLong  = cols("auction", number, "bidder", number, "price", number, "channel", text, "url", text, "dateTime", moment, "extra", text)
	item     = cols("itemName", text, "description", text, "initialBid", number, "reserve", number)
	sale     = cols("expires", moment, "seller", number, "category", number)
	byRank   = cols("total_bids", number, "rank1_bids", number, "rank2_bids", number, "rank3_bids", number)
	distinct = cols("total_bidders", number, "rank1_bidders", number, "rank2_bidders", number, "rank3_bidders", number,
		"total_auctions", number, "rank1_auctions", number, "rank2_auctions", number, "rank3_auctions", number)
	session = cols("bidder", number, "bid_count", number, "starttime", moment, "endtime", moment)
)

// Queries lists all queries in order of their numbers.
func Queries() []Query {
	var (
		bid     = []string{"view_bid"}
		both    = []string{"view_auction", "view_bid"}
		sellers = []string{"view_person", "view_auction"}
	)
	return []Query{
		{Name: "q0", Summary: "every bid, unchanged", Columns: bidShort, uses: bid},
		{Name: "q1", Summary: "prices in another currency", uses: bid,
			Columns: cols("auction", number, "bidder", number, "price", money, "dateTime", moment, "extra", text)},
		{Name: "q2", Summary: "bids on some auctions", uses: bid, Columns: cols("auction", number, "price", number)},
		{Name: "q3", Summary: "who sells in some states", uses: sellers,
			Columns: cols("name", text, "city", text, "state", text, "id", number)},
		{Name: "q4", Summary: "mean final price per category", Updates: true, uses: both,
			Columns: cols("id", number, "final", number)},
		{Name: "q5", Summary: "auctions with the most bids per sliding window", uses: bid,
			Columns: cols("auction", number, "num", number)},
		{Name: "q6", Summary: "mean of a seller's last winning bids", Updates: true, uses: both, Check: None,
			Columns: cols("seller", number, "avg_price", number),
			Skip:    "a bounded ROWS frame over updating rows ordered by a time that is no longer an attribute is refused, as in Flink"},
		{Name: "q7", Summary: "highest bids per window", Columns: bidShort, uses: bid},
		{Name: "q8", Summary: "persons who opened an auction in the window of their arrival", uses: sellers,
			Columns: cols("id", number, "name", text, "stime", moment)},
		{Name: "q9", Summary: "winning bids", Updates: true, uses: both,
			Columns: concat(cols("id", number), item, cols("dateTime", moment), sale, cols("extra", text),
				cols("auction", number, "bidder", number, "price", number, "bid_dateTime", moment, "bid_extra", text))},
		{Name: "q10", Summary: "bids to partitioned files", uses: bid, partitioned: "dt, hm",
			Columns: concat(bidShort, cols("dt", text, "hm", text))},
		{Name: "q11", Summary: "bids per bidder and session", Columns: session, uses: bid},
		{Name: "q12", Summary: "bids per bidder and window of processing time", Columns: session, Check: Total,
			uses: []string{"view_bid", "view_bid_now"}},
		{Name: "q13", Summary: "bids joined with a bounded side input", uses: []string{"view_bid", "view_bid_now", "side_input"},
			Columns: cols("auction", number, "bidder", number, "price", number, "dateTime", moment, "value", text)},
		{Name: "q14", Summary: "bids in a range of prices, with a function of the user's", uses: []string{"view_bid", "count_char"},
			Columns: cols("auction", number, "bidder", number, "price", money, "bidTimeType", text, "dateTime", moment, "extra", text, "c_counts", number)},
		{Name: "q15", Summary: "distinct counts per day", Updates: true, uses: bid,
			Columns: concat(cols("day", text), byRank, distinct)},
		{Name: "q16", Summary: "distinct counts per channel and day", Updates: true, uses: bid,
			Columns: concat(cols("channel", text, "day", text, "minute", text), byRank, distinct)},
		{Name: "q17", Summary: "statistics per auction and day", Updates: true, uses: bid,
			Columns: concat(cols("auction", number, "day", text), byRank,
				cols("min_price", number, "max_price", number, "avg_price", number, "sum_price", number))},
		{Name: "q18", Summary: "last bid per bidder and auction", Updates: true, Columns: bidLong, uses: bid},
		{Name: "q19", Summary: "ten highest bids per auction", Updates: true, uses: bid, Check: Arrival,
			Columns: concat(bidLong, cols("rank_number", number))},
		{Name: "q20", Summary: "bids with their auction, of one category", uses: both,
			Columns: concat(cols("auction", number, "bidder", number, "price", number, "channel", text, "url", text,
				"bid_dateTime", moment, "bid_extra", text), item, cols("auction_dateTime", moment), sale, cols("auction_extra", text))},
		{Name: "q21", Summary: "channel ids out of urls", uses: bid,
			Columns: cols("auction", number, "bidder", number, "price", number, "channel", text, "channel_id", text)},
		{Name: "q22", Summary: "directories out of urls", uses: bid,
			Columns: cols("auction", number, "bidder", number, "price", number, "channel", text, "dir1", text, "dir2", text, "dir3", text)},
		{Name: "q23", Summary: "bids by sellers, with person and auction", uses: []string{"view_person", "view_auction", "view_bid"},
			Columns: concat(cols("bidder", number, "price", number, "channel", text, "url", text, "bid_extra", text,
				"person_id", number, "name", text, "emailAddress", text, "creditCard", text, "city", text, "state", text, "person_extra", text),
				item, cols("auction_dateTime", moment), sale, cols("auction_extra", text))},
	}
}

// Find returns the query of a name.
func Find(name string) (Query, bool) {
	for _, q := range Queries() {
		if q.Name == name {
			return q, true
		}
	}
	return Query{}, false
}
