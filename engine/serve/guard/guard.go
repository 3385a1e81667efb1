// Package guard stands at the door of mink's servers: who may listen where, and which
// requests get in.
//
// Every HTTP server of a cluster is Handler around its routes, so that no route can be
// reached past it. A request is looked at in this order, and the first thing that is wrong
// answers it:
//
//	Host      names the server as its users do: a page that has its own name resolved to
//	          127.0.0.1 (DNS rebinding) does not know these names (403)
//	Origin    and Sec-Fetch-Site: no page of another site sends anything here (403)
//	token     in Authorization, compared in constant time (401)
//	type      what has a body is JSON: forms can be sent by any page, JSON cannot (415)
//	size      of the body and depth of its nesting (413, 400)
//
// No header for CORS is ever sent. Calls that may change something are told to Audit.
// Listen has the rules of addresses (listen.go), Token those of the token's file (token.go),
// Authority makes certificates (authority.go), StateDir checks the cluster's directory
// (state_dir.go). Begin with Handler.
package guard

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Limits of what a request may hold. The text of a statement has a limit of its own, 1 MB;
// escaped as JSON it is longer.
const (
	BodyBytesMax   = 8 << 20
	HeaderBytesMax = 64 << 10
	JSONDepthMax   = 100
)

// Options say who may come in.
type Options struct {
	// Door names the server in the audit log: "gateway", "rest".
	Door string
	// Token is what requests must bring; "" lets all in.
	Token string
	// Port is the one the server listens on; localhost, 127.0.0.1 and [::1] are its names
	// together with it.
	Port int
	// Names are further hosts that requests may name, with any port.
	Names []string
	// Unread, if set, tells requests whose bodies nobody reads: they may be forms of several
	// parts, as uploads are, and are not read here either.
	Unread func(r *http.Request) bool
	// Audit takes an entry for each request that may change something, let in or not; may
	// be nil.
	Audit *slog.Logger
}

// Handler lets requests through to next that pass all checks.
func Handler(o Options, next http.Handler) http.Handler {
	return &handler{o: o, digest: digest(o.Token), next: next}
}

// Server is a server with limits of time and size. Bodies of answers may take long: rows
// of a query come as they come.
func Server(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, MaxHeaderBytes: HeaderBytesMax, ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
}

type handler struct {
	o      Options
	digest [32]byte
	next   http.Handler
}

// refusal is an answer to a request that does not get in.
type refusal struct {
	status int
	text   string
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("Cache-Control", "no-store")
	body, no := h.check(w, r)
	if no != nil {
		if no.status == http.StatusUnauthorized {
			head.Set("WWW-Authenticate", `Bearer realm="mink"`)
		}
		if no.status == http.StatusRequestEntityTooLarge {
			head.Set("Connection", "close")
		}
		h.audit(r, no.status, no.text)
		answer(w, no)
		return
	}
	if body != nil {
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	if !changes(r) || h.o.Audit == nil {
		h.next.ServeHTTP(w, r)
		return
	}
	seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
	h.next.ServeHTTP(seen, r)
	h.audit(r, seen.status, "")
}

// answer has the form of errors in Flink's REST.
func answer(w http.ResponseWriter, no *refusal) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(no.status)
	_ = json.NewEncoder(w).Encode(map[string][]string{"errors": {no.text}}) // the client may be gone
}

// check returns the body of the request, which it has read, or what is wrong with it.
func (h *handler) check(w http.ResponseWriter, r *http.Request) ([]byte, *refusal) {
	if !h.named(r.Host) {
		return nil, &refusal{http.StatusForbidden, "the request names host " + strconv.Quote(r.Host) + ", which is not a name of this server"}
	}
	if text := foreign(r); text != "" {
		return nil, &refusal{http.StatusForbidden, text}
	}
	if h.o.Token != "" && !h.knows(r) {
		return nil, &refusal{http.StatusUnauthorized, "the request has no token, or a wrong one; send the token in the cluster's directory as 'Authorization: Bearer TOKEN'"}
	}
	return h.body(w, r)
}

