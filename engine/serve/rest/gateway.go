package rest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/gateway/wire"
)

// Gateway serves the SQL Gateway's REST interface in its versions 1 to 4. It may be used
// from several goroutines. Close ends its sessions; the client stays open.
type Gateway struct {
	client gateway.Client
	o      Options
	mux    *http.ServeMux

	mu       sync.Mutex
	sessions map[string]*session
	closed   bool
}

// newest is the version of paths without one.
const newest = 4

// gatewayRoute is a path in the versions from and to of the interface.
type gatewayRoute struct {
	method, path string
	from, to     int
	serve        func(g *Gateway, c *call) (any, error)
}

// gatewayRoutes are all of them. A handler's answer is written as JSON.
var gatewayRoutes = []gatewayRoute{
	{"GET", "/info", 1, newest, (*Gateway).info},
	{"GET", "/api_versions", 1, newest, (*Gateway).versions},
	{"POST", "/sessions", 1, newest, (*Gateway).openSession},
	{"GET", "/sessions/{s}", 1, newest, (*Gateway).sessionConfig},
	{"DELETE", "/sessions/{s}", 1, newest, (*Gateway).closeSession},
	{"POST", "/sessions/{s}/heartbeat", 1, newest, (*Gateway).heartbeat},
	{"POST", "/sessions/{s}/configure-session", 2, newest, (*Gateway).configure},
	{"GET", "/sessions/{s}/complete-statement", 2, newest, (*Gateway).complete},
	{"POST", "/sessions/{s}/statements", 1, newest, (*Gateway).execute},
	{"GET", "/sessions/{s}/operations/{o}/status", 1, newest, (*Gateway).operationStatus},
	{"POST", "/sessions/{s}/operations/{o}/cancel", 1, newest, (*Gateway).cancelOperation},
	{"DELETE", "/sessions/{s}/operations/{o}/close", 1, newest, (*Gateway).closeOperation},
	{"GET", "/sessions/{s}/operations/{o}/result/{token}", 1, newest, (*Gateway).fetch},
	{"POST", "/sessions/{s}/materialized-tables/{identifier}/refresh", 3, 3, (*Gateway).refresh},
	{"POST", "/sessions/{s}/scripts", 4, newest, (*Gateway).deployScript},
}

// ownRoutes are mink's own, in no version of Flink's: by them a statement is asked about
// without being run.
var ownRoutes = []gatewayRoute{
	{"POST", "/mink/sessions/{s}/check", 0, 0, (*Gateway).check},
	{"POST", "/mink/sessions/{s}/describe", 0, 0, (*Gateway).describe},
}

// each calls f for every path under which a route is served, with its version.
func (r gatewayRoute) each(f func(path string, version int)) {
	for v := r.from; v <= r.to; v++ {
		f("/v"+strconv.Itoa(v)+r.path, v)
	}
	if r.to == newest {
		f(r.path, newest)
	}
}

// GatewayRoutes lists what the gateway serves, every version of it.
func GatewayRoutes() []Route {
	var out []Route
	for _, r := range gatewayRoutes {
		r.each(func(path string, _ int) { out = append(out, Route{r.method, path}) })
	}
	for _, r := range ownRoutes {
		out = append(out, Route{r.method, r.path})
	}
	return out
}

// NewGateway makes the handler of the SQL Gateway's REST interface.
func NewGateway(client gateway.Client, o Options) *Gateway {
	g := &Gateway{client: client, o: o.withDefaults(), mux: http.NewServeMux(), sessions: map[string]*session{}}
	handle := func(r gatewayRoute, path string, version int) {
		g.mux.HandleFunc(r.method+" "+path, func(w http.ResponseWriter, req *http.Request) {
			if version == 0 {
				w.Header().Set(wire.MinkHeader, g.o.Version)
			}
			answer, err := r.serve(g, &call{Request: req, w: w, version: version})
			if err != nil {
				writeError(w, err)
				return
			}
			writeJSON(w, http.StatusOK, answer)
		})
	}
	for _, r := range gatewayRoutes {
		r.each(func(path string, version int) { handle(r, path, version) })
	}
	for _, r := range ownRoutes {
		handle(r, r.path, 0)
	}
	g.mux.HandleFunc("/", notFound)
	return g
}

func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.mux.ServeHTTP(w, r) }

// Close ends all sessions: queries are cancelled, jobs that write to tables go on.
func (g *Gateway) Close() error {
	g.mu.Lock()
	g.closed = true
	list := make([]*session, 0, len(g.sessions))
	for _, s := range g.sessions {
		list = append(list, s)
	}
	clear(g.sessions)
	g.mu.Unlock()
	for _, s := range list {
		s.close()
	}
	return nil
}

// call is a request to a version of the interface.
type call struct {
	*http.Request
	w       http.ResponseWriter
	version int
}

