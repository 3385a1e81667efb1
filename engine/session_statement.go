package engine

import (
	"context"

	"github.com/minkstream/mink/engine/bind"
)

// statement is how to run a statement that is neither a query, nor an insert, nor an
// Action; nil for those. Each has a file of its own.
func (s *Session) statement(b bind.Bound, text string) func(ctx context.Context) (*Result, error) {
	switch b := b.(type) {
	case *bind.JobCommand:
		return func(ctx context.Context) (*Result, error) { return s.jobCommand(ctx, b) }
	case *bind.Remove:
		return func(context.Context) (*Result, error) { return s.remove(b) }
	case *bind.Analyze:
		return func(ctx context.Context) (*Result, error) { return s.analyze(ctx, b) }
	case *bind.Materialize:
		return func(ctx context.Context) (*Result, error) { return s.materialize(ctx, b) }
	case *bind.Compile:
		return func(ctx context.Context) (*Result, error) { return s.compilePlan(ctx, b) }
	case *bind.RunPlan:
		return func(ctx context.Context) (*Result, error) { return s.runPlan(ctx, b) }
	}
	return nil
}

// shown is a result of rows.
func (s *Session) shown(r *bind.Rows) *Result {
	return &Result{Schema: r.Schema, Rows: rowsBatch(r), Zone: s.Zone()}
}
