package cli

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/gateway"
)

// lateSession answers a statement after a while, unless nobody waits for it any more.
type lateSession struct {
	gateway.Session
	asked func()
	after time.Duration
}

type submitted struct{ gateway.Operation }

func (submitted) Result() gateway.Result { return gateway.Submitted }
func (submitted) Job() string            { return "a job" }

func (s lateSession) Execute(ctx context.Context, _ string) (gateway.Operation, error) {
	s.asked()
	select {
	case <-time.After(s.after):
		return submitted{}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// TestInterruptedSubmit: who interrupts while a statement is on its way learns of the job that
// it began, so that it is cancelled; an answer that does not come is not waited for.
func TestInterruptedSubmit(t *testing.T) {
	ctx, interrupt := context.WithCancel(context.Background())
	b := &beginning{}
	s := begunSession{lateSession{asked: interrupt, after: 50 * time.Millisecond}, b}
	if _, err := s.Execute(ctx, "INSERT INTO b SELECT * FROM a"); err != nil || !slices.Equal(b.jobs, []string{"a job"}) {
		t.Errorf("jobs %v, %v", b.jobs, err)
	}
	ctx, interrupt = context.WithCancel(context.Background())
	begin := time.Now()
	s = begunSession{lateSession{asked: interrupt, after: time.Minute}, b}
	if _, err := s.Execute(ctx, "INSERT INTO b SELECT * FROM a"); !errors.Is(err, context.Canceled) || time.Since(begin) > 20*time.Second {
		t.Errorf("%v after %s", err, time.Since(begin))
	}
}
