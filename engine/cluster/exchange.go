package cluster

import (
	"net"
	"sync"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/flow"
)

// links are the sockets over which rows come and go: one connection to each process
// that rows are sent to, and one from each that sends some. What goes over them is
// package flow's.
type links struct {
	env     *env.Env
	address string
	l       net.Listener
	wait    sync.WaitGroup
}

// newLinks listens for other processes' rows at a Unix socket.
func newLinks(e *env.Env, path string) (*links, error) {
	l, err := listenUnix(path)
	if err != nil {
		return nil, err
	}
	return &links{env: e, address: path, l: l}, nil
}

// socketBytes is the size of a socket's buffers: a few batches, so that sender and
// receiver need not take turns.
const socketBytes = 1 << 20

// Address is where other processes reach this one.
func (k *links) Address() string { return k.address }

// Dial opens a connection for rows to another process.
func (k *links) Dial(address string) (flow.RowConn, error) {
	c, err := net.Dial("unix", address)
	if err != nil {
		return nil, diag.Wrap(diag.IO, err, "cannot reach another node for rows")
	}
	return conn(c), nil
}

// serve hands the connections that come to who takes them.
func (k *links) serve(to interface{ Accept(c flow.RowConn) }) {
	k.wait.Go(func() {
		for {
			c, err := k.l.Accept()
			if err != nil {
				return
			}
			to.Accept(conn(c))
		}
	})
}

func (k *links) close() {
	k.l.Close()
	k.wait.Wait()
}

// rowConn writes several pieces of memory with one call.
type rowConn struct {
	net.Conn
	pieces net.Buffers
}

func conn(c net.Conn) flow.RowConn {
	if u, ok := c.(*net.UnixConn); ok {
		_ = u.SetWriteBuffer(socketBytes)
		_ = u.SetReadBuffer(socketBytes)
	}
	return &rowConn{Conn: c}
}

// WriteAll writes all pieces. It is called from one goroutine at a time.
func (c *rowConn) WriteAll(pieces [][]byte) error {
	c.pieces = append(c.pieces[:0], pieces...)
	all := c.pieces
	_, err := all.WriteTo(c.Conn)
	return err
}
