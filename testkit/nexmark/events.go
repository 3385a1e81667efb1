package nexmark

import (
	"github.com/minkstream/mink/connectors/nexmark"
	"github.com/minkstream/mink/engine/batch"
)

// Event is one event of the stream as a row; exactly one of its parts is set.
type Event struct {
	Person  *Person
	Auction *Auction
	Bid     *Bid
}

// Person, Auction and Bid are the rows of the three kinds. Times are milliseconds.
type Person struct {
	ID                             int64
	Name, Email, Card, City, State string
	Time                           int64
	Extra                          string
}

// Auction is an auction opened.
type Auction struct {
	ID                int64
	Item, Description string
	Initial, Reserve  int64
	Time, Expires     int64
	Seller, Category  int64
	Extra             string
}

// Bid is a bid made.
type Bid struct {
	Auction, Bidder, Price int64
	Channel, URL           string
	Time                   int64
	Extra                  string
}

// Events are the first n events of a generator, in order of their numbers.
func Events(cfg nexmark.Config, n int) ([]Event, error) {
	g, err := nexmark.NewGenerator(cfg, nexmark.Schema(), nil)
	if err != nil {
		return nil, err
	}
	out := make([]Event, 0, n)
	var b batch.Batch
	for len(out) < n {
		k := min(4000, n-len(out))
		g.Fill(&b, uint64(len(out)), k)
		rows := make([]Event, k)
		for kind, set := range [...]func(e *Event, v []any){setPerson, setAuction, setBid} {
			col := &b.Cols[kind+1]
			for _, l := range col.At {
				set(&rows[l], col.Any(int(l)).([]any))
			}
		}
		out = append(out, rows...)
	}
	return out, nil
}

func setPerson(e *Event, v []any) {
	e.Person = &Person{v[0].(int64), v[1].(string), v[2].(string), v[3].(string), v[4].(string), v[5].(string), v[6].(int64), v[7].(string)}
}

func setAuction(e *Event, v []any) {
	e.Auction = &Auction{v[0].(int64), v[1].(string), v[2].(string), v[3].(int64), v[4].(int64), v[5].(int64), v[6].(int64),
		v[7].(int64), v[8].(int64), v[9].(string)}
}

func setBid(e *Event, v []any) {
	e.Bid = &Bid{v[0].(int64), v[1].(int64), v[2].(int64), v[3].(string), v[4].(string), v[5].(int64), v[6].(string)}
}
