package sqltest

import (
	"testing"

	"github.com/minkstream/mink/connectors"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/engine/gateway"
)

// TestSQL runs the corpus on the embedded engine.
func TestSQL(t *testing.T) { Run(t, "testdata", local) }

// local is an engine in this process.
func local(t *testing.T, ordered bool) gateway.Client {
	t.Helper()
	workers := 0
	if ordered {
		workers = 1
	}
	e, err := engine.New(engine.Config{Workers: workers, Connectors: connectors.All(), Formats: connectors.Formats(), Functions: scalar.All()})
	if err != nil {
		t.Fatal(err)
	}
	return gateway.Local(e)
}