// handle reads a handle of the path: a UUID.
func (c *call) handle(part, name string) (string, error) {
	v := strings.ToLower(c.PathValue(part))
	ok := len(v) == 36
	for i := 0; ok && i < len(v); i++ {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			ok = v[i] == '-'
		} else {
			ok = v[i] >= '0' && v[i] <= '9' || v[i] >= 'a' && v[i] <= 'f'
		}
	}
	if !ok {
		return "", badParameter("path", name, c.PathValue(part))
	}
	return v, nil
}

// session finds the session of the path and notes that it is in use. doing is what
// Flink calls the request.
func (g *Gateway) session(c *call, doing string) (*session, error) {
	id, err := c.handle("s", "session_handle")
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	s := g.sessions[id]
	g.mu.Unlock()
	if s == nil {
		return nil, &fault{status: http.StatusInternalServerError, texts: []string{"Failed to " + doing + ".", fmt.Sprintf("Session '%s' does not exist.", id)}}
	}
	s.touch()
	return s, nil
}

// operation finds the session and the operation of the path.
func (g *Gateway) operation(c *call, doing string) (*session, *operation, error) {
	s, err := g.session(c, doing)
	if err != nil {
		return nil, nil, err
	}
	id, err := c.handle("o", "operation_handle")
	if err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	op := s.ops[id]
	s.mu.Unlock()
	if op == nil {
		return nil, nil, &fault{status: http.StatusInternalServerError, texts: []string{"Failed to " + doing + ".", fmt.Sprintf("Operation '%s' does not exist in session '%s'.", id, s.id)}}
	}
	return s, op, nil
}

func (g *Gateway) info(*call) (any, error) {
	return wire.Info{Product: "mink", Version: g.o.Version}, nil
}

func (g *Gateway) versions(*call) (any, error) {
	return wire.Versions{Versions: []string{"V1", "V2", "V3", "V4"}}, nil
}

func (g *Gateway) openSession(c *call) (any, error) {
	var body wire.OpenSession
	if err := decode(c.Request, &body); err != nil {
		return nil, err
	}
	inner, err := g.client.OpenSession(c.Context(), body.Properties)
	if err != nil {
		return nil, err
	}
	s := &session{g: g, id: newHandle(), inner: inner, turn: make(chan struct{}, 1), ops: map[string]*operation{}}
	g.mu.Lock()
	full := len(g.sessions) >= g.o.SessionsMax
	if !full && !g.closed {
		g.sessions[s.id] = s
		s.idle = time.AfterFunc(g.o.IdleTimeout, s.expire)
	}
	closed := g.closed
	g.mu.Unlock()
	if full || closed {
		_ = inner.Close()
		if closed {
			return nil, faultf(http.StatusServiceUnavailable, "the gateway is closing")
		}
		return nil, faultf(http.StatusServiceUnavailable, "there are %d sessions, and no more are allowed; close some", g.o.SessionsMax)
	}
	return wire.SessionHandle{Session: s.id}, nil
}

func (g *Gateway) sessionConfig(c *call) (any, error) {
	s, err := g.session(c, "getSessionConfig")
	if err != nil {
		return nil, err
	}
	config, err := s.inner.Config(c.Context())
	if err != nil {
		return nil, err
	}
	for _, k := range []string{"rest.address", "rest.port"} { // where the JobManager is, as Flink tells it
		if v, ok := g.o.Settings[k]; ok && config[k] == "" {
			config[k] = v
		}
	}
	return wire.SessionConfig{Properties: maskSettings(config)}, nil
}

func (g *Gateway) closeSession(c *call) (any, error) {
	s, err := g.session(c, "closeSession")
	if err != nil {
		return nil, err
	}
	g.forget(s)
	s.close()
	return wire.Status{Status: "CLOSED"}, nil
}

func (g *Gateway) forget(s *session) {
	g.mu.Lock()
	delete(g.sessions, s.id)
	g.mu.Unlock()
}

func (g *Gateway) heartbeat(c *call) (any, error) {
	_, err := g.session(c, "triggerHeartbeat")
	return struct{}{}, err
}

// newHandle draws a UUID of version 4.
func newHandle() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// session is a session with its operations.
type session struct {
	g     *Gateway
	id    string
	inner gateway.Session
	// turn lets one statement run at a time.
	turn chan struct{}
	idle *time.Timer

	mu     sync.Mutex
	ops    map[string]*operation
	closed bool
}

// touch starts the time of idleness anew.
func (s *session) touch() { s.idle.Reset(s.g.o.IdleTimeout) }

func (s *session) expire() {
	s.g.forget(s)
	s.close()
}

// close ends the operations, then the session.
func (s *session) close() {
	s.idle.Stop()
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	list := make([]*operation, 0, len(s.ops))
	for _, op := range s.ops {
		list = append(list, op)
	}
	clear(s.ops)
	s.mu.Unlock()
	for _, op := range list {
		op.end("CLOSED", nil)
	}
	s.turn <- struct{}{}
	_ = s.inner.Close()
}

// begin waits for the turn of a statement; the returned function ends it.
func (s *session) begin(ctx context.Context) (func(), error) {
	select {
	case s.turn <- struct{}{}:
		return func() { <-s.turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
