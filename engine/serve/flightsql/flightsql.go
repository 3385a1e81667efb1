// Package flightsql lets Arrow Flight SQL clients in: ADBC, the Arrow JDBC driver and
// whoever speaks the protocol get results as the columns they already are.
//
// A connection is a session of a gateway.Client, and begins in batch mode, so that a query
// gives a table and ends. After SET 'execution.runtime-mode' = 'streaming' it gives
// changes until it is cancelled, with the kind of each (0 +I, 1 -U, 2 +U, 3 -D, an int8) in
// a first column "op".
//
// Begin with Server; statements are in statement.go, what the catalog has in metadata.go.
package flightsql

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"net"
	"path"
	"sync"

	"github.com/apache/arrow/go/v17/arrow/flight"
	"github.com/apache/arrow/go/v17/arrow/flight/flightsql"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/gateway"
)

// messageBytes is the greatest size of a message from a client.
const messageBytes = 16 << 20

// Server answers on a listener. Its fields are set before Serve and not changed.
type Server struct {
	// Client runs the statements. The server does not close it.
	Client gateway.Client
	// Token is asked for, as a bearer token or as the password of any user; "" asks for
	// none.
	Token string
	// TLS encrypts connections; nil does not.
	TLS *tls.Config
	// Audit hears of each statement that was executed: from where, its first words and how it
	// ended. Nil for nobody.
	Audit func(remote, what string, err error)
	// Refused hears of each call that showed no token or a wrong one: from where, which method
	// and why. Nil for nobody.
	Refused func(remote, method, why string)

	mu     sync.Mutex
	grpc   *grpc.Server
	closed bool
}

// Serve answers until Close, and returns nil then; other errors are the listener's. It may
// be called for several listeners.
func (s *Server) Serve(ln net.Listener) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ln.Close()
	}
	if s.grpc == nil {
		if err := s.make(); err != nil {
			s.mu.Unlock()
			return err
		}
	}
	g := s.grpc
	s.mu.Unlock()
	if err := g.Serve(ln); !errors.Is(err, grpc.ErrServerStopped) {
		return err
	}
	return nil
}

// make sets up the service.
func (s *Server) make() error {
	h := &handler{client: s.Client, audit: s.Audit}
	for id, v := range map[flightsql.SqlInfo]any{
		flightsql.SqlInfoFlightSqlServerName: "mink", flightsql.SqlInfoFlightSqlServerReadOnly: false, flightsql.SqlInfoFlightSqlServerSql: true,
		flightsql.SqlInfoFlightSqlServerSubstrait: false, flightsql.SqlInfoFlightSqlServerTransaction: int32(0), flightsql.SqlInfoFlightSqlServerCancel: false,
		flightsql.SqlInfoIdentifierQuoteChar: "`", flightsql.SqlInfoDDLCatalog: true, flightsql.SqlInfoDDLSchema: true, flightsql.SqlInfoDDLTable: true,
	} {
		if err := h.RegisterSqlInfo(id, v); err != nil {
			return err
		}
	}
	opts := []grpc.ServerOption{grpc.StatsHandler(h), grpc.MaxRecvMsgSize(messageBytes), grpc.ChainUnaryInterceptor(answerUnary), grpc.ChainStreamInterceptor(answerStream)}
	if s.TLS != nil {
		opts = append(opts, grpc.Creds(credentials.NewTLS(s.TLS)))
	}
	if s.Token != "" {
		m := flight.CreateServerBasicAuthMiddleware(guard{s.Token})
		opts = append(opts, grpc.ChainUnaryInterceptor(s.unary(m.Unary)), grpc.ChainStreamInterceptor(s.stream(m.Stream)))
	}
	s.grpc = grpc.NewServer(opts...)
	flight.RegisterFlightServiceServer(s.grpc, newService(h))
	return nil
}

// Close ends all connections and what they run.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.grpc != nil {
		s.grpc.Stop()
	}
	return nil
}

// unary and stream are what asks for the token, with those who are not let in told to
// Refused. One who is let in gets to next, or, in a handshake, has the answer.
func (s *Server) unary(ask grpc.UnaryServerInterceptor) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		in := false
		out, err := ask(ctx, req, info, func(ctx context.Context, req any) (any, error) {
			in = true
			return next(ctx, req)
		})
		if !in {
			s.refused(ctx, info.FullMethod, err)
		}
		return out, err
	}
}

