package expr

import "github.com/minkstream/mink/engine/diag"

// Place gives all nodes of n the place at: for an expression that was written
// elsewhere than in the statement it is used in.
func Place(n Node, at diag.Span) Node {
	return Rewrite(n, func(n Node) Node {
		switch n := n.(type) {
		case *InputRef:
			c := *n
			c.At = at
			return &c
		case *Literal:
			c := *n
			c.At = at
			return &c
		case *Call:
			c := *n
			c.At = at
			return &c
		case *Cast:
			c := *n
			c.At = at
			return &c
		case *Case:
			c := *n
			c.At = at
			return &c
		case *Coalesce:
			c := *n
			c.At = at
			return &c
		case *Logic:
			c := *n
			c.At = at
			return &c
		case *Not:
			c := *n
			c.At = at
			return &c
		case *Is:
			c := *n
			c.At = at
			return &c
		case *Compare:
			c := *n
			c.At = at
			return &c
		case *In:
			c := *n
			c.At = at
			return &c
		case *Field:
			c := *n
			c.At = at
			return &c
		case *Item:
			c := *n
			c.At = at
			return &c
		case *Make:
			c := *n
			c.At = at
			return &c
		}
		return n
	})
}
