// Package pgwire lets clients of PostgreSQL in: psql, drivers and Grafana send SQL over
// the wire protocol 3.0, each connection a session of a gateway.Client.
//
// The SQL is mink's, which is Flink's. What Postgres clients say of themselves is
// understood as well: names in double quotes, casts with ::, transactions (which hold
// nothing together), their settings, and the questions that psql and drivers put to
// pg_catalog (catalog.go). A session begins in batch mode, so that a SELECT gives a table
// and ends. After SET 'execution.runtime-mode' = 'streaming' a query gives its changes as
// they come, until it is cancelled, with the kind of each in a first column "op".
//
// Begin with Server; a connection is in conn.go, a statement in run.go.
package pgwire

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/minkstream/mink/engine/gateway"
)

// Limits of a server.
const (
	// messageBytes is the greatest size of a message of a client: SQL text and
	// parameters.
	messageBytes = 16 << 20
	// strangerBytes is that of one who has not yet shown the token. What the client says
	// first has this limit in pgproto3, as in Postgres.
	strangerBytes = 10_000
	// startSeconds is how long a client may take to say who it is.
	startSeconds = 10
	// connectionsMost is the number of connections at one time.
	connectionsMost = 100
)

// Server answers on a listener. Its fields are set before Serve and not changed.
type Server struct {
	// Client runs the statements. The server does not close it.
	Client gateway.Client
	// Token is the password of every user, asked for by SCRAM-SHA-256; "" asks for
	// none.
	Token string
	// TLS is offered to clients that ask for it; nil offers none. With TLSOnly the
	// others are refused.
	TLS     *tls.Config
	TLSOnly bool
	// Log hears of connections that end with an error. Nil for nobody.
	Log func(text string)
	// Audit hears of each statement that was executed: by whom and from where, its first
	// words and how it ended. Nil for nobody.
	Audit func(who, what string, err error)

	mu      sync.Mutex
	conns   map[uint32]*conn
	next    uint32
	lns     []net.Listener
	closed  bool
	running sync.WaitGroup
}

// Serve answers until Close, and returns nil then; other errors are the listener's. It may
// be called for several listeners.
func (s *Server) Serve(ln net.Listener) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ln.Close()
	}
	s.lns = append(s.lns, ln)
	if s.conns == nil {
		s.conns = map[uint32]*conn{}
	}
	s.mu.Unlock()
	for {
		nc, err := ln.Accept()
		if err != nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.closed {
				return nil
			}
			return err
		}
		s.admit(nc)
	}
}

// admit starts a connection, or turns it away when there are too many.
func (s *Server) admit(nc net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		nc.Close()
		return
	}
	s.next++
	c := &conn{s: s, nc: nc, id: s.next, crowded: len(s.conns) >= connectionsMost}
	var secret [4]byte
	_, _ = rand.Read(secret[:])
	c.secret = binary.BigEndian.Uint32(secret[:])
	s.conns[c.id] = c
	s.running.Add(1)
	go func() {
		defer s.running.Done()
		err := c.guarded()
		s.mu.Lock()
		delete(s.conns, c.id)
		s.mu.Unlock()
		if err != nil && s.Log != nil && !errors.Is(err, net.ErrClosed) {
			s.Log("postgres client " + nc.RemoteAddr().String() + ": " + err.Error())
		}
	}()
}

// guarded answers a client, and turns a panic, which would take all jobs of the process with
// it, into the end of the connection.
func (c *conn) guarded() (err error) {
	defer func() {
		if r := recover(); r != nil {
			c.nc.Close()
			err = fmt.Errorf("it has failed for a reason of mink's own: %v", r)
		}
	}()
	return c.serve()
}

// Close ends all connections and what they run, and waits for them.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	for _, ln := range s.lns {
		ln.Close()
	}
	for _, c := range s.conns {
		c.stop()
	}
	s.mu.Unlock()
	s.running.Wait()
	return nil
}

// cancel ends the statement that a connection runs, for who knows its secret.
func (s *Server) cancel(id, secret uint32) {
	s.mu.Lock()
	c := s.conns[id]
	s.mu.Unlock()
	if c == nil || c.secret != secret {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cancelRun != nil {
		c.cancelRun()
	}
}

// statementContext is the context of one statement: it ends with the connection, at a
// cancel request, and after the session's statement_timeout.
func (c *conn) statementContext() (context.Context, func()) {
	ctx, cancel := context.WithCancel(c.ctx)
	if c.timeout > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, c.timeout)
		parent := cancel
		cancel = func() { stop(); parent() }
	}
	c.mu.Lock()
	c.cancelRun = cancel
	c.mu.Unlock()
	return ctx, func() {
		c.mu.Lock()
		c.cancelRun = nil
		c.mu.Unlock()
		cancel()
	}
}

// deadline sets the time by which the client must have said something; 0 is none.
func (c *conn) deadline(seconds int) {
	if seconds == 0 {
		_ = c.nc.SetDeadline(time.Time{})
		return
	}
	_ = c.nc.SetDeadline(time.Now().Add(time.Duration(seconds) * time.Second))
}
