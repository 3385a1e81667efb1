package rest

import (
	"testing"

	"github.com/minkstream/mink/engine/diag"
)

// TestStatementBehindTheEnd: a statement that comes when its engine is closed begins no job,
// which nobody would end.
func TestStatementBehindTheEnd(t *testing.T) {
	c := newClient(t)
	s, err := c.OpenSession(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Execute(t.Context(), "SELECT 1"); diag.CodeOf(err) != diag.Cancelled {
		t.Errorf("%v", err)
	}
}
