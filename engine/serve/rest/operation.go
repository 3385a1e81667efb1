package rest

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/gateway/wire"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/parse"
)

// operation is a statement that was handed in. Its states are those of Flink's gateway:
//
//	PENDING → RUNNING → FINISHED | ERROR | CANCELED | TIMEOUT
//
// FINISHED says that there are results: the job of a query may still run.
type operation struct {
	id     string
	text   string
	cancel context.CancelFunc

	mu     sync.Mutex
	status string
	// unwanted: it was cancelled, or took too long, before its status was a last one.
	unwanted bool
	err      error
	op       gateway.Operation
	done     chan struct{} // closed when the statement no longer runs

	pages pages
}

// end brings the operation into a last state and closes what it has. It reports false
// for an operation that was in one already.
func (o *operation) end(status string, err error) bool {
	o.mu.Lock()
	old := o.status
	if last(old) && status != "CLOSED" {
		o.mu.Unlock()
		return false
	}
	o.status = status
	o.unwanted = o.unwanted || status == "CANCELED" || status == "TIMEOUT"
	if err != nil {
		o.err = err
	}
	op := o.op
	o.mu.Unlock()
	o.cancel()
	if op != nil {
		_ = op.Close()
	}
	return true
}

func last(status string) bool { return status != "PENDING" && status != "RUNNING" }

func (g *Gateway) execute(c *call) (any, error) {
	s, err := g.session(c, "execute statement")
	if err != nil {
		return nil, err
	}
	var body wire.Statement
	if err := decode(c.Request, &body); err != nil {
		return nil, err
	}
	if strings.TrimSpace(body.Statement) == "" {
		return nil, faultf(http.StatusBadRequest, "the request has no statement")
	}
	op, err := s.start(body, nil)
	if err != nil {
		return nil, err
	}
	return wire.OperationHandle{Operation: op.id}, nil
}

// start runs a statement beside the request. allowed, unless nil, looks at it first.
func (s *session) start(body wire.Statement, allowed func(ast.Statement) error) (*operation, error) {
	ctx, cancel := context.WithCancel(context.Background())
	text := strings.TrimRight(body.Statement, " \t\r\n;")
	op := &operation{id: newHandle(), text: text, cancel: cancel, status: "PENDING", done: make(chan struct{})}
	s.mu.Lock()
	full := len(s.ops) >= s.g.o.OperationsMax
	if !full && !s.closed {
		s.ops[op.id] = op
	}
	closed := s.closed
	s.mu.Unlock()
	if full || closed {
		cancel()
		if closed {
			return nil, faultf(http.StatusInternalServerError, "Session '%s' does not exist.", s.id)
		}
		return nil, faultf(http.StatusServiceUnavailable, "the session has %d operations, and no more are allowed; close some", s.g.o.OperationsMax)
	}
	if body.ExecutionTimeout > 0 {
		time.AfterFunc(time.Duration(body.ExecutionTimeout)*time.Millisecond, func() {
			select {
			case <-op.done: // there are results, whose job may run for long
			default:
				op.end("TIMEOUT", faultf(http.StatusInternalServerError, "the statement did not end within %d ms", body.ExecutionTimeout))
			}
		})
	}
	go op.run(ctx, s, body.ExecutionConfig, allowed)
	return op, nil
}

func (o *operation) run(ctx context.Context, s *session, config map[string]string, allowed func(ast.Statement) error) {
	defer close(o.done)
	end, err := s.begin(ctx)
	if err != nil {
		o.end("CANCELED", nil)
		return
	}
	defer end()
	o.mu.Lock()
	if last(o.status) {
		o.mu.Unlock()
		return
	}
	o.status = "RUNNING"
	o.mu.Unlock()
	op, err := o.execute(ctx, s, config, allowed)
	if err != nil {
		o.end("ERROR", failure(err, o.text))
		return
	}
	o.mu.Lock()
	over, unwanted := last(o.status), o.unwanted
	if !over {
		o.op, o.status = op, "FINISHED"
	}
	o.mu.Unlock()
	if !over {
		return
	}
	_ = op.Close() // it was cancelled meanwhile
	if unwanted && op.Result() == gateway.Submitted {
		// Nobody was told of the job, and it would run on.
		ctx, cancel := timeout(time.Minute)
		defer cancel()
		_ = s.g.client.Cancel(ctx, op.Job())
	}
}

