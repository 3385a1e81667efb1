package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/gateway/wire"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// pageRows is the most rows of a page, as in Flink.
const pageRows = 5000

// pageWait is how long a request waits for the first row of a page. Flink answers at
// once with none and is asked again.
const pageWait = 50 * time.Millisecond

// pages are the rows of an operation on their way to a client. A page has a number, its
// token; the newest one can be asked for again, in case the answer was lost.
type pages struct {
	mu    sync.Mutex
	token int64          // of the next page
	prev  []*batch.Batch // the page before it
	left  *batch.Batch   // rows that did not fit into prev, from row at on
	at    int
	stop  error // io.EOF, or why there is no more
}

func (g *Gateway) fetch(c *call) (any, error) {
	_, op, err := g.operation(c, "fetchResults")
	if err != nil {
		return nil, err
	}
	token, err := strconv.ParseInt(c.PathValue("token"), 10, 64)
	if err != nil {
		return nil, badParameter("path", "token", c.PathValue("token"))
	}
	format := c.URL.Query().Get("rowFormat")
	switch format {
	case "":
		format = "JSON"
	case "JSON", "PLAIN_TEXT":
	default:
		return nil, badParameter("query", "rowFormat", format)
	}
	uri := func(token int64) string {
		out := fmt.Sprintf("/v%d/sessions/%s/operations/%s/result/%d", c.version, c.PathValue("s"), op.id, token)
		if c.version > 1 {
			out += "?rowFormat=" + format
		}
		return out
	}
	op.mu.Lock()
	status, failed, inner := op.status, op.err, op.op
	op.mu.Unlock()
	switch {
	case status == "PENDING" || status == "RUNNING":
		return struct {
			ResultType string `json:"resultType"`
			Next       string `json:"nextResultUri"`
		}{wire.NotReady, uri(token)}, nil
	case failed != nil:
		return nil, failed
	case status != "FINISHED":
		return nil, &fault{status: http.StatusInternalServerError, texts: []string{"Failed to fetchResults.", "The operation is " + status + ", it has no results."}}
	}
	p := &op.pages
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.turnTo(c.Context(), inner, token); err != nil {
		return nil, failure(err, op.text)
	}
	page := page{op: inner, format: format, value: g.o.Value}
	if token == p.token { // behind the last page
		page.kind = wire.EOS
	} else {
		page.kind, page.rows, page.next = wire.Payload, p.prev, uri(token+1)
	}
	if token == 0 {
		c.w.Header().Set(wire.OperationHeader, extra(inner))
	}
	return page.write()
}

// extra is what mink's own client wants to know of an operation.
func extra(op gateway.Operation) string {
	e := wire.Extra{Streaming: op.Streaming(), UpsertKey: op.UpsertKey()}
	for _, w := range op.Warnings() {
		e.Warnings = append(e.Warnings, wireFailure(w))
	}
	out := asciiJSON(e)
	if len(out) > headerMax {
		e.Warnings = nil
		out = asciiJSON(e)
	}
	return out
}

// turnTo makes the page of a token the newest one, prev, unless it is already. When the
// rows have ended, the token stays.
func (p *pages) turnTo(ctx context.Context, op gateway.Operation, token int64) error {
	switch {
	case token == p.token:
	case token == p.token-1 && token >= 0:
		return nil
	case p.token == 0:
		return faultf(http.StatusInternalServerError, "Expecting token to be 0, but found %d.", token)
	default:
		return faultf(http.StatusInternalServerError, "Expecting token to be %d or %d, but found %d.", p.token, p.token-1, token)
	}
	if p.stop == io.EOF && p.left == nil {
		return nil
	}
	if p.stop != nil && p.left == nil {
		return p.stop
	}
	rows := p.gather(ctx, op)
	if len(rows) == 0 && p.stop != nil {
		if p.stop == io.EOF {
			return nil
		}
		return p.stop
	}
	p.prev = rows
	p.token++
	return nil
}

// gather takes the rows that are there, at most pageRows, and waits a little for the
// first.
func (p *pages) gather(ctx context.Context, op gateway.Operation) []*batch.Batch {
	wait, cancel := context.WithTimeout(ctx, pageWait)
	defer cancel()
	var out []*batch.Batch
	for n := 0; n < pageRows; {
		if p.left == nil {
			if p.stop != nil {
				break
			}
			b, err := next(wait, op, p.token == 0 && n == 0)
			if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
				break
			}
			if err != nil {
				p.stop = err
				break
			}
			cancel() // from now on only what is there
			p.left, p.at = b, 0
		}
		take := min(pageRows-n, p.left.Rows()-p.at)
		if take > 0 {
			out = append(out, copyRows(p.left, p.at, take))
		}
		n, p.at = n+take, p.at+take
		if p.at == p.left.Rows() {
			p.left = nil
		}
	}
	return out
}

// next is op.Next; an operation without rows has one that says what it did.
func next(ctx context.Context, op gateway.Operation, first bool) (*batch.Batch, error) {
	switch op.Result() {
	case gateway.Done, gateway.Submitted:
		if !first {
			return nil, io.EOF
		}
		text := "OK"
		if op.Result() == gateway.Submitted {
			text = op.Job()
		}
		b := batch.NewBatchBuilder(types.StringT)
		b.Row(batch.Insert, text)
		return b.Finish(), nil
	}
	return op.Next(ctx)
}

