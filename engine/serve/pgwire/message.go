package pgwire

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/parse"
)

// prepared is a statement that waits for its parameters.
type prepared struct {
	sql  string   // as the client wrote it
	oids []uint32 // of its parameters
}

// portal is a statement with its parameters.
type portal struct {
	of      *prepared
	sql     text
	formats []int16
	run     *running // nil until it is executed
}

// message answers one message. An error ends the connection.
func (c *conn) message(m pgproto3.FrontendMessage) error {
	if _, sync := m.(*pgproto3.Sync); c.skip && !sync {
		return nil
	}
	switch m := m.(type) {
	case *pgproto3.Query:
		c.closePortals()
		if err := c.query(m.String); err != nil {
			return err
		}
		return c.ready()
	case *pgproto3.Parse:
		return c.extended(m.Query, func(context.Context) error { return c.parse(m) })
	case *pgproto3.Bind:
		return c.extended("", func(context.Context) error { return c.bind(m) })
	case *pgproto3.Describe:
		return c.extended("", func(ctx context.Context) error { return c.describeNamed(ctx, m) })
	case *pgproto3.Execute:
		return c.extended("", func(ctx context.Context) error { return c.execute(ctx, m) })
	case *pgproto3.Close:
		if m.ObjectType == 'S' {
			delete(c.named, m.Name)
		} else {
			c.closePortal(m.Name)
		}
		c.be.Send(&pgproto3.CloseComplete{})
		return nil
	case *pgproto3.Flush:
		return c.be.Flush()
	case *pgproto3.Sync:
		c.skip = false
		if c.tx == 'I' {
			c.closePortals()
		}
		return c.ready()
	case *pgproto3.CopyData, *pgproto3.CopyDone, *pgproto3.CopyFail:
		return nil // of a COPY that was refused
	default:
		c.failed(diag.New(diag.Unsupported, "message %T of the protocol is not understood", m), "", nil)
		c.skip = true
		return c.be.Flush()
	}
}

// extended runs a part of the extended protocol. After an error all is left out until the
// next Sync.
func (c *conn) extended(sql string, f func(context.Context) error) error {
	ctx, end := c.statementContext()
	defer end()
	err := c.watching(end, func() error { return f(ctx) })
	var gone *net.OpError
	if errors.As(err, &gone) {
		return err
	}
	var placed *placedError
	switch {
	case errors.As(err, &placed):
		c.failed(placed.err, placed.sql, placed.at)
	case err != nil:
		c.failed(c.why(ctx, err), sql, func(p int) int { return p })
	default:
		return nil
	}
	c.skip = true
	return c.be.Flush()
}

// why is the reason for an error of a statement whose context may have ended.
func (c *conn) why(ctx context.Context, err error) error {
	switch ctx.Err() {
	case context.DeadlineExceeded:
		return stateError{"57014", "the statement took longer than statement_timeout (" + c.timeout.String() + ")"}
	case context.Canceled:
		return stateError{"57014", "the statement was cancelled"}
	}
	return err
}

// placedError is an error in a text that the client wrote.
type placedError struct {
	err error
	sql string
	at  func(int) int
}

func (e *placedError) Error() string { return e.err.Error() }
func (e *placedError) Unwrap() error { return e.err }

// query runs the statements of a simple query, up to the first that fails.
func (c *conn) query(sql string) error {
	t, err := translate(sql, noParameter)
	if err != nil {
		c.failed(err, sql, func(p int) int { return p })
		return nil
	}
	items := parse.Script(t.sql)
	if len(items) == 0 {
		c.be.Send(&pgproto3.EmptyQueryResponse{})
		return nil
	}
	for _, it := range items {
		base := it.Span.Start
		err := c.one(t.sql[it.Span.Start:it.Span.End], it.Err)
		if err == nil {
			continue
		}
		var gone *net.OpError
		if errors.As(err, &gone) {
			return err
		}
		if it.Err != nil && errors.Is(err, it.Err) {
			base = 0 // its places count from the start of the text
		}
		c.failed(err, sql, func(p int) int { return t.origin(base + p) })
		return nil
	}
	return nil
}

