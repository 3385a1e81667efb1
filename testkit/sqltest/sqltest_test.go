package sqltest

import (
	"testing"

	"github.com/minkstream/mink/connectors"
	"github.com/minkstream/mink/connectors/s3"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/testkit/linear"
	"github.com/minkstream/mink/testkit/lookup"
)

// TestSQL runs the corpus on the embedded engine: as a stream and as a batch, which must
// give one table.
// covers T2.0.1 V25
func TestSQL(t *testing.T) { Run(t, "testdata", Engines{local, simulatedLocal}) }

// simulatedLocal is an engine on a simulated environment.
func simulatedLocal(t *testing.T, e *env.Env, extra *connect.Connector) *engine.Engine {
	t.Helper()
	out, err := engine.New(engine.Config{
		Env: e, Connectors: append(connectors.All(), extra, lookup.Connector), Formats: connectors.Formats(), Functions: scalar.All(), SpillDir: t.TempDir(),
		Providers: []*connect.ModelProvider{&linear.Provider},
	})
	if err != nil {
		t.Fatal(err)
	}
	register(t, out)
	return out
}

// local is an engine in this process.
func local(t *testing.T, ordered bool) gateway.Client {
	t.Helper()
	workers := 0
	if ordered {
		workers = 1
	}
	e, err := engine.New(engine.Config{
		Workers: workers, Connectors: append(connectors.All(), lookup.Connector), Formats: connectors.Formats(), Functions: scalar.All(), Runtimes: connectors.Runtimes(),
		Providers: []*connect.ModelProvider{&linear.Provider},
		Stores: func(below env.Disk, setting func(string) string) env.Disk {
			return s3.Disk(below, env.OS("").Clock, setting, func(string) string { return "" }, nil)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	register(t, e)
	return gateway.Local(e)
}

// TestMinkOnly: the reason belongs to the section, or to the rest of the file.
func TestMinkOnly(t *testing.T) {
	f, err := Parse("SELECT 1\n----\nOK\n\nmink only: one\nSELECT 2\n----\nOK\n\nmink only: rest\n\nSELECT 3\n----\nOK\n")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"", "one", "rest"} {
		if got := f.Sections[i].MinkOnly; got != want {
			t.Errorf("section %d: %q, should be %q", i+1, got, want)
		}
	}
	if _, err := Parse("mink alone\nSELECT 1\n----\nOK\n"); err == nil {
		t.Error("a directive without a reason is taken")
	}
}
