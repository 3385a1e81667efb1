package flightsql

import (
	"context"
	"encoding/binary"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/flight"
	"github.com/apache/arrow/go/v17/arrow/flight/flightsql"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/sql/parse"
	"github.com/minkstream/mink/engine/types"
)

// pendingMost is the number of results of a connection that may wait to be fetched. The
// oldest go first.
const pendingMost = 100

// pending is a result that the client was told of and has not fetched.
type pending struct {
	sql string
	op  gateway.Operation // nil for a query that is run when it is fetched
}

func (p *pending) close() {
	if p.op != nil {
		p.op.Close()
	}
}

// prepared is a statement with its parameters.
type prepared struct {
	sql    string
	params int
	values [][]string // a list of literals for each row of parameters
	// ready is what it gave when it was looked at and is no query.
	ready *pending
}

// options of the columns that are sent.
func options(changes bool) batch.ArrowOptions {
	if changes {
		return batch.ArrowOptions{KindColumn: "op"}
	}
	return batch.ArrowOptions{}
}

func schemaOf(s types.Schema, changes bool) *arrow.Schema { return options(changes).ArrowSchema(s) }

// handleOf writes a number of a result or a prepared statement as a handle.
func handleOf(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func numberOf(handle []byte) uint64 {
	if len(handle) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(handle)
}

// keep notes a result for its fetching.
func (x *session) keep(p *pending) uint64 {
	for len(x.order) >= pendingMost {
		if old := x.pending[x.order[0]]; old != nil {
			old.close()
			delete(x.pending, x.order[0])
		}
		x.order = x.order[1:]
	}
	x.next++
	x.pending[x.next] = p
	x.order = append(x.order, x.next)
	return x.next
}

// take gives a result that was noted, once.
func (x *session) take(n uint64) *pending {
	p := x.pending[n]
	delete(x.pending, n)
	return p
}

// look finds the columns of a statement. A query is not run for it; any other statement is,
// and is noted with what it gave.
func (x *session) look(ctx context.Context, sql string) (*pending, *arrow.Schema, error) {
	schema, changes, err := x.s.Describe(ctx, sql)
	if err != nil {
		return nil, nil, failed(err, sql)
	}
	p := &pending{sql: sql}
	if schema != nil {
		return p, schemaOf(schema, changes), nil
	}
	if p.op, err = x.execute(ctx, sql); err != nil {
		return nil, nil, failed(err, sql)
	}
	if p.op.Result() == gateway.Submitted && !p.op.Streaming() {
		if err := p.op.Wait(ctx); err != nil {
			return nil, nil, failed(err, sql)
		}
	}
	return p, schemaOf(p.op.Schema(), p.op.Result() == gateway.Query && p.op.Streaming()), nil
}

// execute runs a statement of the client.
func (x *session) execute(ctx context.Context, sql string) (gateway.Operation, error) {
	op, err := x.s.Execute(ctx, sql)
	if x.audit != nil {
		x.audit(x.remote, parse.Kind(sql), err)
	}
	return op, err
}

// info tells the client where a result is to be fetched: here.
func info(desc *flight.FlightDescriptor, ticket []byte, schema *arrow.Schema) *flight.FlightInfo {
	return &flight.FlightInfo{
		Endpoint:         []*flight.FlightEndpoint{{Ticket: &flight.Ticket{Ticket: ticket}}},
		FlightDescriptor: desc, Schema: flight.SerializeSchema(schema, memory.DefaultAllocator), TotalRecords: -1, TotalBytes: -1,
	}
}

// GetFlightInfoStatement looks at a statement that comes as a text.
func (h *handler) GetFlightInfoStatement(ctx context.Context, q flightsql.StatementQuery, desc *flight.FlightDescriptor) (out *flight.FlightInfo, err error) {
	err = h.in(ctx, func(x *session) error {
		p, schema, err := x.look(ctx, q.GetQuery())
		if err != nil {
			return err
		}
		ticket, err := flightsql.CreateStatementQueryTicket(handleOf(x.keep(p)))
		out = info(desc, ticket, schema)
		return err
	})
	return out, err
}

// GetSchemaStatement gives the columns of a query.
func (h *handler) GetSchemaStatement(ctx context.Context, q flightsql.StatementQuery, _ *flight.FlightDescriptor) (out *flight.SchemaResult, err error) {
	err = h.in(ctx, func(x *session) error {
		schema, changes, err := x.s.Describe(ctx, q.GetQuery())
		out = &flight.SchemaResult{Schema: flight.SerializeSchema(schemaOf(schema, changes), memory.DefaultAllocator)}
		return failed(err, q.GetQuery())
	})
	return out, err
}

// DoGetStatement gives the rows of a statement.
func (h *handler) DoGetStatement(ctx context.Context, t flightsql.StatementQueryTicket) (*arrow.Schema, <-chan flight.StreamChunk, error) {
	var p *pending
	err := h.in(ctx, func(x *session) (err error) {
		if p = x.take(numberOf(t.GetStatementHandle())); p == nil {
			return status.Error(codes.NotFound, "there is no such result: it was fetched, or is one of another connection")
		}
		return x.run(ctx, p)
	})
	if err != nil {
		return nil, nil, err
	}
	schema, rows := stream(ctx, p)
	return schema, rows, nil
}

// run executes a query that was only looked at.
func (x *session) run(ctx context.Context, p *pending) (err error) {
	if p.op == nil {
		p.op, err = x.execute(ctx, p.sql)
	}
	return failed(err, p.sql)
}

// stream sends what an operation gives, until it ends or the client goes.
func stream(ctx context.Context, p *pending) (*arrow.Schema, <-chan flight.StreamChunk) {
	op := p.op
	rows := op.Result() == gateway.Query || op.Result() == gateway.Info
	changes := op.Result() == gateway.Query && op.Streaming()
	out := make(chan flight.StreamChunk)
	send := func(c flight.StreamChunk) bool {
		select {
		case out <- c:
			return true
		case <-ctx.Done():
			return false
		}
	}
	go func() {
		defer close(out)
		defer op.Close()
		for rows {
			b, err := op.Next(ctx)
			if err == io.EOF {
				return
			}
			if err != nil {
				send(flight.StreamChunk{Err: failed(err, p.sql)})
				return
			}
			// The record is read after the next one was asked for.
			kept := &batch.Batch{}
			kept.Gather(b, nil)
			if !send(flight.StreamChunk{Data: kept.ToArrow(op.Schema(), options(changes))}) {
				return
			}
		}
	}()
	return schemaOf(op.Schema(), changes), out
}

// DoPutCommandStatementUpdate runs a statement and returns the number of rows it wrote.
func (h *handler) DoPutCommandStatementUpdate(ctx context.Context, u flightsql.StatementUpdate) (n int64, err error) {
	err = h.in(ctx, func(x *session) (err error) {
		n, err = h.update(ctx, x, u.GetQuery())
		return err
	})
	return n, err
}

// update runs a statement to its end. Of a job that does not end by itself it knows no
// number of rows, and gives -1.
func (h *handler) update(ctx context.Context, x *session, sql string) (int64, error) {
	op, err := x.execute(ctx, sql)
	if err != nil {
		return 0, failed(err, sql)
	}
	defer op.Close()
	switch {
	case op.Result() != gateway.Submitted:
		return 0, nil
	case op.Streaming():
		return -1, nil
	}
	if err := op.Wait(ctx); err != nil {
		return 0, failed(err, sql)
	}
	j, err := h.client.Job(ctx, op.Job())
	if err != nil {
		return 0, failed(err, sql)
	}
	var n int64
	for _, v := range j.Vertices {
		n += v.SinkRows
	}
	return n, nil
}
