package flink

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"testing"

	"github.com/minkstream/mink/connectors"
	"github.com/minkstream/mink/connectors/format"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/serve/rest"
)

// recorded has the shapes of what Apache Flink answers; TestFlinkShapes writes it.
const recorded = "testdata/rest.json"

// mink starts mink's interfaces in this process. Each request is checked by secret.
func mink(t *testing.T, secret func(http.Handler) http.Handler) Site {
	t.Helper()
	e, err := engine.New(engine.Config{
		Env: env.OS(""), Connectors: connectors.All(), Formats: connectors.Formats(), Functions: scalar.All(), SpillDir: t.TempDir(), Slots: 8,
	})
	if err != nil {
		t.Fatal(err)
	}
	client := gateway.Local(e)
	o := rest.Options{
		Version: "test", Settings: map[string]string{"taskmanager.numberOfTaskSlots": "8"},
		Value: (&format.JSONWriter{Sep: 'T', NullKeys: format.NullKeyLiteral, NullKey: "null"}).Value,
	}
	g := rest.NewGateway(client, o)
	one, two := httptest.NewServer(secret(g)), httptest.NewServer(secret(rest.NewJobManager(client, o)))
	t.Cleanup(func() {
		one.Close()
		two.Close()
		_ = g.Close()
		_ = client.Close()
	})
	return Site{Gateway: one.URL, REST: two.URL}
}

// Fields and their kinds, and the status of errors, are those of Apache Flink.
func TestMinkAnswersAsFlink(t *testing.T) {
	want, err := Recorded(recorded)
	if err != nil {
		t.Fatal(err)
	}
	got, err := RESTShapes(t.Context(), mink(t, func(h http.Handler) http.Handler { return h }), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range slices.Sorted(maps.Keys(want)) {
		if got[k] == nil {
			t.Errorf("%s: not asked", k)
			continue
		}
		for _, d := range Differ(k, want[k], got[k]) {
			t.Error(d)
		}
	}
}

// flinkHere gives Flink's classes, and skips unless Flink is to be asked.
func flinkHere(t *testing.T) *Java {
	t.Helper()
	if os.Getenv("MINK_FLINK") == "" {
		t.Skip("Apache Flink: make test-flink")
	}
	j, err := NewJava(context.Background(), t.TempDir())
	if errors.Is(err, ErrNotHere) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func startFlink(t *testing.T, j *Java) *Cluster {
	t.Helper()
	c, err := j.StartCluster(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// The shapes that mink is held to are those of Flink as it is. MINK_FLINK_FILL=1 writes
// them.
func TestFlinkShapes(t *testing.T) {
	c := startFlink(t, flinkHere(t))
	got, err := RESTShapes(t.Context(), c.Site, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("MINK_FLINK_FILL") != "" {
		raw, err := json.MarshalIndent(got, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(recorded, append(raw, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := Recorded(recorded)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range slices.Sorted(maps.Keys(want)) {
		for _, d := range Differ(k, want[k], got[k]) {
			t.Errorf("Flink: %s; MINK_FLINK_FILL=1 writes what it is", d)
		}
	}
}
