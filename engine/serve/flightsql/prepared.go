package flightsql

import (
	"context"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/flight"
	"github.com/apache/arrow/go/v17/arrow/flight/flightsql"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/sql/token"
	"github.com/minkstream/mink/engine/types"
)

// fill puts a text in the place of each ? of a statement.
func fill(sql string, with func(n int) string) string {
	var out strings.Builder
	lex := token.NewLexer(sql)
	end, n := 0, 0
	for {
		t := lex.Next()
		if t.Kind == token.EOF {
			break
		}
		if t.Kind == token.Question {
			out.WriteString(sql[end:t.Span.Start] + with(n))
			end = t.Span.End
			n++
		}
	}
	return out.String() + sql[end:]
}

// CreatePreparedStatement looks at a statement whose parameters are written as ?.
func (h *handler) CreatePreparedStatement(ctx context.Context, r flightsql.ActionCreatePreparedStatementRequest) (out flightsql.ActionCreatePreparedStatementResult, err error) {
	err = h.in(ctx, func(x *session) error {
		p := &prepared{sql: r.GetQuery()}
		plain := fill(p.sql, func(int) string { p.params++; return "NULL" })
		// Without its parameters a statement may make no sense; nothing is said of its
		// columns then.
		schema, changes, err := x.s.Describe(ctx, plain)
		if err != nil && p.params == 0 {
			return failed(err, p.sql)
		}
		x.next++
		x.named[x.next] = p
		out.Handle = handleOf(x.next)
		if err == nil && schema != nil {
			out.DatasetSchema = schemaOf(schema, changes)
		}
		if p.params > 0 {
			fields := make([]arrow.Field, p.params)
			for i := range fields {
				fields[i] = arrow.Field{Name: "?", Type: arrow.Null, Nullable: true}
			}
			out.ParameterSchema = arrow.NewSchema(fields, nil)
		}
		return nil
	})
	return out, err
}

// ClosePreparedStatement forgets one.
func (h *handler) ClosePreparedStatement(ctx context.Context, r flightsql.ActionClosePreparedStatementRequest) error {
	return h.in(ctx, func(x *session) error {
		n := numberOf(r.GetPreparedStatementHandle())
		if p := x.named[n]; p != nil {
			p.close()
		}
		delete(x.named, n)
		return nil
	})
}

// close ends what the statement gave and nobody fetched.
func (p *prepared) close() {
	if p.ready != nil {
		p.ready.close()
		p.ready = nil
	}
}

func (x *session) prepared(handle []byte) (*prepared, error) {
	p := x.named[numberOf(handle)]
	if p == nil {
		return nil, status.Error(codes.NotFound, "there is no such prepared statement in this connection")
	}
	return p, nil
}

// statements gives the texts to run: one for each row of parameters, made as it is asked for.
func (p *prepared) statements() (n int, text func(i int) string, err error) {
	if p.params == 0 {
		return 1, func(int) string { return p.sql }, nil
	}
	if len(p.values) == 0 {
		return 0, nil, status.Errorf(codes.InvalidArgument, "the statement has %d parameters and none were given", p.params)
	}
	values := p.values
	return len(values), func(i int) string { return fill(p.sql, func(n int) string { return values[i][n] }) }, nil
}

// GetFlightInfoPreparedStatement looks at a prepared statement with its parameters.
func (h *handler) GetFlightInfoPreparedStatement(ctx context.Context, q flightsql.PreparedStatementQuery, desc *flight.FlightDescriptor) (out *flight.FlightInfo, err error) {
	err = h.in(ctx, func(x *session) error {
		p, err := x.prepared(q.GetPreparedStatementHandle())
		if err != nil {
			return err
		}
		_, text, err := p.statements()
		if err != nil {
			return err
		}
		p.close()
		one, schema, err := x.look(ctx, text(0))
		if err != nil {
			return err
		}
		if one.op != nil {
			p.ready = one
		}
		out = info(desc, desc.Cmd, schema)
		return nil
	})
	return out, err
}

// DoGetPreparedStatement runs a prepared statement and gives its rows.
func (h *handler) DoGetPreparedStatement(ctx context.Context, q flightsql.PreparedStatementQuery) (*arrow.Schema, <-chan flight.StreamChunk, error) {
	var one *pending
	err := h.in(ctx, func(x *session) error {
		p, err := x.prepared(q.GetPreparedStatementHandle())
		if err != nil {
			return err
		}
		if p.ready != nil {
			one, p.ready = p.ready, nil
			return nil
		}
		rows, text, err := p.statements()
		if err != nil {
			return err
		}
		if rows > 1 {
			return status.Error(codes.Unimplemented, "a query takes one row of parameters")
		}
		one, _, err = x.look(ctx, text(0))
		if err != nil {
			return err
		}
		return x.run(ctx, one)
	})
	if err != nil {
		return nil, nil, err
	}
	schema, rows := stream(ctx, one)
	return schema, rows, nil
}

