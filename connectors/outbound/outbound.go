// Package outbound makes the HTTP clients of connectors and formats.
//
// An address that the options of a table name is reached wherever it is: a registry on this
// machine, say. What an answer then leads to is not trusted like that: a redirect is
// followed at most five times, by http and https alone, never from https to http, and to
// another host only where its address, as it is resolved at the moment of the connection,
// is a public one. So nobody who answers can make mink ask services of the machine, of its
// network, or of the cloud's metadata. Answers are bounded in size.
//
// Begin with Client.
package outbound

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"
)

// redirectsMost is how many redirects of one request are followed.
const redirectsMost = 5

// AnswerMost is the size of an answer in bytes beyond which reading it fails.
const AnswerMost = 16 << 20

// Client makes a client for the addresses that a user has configured. config may be nil.
func Client(configured []string, config *tls.Config, timeout time.Duration) (*http.Client, error) {
	return client(configured, config, timeout, nil)
}

func client(configured []string, config *tls.Config, timeout time.Duration, resolver *net.Resolver) (*http.Client, error) {
	d := &dialer{allowed: map[string]bool{}, resolver: resolver}
	for _, text := range configured {
		if !strings.Contains(text, "://") {
			text = "http://" + text
		}
		u, err := url.Parse(text)
		if err != nil {
			return nil, errors.New("it is no address such as http://host:8081")
		}
		if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
			return nil, errors.New("it must begin with http:// or https:// and a host")
		}
		d.allow(u)
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig, t.DialContext, t.DisableKeepAlives = config, d.dial, true // questions are few
	t.Proxy = func(r *http.Request) (*url.URL, error) {
		p, err := http.ProxyFromEnvironment(r)
		if p != nil {
			d.allow(p) // its user's environment names it
		}
		return p, err
	}
	return &http.Client{Transport: capped{t}, CheckRedirect: d.redirect, Timeout: timeout}, nil
}

// dialer connects to what is allowed by name, and otherwise to public addresses.
type dialer struct {
	mu       sync.Mutex
	allowed  map[string]bool // host:port
	resolver *net.Resolver
}

func place(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

func (d *dialer) allow(u *url.URL) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.allowed[place(u)] = true
}

func (d *dialer) allows(place string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.allowed[strings.ToLower(place)]
}

func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	n := net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second, Resolver: d.resolver}
	if !d.allows(address) {
		// It is asked with the address that is connected to: a name that resolves to another
		// one each time gains nothing.
		n.Control = func(_, at string, _ syscall.RawConn) error {
			p, err := netip.ParseAddrPort(at)
			if err != nil || !Public(p.Addr()) {
				return fmt.Errorf("the answer leads to %s, which is no public address", at)
			}
			return nil
		}
	}
	return n.DialContext(ctx, network, address)
}

// redirect decides whether one is followed.
func (d *dialer) redirect(next *http.Request, before []*http.Request) error {
	u := next.URL
	switch {
	case len(before) > redirectsMost:
		return fmt.Errorf("there were more than %d redirects", redirectsMost)
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("the answer leads to an address of the scheme %q", u.Scheme)
	case before[len(before)-1].URL.Scheme == "https" && u.Scheme == "http":
		return errors.New("the answer leads from https to http")
	case u.User != nil:
		return errors.New("the answer leads to an address with a user")
	}
	// Through a proxy nobody sees what a name resolves to; an address is one without that.
	if a, err := netip.ParseAddr(u.Hostname()); err == nil && !d.allows(place(u)) && !Public(a) {
		return fmt.Errorf("the answer leads to %s, which is no public address", a)
	}
	return nil
}

// closed are ranges that lead to the machine, its network or nowhere, beyond those that
// netip.Addr knows by name.
var closed = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("fec0::/10"), netip.MustParsePrefix("2001::/32"),
}

// embedded are prefixes of IPv6 addresses that stand for one of IPv4, with its place.
var embedded = []struct {
	prefix netip.Prefix
	at     int
}{
	{netip.MustParsePrefix("64:ff9b::/96"), 12}, {netip.MustParsePrefix("64:ff9b:1::/48"), 12}, {netip.MustParsePrefix("2002::/16"), 2}, {netip.MustParsePrefix("::/96"), 12},
}

// Public reports an address of the open internet.
func Public(a netip.Addr) bool {
	a = a.Unmap()
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.Zone() != "" {
		return false
	}
	for _, p := range closed {
		if p.Contains(a) {
			return false
		}
	}
	if a.Is6() {
		for _, e := range embedded {
			if b := a.As16(); e.prefix.Contains(a) {
				return Public(netip.AddrFrom4([4]byte(b[e.at:])))
			}
		}
	}
	return true
}

// capped bounds the bodies of answers.
type capped struct{ http.RoundTripper }

func (c capped) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := c.RoundTripper.RoundTrip(r)
	if err == nil && res.Body != nil {
		res.Body = &cappedBody{res.Body, AnswerMost}
	}
	return res, err
}

type cappedBody struct {
	io.ReadCloser
	left int
}

func (b *cappedBody) Read(p []byte) (int, error) {
	if len(p) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if n > b.left {
		return b.left, fmt.Errorf("the answer is longer than %d MB", AnswerMost>>20)
	}
	b.left -= n
	return n, err
}
