package guard

import (
	"bufio"
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// link is a connection with TLS that writes much at a time: a record has 16 KiB at most,
// and a call of the system for each would cost more than the cipher.
type link struct {
	*tls.Conn
	wide *wideConn
	text []byte
}

const (
	recordBytes = 16 << 10 // of a record of TLS
	wideBytes   = 256 << 10
)

// WriteAll writes pieces of memory, in order. It is called from one goroutine at a time.
func (c *link) WriteAll(pieces [][]byte) error {
	c.wide.hold(true)
	err := c.writeAll(pieces)
	if e := c.wide.hold(false); err == nil {
		err = e
	}
	return err
}

// writeAll makes full records of the pieces, which are often small.
func (c *link) writeAll(pieces [][]byte) error {
	c.text = c.text[:0]
	for _, p := range pieces {
		if len(c.text) > 0 {
			n := min(len(p), recordBytes-len(c.text))
			c.text, p = append(c.text, p[:n]...), p[n:]
			if len(c.text) < recordBytes {
				continue
			}
			if _, err := c.Write(c.text); err != nil {
				return err
			}
			c.text = c.text[:0]
		}
		if n := len(p) / recordBytes * recordBytes; n > 0 {
			if _, err := c.Write(p[:n]); err != nil {
				return err
			}
			p = p[n:]
		}
		c.text = append(c.text, p...)
	}
	if len(c.text) == 0 {
		return nil
	}
	_, err := c.Write(c.text)
	return err
}

// wideConn gathers what is written while it is told to hold, and reads much at a time.
type wideConn struct {
	net.Conn
	in      *bufio.Reader
	mu      sync.Mutex
	holding bool
	text    []byte
}

func wide(c net.Conn) *wideConn {
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: time.Second, Count: 5}) // without it peers that vanish are noticed later
	}
	return &wideConn{Conn: c, in: bufio.NewReaderSize(c, wideBytes)}
}

// Read is called from one goroutine at a time.
func (c *wideConn) Read(p []byte) (int, error) { return c.in.Read(p) }

// Write is called by TLS, also by its reading end.
func (c *wideConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.holding {
		return c.Conn.Write(p)
	}
	if len(c.text)+len(p) > wideBytes {
		if err := c.flush(); err != nil {
			return 0, err
		}
	}
	c.text = append(c.text, p...)
	return len(p), nil
}

func (c *wideConn) hold(on bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.holding = on
	if on {
		return nil
	}
	return c.flush()
}

func (c *wideConn) flush() error {
	if len(c.text) == 0 {
		return nil
	}
	_, err := c.Conn.Write(c.text)
	c.text = c.text[:0]
	return err
}