func (o *operation) execute(ctx context.Context, s *session, config map[string]string, allowed func(ast.Statement) error) (op gateway.Operation, err error) {
	if allowed != nil {
		stmt, err := parse.Statement(o.text)
		if err == nil {
			err = allowed(stmt)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(config) > 0 {
		back, err := s.with(ctx, config)
		if err != nil {
			return nil, err
		}
		defer func() {
			if e := back(); err == nil && e != nil {
				err = e
			}
		}()
	}
	return s.inner.Execute(ctx, o.text)
}

// with sets keys for one statement; the returned function takes them back.
func (s *session) with(ctx context.Context, config map[string]string) (func() error, error) {
	before, err := s.inner.Config(ctx)
	if err != nil {
		return nil, err
	}
	var undo []string
	back := func() error {
		for _, text := range slices.Backward(undo) {
			if err := s.plain(context.WithoutCancel(ctx), text); err != nil {
				return err
			}
		}
		return nil
	}
	keys := make([]string, 0, len(config))
	for k := range config {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		if err := s.plain(ctx, fmt.Sprintf("SET %s = %s", literal(k), literal(config[k]))); err != nil {
			_ = back()
			return nil, err
		}
		if old, had := before[k]; had {
			undo = append(undo, fmt.Sprintf("SET %s = %s", literal(k), literal(old)))
		} else {
			undo = append(undo, "RESET "+literal(k))
		}
	}
	return back, nil
}

// plain runs a statement that gives no rows.
func (s *session) plain(ctx context.Context, text string) error {
	op, err := s.inner.Execute(ctx, text)
	if err != nil {
		return err
	}
	return op.Close()
}

// literal is a character string of SQL.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func (g *Gateway) operationStatus(c *call) (any, error) {
	_, op, err := g.operation(c, "getOperationInfo")
	if err != nil {
		return nil, err
	}
	op.mu.Lock()
	defer op.mu.Unlock()
	return wire.Status{Status: op.status}, nil
}

func (g *Gateway) cancelOperation(c *call) (any, error) {
	_, op, err := g.operation(c, "cancelOperation")
	if err != nil {
		return nil, err
	}
	op.mu.Lock()
	status := op.status
	op.mu.Unlock()
	if !op.end("CANCELED", nil) {
		return nil, &fault{status: http.StatusInternalServerError, texts: []string{"Failed to cancelOperation.", fmt.Sprintf("The operation is %s and cannot be cancelled any more.", status)}}
	}
	return wire.Status{Status: "CANCELED"}, nil
}

func (g *Gateway) closeOperation(c *call) (any, error) {
	s, op, err := g.operation(c, "closeOperation")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	delete(s.ops, op.id)
	s.mu.Unlock()
	op.end("CLOSED", nil)
	return wire.Status{Status: "CLOSED"}, nil
}

// configure runs a statement that changes the session, and answers when it has.
func (g *Gateway) configure(c *call) (any, error) {
	s, err := g.session(c, "configure session")
	if err != nil {
		return nil, err
	}
	var body wire.Statement
	if err := decode(c.Request, &body); err != nil {
		return nil, err
	}
	op, err := s.start(body, configures)
	if err != nil {
		return nil, err
	}
	select {
	case <-op.done:
	case <-c.Context().Done():
		op.end("CANCELED", nil)
		<-op.done
	}
	op.mu.Lock()
	err = op.err
	op.mu.Unlock()
	s.mu.Lock()
	delete(s.ops, op.id)
	s.mu.Unlock()
	op.end("CLOSED", nil)
	return struct{}{}, err
}

// configures refuses statements that do more than change the session or the catalog.
func configures(stmt ast.Statement) error {
	switch stmt.(type) {
	case *ast.QueryStatement, *ast.Insert, *ast.StatementSet, *ast.BeginStatementSet, *ast.EndStatementSet, *ast.Execute, *ast.Update,
		*ast.Delete, *ast.Merge, *ast.Call, *ast.Explain, *ast.CompilePlan, *ast.ExecutePlan, *ast.StopJob, *ast.Show, *ast.ShowCurrent,
		*ast.ShowCreate, *ast.Describe, *ast.AnalyzeTable, *ast.TruncateTable, *ast.CreateMaterializedTable, *ast.AlterMaterializedTable,
		*ast.DropMaterializedTable:
		return diag.At(stmt.Span(), diag.InvalidQuery, "a session is configured by statements that change it or the catalog").
			WithHint("hand this one in under statements: CREATE, ALTER, DROP, USE, SET, RESET, LOAD, UNLOAD and ADD JAR are taken here")
	}
	return nil
}
