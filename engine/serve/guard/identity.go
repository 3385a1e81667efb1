package guard

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/minkstream/mink/engine/diag"
)

// poolOf is who is trusted.
type poolOf = *x509.CertPool

// Identity is what a node is known by to the other processes of its cluster, and how it
// reaches them over TCP: both ends of each connection show a certificate of the cluster's
// authority. It is a cluster.Wire.
type Identity struct {
	// Name is the node's.
	Name string
	// Host is where the node listens for rows of others, Port on which port, 0 for any;
	// Advertised, if set, is the host:port at which others reach it instead.
	Host       string
	Port       int
	Advertised string

	coordinator string // host:port; "" for a node of the coordinator's machine
	local       string // this machine's address on the way to the coordinator
	pool        poolOf

	mu   sync.Mutex
	cert tls.Certificate
}

// dialWithin bounds how long a connection takes to be there, handshake included.
const dialWithin = 3 * time.Second

// Own is the identity of a node on the coordinator's machine, which has its files. Others
// find it where they find the coordinator.
func (a *Authority) Own(name, host string) (*Identity, error) {
	cert, err := a.own(name, nodeHost, 366*authorityYears)
	if err != nil {
		return nil, err
	}
	return &Identity{Name: name, Host: host, pool: a.Pool(), cert: cert}, nil
}

// Join presents a token to the coordinator at an address and returns the identity that the
// node gets, and in told what the coordinator tells it.
func Join(ctx context.Context, address string, token JoinToken, ask JoinAsk, told any) (*Identity, error) {
	i := &Identity{coordinator: address}
	var ca *x509.Certificate
	config := &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{alpnJoin}, ServerName: coordinatorHost,
		// The authority is not known yet, but by its fingerprint.
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection does it
		VerifyConnection: func(st tls.ConnectionState) error {
			for _, c := range st.PeerCertificates[1:] {
				if equal(sha256.Sum256(c.Raw), token.pin) {
					ca = c
				}
			}
			if ca == nil {
				return errOtherCluster
			}
			pool := x509.NewCertPool()
			pool.AddCert(ca)
			_, err := st.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: pool, DNSName: coordinatorHost})
			i.pool = pool
			return err
		},
	}
	c, err := i.dial(ctx, address, config, "the coordinator")
	if err != nil {
		return nil, err
	}
	defer c.Close()
	i.local, _, _ = net.SplitHostPort(c.LocalAddr().String()) // an address always splits
	i.Host = i.local
	r, err := i.ask(c, joinRequest{Secret: token.secret, JoinAsk: ask})
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(r.CA, ca.Raw) {
		return nil, diag.New(diag.Permission, "the coordinator at %s has two authorities", address)
	}
	if err := json.Unmarshal(r.Told, told); err != nil {
		return nil, diag.Wrap(diag.Internal, err, "what the coordinator at %s says cannot be read", address)
	}
	i.Name = r.Name
	return i, nil
}

var errOtherCluster = errors.New("it is not the cluster that the join token is of")

// ask sends a request with a new key, and keeps the certificate that comes.
func (i *Identity) ask(c *link, q joinRequest) (r joinReply, err error) {
	key, err := newKey()
	if err != nil {
		return r, err
	}
	if q.CSR, err = request(key); err != nil {
		return r, err
	}
	_ = c.SetDeadline(time.Now().Add(dialWithin))
	if err = writeMessage(c, q); err == nil {
		err = readMessage(c, &r)
	}
	if err != nil {
		return r, diag.Wrap(diag.IO, err, "the coordinator does not answer")
	}
	if r.Msg != "" {
		e := diag.New(r.Code, "the coordinator refuses this node: %s", r.Msg)
		e.Hint = r.Hint
		return r, e
	}
	ca := r.CA
	if ca == nil {
		i.mu.Lock()
		ca = i.cert.Certificate[1]
		i.mu.Unlock()
	}
	cert, err := pairOf(r.Cert, ca, key)
	if err != nil {
		return r, err
	}
	i.mu.Lock()
	i.cert = cert
	i.mu.Unlock()
	return r, nil
}

// Keep renews the certificate while ctx lasts.
func (i *Identity) Keep(ctx context.Context, log func(text string)) {
	for {
		i.mu.Lock()
		leaf := i.cert.Leaf
		i.mu.Unlock()
		half := leaf.NotAfter.Add(-leaf.NotAfter.Sub(leaf.NotBefore) / 2)
		select {
		case <-ctx.Done():
			return
		case <-time.After(max(time.Until(half), time.Minute)):
		}
		if err := i.Renew(ctx); err != nil && ctx.Err() == nil {
			log("the certificate is not renewed yet: " + err.Error())
		}
	}
}

// Renew gets another certificate with the one that is still good.
func (i *Identity) Renew(ctx context.Context) error {
	c, err := i.dial(ctx, i.coordinator, i.client(coordinatorHost, alpnRenew), "the coordinator")
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = i.ask(c, joinRequest{})
	return err
}

