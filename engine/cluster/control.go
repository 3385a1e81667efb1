package cluster

import (
	"context"
	"encoding/binary"
	"hash/fnv"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding"
	grpcpeer "google.golang.org/grpc/peer"

	"github.com/minkstream/mink/engine/diag"
)

// The control stream is gRPC's: one call, mink.cluster.v1.Control/Attach, in which both
// sides send messages for as long as the node is there. A message is bytes; the first
// says what it is.
//
//	node → coordinator   hello (first), seen, beat, flow, answer
//	coordinator → node   welcome (first), beatBack, flow, ask, bye
//
// A node of another machine is asked look before it is welcome, and answers seen.
const (
	msgHello byte = iota + 1
	msgWelcome
	msgBeat     // 8 bytes: the node's clock
	msgBeatBack // the same bytes again
	msgFlow     // a message of package flow
	msgLook     // files to look for: see shared.go
	msgSeen     // what is wrong with them, as text
	msgBye      // the cluster ends
	msgAsk      // a question about the process, or for more of an answer: see ask.go
	msgAnswer   // a piece of the answer
)

// protocol is the version of all messages: both sides are one binary.
const protocol = 5

// messageMax bounds a message: a plan's text, or what the tasks keep in a checkpoint's
// metadata.
const messageMax = 256 << 20

// rawCodec passes bytes through.
type rawCodec struct{}

func (rawCodec) Name() string { return "mink" }

func (rawCodec) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }

func (rawCodec) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}

var _ encoding.Codec = rawCodec{}

// stream is one side of the control stream.
type stream struct {
	s interface {
		SendMsg(m any) error
		RecvMsg(m any) error
	}
	// peer and from are who the other end has shown to be, and its address; "" by the
	// socket.
	peer, from string
}

func (s stream) send(m []byte) error { return s.s.SendMsg(&m) }

func (s stream) recv() ([]byte, error) {
	var m []byte
	err := s.s.RecvMsg(&m)
	return m, err
}

const attachMethod = "/mink.cluster.v1.Control/Attach"

// serveControl serves attach to every node that comes by one of the listeners; the
// connections of doors are Peered.
func serveControl(attach func(stream) error, l net.Listener, doors []net.Listener) *grpc.Server {
	s := grpc.NewServer(grpc.ForceServerCodec(rawCodec{}), grpc.MaxRecvMsgSize(messageMax), grpc.Creds(shown{}))
	s.RegisterService(&grpc.ServiceDesc{
		ServiceName: "mink.cluster.v1.Control",
		HandlerType: (*any)(nil),
		Streams: []grpc.StreamDesc{{
			StreamName: "Attach", ServerStreams: true, ClientStreams: true,
			Handler: func(_ any, ss grpc.ServerStream) error {
				st := stream{s: ss}
				if p, ok := grpcpeer.FromContext(ss.Context()); ok {
					if who, ok := p.AuthInfo.(shownPeer); ok {
						st.peer, st.from = who.name, p.Addr.String()
					}
				}
				return attach(st)
			},
		}},
	}, nil)
	for _, l := range append(doors, l) {
		go s.Serve(l) //nolint:errcheck // it ends with Stop
	}
	return s
}

// shown are gRPC's credentials of connections that are secured before gRPC has them: by
// TLS, whose certificates say who is there, or by the rights of a socket.
type shown struct{}

type shownPeer struct {
	credentials.CommonAuthInfo
	name string
}

func (shownPeer) AuthType() string { return "mink" }

func (shown) ServerHandshake(c net.Conn) (net.Conn, credentials.AuthInfo, error) {
	if p, ok := c.(Peered); ok {
		return c, shownPeer{credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}, p.Peer()}, nil
	}
	return c, nil, nil
}

func (shown) ClientHandshake(_ context.Context, _ string, c net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return c, nil, nil
}

func (shown) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "mink"}
}
func (s shown) Clone() credentials.TransportCredentials { return s }
func (shown) OverrideServerName(string) error           { return nil }

// hello is how a node says who it is.
type hello struct {
	name    string
	pid     int
	slots   int
	address string
}

func encodeHello(h hello) []byte {
	b := binary.AppendUvarint([]byte{msgHello}, protocol)
	b = appendText(b, h.name)
	b = binary.AppendUvarint(b, uint64(h.pid))
	b = binary.AppendUvarint(b, uint64(h.slots))
	return appendText(b, h.address)
}

func decodeHello(b []byte) (hello, error) {
	r := reader{b: b}
	if r.byte() != msgHello || r.num() != protocol {
		return hello{}, diag.New(diag.Config, "the node speaks another version of the protocol").
			WithHint("run the same mink on all nodes")
	}
	h := hello{name: r.text(), pid: int(r.num()), slots: int(r.num()), address: r.text()}
	if r.bad || h.name == "" || h.slots < 1 {
		return hello{}, diag.New(diag.Internal, "the node's first message is damaged")
	}
	return h, nil
}

// welcome is the coordinator's answer.
type welcome struct {
	number int64
	lease  time.Duration
}

func encodeWelcome(w welcome) []byte {
	b := binary.AppendUvarint([]byte{msgWelcome}, uint64(w.number))
	return binary.AppendUvarint(b, uint64(w.lease))
}

func decodeWelcome(b []byte) (welcome, bool) {
	r := reader{b: b}
	if r.byte() != msgWelcome {
		return welcome{}, false
	}
	w := welcome{number: int64(r.num()), lease: time.Duration(r.num())}
	return w, !r.bad && w.lease > 0
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// reader takes messages apart; bad is set where they are too short.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.bad = true
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *reader) num() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) text() string {
	n := r.num()
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

func hashText(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return h.Sum64()
}

// ownFolder reports that nobody else can put things in place of the user's sockets.
func ownFolder(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return !ok || int(s.Uid) == os.Getuid() && info.Mode().Perm()&0o022 == 0
}