// schema of an operation's rows.
func schema(op gateway.Operation) types.Schema {
	switch op.Result() {
	case gateway.Done:
		return types.Schema{{Name: "result", Type: types.StringT}}
	case gateway.Submitted:
		return types.Schema{{Name: "job id", Type: types.StringT}}
	}
	return op.Schema()
}

// copyRows copies n rows from row at on: the batch is the operation's, and gone with the
// next one.
func copyRows(b *batch.Batch, at, n int) *batch.Batch {
	sel := make([]uint16, n)
	for i := range sel {
		sel[i] = uint16(b.Lane(at + i))
	}
	src := *b
	src.Sel, src.Marks, src.Keys = sel, nil, nil
	out := &batch.Batch{}
	out.Gather(&src, nil)
	return out
}

// page writes one page of results.
type page struct {
	op     gateway.Operation
	kind   string
	format string
	rows   []*batch.Batch
	next   string
	value  func(dst []byte, c *batch.Col, lane int) ([]byte, error)
}

// columnsOf are columns as they are told.
func columnsOf(cols types.Schema) []wire.Column {
	var columns []wire.Column
	for _, f := range cols {
		c := wire.Column{Name: f.Name, Type: wire.TypeOf(f.Type)}
		if f.Comment != "" {
			c.Comment = &f.Comment
		}
		columns = append(columns, c)
	}
	return columns
}

func (p *page) write() (json.RawMessage, error) {
	cols := schema(p.op)
	columns := columnsOf(cols)
	head, err := json.Marshal(columns)
	if err != nil {
		return nil, diag.Wrap(diag.Internal, err, "writing the columns of a result")
	}
	out := append([]byte(`{"resultType":"`), p.kind...)
	out = append(out, `","isQueryResult":`...)
	out = strconv.AppendBool(out, p.op.Result() == gateway.Query)
	if id := p.op.Job(); id != "" {
		out = append(append(append(out, `,"jobID":"`...), id...), '"')
	}
	kind := "SUCCESS_WITH_CONTENT"
	if p.op.Result() == gateway.Done {
		kind = "SUCCESS"
	}
	out = append(append(out, `,"resultKind":"`...), kind...)
	out = append(append(out, `","results":{"columns":`...), head...)
	out = append(append(append(out, `,"rowFormat":"`...), p.format...), `","data":[`...)
	first := true
	for _, b := range p.rows {
		if out, err = p.appendRows(out, b, &first); err != nil {
			return nil, err
		}
	}
	out = append(out, "]}"...)
	if p.next != "" {
		out = kernel.AppendQuoted(append(out, `,"nextResultUri":`...), []byte(p.next))
	}
	return append(out, '}'), nil
}

func (p *page) appendRows(out []byte, b *batch.Batch, first *bool) ([]byte, error) {
	zone := p.op.Zone()
	if p.format == "JSON" {
		b = inZone(b, zone)
	}
	var text []byte
	var err error
	for i := range b.Rows() {
		if !*first {
			out = append(out, ',')
		}
		*first = false
		lane := b.Lane(i)
		out = append(append(append(out, `{"kind":"`...), wire.KindName(b.Kind(lane))...), `","fields":[`...)
		for k := range b.Cols {
			if k > 0 {
				out = append(out, ',')
			}
			c := &b.Cols[k]
			switch {
			case p.format == "JSON":
				if out, err = p.value(out, c, lane); err != nil {
					return nil, err
				}
			case c.IsNull(lane):
				out = append(out, "null"...)
			default:
				text = kernel.AppendShown(text[:0], c, lane, zone)
				out = kernel.AppendQuoted(out, text)
			}
		}
		out = append(out, "]}"...)
	}
	return out, nil
}

// inZone is a batch whose TIMESTAMP_LTZ values are what a clock of the zone shows: so
// Flink writes them, with a Z behind for all that.
func inZone(b *batch.Batch, zone *time.Location) *batch.Batch {
	zoned := false
	for i := range b.Cols {
		zoned = zoned || hasInstant(b.Cols[i].Type)
	}
	if !zoned || zone == nil || zone == time.UTC {
		return b
	}
	out := &batch.Batch{}
	out.Gather(b, nil)
	z := kernel.MakeZone(zone)
	for i := range out.Cols {
		shift(&out.Cols[i], &z)
	}
	return out
}

func hasInstant(t types.Type) bool {
	if t.Kind == types.TimestampLTZ {
		return true
	}
	if t.Elem != nil && hasInstant(*t.Elem) || t.Key != nil && hasInstant(*t.Key) {
		return true
	}
	for _, f := range t.Fields {
		if hasInstant(f.Type) {
			return true
		}
	}
	return false
}

func shift(c *batch.Col, z *kernel.Zone) {
	if c.Type.Kind == types.TimestampLTZ {
		for i, v := range c.I64 {
			c.I64[i] = z.LocalTicks(v, c.Type.PerSecond())
		}
	}
	for i := range c.Kids {
		shift(&c.Kids[i], z)
	}
}