func (s *Server) stream(ask grpc.StreamServerInterceptor) grpc.StreamServerInterceptor {
	return func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
		in := false
		err := ask(srv, stream, info, func(srv any, stream grpc.ServerStream) error {
			in = true
			return next(srv, stream)
		})
		if !in {
			s.refused(stream.Context(), info.FullMethod, err)
		}
		return err
	}
}

func (s *Server) refused(ctx context.Context, method string, err error) {
	if err == nil || s.Refused == nil {
		return
	}
	remote := "unknown"
	if p, ok := peer.FromContext(ctx); ok {
		remote = p.Addr.String()
	}
	s.Refused(remote, path.Base(method), status.Convert(err).Message())
}

// guard takes the token, from a header or as a password.
type guard struct{ token string }

func (g guard) is(given string) bool {
	return subtle.ConstantTimeCompare([]byte(given), []byte(g.token)) == 1
}

func (g guard) Validate(_, password string) (string, error) {
	if !g.is(password) {
		return "", status.Error(codes.Unauthenticated, "the password is not the token of this cluster")
	}
	return g.token, nil
}

func (g guard) IsValid(token string) (any, error) {
	if !g.is(token) {
		return nil, status.Error(codes.Unauthenticated, "no token, or not that of this cluster")
	}
	return "user", nil
}

// handler is the Flight SQL service.
type handler struct {
	flightsql.BaseServer
	client gateway.Client
	audit  func(remote, what string, err error)
}

// session is a connection. The gateway's session in it is opened with the first call.
type session struct {
	remote  string
	audit   func(remote, what string, err error)
	mu      sync.Mutex
	s       gateway.Session
	ended   bool
	next    uint64
	pending map[uint64]*pending
	order   []uint64 // of pending, oldest first
	named   map[uint64]*prepared
}

type sessionKey struct{}

// TagConn gives a connection its session; with the rest below it is a stats.Handler.
func (h *handler) TagConn(ctx context.Context, at *stats.ConnTagInfo) context.Context {
	return context.WithValue(ctx, sessionKey{}, &session{remote: at.RemoteAddr.String(), audit: h.audit, pending: map[uint64]*pending{}, named: map[uint64]*prepared{}})
}

// HandleConn ends the session with its connection.
func (h *handler) HandleConn(ctx context.Context, e stats.ConnStats) {
	if _, end := e.(*stats.ConnEnd); !end {
		return
	}
	x := ctx.Value(sessionKey{}).(*session)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.ended = true
	for _, p := range x.pending {
		p.close()
	}
	for _, p := range x.named {
		p.close()
	}
	if x.s != nil {
		x.s.Close()
	}
}

// TagRPC does nothing.
func (h *handler) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// HandleRPC does nothing.
func (h *handler) HandleRPC(context.Context, stats.RPCStats) {}

// in runs f with the session of the call's connection, one call at a time.
func (h *handler) in(ctx context.Context, f func(x *session) error) error {
	x, ok := ctx.Value(sessionKey{}).(*session)
	if !ok {
		return status.Error(codes.Internal, "a call without a connection")
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.ended {
		return status.Error(codes.Canceled, "the connection has ended")
	}
	if x.s == nil {
		s, err := h.client.OpenSession(ctx, map[string]string{"execution.runtime-mode": "batch"})
		if err != nil {
			return failed(err, "")
		}
		x.s = s
	}
	return failed(f(x), "")
}

// codesOf are the gRPC codes of codes of mistakes; others are InvalidArgument.
var codesOf = map[diag.Code]codes.Code{
	diag.UnknownTable: codes.NotFound, diag.NotFound: codes.NotFound, diag.AlreadyExists: codes.AlreadyExists, diag.Permission: codes.PermissionDenied,
	diag.Unsupported: codes.Unimplemented, diag.UnsupportedByFlink: codes.Unimplemented, diag.Cancelled: codes.Canceled, diag.Internal: codes.Internal,
	diag.JobFailed: codes.Aborted, diag.IO: codes.Unavailable, diag.LimitExceeded: codes.ResourceExhausted,
}

// failed makes an error what the client is told: the message with its place in the
// statement, and the way out.
func failed(err error, sql string) error {
	if err == nil {
		return nil
	}
	if _, is := status.FromError(err); is {
		return err
	}
	var e *diag.Error
	if !errors.As(err, &e) {
		return status.Error(codes.Unknown, err.Error())
	}
	code, ok := codesOf[e.Code]
	if !ok {
		code = codes.InvalidArgument
	}
	if sql == "" {
		return status.Error(code, e.Error())
	}
	return status.Error(code, diag.Render(diag.Source{Name: "statement", Text: sql}, e))
}
