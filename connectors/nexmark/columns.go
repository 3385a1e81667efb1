package nexmark

import (
	"slices"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// Columns of the stream: event_type, then a row for each kind of event.

const (
	pID = iota
	pName
	pEmail
	pCard
	pCity
	pState
	pTime
	pExtra
	personFields
)

const (
	aID = iota
	aItem
	aDescription
	aInitial
	aReserve
	aTime
	aExpires
	aSeller
	aCategory
	aExtra
	auctionFields
)

const (
	bAuction = iota
	bBidder
	bPrice
	bChannel
	bURL
	bTime
	bExtra
	bidFields
)

func field(name string, t types.Type) types.Field { return types.Field{Name: name, Type: t} }

// Schema is the full physical schema of the stream.
func Schema() types.Schema {
	text, number, time := types.StringT, types.BigIntT, types.TimestampT(3)
	return types.Schema{
		field("event_type", types.IntT),
		field("person", types.RowT(field("id", number), field("name", text), field("emailAddress", text),
			field("creditCard", text), field("city", text), field("state", text), field("dateTime", time), field("extra", text))),
		field("auction", types.RowT(field("id", number), field("itemName", text), field("description", text),
			field("initialBid", number), field("reserve", number), field("dateTime", time), field("expires", time),
			field("seller", number), field("category", number), field("extra", text))),
		field("bid", types.RowT(field("auction", number), field("bidder", number), field("price", number),
			field("channel", text), field("url", text), field("dateTime", time), field("extra", text))),
	}
}

// columns says which fields are made and where they go.
type columns struct {
	types []types.Type
	skip  []int  // columns that are not made
	event int    // column of event_type, or -1
	rows  [3]row // by kind
}

// row is one of the three row columns.
type row struct {
	col  int   // column, or -1
	kid  []int // child of each field, or -1 if it is not made
	rand bool  // some field needs random values
	read bool  // the column is read
	skip []int // children that are not made
}

// columnsOf matches a table's schema with the stream's by name. Columns may be
// left out or stand in another order, and so may fields.
func columnsOf(s types.Schema, read connect.Projection) (*columns, error) {
	full := Schema()
	c := &columns{types: s.Types(), event: -1}
	for k := range c.rows {
		c.rows[k] = row{col: -1, kid: slices.Repeat([]int{-1}, len(full[k+1].Type.Fields))}
	}
	for i, f := range s {
		k := full.Index(f.Name)
		switch {
		case k < 0:
			return nil, diag.New(diag.UnknownColumn, "the nexmark source has no column %q", f.Name).
				WithHint("columns are: event_type, person, auction, bid")
		case !fits(f.Type, full[k].Type):
			return nil, mismatch(f.Name, f.Type, full[k].Type)
		case k == 0:
			if wanted(read, i) {
				c.event = i
			} else {
				c.skip = append(c.skip, i)
			}
			continue
		}
		r := &c.rows[k-1]
		r.col = i
		for j, sub := range f.Type.Fields {
			at := types.Schema(full[k].Type.Fields).Index(sub.Name)
			if at < 0 {
				return nil, diag.New(diag.UnknownColumn, "the nexmark source has no field %q in %s", sub.Name, f.Name)
			}
			if want := full[k].Type.Fields[at].Type; !fits(sub.Type, want) {
				return nil, mismatch(f.Name+"."+sub.Name, sub.Type, want)
			}
			if !wanted(read, i, j) {
				r.skip = append(r.skip, j)
			} else {
				r.kid[at] = j
				r.rand = r.rand || !(sub.Name == "dateTime" || sub.Name == "id")
			}
		}
		if r.read = wanted(read, i); !r.read {
			c.skip = append(c.skip, i)
		}
	}
	return c, nil
}

// fits reports whether a declared type takes what the stream gives.
func fits(have, want types.Type) bool {
	switch {
	case want.Kind == types.VarChar:
		// Lengths are not enforced, as in the suite, which declares plain VARCHAR.
		return have.Kind == types.VarChar
	case want.Kind == types.Timestamp:
		return have.IsTimestamp() && have.Prec == 3
	}
	return have.Kind == want.Kind
}

func mismatch(name string, have, want types.Type) error {
	return diag.New(diag.TypeMismatch, "column %s of the nexmark source is %s, not %s", name, want, have)
}

// wanted reports whether a projection reads something at, above or below a path.
func wanted(p connect.Projection, path ...int) bool {
	if p == nil {
		return true
	}
	for _, f := range p {
		n := min(len(f), len(path))
		if slices.Equal(f[:n], path[:n]) {
			return true
		}
	}
	return false
}
