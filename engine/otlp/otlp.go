// Package otlp sends spans to an OpenTelemetry collector, as OTLP over HTTP in JSON.
//
// An Exporter has a queue of its own: who sends a span never waits for the collector, and
// what does not fit is dropped and counted. Nothing is tried twice. A collector that cannot
// be reached is said once, until it can again. Begin with Exporter; the message is in
// message.go.
package otlp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/minkstream/mink/engine/env"
)

// Options say where spans go.
type Options struct {
	// Endpoint has been through ParseEndpoint.
	Endpoint string
	// Headers go with each request; their values are never shown.
	Headers map[string]string
	// Timeout of a request, and of Close.
	Timeout time.Duration
	// Resource says who sends: service.name and the like.
	Resource []Attribute
	// Log takes what went wrong; may be nil.
	Log func(text string)
}

// An Exporter holds no more than queueMax spans and sends at most batchMax in a request.
const (
	queueMax = 2048
	batchMax = 512
	// answerMax bounds what is read of an answer, in bytes.
	answerMax = 64 << 10
)

// Exporter sends spans. It may be used from several goroutines.
type Exporter struct {
	options Options
	client  *http.Client
	queue   chan Span
	done    chan struct{}
	ctx     context.Context
	cancel  context.CancelFunc
	clock   env.Clock
	// dropped are the spans that found no room.
	dropped atomic.Int64

	mu     sync.Mutex
	closed bool
}

// ParseEndpoint checks the address of a collector and adds the path of OTLP, /v1/traces,
// where there is none. The error has no part of the address that may be secret.
func ParseEndpoint(text string) (string, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return "", errors.New("it is no URL")
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return "", errors.New("it must begin with http:// or https:// and a host")
	case u.User != nil:
		return "", errors.New("it must not have a user: put what the collector asks for into exporter.headers")
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/v1/traces"
	}
	return u.String(), nil
}

// New starts an exporter, which lives until it is closed.
func New(e *env.Env, o Options) *Exporter {
	x := &Exporter{options: o, queue: make(chan Span, queueMax), done: make(chan struct{}), clock: e.Clock}
	x.ctx, x.cancel = context.WithCancel(context.Background())
	x.client = &http.Client{
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 1, IdleConnTimeout: 90 * time.Second},
		// Headers go to the address that was set, and nowhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	e.Go("traces to a collector", x.run)
	return x
}

// Send puts a span into the queue. It does not wait.
func (x *Exporter) Send(s Span) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return
	}
	select {
	case x.queue <- s:
	default:
		x.dropped.Add(1)
	}
}

// Close sends what is in the queue, for as long as Timeout, and ends the exporter.
func (x *Exporter) Close() {
	x.mu.Lock()
	if !x.closed {
		x.closed = true
		close(x.queue)
	}
	x.mu.Unlock()
	stop := x.clock.At(x.clock.Mono()+x.options.Timeout.Nanoseconds(), x.cancel)
	<-x.done
	stop()
	x.cancel()
}

// run sends until the queue is closed and empty.
func (x *Exporter) run() {
	defer close(x.done)
	defer x.client.CloseIdleConnections()
	failing, lost := false, 0
	for first := range x.queue {
		batch := []Span{first}
		for len(batch) < batchMax && len(x.queue) > 0 {
			batch = append(batch, <-x.queue)
		}
		n, err := x.post(batch)
		lost += n + int(x.dropped.Swap(0))
		switch {
		case err != nil:
			if !failing {
				x.log(fmt.Sprintf("traces: %s does not take spans: %s; what it does not take is dropped", x.where(), err))
			}
			failing = true
		case lost > 0:
			x.log(fmt.Sprintf("traces: %s takes spans again; %d were dropped", x.where(), lost))
			failing, lost = false, 0
		}
	}
}

// where is the endpoint without what a query may hide.
func (x *Exporter) where() string {
	at, _, _ := strings.Cut(x.options.Endpoint, "?")
	return at
}

func (x *Exporter) log(text string) {
	if x.options.Log != nil {
		x.options.Log(text)
	}
}

// post sends one request and says how many spans were not taken.
func (x *Exporter) post(spans []Span) (lost int, err error) {
	lost = len(spans)
	body, err := json.Marshal(request(x.options.Resource, spans))
	if err != nil {
		return lost, err
	}
	ctx, cancel := context.WithTimeout(x.ctx, x.options.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, x.options.Endpoint, bytes.NewReader(body))
	if err != nil {
		return lost, errors.New("the request cannot be made")
	}
	for k, v := range x.options.Headers {
		r.Header.Set(k, v)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "mink")
	a, err := x.client.Do(r)
	if err != nil {
		if u := (*url.Error)(nil); errors.As(err, &u) {
			err = u.Err // without the address
		}
		if errors.Is(err, context.DeadlineExceeded) {
			return lost, fmt.Errorf("no answer within %s", x.options.Timeout)
		}
		return lost, err
	}
	defer a.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(a.Body, answerMax))
	if a.StatusCode/100 != 2 {
		return lost, fmt.Errorf("it answers %s", a.Status)
	}
	return refused(text)
}
