package job

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/otlp"
)

// Settings of traces are Flink's: traces.reporters and traces.reporter.NAME.PARAMETER.
const tracesPrefix = "traces.reporter."

// exportTimeout is that of a request to a collector when nothing is set.
const exportTimeout = 10 * time.Second

// reporter is one of the settings: where spans go and what each of them carries.
type reporter struct {
	options otlp.Options
	more    []otlp.Attribute
}

// reporters reads the settings of traces. Without one of them there are none.
func reporters(s *catalog.Config, secrets *connect.Secrets) ([]reporter, error) {
	params := map[string]map[string]string{}
	for _, kv := range s.All() {
		rest, ok := strings.CutPrefix(kv[0], tracesPrefix)
		if !ok {
			continue
		}
		name, param, ok := strings.Cut(rest, ".")
		if !ok {
			return nil, diag.New(diag.UnknownOption, "setting '%s' has no reporter's name", kv[0]).WithHint("write traces.reporter.NAME.PARAMETER")
		}
		if params[name] == nil {
			params[name] = map[string]string{}
		}
		params[name][param] = kv[1]
	}
	names := slices.Sorted(maps.Keys(params))
	if list, ok := s.Lookup("traces.reporters"); ok {
		names = nil
		for _, n := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ';' || r == ' ' }) {
			if !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
	}
	var out []reporter
	for _, n := range names {
		r, err := reporterOf(n, params[n], secrets)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// reporterParams are the parameters that a reporter may have.
var reporterParams = []string{
	"factory.class", "exporter.endpoint", "exporter.protocol", "exporter.timeout", "exporter.headers", "scope.variables.additional",
	"service.name", "service.version",
}

func reporterOf(name string, params map[string]string, secrets *connect.Secrets) (reporter, error) {
	key := func(param string) string { return tracesPrefix + name + "." + param }
	r := reporter{options: otlp.Options{Timeout: exportTimeout}}
	for _, p := range slices.Sorted(maps.Keys(params)) {
		if !slices.Contains(reporterParams, p) {
			e := diag.New(diag.UnknownOption, "no setting '%s'", key(p))
			if guess := diag.Suggest(p, reporterParams); guess != "" {
				e.WithHint("did you mean '%s'", key(guess))
			}
			return r, e
		}
	}
	if c := params["factory.class"]; c != "" && !strings.HasSuffix(c, "OpenTelemetryTraceReporterFactory") {
		return r, diag.New(diag.Unsupported, "'%s' = '%s' is not supported yet", key("factory.class"), c).
			WithHint("org.apache.flink.traces.otel.OpenTelemetryTraceReporterFactory is")
	}
	switch p := params["exporter.protocol"]; strings.ToUpper(strings.TrimSpace(p)) {
	case "", "HTTP":
	case "GRPC":
		return r, diag.New(diag.Unsupported, "'%s' = '%s' is not supported yet", key("exporter.protocol"), p).
			WithHint("set it to 'HTTP', and the endpoint to the collector's port for it, which is 4318 as a rule")
	default:
		return r, diag.New(diag.InvalidOption, "'%s' must be 'HTTP', not '%s'", key("exporter.protocol"), p)
	}
	at := strings.TrimSpace(params["exporter.endpoint"])
	if at == "" {
		return r, diag.New(diag.InvalidOption, "trace reporter '%s' has no '%s'", name, key("exporter.endpoint")).
			WithHint("set it to a collector's address, such as http://127.0.0.1:4318")
	}
	var err error
	if r.options.Endpoint, err = otlp.ParseEndpoint(at); err != nil {
		return r, diag.New(diag.InvalidOption, "'%s' is no address of a collector: %s", key("exporter.endpoint"), err)
	}
	if v, ok := params["exporter.timeout"]; ok {
		d, ok := connect.ParseDuration(v)
		if !ok || d <= 0 {
			return r, diag.New(diag.InvalidOption, "'%s' must be a duration such as '10 s', not '%s'", key("exporter.timeout"), v)
		}
		r.options.Timeout = d
	}
	headers, ok := pairs(params["exporter.headers"])
	if !ok {
		return r, diag.New(diag.InvalidOption, "'%s' must be 'name:value,name:value'", key("exporter.headers"))
	}
	r.options.Headers = map[string]string{}
	for _, h := range headers {
		v, err := secrets.Resolve(key("exporter.headers"), h.Value.(string))
		if err != nil {
			return r, err
		}
		r.options.Headers[h.Key] = v
	}
	if r.more, ok = pairs(params["scope.variables.additional"]); !ok {
		return r, diag.New(diag.InvalidOption, "'%s' must be 'name:value,name:value'", key("scope.variables.additional"))
	}
	service := params["service.name"]
	if service == "" {
		service = "mink"
	}
	r.options.Resource = []otlp.Attribute{{Key: "service.name", Value: service}}
	if v := params["service.version"]; v != "" {
		r.options.Resource = append(r.options.Resource, otlp.Attribute{Key: "service.version", Value: v})
	}
	return r, nil
}

// pairs reads 'name:value,name:value', as Flink writes maps.
func pairs(text string) ([]otlp.Attribute, bool) {
	var out []otlp.Attribute
	if strings.TrimSpace(text) == "" {
		return nil, true
	}
	for _, p := range strings.Split(text, ",") {
		k, v, ok := strings.Cut(p, ":")
		if k = strings.TrimSpace(k); !ok || k == "" {
			return nil, false
		}
		out = append(out, otlp.Attribute{Key: k, Value: strings.TrimSpace(v)})
	}
	return out, true
}

// exporters are those of a manager, one for equal settings.
type exporters struct {
	mu  sync.Mutex
	all map[string]*otlp.Exporter
}

// close sends what is left, to all at once.
func (x *exporters) close() {
	x.mu.Lock()
	defer x.mu.Unlock()
	var wait sync.WaitGroup
	for _, e := range x.all {
		wait.Go(e.Close)
	}
	wait.Wait()
	x.all = nil
}

// observer makes what tells the reporters of a session about a job; nil without any.
func (m *Manager) observer(s *catalog.Config) (*observer, error) {
	list, err := reporters(s, m.options.Secrets)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	m.traces.mu.Lock()
	defer m.traces.mu.Unlock()
	o := &observer{}
	for _, r := range list {
		key := fmt.Sprint(r.options)
		e := m.traces.all[key]
		if e == nil {
			if r.options.Log = m.options.Warn; r.options.Log == nil {
				r.options.Log = m.options.Log
			}
			e = otlp.New(m.env, r.options)
			if m.traces.all == nil {
				m.traces.all = map[string]*otlp.Exporter{}
			}
			m.traces.all[key] = e
		}
		o.to = append(o.to, sending{e, r.more})
	}
	return o, nil
}

// sending is an exporter and what is added to each span for it.
type sending struct {
	x    *otlp.Exporter
	more []otlp.Attribute
}

// observer makes spans of what becomes of a job, with Flink's scope, names and attributes.
type observer struct{ to []sending }

// Scopes of spans: Flink's for what Flink has, and mink's own.
const (
	checkpointScope = "org.apache.flink.runtime.checkpoint.CheckpointStatsTracker"
	jobScope        = "mink.job"
)

// send sends a span of a job. Its ids follow from the job and from key, so that they are
// the same wherever they are computed.
func (o *observer) send(id, name, key string, s otlp.Span) {
	h := sha256.Sum256([]byte(id + "/" + s.Name + "/" + key))
	copy(s.Trace[:], h[:16])
	copy(s.ID[:], h[16:24])
	s.Attributes = append([]otlp.Attribute{{Key: "jobId", Value: id}, {Key: "jobName", Value: name}}, s.Attributes...)
	for _, to := range o.to {
		own := s
		own.Attributes = append(slices.Clip(s.Attributes), to.more...)
		to.x.Send(own)
	}
}

// Initialized sends JobInitialization.
func (o *observer) Initialized(id, name string, i flow.Initialization) {
	s := otlp.Span{Scope: checkpointScope, Name: "JobInitialization", Start: i.Started, End: i.Ended, Attributes: []otlp.Attribute{
		{Key: "attempt", Value: i.Attempt}, {Key: "initializationStatus", Value: "COMPLETED"},
	}}
	if i.Err != nil {
		s.Attributes[1].Value, s.Failed, s.Failure = "FAILED", true, i.Err.Error()
	}
	if i.Restored > 0 {
		s.Attributes = append(s.Attributes, otlp.Attribute{Key: "checkpointId", Value: i.Restored}, otlp.Attribute{Key: "fullSize", Value: i.FullBytes})
	}
	o.send(id, name, fmt.Sprint(i.Attempt, i.Started), s)
}

// Checkpointed sends Checkpoint.
func (o *observer) Checkpointed(id, name string, c flow.CheckpointStatus) {
	kind := "Checkpoint"
	if c.Savepoint {
		kind = "Savepoint"
	}
	s := otlp.Span{
		Scope: checkpointScope, Name: "Checkpoint", Start: c.Triggered, End: c.Triggered + c.Duration.Milliseconds(),
		Attributes: []otlp.Attribute{
			{Key: "checkpointId", Value: c.ID}, {Key: "fullSize", Value: c.FullBytes}, {Key: "checkpointedSize", Value: c.DeltaBytes},
			{Key: "checkpointStatus", Value: c.State}, {Key: "checkpointType", Value: kind},
		},
		Failed: c.State == "FAILED", Failure: c.Failure,
	}
	o.send(id, name, fmt.Sprint(c.ID, c.Triggered), s)
}

// Ended sends Job, which Flink has not: the whole of it, with the failures on the way.
func (o *observer) Ended(j flow.Status) {
	if j.AlreadyFinished {
		return // in an earlier run, which has sent it
	}
	s := otlp.Span{Scope: jobScope, Name: "Job", Start: j.Started, End: j.Ended, Attributes: []otlp.Attribute{
		{Key: "jobStatus", Value: j.State.String()}, {Key: "restarts", Value: int64(j.Restarts)},
	}}
	if j.Err != nil {
		s.Failed, s.Failure = true, j.Err.Error()
	}
	for _, f := range slices.Backward(j.Failures) {
		s.Events = append(s.Events, otlp.Event{Name: "exception", At: f.At, Attributes: []otlp.Attribute{
			{Key: "exception.type", Value: string(f.Err.Code)}, {Key: "exception.message", Value: f.Err.Error()},
		}})
	}
	o.send(j.ID, j.Name, fmt.Sprint(j.Started), s)
}
