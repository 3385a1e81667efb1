package rest

import (
	"slices"

	"github.com/minkstream/mink/engine/gateway/wire"
)

// complete lists how a statement may go on. The request is a GET with a body.
func (g *Gateway) complete(c *call) (any, error) {
	s, err := g.session(c, "completeStatement")
	if err != nil {
		return nil, err
	}
	var body wire.Complete
	if err := decode(c.Request, &body); err != nil {
		return nil, err
	}
	// A position counts characters, as Java does.
	at, n := len(body.Statement), 0
	for i, r := range body.Statement {
		if n >= body.Position {
			at = i
			break
		}
		if n++; r > 0xffff {
			n++
		}
	}
	end, err := s.begin(c.Context())
	if err != nil {
		return nil, err
	}
	defer end()
	list, err := s.inner.Complete(c.Context(), body.Statement, at)
	if err != nil {
		return nil, err
	}
	if list == nil {
		list = []string{}
	}
	return wire.Candidates{Candidates: list}, nil
}

func sortedKeys(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
