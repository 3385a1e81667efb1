package remote

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf16"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/gateway/wire"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/parse"
	"github.com/minkstream/mink/engine/types"
)

// session is a session of the gateway.
type session struct {
	c     *Client
	at    string
	once  sync.Once
	ended chan struct{}
	// open is the text of BEGIN STATEMENT SET while no END has come.
	open bool
}

// beat keeps the session from being idle.
func (s *session) beat() {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-s.ended:
			return
		case <-tick.C:
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			_, _ = s.c.ask(ctx, "POST", s.at+"/heartbeat", struct{}{}, nil)
			cancel()
		}
	}
}

func (s *session) Config(ctx context.Context) (map[string]string, error) {
	var out wire.SessionConfig
	_, err := s.c.ask(ctx, "GET", s.at, nil, &out)
	if err == nil {
		s.c.learn(out.Properties)
	}
	return out.Properties, err
}

func (s *session) Complete(ctx context.Context, text string, at int) ([]string, error) {
	var out wire.Candidates
	at = len(utf16.Encode([]rune(text[:min(max(at, 0), len(text))])))
	_, err := s.c.ask(ctx, "GET", s.at+"/complete-statement", wire.Complete{Statement: text, Position: at}, &out)
	return out.Candidates, err
}

// own asks for what mink's gateway alone has, about a statement.
func (s *session) own(ctx context.Context, what, path, text string, into any) error {
	at := s.c.o.Gateway + "/mink/sessions/" + s.at[strings.LastIndexByte(s.at, '/')+1:] + path
	h, err := s.c.ask(ctx, "POST", at, wire.Statement{Statement: text}, into)
	if h.Get(wire.MinkHeader) == "" && !unreachable(err) && ctx.Err() == nil {
		return diag.New(diag.Unsupported, "%s on a cluster that is not mink's is not supported yet: Flink's gateway can only run a statement", what).
			WithHint("check the script on an embedded cluster: leave --gateway out; or put EXPLAIN before a query")
	}
	return err
}

// unreachable reports that there was no answer.
func unreachable(err error) bool { return errors.As(err, new(*Unreachable)) }

// Check has the gateway do all with a statement but run it.
func (s *session) Check(ctx context.Context, text string) ([]*diag.Error, error) {
	var out wire.Checked
	if err := s.own(ctx, "checking a statement without running it", "/check", text, &out); err != nil {
		return nil, err
	}
	s.sets(text)
	var advice []*diag.Error
	for _, f := range out.Advice {
		advice = append(advice, errorOf(f))
	}
	return advice, nil
}

// Describe asks what columns a query would give.
func (s *session) Describe(ctx context.Context, text string) (types.Schema, bool, error) {
	var out wire.Described
	if err := s.own(ctx, "describing a query without running it", "/describe", text, &out); err != nil || !out.Query {
		return nil, false, err
	}
	schema := types.Schema{}
	for _, c := range out.Columns {
		t, err := c.Type.Type()
		if err != nil {
			return nil, false, err
		}
		schema = append(schema, types.Field{Name: c.Name, Type: t})
	}
	return schema, out.Changes, nil
}

// sets notes whether a statement set is open after a statement.
func (s *session) sets(text string) {
	stmt, err := parse.Statement(strings.TrimRight(text, " \t\r\n;"))
	if err != nil {
		return
	}
	switch stmt.(type) {
	case *ast.BeginStatementSet:
		s.open = true
	case *ast.EndStatementSet:
		s.open = false
	}
}

func (s *session) Finish() error {
	if s.open {
		return diag.New(diag.Syntax, "the statement set is not closed").WithHint("END; is missing")
	}
	return nil
}

func (s *session) Close() error {
	var err error
	s.once.Do(func() {
		close(s.ended)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_, err = s.c.ask(ctx, "DELETE", s.at, nil, nil)
	})
	return err
}

// Execute hands a statement in and waits until it has results.
func (s *session) Execute(ctx context.Context, text string) (gateway.Operation, error) {
	var h wire.OperationHandle
	if _, err := s.c.ask(ctx, "POST", s.at+"/statements", wire.Statement{Statement: text}, &h); err != nil {
		return nil, err
	}
	o := &operation{s: s, at: s.at + "/operations/" + url.PathEscape(h.Operation)}
	if err := o.first(ctx); err != nil {
		if ctx.Err() != nil {
			o.abandon()
		}
		_ = o.close()
		return nil, placed(err, text)
	}
	s.sets(text)
	return o, nil
}

// operation is a statement of the gateway with its rows.
type operation struct {
	s  *session
	at string

	kind   gateway.Result
	schema types.Schema
	job    string
	extra  wire.Extra
	zone   *time.Location
	width  int

	rows  []wire.Row // of the newest page, not given yet
	token int        // of the next page, -1 behind the last
	once  sync.Once
}

