package rest

import (
	"context"
	"net/http"
	"sync"
	"testing"

	"github.com/minkstream/mink/engine/gateway"
)

// heldClient has one job that runs, and lets it go on when it is let.
type heldClient struct {
	gateway.Client
	once    sync.Once
	in, let chan struct{}
}

func (c *heldClient) Job(_ context.Context, id string) (gateway.JobStatus, error) {
	return gateway.JobStatus{ID: id, State: "RUNNING"}, nil
}

func (c *heldClient) Hold(context.Context, string) error { return nil }

func (c *heldClient) Resume(context.Context, string) error {
	c.once.Do(func() { close(c.in) })
	<-c.let
	return nil
}

// TestHoldWhileLetGo: a job that is being let go is not another's to hold before it was: that
// one would hold it, and it would go on.
func TestHoldWhileLetGo(t *testing.T) {
	c := &heldClient{in: make(chan struct{}), let: make(chan struct{})}
	s := serve(t, NewJobManager(c, Options{Value: values, Version: "test"}))
	at := "/mink/jobs/0123456789abcdef0123456789abcdef/hold"
	id := s.ok("POST", at, object{}).text("hold")
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.ok("DELETE", at+"/"+id, nil)
	}()
	<-c.in
	if status, text := s.send("POST", at, object{}); status != http.StatusConflict {
		t.Errorf("while it is let go: %d %s", status, text)
	}
	close(c.let)
	<-done
	s.ok("POST", at, object{})
}
