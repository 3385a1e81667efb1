package rest

import (
	"context"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/gateway"
)

// lateClient begins a job with each statement, and tells of it when it is let.
type lateClient struct {
	gateway.Client
	in, let   chan struct{}
	cancelled chan string
}

func (c *lateClient) OpenSession(context.Context, map[string]string) (gateway.Session, error) {
	return &lateSession{c: c}, nil
}

func (c *lateClient) Cancel(_ context.Context, id string) error {
	c.cancelled <- id
	return nil
}

type lateSession struct {
	gateway.Session
	c *lateClient
}

func (s *lateSession) Execute(context.Context, string) (gateway.Operation, error) {
	close(s.c.in)
	<-s.c.let
	return lateOperation{}, nil
}

func (s *lateSession) Close() error { return nil }

type lateOperation struct{ gateway.Operation }

func (lateOperation) Result() gateway.Result { return gateway.Submitted }
func (lateOperation) Job() string            { return "job-1" }
func (lateOperation) Close() error           { return nil }

// TestCancelledBeforeItsJob: a statement that is cancelled, or takes too long, while its job is
// being begun leaves no job that nobody was told of.
func TestCancelledBeforeItsJob(t *testing.T) {
	for _, how := range []string{"cancel", "timeout"} {
		c := &lateClient{in: make(chan struct{}), let: make(chan struct{}), cancelled: make(chan string, 1)}
		g := NewGateway(c, Options{Value: values, Version: "test"})
		s := serve(t, g)
		at := s.session(nil)
		body := object{"statement": "INSERT INTO t SELECT 1"}
		if how == "timeout" {
			body["executionTimeout"] = 1
		}
		op := at + "/operations/" + s.ok("POST", at+"/statements", body).text("operationHandle")
		<-c.in
		if how == "cancel" {
			s.ok("POST", op+"/cancel", nil)
		}
		s.wait(op)
		s.ok("DELETE", op+"/close", nil)
		close(c.let)
		select {
		case id := <-c.cancelled:
			if id != "job-1" {
				t.Errorf("%s: %s was cancelled", how, id)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("%s: the job runs on", how)
		}
		_ = g.Close()
	}
}
