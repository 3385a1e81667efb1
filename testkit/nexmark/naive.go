package nexmark

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Naive computes the final result of a query over events that arrive in the order
// given, row by row and with nothing of the engine: one text for each row, as
// RowText writes it, in no order. Events must not be late for a window. It is false
// for q6 and q12.
func Naive(query string, events []Event) ([]string, bool) {
	s := &stream{}
	for _, e := range events {
		switch {
		case e.Person != nil:
			s.persons = append(s.persons, e.Person)
		case e.Auction != nil:
			s.auctions = append(s.auctions, e.Auction)
		default:
			s.bids = append(s.bids, e.Bid)
		}
	}
	f := naive[query]
	if f == nil {
		return nil, false
	}
	f(s)
	return s.out, true
}

// Checksum is the result of rows given as texts.
func Checksum(rows []string) Result {
	r := Result{Rows: int64(len(rows))}
	for _, t := range rows {
		r.Checksum += fnv([]byte(t))
	}
	return r
}

type stream struct {
	persons  []*Person
	auctions []*Auction
	bids     []*Bid
	out      []string
}

// row emits a row of fields.
func (s *stream) row(fields ...any) {
	var b []byte
	for i, f := range fields {
		if i > 0 {
			b = append(b, '|')
		}
		switch f := f.(type) {
		case string:
			b = append(b, f...)
		case int64:
			b = strconv.AppendInt(b, f, 10)
		case int:
			b = strconv.AppendInt(b, int64(f), 10)
		default:
			b = fmt.Append(b, f)
		}
	}
	s.out = append(s.out, string(b))
}

