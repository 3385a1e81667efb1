package guard

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/minkstream/mink/engine/diag"
)

// Protocols that are spoken behind TLS between processes of a cluster, by the names that
// are agreed on in its handshake.
const (
	alpnControl = "h2" // gRPC's
	alpnRows    = "mink-rows"
	alpnJoin    = "mink-join"  // the only one that needs no certificate, but a token
	alpnRenew   = "mink-renew" // for another certificate while one is good
)

// handshakeWithin bounds what somebody who has shown nothing yet may take.
const (
	handshakeWithin = 5 * time.Second
	strangersMax    = 64
	joinBytesMax    = 64 << 10
)

// NodeDoor lets nodes of other machines in: a node presents the join token once, over TLS,
// and gets a certificate; whatever else comes has to show one.
type NodeDoor struct {
	Authority *Authority
	// Secret is that of the join token, as it is now.
	Secret func() (string, error)
	// Join names a node that has presented the token, and says what it is to be told; a
	// name that it asks for is "" or as the node has it.
	Join func(ask JoinAsk) (name string, told any, err error)
	// Log hears who was refused, and why; may be nil.
	Log func(text string)
}

// JoinAsk is what a node that joins says of itself.
type JoinAsk struct {
	// Version of mink.
	Version string `json:"version"`
	// Name that it would like; "" for any.
	Name string `json:"name,omitempty"`
}

type joinRequest struct {
	Secret string `json:"secret,omitempty"`
	CSR    []byte `json:"csr"`
	JoinAsk
}

type joinReply struct {
	Code diag.Code       `json:"code,omitempty"`
	Msg  string          `json:"msg,omitempty"`
	Hint string          `json:"hint,omitempty"`
	Name string          `json:"name,omitempty"`
	Cert []byte          `json:"cert,omitempty"`
	CA   []byte          `json:"ca,omitempty"`
	Told json.RawMessage `json:"told,omitempty"`
}

// Serve takes the connections of a plain listener. What it returns has those of nodes that
// have shown a certificate of the cluster, as *NodeConn; closing it closes l.
func (d *NodeDoor) Serve(l net.Listener) (net.Listener, error) {
	pair, err := d.Authority.own("coordinator", coordinatorHost, 366*authorityYears)
	if err != nil {
		return nil, err
	}
	pool := d.Authority.Pool()
	mutual := mutualConfig(pool, func() *tls.Certificate { return &pair })
	mutual.NextProtos = []string{alpnControl, alpnRenew}
	strangers := mutual.Clone()
	strangers.ClientAuth, strangers.ClientCAs, strangers.NextProtos = tls.NoClientCert, nil, []string{alpnJoin}
	config := mutual.Clone()
	config.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		if slices.Contains(h.SupportedProtos, alpnJoin) {
			return strangers, nil
		}
		return mutual, nil
	}
	s := &nodeListener{door: d, l: l, in: make(chan net.Conn), over: make(chan struct{})}
	turns := make(chan struct{}, strangersMax)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				if errors.Is(err, net.ErrClosed) {
					s.Close()
					return
				}
				time.Sleep(10 * time.Millisecond) // no descriptors left, say
				continue
			}
			select {
			case turns <- struct{}{}:
			case <-s.over:
				c.Close()
				return
			}
			go func() {
				defer func() { <-turns }()
				s.greet(tls.Server(c, config))
			}()
		}
	}()
	return s, nil
}

func mutualConfig(pool poolOf, cert func() *tls.Certificate) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, RootCAs: pool, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
		GetCertificate:       func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return cert(), nil },
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return cert(), nil },
		// Rows come in large pieces.
		DynamicRecordSizingDisabled: true, SessionTicketsDisabled: true,
	}
}

// nodeListener hands on the connections of nodes.
type nodeListener struct {
	door *NodeDoor
	l    net.Listener
	in   chan net.Conn
	once sync.Once
	over chan struct{}
}

// NodeConn is a connection of a node that has shown its certificate.
type NodeConn struct {
	*tls.Conn
	name string
}

// Peer is the name of the node, as its certificate has it.
func (c *NodeConn) Peer() string { return c.name }

// Accept waits for a node.
func (s *nodeListener) Accept() (net.Conn, error) {
	select {
	case c := <-s.in:
		return c, nil
	case <-s.over:
		return nil, net.ErrClosed
	}
}

