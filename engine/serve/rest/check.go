package rest

import (
	"context"
	"strings"

	"github.com/minkstream/mink/engine/gateway/wire"
)

// asked runs a question about a statement in its session, when no statement runs there.
func (g *Gateway) asked(c *call, what string, ask func(ctx context.Context, s *session, text string) error) error {
	s, err := g.session(c, what)
	if err != nil {
		return err
	}
	var body wire.Statement
	if err := decode(c.Request, &body); err != nil {
		return err
	}
	select {
	case s.turn <- struct{}{}:
	case <-c.Context().Done():
		return c.Context().Err()
	}
	defer func() { <-s.turn }()
	text := strings.TrimRight(body.Statement, " \t\r\n;")
	if err := ask(c.Context(), s, text); err != nil {
		return failure(err, text)
	}
	return nil
}

// check does all with a statement but run it, and gives advice about it.
func (g *Gateway) check(c *call) (any, error) {
	out := wire.Checked{Advice: []wire.Failure{}}
	err := g.asked(c, "check statement", func(ctx context.Context, s *session, text string) error {
		advice, err := s.inner.Check(ctx, text)
		for _, a := range advice {
			out.Advice = append(out.Advice, wireFailure(a))
		}
		return err
	})
	return out, err
}

// describe gives the columns of the rows that a query would give.
func (g *Gateway) describe(c *call) (any, error) {
	out := wire.Described{}
	err := g.asked(c, "describe statement", func(ctx context.Context, s *session, text string) error {
		schema, changes, err := s.inner.Describe(ctx, text)
		if err != nil {
			return err
		}
		out.Query, out.Changes = schema != nil, changes
		out.Columns = columnsOf(schema)
		return nil
	})
	return out, err
}
