package plan

// ExchangeKind says how an exchange deals rows to subtasks.
type ExchangeKind uint8

// The kinds of exchanges.
const (
	ExchangeHash ExchangeKind = iota
	ExchangeSingle
	ExchangeBroadcast
	ExchangeRebalance
)

// Exchange deals rows to the subtasks of the next operator. It computes nothing and
// is an edge of the running job.
type Exchange struct {
	Traits
	in1
	Kind ExchangeKind
	// Keys are the hashed columns of ExchangeHash, in key order.
	Keys []int
}

// Name is the operator's name.
func (*Exchange) Name() string { return "Exchange" }

// Attrs shows the distribution.
func (n *Exchange) Attrs() []Attr {
	var d string
	switch n.Kind {
	case ExchangeHash:
		d = "hash[" + cols(n.Keys, n.Schema) + "]"
	case ExchangeSingle:
		d = "single"
	case ExchangeBroadcast:
		d = "broadcast"
	default:
		d = "rebalance"
	}
	return []Attr{{"distribution", "[" + d + "]"}}
}