// Close closes the listener below too.
func (s *nodeListener) Close() error {
	s.once.Do(func() { close(s.over) })
	return s.l.Close()
}

// Addr is that of the listener below.
func (s *nodeListener) Addr() net.Addr { return s.l.Addr() }

func (s *nodeListener) log(c net.Conn, why string) {
	if s.door.Log != nil {
		s.door.Log("refused " + c.RemoteAddr().String() + ": " + why)
	}
}

// greet takes a connection as far as it can be trusted.
func (s *nodeListener) greet(c *tls.Conn) {
	_ = c.SetDeadline(time.Now().Add(handshakeWithin)) // it works on every connection
	ctx, cancel := context.WithTimeout(context.Background(), handshakeWithin)
	defer cancel()
	if err := c.HandshakeContext(ctx); err != nil {
		s.log(c, handshakeProblem(err))
		c.Close()
		return
	}
	st := c.ConnectionState()
	if st.NegotiatedProtocol == alpnJoin {
		defer c.Close()
		s.door.join(s, c)
		return
	}
	name, err := nodeName(&st, alpnControl, alpnRenew)
	if err != nil {
		s.log(c, handshakeProblem(err))
		c.Close()
		return
	}
	if st.NegotiatedProtocol == alpnRenew {
		defer c.Close()
		s.door.renew(c, name)
		return
	}
	_ = c.SetDeadline(time.Time{})
	select {
	case s.in <- &NodeConn{c, name}:
	case <-s.over:
		c.Close()
	}
}

// nodeName is the name in the certificate of a node that speaks one of some protocols.
func nodeName(st *tls.ConnectionState, protocols ...string) (string, error) {
	if !slices.Contains(protocols, st.NegotiatedProtocol) { // a client may name none
		return "", errors.New("no application protocol")
	}
	if len(st.VerifiedChains) == 0 || len(st.PeerCertificates) == 0 {
		return "", diag.New(diag.Permission, "it shows no certificate")
	}
	leaf := st.PeerCertificates[0]
	if !slices.Contains(leaf.DNSNames, nodeHost) {
		return "", diag.New(diag.Permission, "its certificate is not that of a node")
	}
	return leaf.Subject.CommonName, nil
}

func (d *NodeDoor) join(s *nodeListener, c *tls.Conn) {
	var q joinRequest
	var r joinReply
	err := readMessage(c, &q)
	if err == nil {
		r, err = d.answer(&q)
	}
	if err != nil {
		s.log(c, err.Error())
		r = refused(err)
	}
	_ = writeMessage(c, r) // who does not hear it asks again
}

func (d *NodeDoor) answer(q *joinRequest) (joinReply, error) {
	secret, err := d.Secret()
	if err != nil {
		return joinReply{}, err
	}
	if !equal(digest(q.Secret), digest(secret)) {
		return joinReply{}, diag.New(diag.Permission, "the join token is not, or no longer, that of this cluster").
			WithHint("mink node token, where the coordinator runs, prints it")
	}
	name, told, err := d.Join(q.JoinAsk)
	if err != nil {
		return joinReply{}, err
	}
	cert, err := d.Authority.sign(q.CSR, name)
	if err != nil {
		return joinReply{}, err
	}
	text, err := json.Marshal(told)
	return joinReply{Name: name, Cert: cert, CA: d.Authority.cert.Raw, Told: text}, err
}

func (d *NodeDoor) renew(c *tls.Conn, name string) {
	var q joinRequest
	var r joinReply
	err := readMessage(c, &q)
	if err == nil {
		r.Cert, err = d.Authority.sign(q.CSR, name)
	}
	if err != nil {
		r = refused(err)
	}
	_ = writeMessage(c, r) // who does not hear it asks again
}

func refused(err error) joinReply {
	if d := diag.As(err); d != nil {
		return joinReply{Code: d.Code, Msg: d.Msg, Hint: d.Hint}
	}
	return joinReply{Code: diag.IO, Msg: err.Error()}
}

// A message is its length in 4 bytes, and JSON.
func writeMessage(w io.Writer, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...))
	return err
}

func readMessage(r io.Reader, v any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > joinBytesMax {
		return diag.New(diag.LimitExceeded, "a message of %d bytes is too long", n)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}
