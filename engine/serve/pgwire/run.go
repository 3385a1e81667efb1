package pgwire

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/sql/parse"
	"github.com/minkstream/mink/engine/types"
)

// flushBytes is how much is gathered before it is sent to the client.
const flushBytes = 64 << 10

// running is a statement that was begun, and how far its rows were given out.
type running struct {
	op     gateway.Operation // nil where the server answers itself
	fields []field           // nil for a statement without rows
	// changes: a first column has the kind of each change.
	changes bool
	tag     string // without the number of rows
	counts  bool   // the tag ends with it
	rows    int64
	w       *writer

	cur *batch.Batch // nil before the first and behind the last
	at  int
	end bool
}

func (r *running) close() {
	if r != nil && r.op != nil {
		r.op.Close()
	}
}

// complete is the tag of the statement once it has ended.
func (r *running) complete() string {
	if !r.counts {
		return r.tag
	}
	return r.tag + " " + strconv.FormatInt(r.rows, 10)
}

// begin starts a statement of mink or one that the server answers itself.
func (c *conn) start(ctx context.Context, sql string) (*running, error) {
	own, err := c.own(sql)
	if err != nil {
		return nil, err
	}
	if c.tx == 'E' && (own == nil || !own.ends) {
		return nil, stateError{"25P02", "the transaction has failed: ROLLBACK ends it"}
	}
	if own != nil {
		return own.start()
	}
	op, err := c.session.Execute(ctx, sql)
	if c.s.Audit != nil {
		c.s.Audit(c.user+"@"+c.nc.RemoteAddr().String(), parse.Kind(sql), err)
	}
	if err != nil {
		return nil, err
	}
	r := &running{op: op, tag: parse.Kind(sql), w: newWriter(op.Zone())}
	for _, a := range op.Warnings() {
		c.notice("WARNING", "01000", a.Msg, a.Hint)
	}
	switch op.Result() {
	case gateway.Info:
		r.fields = fieldsOf(op.Schema(), false)
	case gateway.Query:
		r.changes = op.Streaming()
		r.fields = fieldsOf(op.Schema(), r.changes)
		r.tag, r.counts = "SELECT", true
	case gateway.Submitted:
		return r, c.submitted(ctx, r)
	default:
		r.end = true
	}
	return r, nil
}

// submitted waits for a job that writes, if all its sources end; of another the client
// hears the id.
func (c *conn) submitted(ctx context.Context, r *running) error {
	r.end = true
	if strings.HasPrefix(r.tag, "INSERT") {
		r.tag, r.counts = "INSERT 0", true
	}
	if r.op.Streaming() {
		c.notice("NOTICE", "00000", "job "+r.op.Job()+" runs", "it goes on when this connection ends; mink jobs cancel "+r.op.Job()+" ends it")
		return nil
	}
	if err := r.op.Wait(ctx); err != nil {
		if ctx.Err() != nil {
			stop, done := context.WithTimeout(context.Background(), 10*time.Second)
			defer done()
			return errors.Join(err, c.s.Client.Cancel(stop, r.op.Job()))
		}
		return err
	}
	j, err := c.s.Client.Job(ctx, r.op.Job())
	if err != nil {
		return err
	}
	for _, v := range j.Vertices {
		r.rows += v.SinkRows
	}
	return nil
}

// rowsMessage is any number of DataRow messages.
type rowsMessage []byte

func (rowsMessage) Backend()                            {}
func (rowsMessage) Decode([]byte) error                 { return errors.New("rows are only sent") }
func (m rowsMessage) Encode(dst []byte) ([]byte, error) { return append(dst, m...), nil }

// give sends up to most rows, all for 0, and reports whether there may be more. Formats
// are those of the columns as in Bind: none is text, one is for all.
func (c *conn) give(ctx context.Context, r *running, formats []int16, most int64) (more bool, err error) {
	var out []byte
	send := func() error {
		if len(out) == 0 {
			return nil
		}
		c.be.Send(rowsMessage(out))
		out = out[:0]
		return c.be.Flush()
	}
	given := int64(0)
	for !r.end {
		if r.cur == nil || r.at >= r.cur.Rows() {
			if r.op == nil {
				r.end = true
				break
			}
			// Whoever waits for changes sees those that have come.
			if r.changes {
				if err := send(); err != nil {
					return false, err
				}
			}
			r.cur, err = r.op.Next(ctx)
			r.at = 0
			if err == io.EOF {
				r.cur, r.end = nil, true
				break
			}
			if err != nil {
				return false, errors.Join(err, send())
			}
			continue
		}
		if most > 0 && given == most {
			return true, send()
		}
		out = r.row(out, formats)
		given++
		if len(out) >= flushBytes {
			if err := send(); err != nil {
				return false, err
			}
		}
	}
	return false, send()
}

// row appends the next row as a DataRow message.
func (r *running) row(out []byte, formats []int16) []byte {
	b, lane := r.cur, r.cur.Lane(r.at)
	r.at++
	r.rows++
	at := len(out)
	out = append(out, 'D', 0, 0, 0, 0)
	out = binary.BigEndian.AppendUint16(out, uint16(len(r.fields)))
	first := 0
	if r.changes {
		kind := b.Kind(lane).String()
		out = append(binary.BigEndian.AppendUint32(out, uint32(len(kind))), kind...)
		first = 1
	}
	for i := range b.Cols {
		f := &r.fields[first+i]
		out = r.w.append(out, f, &b.Cols[i], lane, formatOf(formats, first+i) == pgproto3.BinaryFormat)
	}
	binary.BigEndian.PutUint32(out[at+1:], uint32(len(out)-at-1))
	return out
}

func formatOf(formats []int16, i int) int16 {
	switch {
	case len(formats) == 0:
		return pgproto3.TextFormat
	case len(formats) == 1:
		return formats[0]
	case i < len(formats):
		return formats[i]
	}
	return pgproto3.TextFormat
}

// describe tells the client which columns come.
func (c *conn) describe(fields []field, formats []int16) {
	if fields == nil {
		c.be.Send(&pgproto3.NoData{})
		return
	}
	m := &pgproto3.RowDescription{Fields: make([]pgproto3.FieldDescription, len(fields))}
	for i, f := range fields {
		m.Fields[i] = pgproto3.FieldDescription{
			Name: []byte(f.name), DataTypeOID: f.oid, DataTypeSize: f.size, TypeModifier: f.mod, Format: formatOf(formats, i),
		}
	}
	c.be.Send(m)
}

// reads reports statements that show something and change nothing.
func reads(sql string) bool {
	switch parse.Kind(sql) {
	case "SHOW", "DESCRIBE", "DESC", "EXPLAIN":
		return true
	}
	return false
}

// rowsOf are rows that the server answers by itself: a column of texts, whole numbers and
// truths, each nil for NULL.
func rowsOf(schema types.Schema, data [][]any) *batch.Batch {
	b := &batch.Batch{N: len(data), Cols: make([]batch.Col, len(schema))}
	for i, f := range schema {
		col := batch.NewBuilder(f.Type)
		for _, row := range data {
			switch v := row[i].(type) {
			case string:
				col.AppendString(v)
			case bool:
				col.AppendBool(v)
			case int:
				col.AppendInt(int64(v))
			default:
				col.AppendNull()
			}
		}
		b.Cols[i] = col.Finish()
	}
	return b
}