// page asks for a page of rows. A page that was asked for before can be had once more, so
// a request that broke off loses nothing.
func (o *operation) page(ctx context.Context, token int) (*wire.Results, error) {
	var r wire.Results
	head, err := o.s.c.ask(ctx, "GET", o.at+"/result/"+strconv.Itoa(token)+"?rowFormat=JSON", nil, &r)
	if err != nil {
		return nil, err
	}
	if h := head.Get(wire.OperationHeader); h != "" {
		_ = json.Unmarshal([]byte(h), &o.extra)
	}
	return &r, nil
}

// first waits for the first page, which says what the statement gives.
func (o *operation) first(ctx context.Context) error {
	pause := 2 * time.Millisecond
	var r *wire.Results
	for {
		var err error
		if r, err = o.page(ctx, 0); err != nil {
			return err
		}
		if r.ResultType != wire.NotReady {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		pause = min(100*time.Millisecond, pause*2)
	}
	if r.Rows == nil {
		return diag.New(diag.IO, "the gateway gave results without columns")
	}
	for _, c := range r.Rows.Columns {
		t, err := c.Type.Type()
		if err != nil {
			return err
		}
		f := types.Field{Name: c.Name, Type: t}
		if c.Comment != nil {
			f.Comment = *c.Comment
		}
		o.schema = append(o.schema, f)
	}
	o.job = r.JobID
	switch {
	case r.Query:
		o.kind = gateway.Query
	case r.JobID != "" && len(o.schema) == 1 && o.schema[0].Name == "job id":
		o.kind = gateway.Submitted
	case r.ResultKind == "SUCCESS":
		o.kind = gateway.Done
	default:
		o.kind = gateway.Info
	}
	o.take(r)
	return o.settings(ctx)
}

// settings looks at those of the session that say how rows are shown, for a statement
// that has some. The Streaming of a query comes from them too, where it is not told.
func (o *operation) settings(ctx context.Context) error {
	if o.kind == gateway.Done || o.kind == gateway.Submitted {
		return nil
	}
	set, err := o.s.Config(ctx)
	if err != nil {
		return err
	}
	config := catalog.NewConfig()
	for _, k := range []string{"execution.runtime-mode", "table.local-time-zone", "table.display.max-column-width"} {
		if v, ok := set[k]; ok {
			_, _ = config.Set(k, v)
		}
	}
	o.zone, o.width = config.Zone(time.Local), config.Int("table.display.max-column-width")
	if !strings.EqualFold(set["execution.runtime-mode"], "batch") {
		o.extra.Streaming = true
	}
	return nil
}

// take notes a page.
func (o *operation) take(r *wire.Results) {
	o.rows, o.token = r.Rows.Data, -1
	if r.NextResults == "" {
		return
	}
	path, _, _ := strings.Cut(r.NextResults, "?")
	if n, err := strconv.Atoi(path[strings.LastIndexByte(path, '/')+1:]); err == nil {
		o.token = n
	}
}

// pageEvery is how long to wait before a page without rows is followed by another.
const pageEvery = 20 * time.Millisecond

func (o *operation) Next(ctx context.Context) (*batch.Batch, error) {
	if o.kind == gateway.Done || o.kind == gateway.Submitted {
		return nil, io.EOF
	}
	for len(o.rows) == 0 {
		if o.token < 0 {
			return nil, io.EOF
		}
		begin := time.Now()
		r, err := o.page(ctx, o.token)
		if err != nil {
			return nil, err
		}
		if r.Rows == nil {
			return nil, diag.New(diag.IO, "the gateway gave results without columns")
		}
		o.take(r)
		if len(o.rows) == 0 && o.token >= 0 && time.Since(begin) < pageEvery {
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(pageEvery):
			}
		}
	}
	n := min(len(o.rows), batch.MaxRows)
	b, err := wire.Batch(o.schema, o.rows[:n], o.zone)
	o.rows = o.rows[n:]
	return b, err
}

func (o *operation) Result() gateway.Result { return o.kind }
func (o *operation) Schema() types.Schema   { return o.schema }
func (o *operation) Streaming() bool        { return o.kind == gateway.Query && o.extra.Streaming }
func (o *operation) UpsertKey() []int       { return o.extra.UpsertKey }
func (o *operation) Job() string            { return o.job }
func (o *operation) Zone() *time.Location   { return o.zone }
func (o *operation) Width() int             { return o.width }

func (o *operation) Warnings() []*diag.Error {
	var out []*diag.Error
	for _, w := range o.extra.Warnings {
		out = append(out, errorOf(w))
	}
	return out
}

// Wait returns when the job has ended.
func (o *operation) Wait(ctx context.Context) error {
	if o.job == "" {
		return nil
	}
	if err := o.s.c.find(ctx, o.s); err != nil {
		return err
	}
	return o.s.c.wait(ctx, o.job)
}

// Close ends a query; a job that writes to tables goes on.
func (o *operation) Close() error { return o.close() }

func (o *operation) close() error {
	var err error
	o.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_, err = o.s.c.ask(ctx, "DELETE", o.at+"/close", nil, nil)
	})
	return err
}

// abandon cancels a statement that still runs.
func (o *operation) abandon() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, _ = o.s.c.ask(ctx, "POST", o.at+"/cancel", struct{}{}, nil)
}
