package pgwire

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/gateway"
)

// conn is one connection and its session.
type conn struct {
	s       *Server
	nc      net.Conn
	in      *bufio.Reader // what be reads from
	be      *pgproto3.Backend
	id      uint32
	secret  uint32
	crowded bool

	ctx     context.Context // ends with the connection
	session gateway.Session
	user    string
	set     map[string]string // settings of Postgres that the client changed
	timeout time.Duration     // statement_timeout

	// tx is the state of the transaction: 'I' none, 'T' in one, 'E' in one that failed.
	// It holds nothing together: a statement takes effect at once.
	tx      byte
	named   map[string]*prepared
	portals map[string]*portal
	// skip leaves messages out until the next Sync, after an error.
	skip bool

	mu        sync.Mutex
	cancelRun context.CancelFunc
	end       context.CancelFunc
}

// stop ends the connection from outside.
func (c *conn) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end != nil {
		c.end()
	}
	c.nc.Close()
}

// serve answers one client until it leaves.
func (c *conn) serve() error {
	defer func() { c.nc.Close() }()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c.mu.Lock()
	c.ctx, c.end = ctx, cancel
	c.mu.Unlock()
	c.tx, c.set = 'I', map[string]string{}
	c.named, c.portals = map[string]*prepared{}, map[string]*portal{}
	c.deadline(startSeconds)
	start, err := c.startup()
	if err != nil || start == nil {
		return err
	}
	if err := c.open(start); err != nil {
		return err
	}
	c.deadline(0)
	defer c.session.Close()
	defer c.closePortals()
	for {
		m, err := c.be.Receive()
		if err != nil {
			var large *pgproto3.ExceededMaxBodyLenErr
			if errors.As(err, &large) {
				return c.fatal("54000", fmt.Sprintf("a message of %d bytes is larger than the %d that are read", large.ActualBodyLen, large.MaxExpectedBodyLen))
			}
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return nil
			}
			return err
		}
		if _, bye := m.(*pgproto3.Terminate); bye {
			return nil
		}
		if err := c.message(m); err != nil {
			return err
		}
	}
}

// startup hears who the client is; nil for one that wanted to cancel a statement.
func (c *conn) startup() (*pgproto3.StartupMessage, error) {
	c.be = c.backend()
	for {
		m, err := c.be.ReceiveStartupMessage()
		if err != nil {
			return nil, err
		}
		switch m := m.(type) {
		case *pgproto3.SSLRequest:
			if c.s.TLS == nil {
				if _, err := c.nc.Write([]byte{'N'}); err != nil {
					return nil, err
				}
				continue
			}
			if _, err := c.nc.Write([]byte{'S'}); err != nil {
				return nil, err
			}
			secure := tls.Server(c.nc, c.s.TLS)
			if err := secure.Handshake(); err != nil {
				return nil, err
			}
			c.mu.Lock()
			c.nc = secure
			c.mu.Unlock()
			c.be = c.backend()
		case *pgproto3.GSSEncRequest:
			if _, err := c.nc.Write([]byte{'N'}); err != nil {
				return nil, err
			}
		case *pgproto3.CancelRequest:
			var key uint32
			if len(m.SecretKey) == 4 {
				key = uint32(m.SecretKey[0])<<24 | uint32(m.SecretKey[1])<<16 | uint32(m.SecretKey[2])<<8 | uint32(m.SecretKey[3])
			}
			c.s.cancel(m.ProcessID, key)
			return nil, nil
		case *pgproto3.StartupMessage:
			if m.ProtocolVersion != pgproto3.ProtocolVersion30 {
				c.be.Send(&pgproto3.NegotiateProtocolVersion{NewestMinorProtocol: 0})
			}
			return m, nil
		}
	}
}

func (c *conn) backend() *pgproto3.Backend {
	c.in = bufio.NewReader(c.nc)
	be := pgproto3.NewBackend(c.in, c.nc)
	be.SetMaxBodyLen(strangerBytes)
	return be
}

