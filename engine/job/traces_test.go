package job_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minkstream/mink/connectors"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/function/scalar"
)

// told is a span as a collector reads it.
type told struct {
	TraceID, SpanID, Name, StartTimeUnixNano, EndTimeUnixNano string
	Attributes                                                []attribute
	Events                                                    []struct {
		Name       string
		Attributes []attribute
	}
	Status struct{ Code int }
}

type attribute struct {
	Key   string
	Value struct{ StringValue, IntValue *string }
}

func value(list []attribute, key string) string {
	for _, a := range list {
		switch {
		case a.Key != key:
		case a.Value.IntValue != nil:
			return *a.Value.IntValue
		case a.Value.StringValue != nil:
			return *a.Value.StringValue
		}
	}
	return ""
}

// collector takes what an engine sends.
type collector struct {
	mu    sync.Mutex
	spans []told
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var m struct {
		ResourceSpans []struct {
			Resource   struct{ Attributes []attribute }
			ScopeSpans []struct {
				Scope struct{ Name string }
				Spans []told
			}
		}
	}
	err := json.NewDecoder(r.Body).Decode(&m)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, rs := range m.ResourceSpans {
		for _, ss := range rs.ScopeSpans {
			for _, s := range ss.Spans {
				want := "org.apache.flink.runtime.checkpoint.CheckpointStatsTracker"
				if s.Name == "Job" {
					want = "mink.job"
				}
				if ss.Scope.Name != want || value(rs.Resource.Attributes, "service.name") != "shop" || r.Header.Get("Authorization") != "Bearer canary" || r.URL.Path != "/v1/traces" {
					err = fmt.Errorf("%s of %s by %v at %s", s.Name, ss.Scope.Name, rs.Resource, r.URL)
				}
				c.spans = append(c.spans, s)
			}
		}
	}
	if err != nil {
		c.spans = append(c.spans, told{Name: err.Error()})
	}
}

// set sets what a session is to have; nothing of it is said to be unknown.
func set(t *testing.T, session *engine.Session, settings map[string]string) {
	t.Helper()
	for k, v := range settings {
		r, err := session.Execute(context.Background(), "SET '"+k+"' = '"+v+"'")
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Warnings) > 0 {
			t.Errorf("%s: %v", k, r.Warnings)
		}
	}
}

// play runs statements in a session that reports to a collector, waits for their jobs,
// and gives the spans when the engine is closed.
func play(t *testing.T, settings map[string]string, script string) (id string, spans []told) {
	t.Helper()
	c := &collector{}
	s := httptest.NewServer(c)
	defer s.Close()
	e, err := engine.New(engine.Config{
		Env: env.OS(""), Connectors: connectors.All(), Formats: connectors.Formats(), Functions: scalar.All(), SpillDir: t.TempDir(),
		Secrets: &connect.Secrets{Variable: func(name string) (string, bool) { return "canary", name == "COLLECTOR" }},
	})
	if err != nil {
		t.Fatal(err)
	}
	if settings["traces.reporter.otel.exporter.endpoint"] == "" {
		settings["traces.reporter.otel.exporter.endpoint"] = s.URL
	}
	settings["traces.reporter.otel.exporter.headers"] = "Authorization:Bearer ${env:COLLECTOR}"
	settings["traces.reporter.otel.service.name"] = "shop"
	settings["traces.reporter.otel.scope.variables.additional"] = "region:eu-west-1,environment:test"
	session := e.NewSession()
	set(t, session, settings)
	for _, text := range strings.Split(script, ";\n") {
		r, err := session.Execute(context.Background(), text)
		if err != nil {
			t.Fatal(err)
		}
		if r.Job != nil {
			id = r.Job.ID()
			select {
			case <-r.Job.Done():
			case <-time.After(20 * time.Second):
				t.Fatal("the job did not end")
			}
		}
	}
	e.Close() // sends what is left
	return id, c.spans
}

