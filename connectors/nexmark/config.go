package nexmark

import (
	"strconv"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/connect"
)

// Constants of the suite.
const (
	firstPerson   = 1000
	firstAuction  = 1000
	firstCategory = 10
	categories    = 5
	idLead        = 10   // ids drawn may be up to this many in the future
	activePeople  = 1000 // a cold person is one of the last
	inFlight      = 100  // a cold auction is one of the last
	hotBatch      = 100  // a hot auction or person stays for this many
	blockEvents   = 5000 // a block of the striped layout
	shuffle       = 953  // multiplier of out-of-order groups
)

// Kinds of events, as in column event_type.
const (
	person = iota
	auction
	bid
)

// Config says what is generated. The zero value is not useful; begin with Defaults.
type Config struct {
	// Events is the number of events, 0 = without end; StopAt ends emission early.
	Events, StopAt uint64
	Seed           uint64
	// Base is the time of the first event in ms, Rate the events per second.
	Base int64
	Rate uint64
	// Parts are the proportions of persons, auctions and bids.
	Parts [3]uint64
	// Sizes are the mean bytes of a person, an auction and a bid.
	Sizes [3]int
	// Of HotAuctions (HotBidders, HotSellers) draws one is cold.
	HotAuctions, HotBidders, HotSellers uint64
	BidderOffset                        int64
	Group                               uint64 // out-of-order group
	Timelines                           bool
	KeepAlive                           bool
	Paced                               bool
	Projected                           bool
}

// Defaults are the suite's.
func Defaults() Config {
	return Config{
		Seed: 1, Base: 1436918400000, Rate: 10000, Parts: [3]uint64{1, 3, 46}, Sizes: [3]int{200, 500, 100},
		HotAuctions: 2, HotBidders: 4, HotSellers: 4, BidderOffset: firstPerson, Group: 1,
	}
}

// limit is the number of events after which emission ends, or 0.
func (c *Config) limit() uint64 {
	if c.StopAt > 0 && (c.Events == 0 || c.StopAt < c.Events) {
		return c.StopAt
	}
	return c.Events
}

// configOf reads a table's options.
func configOf(o connect.Options) (Config, error) {
	c := Defaults()
	var first error
	num := func(key string, def, lo, hi int64) int64 {
		v, err := o.Int(key, def)
		if err == nil && (v < lo || v > hi) {
			err = connect.Invalid(key, "must lie between %d and %d, not %d", lo, hi, v)
		}
		if err != nil && first == nil {
			first = err
		}
		return v
	}
	flag := func(key string, def bool) bool {
		v, err := o.Bool(key, def)
		if err != nil && first == nil {
			first = err
		}
		return v
	}
	const many = 1 << 50
	c.Events = uint64(num("events.num", 0, 0, many))
	c.StopAt = uint64(num("stop-at", 0, 0, many))
	c.Seed = uint64(num("seed", 1, -1<<63, 1<<63-1))
	c.Rate = uint64(num("next-event.rate", num("first-event.rate", 10000, 1, 1e12), 1, 1e12))
	if o.Has("first-event.rate") && uint64(num("first-event.rate", 0, 1, 1e12)) != c.Rate && first == nil {
		first = connect.Invalid("next-event.rate", "must equal 'first-event.rate': a rate that changes is not supported yet")
	}
	for i, k := range [...]string{"person", "auction", "bid"} {
		c.Parts[i] = uint64(num(k+".proportion", int64(c.Parts[i]), 1, 1_000_000))
		c.Sizes[i] = int(num(k+".avg-size", int64(c.Sizes[i]), 0, 100_000))
	}
	c.HotAuctions = uint64(num("bid.hot-ratio.auctions", 2, 1, 1<<31))
	c.HotBidders = uint64(num("bid.hot-ratio.bidders", 4, 1, 1<<31))
	c.HotSellers = uint64(num("auction.hot-ratio.sellers", 4, 1, 1<<31))
	c.BidderOffset = num("bidder-offset", firstPerson, 0, many)
	c.Group = uint64(num("out-of-order-group", 1, 1, 1_000_000))
	if c.Group%shuffle == 0 && first == nil {
		first = connect.Invalid("out-of-order-group", "must not be a multiple of %d", shuffle)
	}
	c.KeepAlive = flag("keep-alive", false)
	c.Paced = !flag("max-emit-speed", true)
	layout, err := o.Enum("layout", "striped", "striped", "timelines")
	if err != nil && first == nil {
		first = err
	}
	c.Timelines = layout == "timelines"
	if c.Timelines && c.Events == 0 && first == nil {
		first = connect.Invalid("layout", "'timelines' needs 'events.num', of which each split takes its part")
	}
	made, err := o.Enum("materialize", "all", "all", "projected")
	if err != nil && first == nil {
		first = err
	}
	c.Projected = made == "projected"
	if v, ok := o["base-time"]; ok {
		base, ok := parseTime(v)
		if !ok && first == nil {
			first = connect.Invalid("base-time", "takes a timestamp such as '2015-07-15 00:00:00' or milliseconds, not '%s'", v)
		}
		c.Base = base
	}
	return c, first
}

// parseTime reads a UTC timestamp or milliseconds.
func parseTime(v string) (int64, bool) {
	v = strings.TrimSpace(v)
	if n, err := strconv.ParseInt(v, 10, 64); err == nil {
		return n, true
	}
	for _, layout := range [...]string{"2006-01-02 15:04:05.999", "2006-01-02T15:04:05.999", "2006-01-02T15:04:05.999Z", "2006-01-02"} {
		if t, err := time.Parse(layout, v); err == nil {
			return t.UnixMilli(), true
		}
	}
	return 0, false
}