// DoPutPreparedStatementQuery takes the parameters of a query.
func (h *handler) DoPutPreparedStatementQuery(ctx context.Context, q flightsql.PreparedStatementQuery, r flight.MessageReader, _ flight.MetadataWriter) ([]byte, error) {
	return q.GetPreparedStatementHandle(), h.parameters(ctx, q.GetPreparedStatementHandle(), r)
}

// DoPutPreparedStatementUpdate runs a prepared statement for each row of parameters and
// returns the number of rows it wrote.
func (h *handler) DoPutPreparedStatementUpdate(ctx context.Context, u flightsql.PreparedStatementUpdate, r flight.MessageReader) (n int64, err error) {
	if err := h.parameters(ctx, u.GetPreparedStatementHandle(), r); err != nil {
		return 0, err
	}
	err = h.in(ctx, func(x *session) error {
		p, err := x.prepared(u.GetPreparedStatementHandle())
		if err != nil {
			return err
		}
		rows, text, err := p.statements()
		if err != nil {
			return err
		}
		for i := range rows {
			k, err := h.update(ctx, x, text(i))
			if err != nil {
				return err
			}
			n += k
		}
		return nil
	})
	return n, err
}

// parameters reads the rows of parameters that a client sends.
func (h *handler) parameters(ctx context.Context, handle []byte, r flight.MessageReader) error {
	return h.in(ctx, func(x *session) error {
		p, err := x.prepared(handle)
		if err != nil {
			return err
		}
		if p.params == 0 {
			return nil
		}
		p.values = nil
		for r.Next() {
			if n := r.Record().NumCols(); n != int64(p.params) {
				return status.Errorf(codes.InvalidArgument, "the statement has %d parameters and %d were given", p.params, n)
			}
			if n := r.Record().NumRows(); n > int64(valuesMost/p.params-len(p.values)) {
				return status.Errorf(codes.ResourceExhausted, "a statement takes %d values of parameters at most", valuesMost)
			}
			rows, err := literals(r.Record())
			if err != nil {
				return err
			}
			p.values = append(p.values, rows...)
		}
		if err := r.Err(); err != nil {
			return status.Errorf(codes.InvalidArgument, "the parameters cannot be read: %v", err)
		}
		return nil
	})
}

// literals writes the values of a record as SQL, row by row.
func literals(rec arrow.Record) ([][]string, error) {
	if rec.NumRows() < 0 {
		return nil, status.Error(codes.InvalidArgument, "a record of less than no rows")
	}
	out := make([][]string, rec.NumRows())
	for k, a := range rec.Columns() {
		t, ok := batch.TypeFromArrow(a.DataType(), true)
		if !ok {
			return nil, status.Errorf(codes.Unimplemented, "parameter %d is of Arrow type %s, which is not read", k+1, a.DataType())
		}
		if a.Len() != len(out) {
			return nil, status.Errorf(codes.InvalidArgument, "parameter %d has %d rows of %d", k+1, a.Len(), len(out))
		}
		c, err := batch.ColFromArrow(t, a)
		if err != nil {
			return nil, status.Errorf(codes.InvalidArgument, "parameter %d: %v", k+1, err)
		}
		for i := range out {
			v, err := literal(&c, i)
			if err != nil {
				return nil, err
			}
			out[i] = append(out[i], v)
		}
	}
	return out, nil
}

// literal writes a value as SQL. Text never leaves its quotes, whatever is in it.
func literal(c *batch.Col, lane int) (string, error) {
	t := c.Type
	if c.IsNull(lane) {
		if t.Kind == types.Null {
			return "NULL", nil
		}
		return "CAST(NULL AS " + t.Nullable(true).String() + ")", nil
	}
	text := string(kernel.AppendText(nil, c, lane, nil))
	quoted := "'" + strings.ReplaceAll(text, "'", "''") + "'"
	switch {
	case t.IsString():
		return quoted, nil
	case t.IsBinary():
		var tmp [batch.InlineMax]byte
		return "x'" + hex.EncodeToString(c.Bytes(c.ValueLane(lane), &tmp)) + "'", nil
	}
	switch t.Kind {
	case types.Boolean:
		return text, nil
	case types.TinyInt, types.SmallInt, types.Int, types.BigInt, types.Float, types.Double, types.Decimal, types.Date, types.Time, types.Timestamp:
		return "CAST(" + quoted + " AS " + t.Nullable(true).String() + ")", nil
	case types.TimestampLTZ:
		// No SQL makes one of a number that is finer than a millisecond.
		v := c.I64[c.ValueLane(lane)]
		return "TO_TIMESTAMP_LTZ(" + strconv.FormatInt(kernel.FloorDiv(v, t.PerSecond()/1000), 10) + ", 3)", nil
	}
	return "", diag.New(diag.Unsupported, "a parameter of type %s is not understood", t)
}