// open asks for the password, opens the session and says that it is ready.
func (c *conn) open(start *pgproto3.StartupMessage) error {
	if _, secure := c.nc.(*tls.Conn); c.s.TLSOnly && !secure {
		return c.fatal("28000", "this address asks for TLS: connect with sslmode=require")
	}
	if c.crowded {
		return c.fatal("53300", fmt.Sprintf("there are %d connections already", connectionsMost))
	}
	c.user = start.Parameters["user"]
	if c.s.Token != "" {
		if err := c.password(); err != nil {
			return c.fatal("28P01", err.Error())
		}
	}
	c.be.SetMaxBodyLen(messageBytes)
	session, err := c.s.Client.OpenSession(c.ctx, map[string]string{"execution.runtime-mode": "batch"})
	if err != nil {
		return c.fatal(sqlState(err), err.Error())
	}
	c.session = session
	if err := c.begin(start.Parameters); err != nil {
		session.Close()
		return c.fatal(sqlState(err), err.Error())
	}
	c.be.Send(&pgproto3.AuthenticationOk{})
	for _, p := range parameters {
		if p.told {
			c.be.Send(&pgproto3.ParameterStatus{Name: p.name, Value: c.setting(p.name)})
		}
	}
	key := []byte{byte(c.secret >> 24), byte(c.secret >> 16), byte(c.secret >> 8), byte(c.secret)}
	c.be.Send(&pgproto3.BackendKeyData{ProcessID: c.id, SecretKey: key})
	return c.ready()
}