// named reports whether host, as a request has it, is a name of the server.
func (h *handler) named(host string) bool {
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"), ""
	}
	switch strings.ToLower(name) {
	case "localhost", "127.0.0.1", "::1":
		if port == strconv.Itoa(h.o.Port) {
			return true
		}
	}
	for _, n := range h.o.Names {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// foreign says why a request comes from a page of another site, "" if it does not. Host is
// known to be ours.
func foreign(r *http.Request) string {
	switch site := r.Header.Get("Sec-Fetch-Site"); site {
	case "", "same-origin", "none":
	default:
		return "the request comes from a page of another site (Sec-Fetch-Site: " + strconv.Quote(site) + ")"
	}
	for _, o := range r.Header["Origin"] {
		u, err := url.Parse(o)
		scheme := "http"
		if r.TLS != nil {
			scheme = "https"
		}
		if err != nil || u.Scheme != scheme || !strings.EqualFold(u.Host, r.Host) || u.Path != "" || u.User != nil {
			return "the request comes from a page of another site (Origin: " + strconv.Quote(o) + ")"
		}
	}
	return ""
}

func (h *handler) knows(r *http.Request) bool {
	list := r.Header["Authorization"]
	if len(list) != 1 {
		return false
	}
	scheme, token, ok := strings.Cut(list[0], " ")
	return ok && strings.EqualFold(scheme, "Bearer") && equal(digest(strings.TrimSpace(token)), h.digest)
}

// body reads and checks a body; nil when the request has none.
func (h *handler) body(w http.ResponseWriter, r *http.Request) ([]byte, *refusal) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	kind, _, bad := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if bad == nil && kind == "multipart/form-data" && h.o.Unread != nil && h.o.Unread(r) {
		return []byte{}, nil
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, BodyBytesMax))
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return nil, &refusal{http.StatusRequestEntityTooLarge, "the body of the request is longer than " + strconv.Itoa(BodyBytesMax>>20) + " MB"}
	case err != nil:
		return nil, &refusal{http.StatusBadRequest, "the body of the request cannot be read"}
	case len(text) == 0:
		return []byte{}, nil
	}
	if bad != nil || kind != "application/json" {
		return nil, &refusal{http.StatusUnsupportedMediaType, "a body must be 'Content-Type: application/json'"}
	}
	if depth(text) > JSONDepthMax {
		return nil, &refusal{http.StatusBadRequest, "the JSON of the body is nested deeper than " + strconv.Itoa(JSONDepthMax) + " levels"}
	}
	return text, nil
}

// depth is how deep JSON is nested. What is not JSON has some depth, too.
func depth(text []byte) int {
	most, now, quoted := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			now++
			most = max(most, now)
		case c == '}' || c == ']':
			now--
		}
	}
	return most
}

// changes reports a request that may change something. Flink's REST has a GET that does: it
// cancels a job where only GET goes through.
func changes(r *http.Request) bool {
	if strings.HasSuffix(r.URL.Path, "/yarn-cancel") {
		return true
	}
	return r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodOptions
}

// audit notes who asked for what by which door, and how it ended. Bodies and queries of
// addresses may hold secrets and are left out.
func (h *handler) audit(r *http.Request, status int, refused string) {
	if h.o.Audit == nil || !changes(r) {
		return
	}
	who := "open"
	if h.o.Token != "" {
		who = "token"
		if status == http.StatusUnauthorized || status == http.StatusForbidden && refused != "" {
			who = "unknown"
		}
	}
	attrs := []any{"door", h.o.Door, "who", who, "from", r.RemoteAddr, "agent", r.UserAgent(), "method", r.Method, "path", r.URL.Path, "status", status}
	if refused != "" {
		attrs = append(attrs, "refused", refused)
	}
	h.o.Audit.Info("request", attrs...)
}

// statusWriter notes the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
	wrote  bool
}

func (s *statusWriter) WriteHeader(status int) {
	if !s.wrote {
		s.status, s.wrote = status, true
	}
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (s *statusWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }
