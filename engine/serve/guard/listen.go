package guard

import (
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"syscall"

	"github.com/minkstream/mink/engine/diag"
)

// Door says where a server listens.
type Door struct {
	// Host is an address or a name; "" is this machine alone: 127.0.0.1 and, where there
	// is one, ::1.
	Host string
	// Port is the one wanted. When it is taken another one is, unless Fixed.
	Port  int
	Fixed bool
	// TLS is needed, with a token, where Host is not this machine alone.
	TLS   *tls.Config
	Token string
	// Own says that the server begins TLS itself, as its protocol has it, so that the
	// listeners are plain ones.
	Own bool
}

// Loopback reports a host that only this machine reaches.
func Loopback(host string) bool {
	if host == "" || host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Allowed fails with config where a server that listens on host would let in what it
// should not: another address than this machine's needs TLS and a token.
func Allowed(host string, secured, token bool) error {
	switch {
	case Loopback(host):
		return nil
	case !token:
		return diag.New(diag.Config, "a server on %s needs a token: whoever reaches it could run statements", host).
			WithHint("leave --no-token out, or listen on this machine alone")
	case !secured:
		return diag.New(diag.Config, "a server on %s needs TLS: its token could be read on the way", host)
	}
	return nil
}

// Listen opens a door. All listeners have the port that is returned.
func Listen(d Door) ([]net.Listener, int, error) {
	if err := Allowed(d.Host, d.TLS != nil, d.Token != ""); err != nil {
		return nil, 0, err
	}
	list, err := listen(d.Host, d.Port)
	if errors.Is(err, syscall.EADDRINUSE) && !d.Fixed {
		// The second address may have taken the free port of the first one.
		for range 10 {
			if list, err = listen(d.Host, 0); !errors.Is(err, syscall.EADDRINUSE) {
				break
			}
		}
	}
	if err != nil {
		e := diag.Wrap(diag.Config, err, "cannot listen on port %d", d.Port)
		if errors.Is(err, syscall.EADDRINUSE) {
			e.Hint = "another program has the port; name another one, or 0 for any that is free"
		}
		return nil, 0, e
	}
	port := list[0].Addr().(*net.TCPAddr).Port
	if d.TLS != nil && !d.Own {
		for i := range list {
			list[i] = tls.NewListener(list[i], d.TLS)
		}
	}
	return list, port, nil
}

func listen(host string, port int) ([]net.Listener, error) {
	if host != "" && host != "localhost" {
		l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		return []net.Listener{l}, err
	}
	first, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, err
	}
	port = first.Addr().(*net.TCPAddr).Port
	second, err := net.Listen("tcp6", net.JoinHostPort("::1", strconv.Itoa(port)))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		first.Close()
		return nil, err
	case err != nil:
		return []net.Listener{first}, nil // a machine without IPv6
	}
	return []net.Listener{first, second}, nil
}