func (i *Identity) mutual() *tls.Config {
	return mutualConfig(i.pool, func() *tls.Certificate {
		i.mu.Lock()
		defer i.mu.Unlock()
		return &i.cert
	})
}

func (i *Identity) client(host, protocol string) *tls.Config {
	c := i.mutual()
	c.ServerName, c.NextProtos = host, []string{protocol}
	return c
}

// dial opens a connection and shakes hands.
func (i *Identity) dial(ctx context.Context, address string, config *tls.Config, whom string) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, dialWithin)
	defer cancel()
	var d net.Dialer
	raw, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, diag.Wrap(diag.IO, err, "cannot reach %s at %s", whom, address)
	}
	w := wide(raw)
	c := &link{Conn: tls.Client(w, config), wide: w}
	if err := c.HandshakeContext(ctx); err != nil {
		raw.Close()
		return nil, diag.New(diag.Permission, "cannot trust what answers at %s as %s: %s", address, whom, handshakeProblem(err))
	}
	return c, nil
}

// Control opens a connection to the coordinator.
func (i *Identity) Control(ctx context.Context) (net.Conn, error) {
	return i.dial(ctx, i.coordinator, i.client(coordinatorHost, alpnControl), "the coordinator")
}

// Rows opens a connection to another node, at an address of Listen's.
func (i *Identity) Rows(ctx context.Context, address string) (net.Conn, error) {
	if strings.HasPrefix(address, ":") { // of the coordinator's machine
		host, _, err := net.SplitHostPort(i.coordinator)
		if err != nil {
			return nil, diag.Wrap(diag.Internal, err, "no way to %s", address)
		}
		address = host + address
		if strings.Contains(host, ":") {
			address = "[" + host + "]" + address[len(host):]
		}
	}
	return i.dial(ctx, address, i.client(nodeHost, alpnRows), "a node")
}

// Listen takes the connections of other nodes; address is where they find it.
func (i *Identity) Listen(refused func(text string)) (l net.Listener, address string, err error) {
	raw, err := net.Listen("tcp", net.JoinHostPort(i.Host, strconv.Itoa(i.Port)))
	if err != nil {
		return nil, "", diag.Wrap(diag.Config, err, "cannot listen on %s for rows of other nodes", i.Host)
	}
	port := strconv.Itoa(raw.Addr().(*net.TCPAddr).Port)
	host := i.Host
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = i.local
	}
	switch {
	case i.Advertised != "":
		address = i.Advertised
	case i.coordinator == "":
		address = ":" + port
	default:
		address = net.JoinHostPort(host, port)
	}
	config := i.mutual()
	config.NextProtos = []string{alpnRows}
	return &rowListener{Listener: raw, config: config, refused: refused}, address, nil
}

// rowListener shakes hands when a connection is used first, so that who connects and says
// nothing keeps nobody waiting.
type rowListener struct {
	net.Listener
	config  *tls.Config
	refused func(text string)
}

func (l *rowListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	w := wide(c)
	return &rowServer{link: link{Conn: tls.Server(w, l.config), wide: w}, refused: l.refused}, nil
}

// rowServer is the receiving end of a connection for rows.
type rowServer struct {
	link
	once    sync.Once
	err     error
	refused func(text string)
}

func (c *rowServer) Read(b []byte) (int, error) {
	c.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), handshakeWithin)
		defer cancel()
		if c.err = c.HandshakeContext(ctx); c.err == nil {
			st := c.ConnectionState()
			_, c.err = nodeName(&st, alpnRows)
		}
		if c.err != nil {
			c.refused("refused " + c.RemoteAddr().String() + ": " + handshakeProblem(c.err))
			c.Close()
		}
	})
	if c.err != nil {
		return 0, c.err
	}
	return c.link.Read(b)
}

// handshakeProblem says in plain words why two processes do not trust each other.
func handshakeProblem(err error) string {
	var plain tls.RecordHeaderError
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	text := err.Error()
	has := func(s string) bool { return strings.Contains(text, s) }
	switch {
	case errors.Is(err, errOtherCluster):
		return "it belongs to another cluster than the join token"
	case errors.As(err, &plain):
		return "it does not speak TLS"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired, has("expired certificate"):
		return "the certificate has expired, or a clock is wrong"
	case errors.As(err, &unknown), has("unknown certificate authority"), has("unknown authority"):
		return "the certificate is one of another cluster"
	case has("remote error: tls: bad certificate"):
		return "it does not trust this cluster: its join token is one of another"
	case has("didn't provide a certificate"), has("certificate required"):
		return "no certificate was shown"
	case has("application protocol"):
		return "it is no process of a cluster of mink, or one of another kind"
	case errors.Is(err, io.EOF), has("connection reset"):
		return "the connection was closed in the middle of the handshake"
	}
	return text
}