// A job that fails after some checkpoints, goes on from the newest and fails again.
// shows traces.reporters
func TestTraces(t *testing.T) {
	id, spans := play(t, map[string]string{
		"traces.reporters": "otel", "traces.reporter.otel.factory.class": "org.apache.flink.traces.otel.OpenTelemetryTraceReporterFactory",
		"traces.reporter.otel.exporter.protocol": "HTTP", "traces.reporter.otel.exporter.timeout": "5 s",
		"execution.checkpointing.interval": "10 ms", "pipeline.name": "orders",
		"restart-strategy.type": "fixed-delay", "restart-strategy.fixed-delay.attempts": "1", "restart-strategy.fixed-delay.delay": "1 ms",
	}, `CREATE TABLE n (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '500', 'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '1000');
CREATE TABLE b (k BIGINT, n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO b SELECT MOD(id, 7), SUM(100 / (100 - id)) FROM n GROUP BY MOD(id, 7)`)
	ids, done := map[string]bool{}, map[string]told{}
	var begun, jobs []told
	for _, s := range spans {
		if len(s.TraceID) != 32 || len(s.SpanID) != 16 || ids[s.TraceID] || ids[s.SpanID] || strings.Trim(s.TraceID+s.SpanID, "0123456789abcdef") != "" {
			t.Errorf("%s has the ids %q and %q", s.Name, s.TraceID, s.SpanID)
		}
		ids[s.TraceID], ids[s.SpanID] = true, true
		from, _ := strconv.ParseInt(s.StartTimeUnixNano, 10, 64)
		to, _ := strconv.ParseInt(s.EndTimeUnixNano, 10, 64)
		if now := time.Now().UnixNano(); from < now-int64(time.Minute) || to < from || to > now+int64(time.Millisecond) {
			t.Errorf("%s from %d to %d", s.Name, from, to)
		}
		if value(s.Attributes, "jobId") != id || value(s.Attributes, "jobName") != "orders" || value(s.Attributes, "region") != "eu-west-1" || value(s.Attributes, "environment") != "test" {
			t.Errorf("%s of %v", s.Name, s.Attributes)
		}
		switch s.Name {
		case "Checkpoint":
			full, _ := strconv.Atoi(value(s.Attributes, "fullSize"))
			switch value(s.Attributes, "checkpointStatus") {
			case "COMPLETED":
				done[value(s.Attributes, "checkpointId")] = s
				if full <= 0 || value(s.Attributes, "checkpointedSize") == "0" || s.Status.Code != 0 {
					t.Errorf("%+v", s)
				}
			case "FAILED":
				if s.Status.Code != 2 {
					t.Errorf("%+v", s)
				}
			default:
				t.Errorf("%+v", s)
			}
		case "JobInitialization":
			begun = append(begun, s)
		case "Job":
			jobs = append(jobs, s)
		default:
			t.Errorf("span %s", s.Name)
		}
	}
	if len(begun) != 2 || len(done) < 2 || len(jobs) != 1 {
		t.Fatalf("%d initializations, %d checkpoints, %d jobs", len(begun), len(done), len(jobs))
	}
	from, ok := done[value(begun[1].Attributes, "checkpointId")]
	if !ok || value(from.Attributes, "fullSize") != value(begun[1].Attributes, "fullSize") || value(begun[0].Attributes, "checkpointId") != "" {
		t.Errorf("began with %v, then %v", begun[0].Attributes, begun[1].Attributes)
	}
	for i, s := range begun {
		if value(s.Attributes, "attempt") != fmt.Sprint(i+1) || value(s.Attributes, "initializationStatus") != "COMPLETED" {
			t.Errorf("%+v", s)
		}
	}
	j := jobs[0]
	if value(j.Attributes, "jobStatus") != "FAILED" || value(j.Attributes, "restarts") != "1" || j.Status.Code != 2 || len(j.Events) != 2 ||
		j.Events[0].Name != "exception" || value(j.Events[0].Attributes, "exception.type") != "division-by-zero" {
		t.Errorf("%+v", j)
	}
}

// Tasks that never run: the attempt is a JobInitialization that failed.
func TestTracesOfNoStart(t *testing.T) {
	_, spans := play(t, map[string]string{}, `CREATE TABLE n (id BIGINT) WITH ('connector' = 'filesystem', 'path' = '`+t.TempDir()+`/none', 'format' = 'json');
CREATE TABLE b (k BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO b SELECT id FROM n`)
	if len(spans) != 2 || spans[0].Name != "JobInitialization" || spans[0].Status.Code != 2 || value(spans[0].Attributes, "initializationStatus") != "FAILED" ||
		spans[1].Name != "Job" || value(spans[1].Attributes, "jobStatus") != "FAILED" {
		t.Errorf("%+v", spans)
	}
}

func TestTraceSettings(t *testing.T) {
	const otel = "traces.reporter.otel."
	for _, x := range []struct {
		key, value string
		want       diag.Code
		says       string
	}{
		{otel + "exporter.protocol", "gRPC", diag.Unsupported, "4318"},
		{otel + "exporter.protocol", "smoke", diag.InvalidOption, "HTTP"},
		{otel + "exporter.endpoint", "localhost:4317", diag.InvalidOption, "http://"},
		{otel + "exporter.endpoint", "http://ada:canary@c", diag.InvalidOption, "exporter.headers"},
		{otel + "exporter.timeout", "soon", diag.InvalidOption, "10 s"},
		{otel + "exporter.headers", "canary", diag.InvalidOption, "name:value"},
		{otel + "exporter.headers", "a:${env:NOPE}", diag.Permission, "has a reference"},
		{otel + "exporter.endpont", "http://c", diag.UnknownOption, otel + "exporter.endpoint"},
		{otel + "factory.class", "org.apache.flink.traces.slf4j.Slf4jTraceReporterFactory", diag.Unsupported, "OpenTelemetry"},
		{"traces.reporters", "otel,other", diag.InvalidOption, "traces.reporter.other.exporter.endpoint"},
	} {
		e, err := engine.New(engine.Config{Env: env.OS(""), Connectors: connectors.All(), Functions: scalar.All()})
		if err != nil {
			t.Fatal(err)
		}
		session := e.NewSession()
		settings := map[string]string{otel + "exporter.endpoint": "http://127.0.0.1:9"}
		settings[x.key] = x.value
		set(t, session, settings)
		if _, err := session.Execute(context.Background(), "CREATE TABLE b (k INT) WITH ('connector' = 'blackhole')"); err != nil {
			t.Fatal(err)
		}
		_, err = session.Execute(context.Background(), "INSERT INTO b VALUES (1)")
		d := diag.As(err)
		if d == nil || d.Code != x.want || !strings.Contains(d.Msg+d.Hint, x.says) || strings.Contains(fmt.Sprint(d, d.Hint), "canary") {
			t.Errorf("%s = %s: %v", x.key, x.value, err)
		}
		e.Close()
	}
}
