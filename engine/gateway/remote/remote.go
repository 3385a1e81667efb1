// Package remote is a gateway.Client over Flink's REST interfaces: it runs statements and
// watches jobs on a mink cluster or on Apache Flink, and front ends cannot tell.
//
// Statements go to a SQL Gateway, jobs to a JobManager; where the latter is, the former
// says in the configuration of a session. What mink tells beyond Flink's fields (places of
// mistakes, advice, upsert keys) is taken where it is there. Tapes and holding a job still are
// paths of mink's own (live.go), and fail with unsupported on Flink, as checking a statement
// without running it does everywhere.
//
// Begin with New, then session.go and jobs.go.
package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/gateway/wire"
)

// Options say where a cluster is.
type Options struct {
	// Gateway is the address of the SQL Gateway, such as http://127.0.0.1:8083, and REST
	// that of the JobManager. REST may be "" where the gateway knows it; without Gateway
	// jobs can be watched and no statement run.
	Gateway, REST string
	// Token is sent as Authorization: Bearer, unless it is "".
	Token string
	// HTTP is what asks; nil is a client of its own.
	HTTP *http.Client
}

// Client is a cluster behind REST. Close leaves jobs running.
type Client struct {
	o    Options
	http *http.Client

	mu   sync.Mutex
	rest string // of the JobManager, once known
	// holds are the jobs that stand still for this client.
	holds map[string]*holding
}

var _ gateway.Client = (*Client)(nil)

// New makes a client; nothing is asked yet. It fails with config for an address that is
// none.
func New(o Options) (*Client, error) {
	c := &Client{o: o, http: o.HTTP}
	if c.http == nil {
		c.http = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute, Proxy: http.ProxyFromEnvironment}}
	}
	var err error
	if c.o.Gateway, err = address(o.Gateway); err != nil {
		return nil, err
	}
	if c.rest, err = address(o.REST); err != nil {
		return nil, err
	}
	if c.o.Gateway == "" && c.rest == "" {
		return nil, diag.New(diag.Config, "no address of a cluster").WithHint("name a SQL gateway, such as http://127.0.0.1:8083")
	}
	return c, nil
}

// address checks and trims a URL. Without a scheme it is http.
func address(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	if !strings.Contains(s, "://") {
		s = "http://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", diag.New(diag.Config, "%q is no address of a cluster", s).WithHint("it looks like http://127.0.0.1:8083")
	}
	return strings.TrimRight(s, "/"), nil
}

// answerMax bounds an answer in bytes: a page has at most 5000 rows.
const answerMax = 512 << 20

// ask sends a request. Statuses that are no success come as errors.
func (c *Client) ask(ctx context.Context, method, at string, body, into any) (http.Header, error) {
	res, err := c.send(ctx, method, at, body)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, answerMax+1))
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &Unreachable{At: at, Err: err}
	}
	if len(raw) > answerMax {
		return nil, diag.New(diag.LimitExceeded, "an answer is larger than %d bytes", answerMax)
	}
	if res.StatusCode/100 != 2 {
		return res.Header, failure(res.StatusCode, res.Header, raw)
	}
	if into != nil {
		if err := json.Unmarshal(raw, into); err != nil {
			return res.Header, diag.New(diag.IO, "%s gave an answer that is none of Flink's interface: %v", at, err)
		}
	}
	return res.Header, nil
}

// send sends a request; whoever gets the answer closes its body.
func (c *Client) send(ctx context.Context, method, at string, body any) (*http.Response, error) {
	var in io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return nil, diag.Wrap(diag.Internal, err, "writing a request")
		}
		in = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, at, in)
	if err != nil {
		return nil, diag.Wrap(diag.Config, err, "making a request")
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.o.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.o.Token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &Unreachable{At: at, Err: err}
	}
	return res, nil
}

// Unreachable says that nobody answers at an address.
type Unreachable struct {
	At  string
	Err error
}

func (u *Unreachable) Error() string {
	host := u.At
	if p, err := url.Parse(u.At); err == nil {
		host = p.Scheme + "://" + p.Host
	}
	reason := u.Err
	var e *url.Error
	if errors.As(u.Err, &e) {
		reason = e.Err
	}
	return fmt.Sprintf("cannot reach %s: %v", host, reason)
}

func (u *Unreachable) Unwrap() error { return u.Err }