func noParameter(int, use) (string, error) {
	return "", stateError{"42P02", "there is no parameter in a query that is sent without any"}
}

// one runs a statement of a simple query. Refused is what the parser has against it, which
// does not matter where the server answers itself.
func (c *conn) one(sql string, refused *diag.Error) error {
	if refused != nil {
		if own, err := c.own(sql); own == nil && err == nil {
			return refused
		}
	}
	ctx, end := c.statementContext()
	defer end()
	return c.watching(end, func() error {
		r, err := c.start(ctx, sql)
		if err != nil {
			r.close()
			return c.why(ctx, err)
		}
		defer r.close()
		if r.fields != nil {
			c.describe(r.fields, nil)
			if _, err := c.give(ctx, r, nil, 0); err != nil {
				return c.why(ctx, err)
			}
		}
		c.be.Send(&pgproto3.CommandComplete{CommandTag: []byte(r.complete())})
		return nil
	})
}

// statement is the one statement of a text, or what is wrong with it.
func (c *conn) statement(t text, sql string) (string, error) {
	items := parse.Script(t.sql)
	switch {
	case len(items) == 0:
		return "", nil
	case len(items) > 1:
		return "", stateError{"42601", "a prepared statement is one statement, and there are several"}
	}
	it := items[0]
	one := t.sql[it.Span.Start:it.Span.End]
	if it.Err != nil {
		if own, err := c.own(one); own == nil && err == nil {
			return "", &placedError{it.Err, sql, t.origin}
		}
	}
	return one, nil
}

func (c *conn) parse(m *pgproto3.Parse) error {
	p := &prepared{sql: m.Query, oids: append([]uint32(nil), m.ParameterOIDs...)}
	t, err := translate(m.Query, func(n int, at use) (string, error) {
		if n == 0 {
			return "", stateError{"42P02", "parameters are numbered from $1"}
		}
		for len(p.oids) < n {
			p.oids = append(p.oids, 0)
		}
		if p.oids[n-1] == 0 {
			p.oids[n-1] = oidOfCast(at.cast)
		}
		if at.rows {
			if p.oids[n-1] == 0 {
				p.oids[n-1] = pgtype.Int8OID
			}
			return "1", nil
		}
		return nullOf(p.oids[n-1]), nil
	})
	if err != nil {
		return &placedError{err, m.Query, t.origin}
	}
	one, err := c.statement(t, m.Query)
	if err != nil {
		return err
	}
	if own, err := c.own(one); own == nil && err == nil {
		c.guess(p)
	}
	if _, taken := c.named[m.Name]; taken && m.Name != "" {
		return stateError{"42P05", "there is a prepared statement " + m.Name + " already"}
	}
	c.named[m.Name] = p
	c.be.Send(&pgproto3.ParseComplete{})
	return nil
}

func (c *conn) bind(m *pgproto3.Bind) error {
	p := c.named[m.PreparedStatement]
	if p == nil {
		return stateError{"26000", "there is no prepared statement " + m.PreparedStatement}
	}
	if len(m.Parameters) != len(p.oids) {
		return stateError{"08P01", "the statement has another number of parameters than it is given"}
	}
	cut := false
	t, err := translate(p.sql, func(n int, at use) (string, error) {
		a := argument{oid: p.oids[n-1], value: m.Parameters[n-1], binary: formatOf(m.ParameterFormatCodes, n-1) == pgproto3.BinaryFormat}
		cut = cut || a.cut()
		return a.literal(at)
	})
	if err != nil {
		return err
	}
	if cut {
		c.notice("NOTICE", "01004", "a parameter with a time zone is cut to the millisecond", "")
	}
	c.closePortal(m.DestinationPortal)
	c.portals[m.DestinationPortal] = &portal{of: p, sql: t, formats: append([]int16(nil), m.ResultFormatCodes...)}
	c.be.Send(&pgproto3.BindComplete{})
	return nil
}

func (c *conn) describeNamed(ctx context.Context, m *pgproto3.Describe) error {
	if m.ObjectType == 'P' {
		p := c.portals[m.Name]
		if p == nil {
			return stateError{"34000", "there is no portal " + m.Name}
		}
		sql, err := c.statement(p.sql, p.of.sql)
		if err != nil {
			return err
		}
		fields, err := c.columns(ctx, sql, p)
		if err != nil {
			return &placedError{c.why(ctx, err), p.of.sql, p.sql.origin}
		}
		c.describe(fields, p.formats)
		return nil
	}
	p := c.named[m.Name]
	if p == nil {
		return stateError{"26000", "there is no prepared statement " + m.Name}
	}
	c.be.Send(&pgproto3.ParameterDescription{ParameterOIDs: p.oids})
	t, err := translate(p.sql, func(n int, at use) (string, error) {
		if at.rows {
			return "1", nil
		}
		return nullOf(p.oids[n-1]), nil
	})
	if err != nil {
		return err
	}
	sql, err := c.statement(t, p.sql)
	if err != nil {
		return err
	}
	fields, err := c.columns(ctx, sql, nil)
	if err != nil {
		return &placedError{c.why(ctx, err), p.sql, t.origin}
	}
	c.describe(fields, nil)
	return nil
}

// columns are those that a statement gives. One that only shows something is run for it,
// and goes on in the portal.
func (c *conn) columns(ctx context.Context, sql string, p *portal) ([]field, error) {
	if p != nil && p.run != nil {
		return p.run.fields, nil
	}
	own, err := c.own(sql)
	if err != nil || sql == "" {
		return nil, err
	}
	if own != nil {
		if own.schema == nil {
			return nil, nil
		}
		return fieldsOf(own.schema, false), nil
	}
	if reads(sql) {
		r, err := c.start(ctx, sql)
		if err != nil {
			return nil, err
		}
		if p == nil {
			r.close()
		} else {
			p.run = r
		}
		return r.fields, nil
	}
	schema, changes, err := c.session.Describe(ctx, sql)
	if err != nil || schema == nil {
		return nil, err
	}
	return fieldsOf(schema, changes), nil
}

func (c *conn) execute(ctx context.Context, m *pgproto3.Execute) error {
	p := c.portals[m.Portal]
	if p == nil {
		return stateError{"34000", "there is no portal " + m.Portal}
	}
	if p.run == nil {
		sql, err := c.statement(p.sql, p.of.sql)
		if err != nil {
			return err
		}
		if sql == "" {
			c.be.Send(&pgproto3.EmptyQueryResponse{})
			return nil
		}
		if p.run, err = c.start(ctx, sql); err != nil {
			p.run.close()
			p.run = nil
			return &placedError{c.why(ctx, err), p.of.sql, p.sql.origin}
		}
	}
	more, err := c.give(ctx, p.run, p.formats, int64(m.MaxRows))
	if err != nil {
		return c.why(ctx, err)
	}
	if more {
		c.be.Send(&pgproto3.PortalSuspended{})
		return nil
	}
	c.be.Send(&pgproto3.CommandComplete{CommandTag: []byte(p.run.complete())})
	return nil
}

func (c *conn) closePortal(name string) {
	if p := c.portals[name]; p != nil {
		p.run.close()
		delete(c.portals, name)
	}
}

func (c *conn) closePortals() {
	for name := range c.portals {
		c.closePortal(name)
	}
}

// watching runs f, and ends it when the client goes away meanwhile.
func (c *conn) watching(end func(), f func() error) error {
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		if _, err := c.in.Peek(1); err != nil && !timedOut(err) {
			end()
		}
	}()
	err := f()
	_ = c.nc.SetReadDeadline(time.Unix(1, 0)) // wakes the watcher
	<-gone
	_ = c.nc.SetReadDeadline(time.Time{})
	return err
}

func timedOut(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}
