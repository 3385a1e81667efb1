package cluster

import (
	"context"
	"net"
	"strings"
	"sync"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/flow"
)

// Wire opens connections to processes of other machines, on which both ends have shown who
// they are and nobody else reads or writes.
type Wire interface {
	// Control opens one to the coordinator.
	Control(ctx context.Context) (net.Conn, error)
	// Rows opens one to another node, at an address that its Listen gave.
	Rows(ctx context.Context, address string) (net.Conn, error)
	// Listen takes those that others open. refused hears who was not let in.
	Listen(refused func(text string)) (l net.Listener, address string, err error)
}

// links are the sockets over which rows come and go: one connection to each process
// that rows are sent to, and one from each that sends some. What goes over them is
// package flow's.
//
// The address of a node is the path of a Unix socket; or where it has a Wire, tcp: and the
// address of that, and then, if it is on the coordinator's machine, a space and the path.
type links struct {
	env     *env.Env
	wire    Wire // nil on a cluster of one machine
	local   bool // Unix sockets of others are reached
	address string
	list    []net.Listener
	wait    sync.WaitGroup
}

const tcpPrefix = "tcp:"

// newLinks listens for other processes' rows: at a Unix socket unless path is "", and over
// a wire if there is one.
func newLinks(e *env.Env, path string, wire Wire, log func(string)) (*links, error) {
	k := &links{env: e, wire: wire, local: path != "", address: path}
	if path != "" {
		l, err := listenUnix(path)
		if err != nil {
			return nil, err
		}
		k.list = append(k.list, l)
	}
	if wire != nil {
		l, address, err := wire.Listen(log)
		if err != nil {
			k.close()
			return nil, err
		}
		k.list = append(k.list, l)
		k.address = strings.TrimSuffix(tcpPrefix+address+" "+path, " ")
	}
	return k, nil
}

// socketBytes is the size of a socket's buffers: a few batches, so that sender and
// receiver need not take turns.
const socketBytes = 1 << 20

// Address is where other processes reach this one.
func (k *links) Address() string { return k.address }

// Dial opens a connection for rows to another process.
func (k *links) Dial(address string) (flow.RowConn, error) {
	path := address
	if far, ok := strings.CutPrefix(address, tcpPrefix); ok {
		far, path, _ = strings.Cut(far, " ")
		if path == "" || !k.local {
			if k.wire == nil {
				return nil, diag.New(diag.Internal, "no way to a node of another machine")
			}
			c, err := k.wire.Rows(context.Background(), far)
			if err != nil {
				return nil, err
			}
			return conn(c), nil
		}
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		return nil, diag.Wrap(diag.IO, err, "cannot reach another node for rows")
	}
	return conn(c), nil
}

// serve hands the connections that come to who takes them.
func (k *links) serve(to interface{ Accept(c flow.RowConn) }) {
	for _, l := range k.list {
		k.wait.Go(func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				to.Accept(conn(c))
			}
		})
	}
}

func (k *links) close() {
	for _, l := range k.list {
		l.Close()
	}
	k.wait.Wait()
}

// rowConn writes several pieces of memory with one call.
type rowConn struct {
	net.Conn
	pieces net.Buffers
}

// wireConn is a connection of a Wire. One that nothing comes over any more may still look
// whole, so it is watched.
type wireConn struct{ flow.RowConn }

// Watched tells package flow to send signs of life.
func (wireConn) Watched() {}

func conn(c net.Conn) flow.RowConn {
	if w, ok := c.(flow.RowConn); ok {
		return wireConn{w}
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		return wireConn{&rowConn{Conn: c}}
	}
	_ = u.SetWriteBuffer(socketBytes)
	_ = u.SetReadBuffer(socketBytes)
	return &rowConn{Conn: c}
}

// WriteAll writes all pieces. It is called from one goroutine at a time.
func (c *rowConn) WriteAll(pieces [][]byte) error {
	c.pieces = append(c.pieces[:0], pieces...)
	all := c.pieces
	_, err := all.WriteTo(c.Conn)
	return err
}