// failure reads an error. mink says it with its place; of Flink's the last cause is what
// went wrong, and the traces of its Java are nobody's concern.
func failure(status int, header http.Header, raw []byte) error {
	if h := header.Get(wire.ErrorHeader); h != "" {
		var f wire.Failure
		if err := json.Unmarshal([]byte(h), &f); err == nil && f.Code != "" {
			return errorOf(f)
		}
	}
	var body wire.Errors
	text, all := "", ""
	if err := json.Unmarshal(raw, &body); err == nil && len(body.Errors) > 0 {
		all = strings.Join(body.Errors, "\n")
		text = cause(all)
	}
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		e := diag.New(diag.Permission, "the cluster does not let this request in: %s", or(text, http.StatusText(status)))
		return e.WithHint("it asks for a token: name its folder with --dir, or a token with MINK_TOKEN")
	case http.StatusNotFound:
		return diag.New(diag.NotFound, "%s", or(text, "the cluster does not know it"))
	case http.StatusConflict:
		return diag.New(diag.InvalidQuery, "%s", or(text, "the cluster refuses it now"))
	case http.StatusBadRequest:
		return diag.New(diag.InvalidArgument, "%s", or(text, "the cluster cannot read the request"))
	}
	e := diag.New(diag.JobFailed, "%s", or(text, "the cluster answers "+http.StatusText(status)))
	if all != "" {
		e.Cause = javaTrace(all)
	}
	return e
}

// javaTrace is what Flink said, as a cause: the place of a mistake is in it.
type javaTrace string

func (j javaTrace) Error() string { return cause(string(j)) }

// place finds where in a statement a mistake is, by the lines and columns in the trace;
// both count from 1. At line 0 nothing is known.
var place = regexp.MustCompile(`(?:From|At|at) line (\d+), column (\d+)(?: to line (\d+), column (\d+))?`)

// placed gives a mistake that Flink found its place in the statement.
func placed(err error, text string) error {
	e := diag.As(err)
	var trace javaTrace
	if e == nil || !e.Span.IsZero() || !errors.As(err, &trace) {
		return err
	}
	m := place.FindStringSubmatch(string(trace))
	if m == nil {
		return err
	}
	from := offset(text, m[1], m[2])
	to := from
	if m[3] != "" {
		to = offset(text, m[3], m[4])
	}
	if from < 0 || to < from {
		return err
	}
	if to < len(text) {
		_, n := utf8.DecodeRuneInString(text[to:])
		to += n // the last column is part of it
	}
	e.Code, e.Span = diag.InvalidQuery, diag.Span{Start: from, End: to}
	return e
}

// offset is the byte of a line and column, -1 where there is none such.
func offset(text, line, column string) int {
	l, _ := strconv.Atoi(line)
	c, _ := strconv.Atoi(column)
	at := 0
	for ; l > 1; l-- {
		n := strings.IndexByte(text[at:], '\n')
		if n < 0 {
			return -1
		}
		at += n + 1
	}
	if l < 1 || c < 1 {
		return -1
	}
	for ; c > 1 && at < len(text); c-- {
		_, n := utf8.DecodeRuneInString(text[at:])
		at += n
	}
	return at
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// errorOf is a mistake as mink's cluster tells it.
func errorOf(f wire.Failure) *diag.Error {
	e := diag.At(diag.Span{Start: f.Start, End: f.End}, diag.Code(f.Code), "%s", f.Msg)
	e.Hint = f.Hint
	for _, n := range f.Notes {
		e.Notes = append(e.Notes, diag.Note{Span: diag.Span{Start: n.Start, End: n.End}, Msg: n.Msg})
	}
	return e
}

// cause is the innermost cause of a Java trace, in one line.
func cause(text string) string {
	best := ""
	for _, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "at ") || strings.HasPrefix(line, "...") || strings.HasPrefix(line, "End of exception") ||
			line == "Internal server error.":
		case strings.HasPrefix(line, "Caused by: "):
			best = strings.TrimPrefix(line, "Caused by: ")
		case best == "":
			best = strings.TrimPrefix(line, "<Exception on server side:")
		}
	}
	// The class before the message is of no use to the reader.
	if k := strings.Index(best, ": "); k > 0 && strings.Count(best[:k], ".") > 1 && !strings.ContainsAny(best[:k], " '\"") {
		best = best[k+2:]
	}
	return best
}

// OpenSession starts a session.
func (c *Client) OpenSession(ctx context.Context, config map[string]string) (gateway.Session, error) {
	if c.o.Gateway == "" {
		return nil, diag.New(diag.Config, "no SQL gateway is named, and statements need one").WithHint("name it with --gateway, such as http://127.0.0.1:8083")
	}
	var h wire.SessionHandle
	if _, err := c.ask(ctx, "POST", c.o.Gateway+"/v2/sessions", wire.OpenSession{Name: "mink", Properties: config}, &h); err != nil {
		return nil, err
	}
	s := &session{c: c, at: c.o.Gateway + "/v2/sessions/" + url.PathEscape(h.Session), ended: make(chan struct{})}
	go s.beat()
	return s, nil
}

func unsupported(what string) error {
	return diag.New(diag.Unsupported, "%s on a cluster that is not mink's is not supported yet", what).WithHint("run the script on mink: an embedded cluster, or that of mink up")
}

// Close releases connections; jobs go on.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}