// utc is a time of milliseconds.
func utc(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

func day(ms int64) string { return utc(ms).Format("2006-01-02") }

func minute(ms int64) string { return utc(ms).Format("15:04") }

// dollars is 0.908 of a price, exactly.
func dollars(price int64) string {
	return fmt.Sprintf("%d.%03d", price*908/1000, price*908%1000)
}

var naive = map[string]func(*stream){
	"q0": func(s *stream) {
		for _, b := range s.bids {
			s.row(b.Auction, b.Bidder, b.Price, b.Time, b.Extra)
		}
	},
	"q1": func(s *stream) {
		for _, b := range s.bids {
			s.row(b.Auction, b.Bidder, dollars(b.Price), b.Time, b.Extra)
		}
	},
	"q2": func(s *stream) {
		for _, b := range s.bids {
			if b.Auction%123 == 0 {
				s.row(b.Auction, b.Price)
			}
		}
	},
	"q3": func(s *stream) {
		for _, p := range s.personsByID() {
			if p.State != "OR" && p.State != "ID" && p.State != "CA" {
				continue
			}
			for _, a := range s.auctions {
				if a.Seller == p.ID && a.Category == 10 {
					s.row(p.Name, p.City, p.State, a.ID)
				}
			}
		}
	},
	"q4": naiveQ4,
	"q5": naiveQ5,
	"q7": naiveQ7,
	"q8": naiveQ8,
	"q9": naiveQ9,
	"q10": func(s *stream) {
		for _, b := range s.bids {
			s.row(b.Auction, b.Bidder, b.Price, b.Time, b.Extra, day(b.Time), minute(b.Time))
		}
	},
	"q11": naiveQ11,
	"q13": func(s *stream) {
		for _, b := range s.bids {
			s.row(b.Auction, b.Bidder, b.Price, b.Time, b.Auction%10000)
		}
	},
	"q14": func(s *stream) {
		for _, b := range s.bids {
			if b.Price*908 <= 1_000_000_000 || b.Price*908 >= 50_000_000_000 {
				continue
			}
			kind := "otherTime"
			switch h := utc(b.Time).Hour(); {
			case h >= 8 && h <= 18:
				kind = "dayTime"
			case h <= 6 || h >= 20:
				kind = "nightTime"
			}
			s.row(b.Auction, b.Bidder, dollars(b.Price), kind, b.Time, b.Extra, strings.Count(b.Extra, "c"))
		}
	},
	"q15": func(s *stream) { s.counts(func(b *Bid) string { return day(b.Time) }, false) },
	"q16": func(s *stream) { s.counts(func(b *Bid) string { return b.Channel + "|" + day(b.Time) }, true) },
	"q17": naiveQ17,
	"q18": naiveQ18,
	"q19": naiveQ19,
	"q20": naiveQ20,
	"q21": naiveQ21,
	"q22": func(s *stream) {
		for _, b := range s.bids {
			parts := strings.Split(b.URL, "/")
			s.row(b.Auction, b.Bidder, b.Price, b.Channel, parts[3], parts[4], parts[5])
		}
	},
	"q23": naiveQ23,
}

func (s *stream) personsByID() map[int64]*Person {
	m := map[int64]*Person{}
	for _, p := range s.persons {
		m[p.ID] = p
	}
	return m
}

// bidsByAuction are the bids of each auction in order of arrival.
func (s *stream) bidsByAuction() map[int64][]*Bid {
	m := map[int64][]*Bid{}
	for _, b := range s.bids {
		m[b.Auction] = append(m[b.Auction], b)
	}
	return m
}

// winner is the highest of the bids made while an auction was open, the first of
// equal ones; nil if there is none.
func winner(a *Auction, bids []*Bid) *Bid {
	var best *Bid
	for _, b := range bids {
		if b.Time < a.Time || b.Time > a.Expires {
			continue
		}
		if best == nil || b.Price > best.Price || b.Price == best.Price && b.Time < best.Time {
			best = b
		}
	}
	return best
}

func naiveQ4(s *stream) {
	bids := s.bidsByAuction()
	sum, n := map[int64]int64{}, map[int64]int64{}
	for _, a := range s.auctions {
		if b := winner(a, bids[a.ID]); b != nil {
			sum[a.Category] += b.Price
			n[a.Category]++
		}
	}
	for c := range sum {
		s.row(c, sum[c]/n[c])
	}
}

func naiveQ5(s *stream) {
	const size, slide = 10_000, 2_000
	windows := map[int64]map[int64]int{}
	for _, b := range s.bids {
		for start := b.Time / slide * slide; start > b.Time-size; start -= slide {
			if windows[start] == nil {
				windows[start] = map[int64]int{}
			}
			windows[start][b.Auction]++
		}
	}
	for _, w := range windows {
		most := 0
		for _, n := range w {
			most = max(most, n)
		}
		for a, n := range w {
			if n == most {
				s.row(a, n)
			}
		}
	}
}

func naiveQ7(s *stream) {
	const size = 10_000
	most := map[int64]int64{}
	for _, b := range s.bids {
		end := b.Time/size*size + size
		most[end] = max(most[end], b.Price)
	}
	for _, b := range s.bids {
		for end, price := range most {
			if b.Price == price && b.Time >= end-size && b.Time <= end {
				s.row(b.Auction, b.Price, b.Bidder, b.Time, b.Extra)
			}
		}
	}
}

func naiveQ8(s *stream) {
	const size = 10_000
	type seller struct{ id, window int64 }
	sellers := map[seller]bool{}
	for _, a := range s.auctions {
		sellers[seller{a.Seller, a.Time / size * size}] = true
	}
	for _, p := range s.persons {
		if start := p.Time / size * size; sellers[seller{p.ID, start}] {
			s.row(p.ID, p.Name, start)
		}
	}
}

func naiveQ9(s *stream) {
	bids := s.bidsByAuction()
	for _, a := range s.auctions {
		if b := winner(a, bids[a.ID]); b != nil {
			s.row(a.ID, a.Item, a.Description, a.Initial, a.Reserve, a.Time, a.Expires, a.Seller, a.Category, a.Extra,
				b.Auction, b.Bidder, b.Price, b.Time, b.Extra)
		}
	}
}

func naiveQ11(s *stream) {
	const gap = 10_000
	times := map[int64][]int64{}
	for _, b := range s.bids {
		times[b.Bidder] = append(times[b.Bidder], b.Time)
	}
	for bidder, ts := range times {
		slices.Sort(ts)
		from := 0
		for i := range ts {
			if i+1 == len(ts) || ts[i+1]-ts[i] > gap {
				s.row(bidder, i+1-from, ts[from], ts[i]+gap)
				from = i + 1
			}
		}
	}
}

// rank is the price class of q15 to q17: 1 to 3.
func rank(price int64) int {
	switch {
	case price < 10_000:
		return 1
	case price < 1_000_000:
		return 2
	}
	return 3
}

// counts is q15 and q16: counts and distinct counts, in all and by rank.
func (s *stream) counts(key func(*Bid) string, withMinute bool) {
	type group struct {
		minute   string
		bids     [4]int
		bidders  [4]map[int64]bool
		auctions [4]map[int64]bool
	}
	groups := map[string]*group{}
	for _, b := range s.bids {
		k := key(b)
		g := groups[k]
		if g == nil {
			g = &group{}
			for i := range 4 {
				g.bidders[i], g.auctions[i] = map[int64]bool{}, map[int64]bool{}
			}
			groups[k] = g
		}
		g.minute = max(g.minute, minute(b.Time))
		for _, r := range []int{0, rank(b.Price)} {
			g.bids[r]++
			g.bidders[r][b.Bidder] = true
			g.auctions[r][b.Auction] = true
		}
	}
	for k, g := range groups {
		row := []any{k}
		if withMinute {
			row = append(row, g.minute)
		}
		for _, n := range g.bids {
			row = append(row, n)
		}
		for _, m := range g.bidders {
			row = append(row, len(m))
		}
		for _, m := range g.auctions {
			row = append(row, len(m))
		}
		s.row(row...)
	}
}

func naiveQ17(s *stream) {
	type key struct {
		auction int64
		day     string
	}
	groups := map[key][]*Bid{}
	for _, b := range s.bids {
		k := key{b.Auction, day(b.Time)}
		groups[k] = append(groups[k], b)
	}
	for k, bids := range groups {
		var n [4]int
		least, most, sum := bids[0].Price, bids[0].Price, int64(0)
		for _, b := range bids {
			n[rank(b.Price)]++
			least, most, sum = min(least, b.Price), max(most, b.Price), sum+b.Price
		}
		s.row(k.auction, k.day, len(bids), n[1], n[2], n[3], least, most, sum/int64(len(bids)), sum)
	}
}

func (s *stream) bidRow(b *Bid, more ...any) {
	s.row(append([]any{b.Auction, b.Bidder, b.Price, b.Channel, b.URL, b.Time, b.Extra}, more...)...)
}

func naiveQ18(s *stream) {
	last := map[[2]int64]*Bid{}
	for _, b := range s.bids {
		k := [2]int64{b.Bidder, b.Auction}
		if old := last[k]; old == nil || b.Time >= old.Time {
			last[k] = b
		}
	}
	for _, b := range last {
		s.bidRow(b)
	}
}

func naiveQ19(s *stream) {
	for _, bids := range s.bidsByAuction() {
		slices.SortStableFunc(bids, func(a, b *Bid) int { return cmp.Compare(b.Price, a.Price) })
		for i, b := range bids[:min(10, len(bids))] {
			s.bidRow(b, i+1)
		}
	}
}

func naiveQ20(s *stream) {
	bids := s.bidsByAuction()
	for _, a := range s.auctions {
		if a.Category != 10 {
			continue
		}
		for _, b := range bids[a.ID] {
			s.bidRow(b, a.Item, a.Description, a.Initial, a.Reserve, a.Time, a.Expires, a.Seller, a.Category, a.Extra)
		}
	}
}

var channelID = regexp.MustCompile(`(&|^)channel_id=([^&]*)`)

func naiveQ21(s *stream) {
	hot := map[string]string{"apple": "0", "google": "1", "facebook": "2", "baidu": "3"}
	for _, b := range s.bids {
		id, ok := hot[strings.ToLower(b.Channel)]
		if !ok {
			m := channelID.FindStringSubmatch(b.URL)
			if m == nil {
				continue
			}
			id = m[2]
		}
		s.row(b.Auction, b.Bidder, b.Price, b.Channel, id)
	}
}

func naiveQ23(s *stream) {
	persons := s.personsByID()
	auctions := map[int64][]*Auction{}
	for _, a := range s.auctions {
		auctions[a.Seller] = append(auctions[a.Seller], a)
	}
	for _, b := range s.bids {
		p := persons[b.Bidder]
		if p == nil {
			continue
		}
		for _, a := range auctions[b.Bidder] {
			s.row(b.Bidder, b.Price, b.Channel, b.URL, b.Extra,
				p.ID, p.Name, p.Email, p.Card, p.City, p.State, p.Extra,
				a.Item, a.Description, a.Initial, a.Reserve, a.Time, a.Expires, a.Seller, a.Category, a.Extra)
		}
	}
}
