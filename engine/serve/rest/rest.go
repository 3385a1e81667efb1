// Package rest serves the two REST interfaces of Flink over a gateway.Client: the SQL
// Gateway's, by which statements are run and rows fetched, and the JobManager's, by which
// jobs are watched and stopped. Metrics in the form of Prometheus stand with the second.
//
// Paths, field names, paging and the status codes of errors are Flink's, so Flink's SQL
// client and command line, and tools made for its web interface, work on mink. What an
// error says is mink's: one sentence, then the statement with the place; never a stack.
//
// The handlers trust who calls: tokens, hosts and origins are checked before them, by
// package guard. GatewayRoutes and JobManagerRoutes list all there is to guard.
//
// Paths below /mink are mink's own (live.go): tapes of jobs that run, and jobs that are held.
//
// Begin with NewGateway in gateway.go, then NewJobManager in jobmanager.go.
package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/bind"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/gateway/wire"
	"github.com/minkstream/mink/engine/probe"
)

// FlinkVersion is the version of Flink whose interfaces these are.
const FlinkVersion = "2.3.0"

// Options of the handlers. Value must be set for NewGateway.
type Options struct {
	// Version is mink's own.
	Version string
	// Value writes the value of a lane as Flink's format json does, with times in ISO
	// form and keys of maps that are NULL as "null".
	Value func(dst []byte, c *batch.Col, lane int) ([]byte, error)
	// IdleTimeout closes sessions that nobody has asked anything of; default 10 min.
	IdleTimeout time.Duration
	// SessionsMax and OperationsMax bound sessions, and operations in one; defaults 1000.
	SessionsMax, OperationsMax int
	// Settings of the process, shown as the JobManager's configuration. Secrets are masked.
	Settings map[string]string
	// Processes are looked into; default this one, which has no logs then.
	Processes Processes
	// FlameFor is how long a vertex is looked at for a flame graph; default 5 s.
	FlameFor time.Duration
	// Now is the time; default time.Now.
	Now func() time.Time
}

func (o Options) withDefaults() Options {
	if o.IdleTimeout <= 0 {
		o.IdleTimeout = 10 * time.Minute
	}
	if o.SessionsMax <= 0 {
		o.SessionsMax = 1000
	}
	if o.OperationsMax <= 0 {
		o.OperationsMax = 1000
	}
	if o.Processes == nil {
		o.Processes = OneProcess(probe.Of(probe.LogsOf(""), ""))
	}
	if o.FlameFor <= 0 {
		o.FlameFor = flameFor
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// bodyMax bounds the body of a request, in bytes: a script of many statements fits.
const bodyMax = 8 << 20

// Route is a method and a path, with {names} where a path varies.
type Route struct{ Method, Path string }

// maskSettings copies settings without secrets.
func maskSettings(in map[string]string) map[string]string {
	out := make(map[string]string, len(in))
	for k, v := range in {
		out[k] = bind.ShownSetting(k, v)
	}
	return out
}

// fault is an error with an HTTP status and its texts.
type fault struct {
	status int
	texts  []string
	cause  *diag.Error
}

func (f *fault) Error() string { return strings.Join(f.texts, ": ") }

func faultf(status int, format string, args ...any) *fault {
	return &fault{status: status, texts: []string{fmt.Sprintf(format, args...)}}
}

// failure makes a fault of an error of the engine. text is the statement it lies in.
func failure(err error, text string) *fault {
	var f *fault
	if errors.As(err, &f) {
		return f
	}
	d := diag.As(err)
	if d == nil {
		d = diag.Wrap(diag.Internal, err, "the statement failed")
	}
	shown := diag.Render(diag.Source{Text: text}, d)
	if d.Code == diag.Syntax && text != "" && d.Span.Start >= len(strings.TrimRight(text, " \t\r\n;")) {
		// By these words Flink's client tells that a statement goes on in the next line.
		shown += "\nEncountered \"<EOF>\""
	}
	return &fault{status: http.StatusInternalServerError, texts: []string{d.Error(), shown}, cause: d}
}

// wireFailure is an error as mink's own client reads it back.
func wireFailure(d *diag.Error) wire.Failure {
	f := wire.Failure{Code: string(d.Code), Msg: d.Msg, Start: d.Span.Start, End: d.Span.End, Hint: d.Hint}
	for _, n := range d.Notes {
		f.Notes = append(f.Notes, wire.Note{Start: n.Span.Start, End: n.Span.End, Msg: n.Msg})
	}
	return f
}

// asciiJSON is JSON for a header: characters beyond ASCII are written as escapes.
func asciiJSON(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return "{}"
	}
	var out strings.Builder
	for _, r := range string(raw) {
		switch {
		case r < 0x80:
			out.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.String()
}

// headerMax bounds what is told of an error in a header, in bytes: clients have limits.
const headerMax = 6 << 10

func writeJSON(w http.ResponseWriter, status int, v any) {
	raw, ok := v.(json.RawMessage)
	if !ok {
		var buf bytes.Buffer
		enc := json.NewEncoder(&buf)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			status = http.StatusInternalServerError
			buf.Reset()
			buf.WriteString(`{"errors":["the answer could not be written"]}`)
		}
		raw = bytes.TrimRight(buf.Bytes(), "\n")
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(raw)
}

func writeError(w http.ResponseWriter, err error) {
	f := failure(err, "")
	if f.cause != nil {
		if h := asciiJSON(wireFailure(f.cause)); len(h) <= headerMax {
			w.Header().Set(wire.ErrorHeader, h)
		}
	}
	writeJSON(w, f.status, wire.Errors{Errors: f.texts})
}

func notFound(w http.ResponseWriter, r *http.Request) {
	writeError(w, faultf(http.StatusNotFound, "Not found: %s", r.URL.Path))
}

// decode reads the body of a request. An empty one is an empty object.
func decode(r *http.Request, into any) error {
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, bodyMax))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == io.EOF {
		return nil
	}
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return faultf(http.StatusRequestEntityTooLarge, "the request is larger than %d bytes", large.Limit)
	}
	if err != nil {
		return faultf(http.StatusBadRequest, "Request did not match expected format: %v", err)
	}
	return nil
}

// badParameter is what Flink says of a path or query that it cannot read.
func badParameter(kind, name, value string) error {
	return faultf(http.StatusBadRequest, "Bad request, could not parse parameters: Cannot resolve %s parameter (%s) from value %q.", kind, name, value)
}