// begin applies what the client said at the start: its database and its settings.
func (c *conn) begin(p map[string]string) error {
	// libpq takes the user's name where no database is given.
	if db := p["database"]; db != "" && db != c.user {
		if err := c.use(db); err != nil {
			return err
		}
	}
	op, err := c.session.Execute(c.ctx, "SHOW CURRENT DATABASE")
	if err != nil {
		return err
	}
	c.set["timezone"] = op.Zone().String()
	op.Close()
	for k, v := range p {
		switch k {
		case "user", "database", "replication":
		case "options":
			for _, o := range options(v) {
				if err := c.assign(o[0], o[1]); err != nil {
					return err
				}
			}
		default:
			if !strings.HasPrefix(k, "_pq_.") {
				if err := c.assign(k, v); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// use makes database the current one: "catalog.database", or a database of the current
// catalog.
func (c *conn) use(name string) error {
	quoted := make([]string, 0, 2)
	for _, p := range strings.SplitN(name, ".", 2) {
		quoted = append(quoted, "`"+strings.ReplaceAll(p, "`", "``")+"`")
	}
	_, err := c.session.Execute(c.ctx, "USE "+strings.Join(quoted, "."))
	return err
}

// options reads "-c key=value --key=value".
func options(s string) [][2]string {
	var out [][2]string
	for _, w := range strings.Fields(s) {
		w = strings.TrimPrefix(strings.TrimPrefix(w, "-c"), "--")
		if k, v, ok := strings.Cut(w, "="); ok {
			out = append(out, [2]string{k, v})
		}
	}
	return out
}

// password asks for the token.
func (c *conn) password() error {
	c.be.Send(&pgproto3.AuthenticationSASL{AuthMechanisms: []string{"SCRAM-SHA-256"}})
	if err := c.be.Flush(); err != nil {
		return err
	}
	if err := c.be.SetAuthType(pgproto3.AuthTypeSASL); err != nil {
		return err
	}
	m, err := c.be.Receive()
	if err != nil {
		return err
	}
	first, ok := m.(*pgproto3.SASLInitialResponse)
	if !ok || first.AuthMechanism != "SCRAM-SHA-256" {
		return errors.New("only SCRAM-SHA-256 is understood")
	}
	x := scram{password: c.s.Token}
	reply, err := x.first(string(first.Data))
	if err != nil {
		return err
	}
	c.be.Send(&pgproto3.AuthenticationSASLContinue{Data: []byte(reply)})
	if err := c.be.Flush(); err != nil {
		return err
	}
	if err := c.be.SetAuthType(pgproto3.AuthTypeSASLContinue); err != nil {
		return err
	}
	if m, err = c.be.Receive(); err != nil {
		return err
	}
	second, ok := m.(*pgproto3.SASLResponse)
	if !ok {
		return errors.New("malformed SCRAM exchange")
	}
	if reply, err = x.final(string(second.Data)); err != nil {
		return err
	}
	c.be.Send(&pgproto3.AuthenticationSASLFinal{Data: []byte(reply)})
	return nil
}

func (c *conn) ready() error {
	c.be.Send(&pgproto3.ReadyForQuery{TxStatus: c.tx})
	return c.be.Flush()
}

// fatal tells the client why the connection ends, and returns that.
func (c *conn) fatal(state, msg string) error {
	c.be.Send(&pgproto3.ErrorResponse{Severity: "FATAL", SeverityUnlocalized: "FATAL", Code: state, Message: msg})
	return errors.Join(errors.New(msg), c.be.Flush())
}

// failed tells the client of an error of a statement; at maps places in the statement to
// those in what the client wrote.
func (c *conn) failed(err error, sql string, at func(int) int) {
	if c.tx == 'T' {
		c.tx = 'E'
	}
	r := &pgproto3.ErrorResponse{Severity: "ERROR", SeverityUnlocalized: "ERROR", Code: sqlState(err), Message: err.Error()}
	var e *diag.Error
	if errors.As(err, &e) {
		r.Message, r.Hint = e.Msg, e.Hint
		for _, n := range e.Notes {
			r.Detail = strings.TrimPrefix(r.Detail+"\n"+n.Msg, "\n")
		}
		if !e.Span.IsZero() && e.In == "" && at != nil {
			r.Position = int32(place(sql, at(e.Span.Start)))
		}
		r.Where = string(e.Code)
	}
	c.be.Send(r)
}

// place is the place of a byte as Postgres counts: in characters, from 1.
func place(sql string, pos int) int {
	return len([]rune(sql[:min(max(pos, 0), len(sql))])) + 1
}

// notice tells the client of advice.
func (c *conn) notice(severity, state, msg, hint string) {
	c.be.Send(&pgproto3.NoticeResponse{Severity: severity, SeverityUnlocalized: severity, Code: state, Message: msg, Hint: hint})
}

// states are the SQLSTATEs of codes of mistakes.
var states = map[diag.Code]string{
	diag.Syntax: "42601", diag.ReservedWord: "42601", diag.InvalidLiteral: "22P02", diag.LimitExceeded: "54000", diag.Unsupported: "0A000",
	diag.UnsupportedByFlink: "0A000", diag.UnknownTable: "42P01", diag.UnknownColumn: "42703", diag.AmbiguousColumn: "42702",
	diag.UnknownFunction: "42883", diag.InvalidArgument: "22023", diag.InvalidQuery: "42P10", diag.TypeMismatch: "42804", diag.InvalidCast: "42846",
	diag.DuplicateName: "42701", diag.AlreadyExists: "42P07", diag.NotFound: "42704", diag.UnknownOption: "22023", diag.InvalidOption: "22023",
	diag.MissingOption: "22023", diag.Config: "22023", diag.SchemaMismatch: "42804", diag.DivisionByZero: "22012", diag.NumericOverflow: "22003",
	diag.NotNullViolation: "23502", diag.DuplicateKey: "23505", diag.MalformedRecord: "22P04", diag.IO: "58030", diag.Permission: "42501",
	diag.Conflict: "55006", diag.Cancelled: "57014", diag.Internal: "XX000",
}

func sqlState(err error) string {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return "57014"
	}
	var s stateError
	if errors.As(err, &s) {
		return s.state
	}
	var e *diag.Error
	if errors.As(err, &e) {
		if s, ok := states[e.Code]; ok {
			return s
		}
	}
	return "58000"
}

// stateError is an error with a SQLSTATE of its own.
type stateError struct{ state, msg string }

func (e stateError) Error() string { return e.msg }
