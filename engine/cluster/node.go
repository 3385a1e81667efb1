package cluster

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/state"
)

// NodeOptions are those of a node process.
type NodeOptions struct {
	// Env is the outside; nil is the real one.
	Env *env.Env
	// Name of the node, unique in its cluster, such as node-1.
	Name string
	// Dir is the cluster's folder, where the coordinator's socket is.
	Dir string
	// Wire, if set, reaches nodes of other machines.
	Wire Wire
	// Remote is a node of another machine than the coordinator's: it reaches it over Wire,
	// and there are no sockets.
	Remote bool
	// Patience is how long a Remote node looks for a coordinator; 0 is for ever.
	Patience time.Duration
	// Slots is how many slots the node has; 0 is 1.
	Slots int
	// Workers is the number of goroutines that run tasks; 0 as in flow.ClusterOptions.
	Workers int
	// SpillDir is a folder of this process for state that does not fit in memory.
	SpillDir string
	// StatePool bounds the state of all jobs in this process; may be nil.
	StatePool *state.Pool
	// Build makes the graph of a job from what the coordinator's engine sent. It must
	// give the graph that the coordinator has.
	Build flow.BuildFunc
	// Answer, if set, answers what the coordinator asks about the process (Coordinator.Ask).
	// It may take its time; ctx ends with the life with the coordinator.
	Answer func(ctx context.Context, question []byte) ([]byte, error)
	// Attached, if set, is called each time the node has attached to a coordinator.
	Attached func()
	// Log takes notices, and Tasks those of single tasks; may be nil.
	Log   func(text string)
	Tasks func(n flow.TaskNote)
}

// Serve runs a node until ctx ends: it attaches to the coordinator, runs the tasks it
// is given, and attaches again when the coordinator is gone, for as long as it takes.
// It returns nil when ctx has ended, after its tasks have been closed. A Remote node also
// ends when the cluster does, and fails when the coordinator never took it, or has not been
// reached for as long as its patience.
func Serve(ctx context.Context, o NodeOptions) error {
	if o.Env == nil {
		o.Env = env.OS("")
	}
	if o.Slots <= 0 {
		o.Slots = 1
	}
	path := ""
	if !o.Remote {
		path = socketAt(o.Dir, fmt.Sprintf("rows-%s-%d.sock", o.Name, os.Getpid()))
	}
	links, err := newLinks(o.Env, path, o.Wire, func(text string) {
		if o.Log != nil {
			o.Log("rows: " + text)
		}
	})
	if err != nil {
		return err
	}
	defer links.close()
	n := &node{opt: o, links: links}
	n.station = flow.NewStation(o.Env, flow.StationOptions{
		Node: o.Name, Workers: o.Workers, SpillDir: o.SpillDir, StatePool: o.StatePool, Build: o.Build, Log: o.Log, Tasks: o.Tasks, Rows: links,
	})
	links.serve(n.station)
	defer n.station.Close()
	said := ""
	last := o.Env.Clock.Mono()
	for ctx.Err() == nil {
		err := n.attached(ctx)
		// Whatever the reason: the coordinator has given this node up, or is gone.
		n.station.Drop()
		if ctx.Err() != nil {
			break
		}
		if o.Remote {
			now := o.Env.Clock.Mono()
			if n.taken {
				n.was, n.taken, last = true, false, now
			}
			if errors.Is(err, errBye) {
				return nil
			}
			if !n.was || o.Patience > 0 && now-last > int64(o.Patience) {
				return err
			}
		}
		if text := err.Error(); o.Log != nil && text != said {
			said = text
			o.Log("node " + o.Name + ": " + text)
		}
		select {
		case <-ctx.Done():
		case <-time.After(attachAgain):
		}
	}
	return nil
}

// attachAgain is the time between two tries to attach.
const attachAgain = 50 * time.Millisecond

type node struct {
	opt     NodeOptions
	links   *links
	station *flow.Station
	dialed  atomic.Pointer[error] // how the newest try to connect went
	// taken is set by a coordinator that takes the node, was once one has.
	taken, was bool
	answers    *answers // of this life
}

// errBye says that the cluster has ended.
var errBye = errors.New("the cluster has ended")

// welcomeWithin is how long a coordinator may take to say whether it takes the node.
const welcomeWithin = 10 * time.Second

// target is where gRPC finds the coordinator.
func (n *node) target() (string, []grpc.DialOption) {
	if !n.opt.Remote {
		return "unix:" + Socket(n.opt.Dir), nil
	}
	// The connection is secured before gRPC gets it.
	return "passthrough:///coordinator", []grpc.DialOption{grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
		c, err := n.opt.Wire.Control(ctx)
		n.dialed.Store(&err)
		return c, err
	})}
}

// unreached is the error of a call to the coordinator, told by what is known best of it.
func (n *node) unreached(err error) error {
	if e := n.dialed.Load(); e != nil && *e != nil {
		return *e
	}
	return refused(err, "cannot reach the coordinator")
}

// refused is what a coordinator says, without gRPC's words around it.
func refused(err error, what string) error {
	if s, ok := status.FromError(err); ok && s.Code() == codes.Unknown {
		return diag.New(diag.Config, "the coordinator refuses this node: %s", s.Message())
	}
	return diag.Wrap(diag.IO, err, "%s", what)
}

// attached is one life of the control stream. It returns why it ended.
func (n *node) attached(ctx context.Context) error {
	target, how := n.target()
	conn, err := grpc.NewClient(target, append(how,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(rawCodec{}), grpc.MaxCallRecvMsgSize(messageMax)))...)
	if err != nil {
		return diag.Wrap(diag.IO, err, "cannot reach the coordinator")
	}
	defer conn.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	late := time.AfterFunc(welcomeWithin, cancel)
	defer late.Stop()
	cs, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, attachMethod)
	if err != nil {
		return n.unreached(err)
	}
	s := stream{s: cs}
	clock := n.opt.Env.Clock
	began := clock.Mono()
	if err := s.send(encodeHello(hello{name: n.opt.Name, pid: os.Getpid(), slots: n.opt.Slots, address: n.links.address})); err != nil {
		return n.unreached(err)
	}
	first, err := s.recv()
	if err != nil {
		return refused(err, "the coordinator did not take the node")
	}
	if l, ok := decodeLook(first); ok {
		bad := n.see(l)
		why := ""
		if bad != nil {
			why = bad.Error()
		}
		began = clock.Mono()
		if err := s.send(appendText([]byte{msgSeen}, why)); err != nil {
			return refused(err, "the coordinator did not take the node")
		}
		if bad != nil {
			_, _ = s.recv() // until it has heard it
			return bad
		}
		if first, err = s.recv(); err != nil {
			return refused(err, "the coordinator did not take the node")
		}
	}
	w, ok := decodeWelcome(first)
	if !ok {
		return diag.New(diag.Internal, "the coordinator's first message is damaged")
	}
	late.Stop()
	n.taken, n.answers = true, &answers{}
	out := newQueue()
	defer out.close()
	// The lease counts from before the hello was sent, and the coordinator's from when
	// it came: so it ends here first.
	n.station.Attach(began+int64(w.lease), func(m []byte) {
		out.put(append([]byte{msgFlow}, m...))
	})
	if n.opt.Attached != nil {
		n.opt.Attached()
	}
	go func() {
		for {
			m, ok := out.take()
			if !ok || s.send(m) != nil {
				cancel()
				return
			}
		}
	}()
	go func() {
		for ctx.Err() == nil {
			if clock.Mono() > n.station.Until() {
				// The coordinator does not answer, or this process was stopped: by now it
				// may have given the node up.
				cancel()
				return
			}
			out.put(binary.LittleEndian.AppendUint64([]byte{msgBeat}, uint64(clock.Mono())))
			clock.Sleep(w.lease / 5)
		}
	}()
	for {
		m, err := s.recv()
		if err != nil {
			return diag.Wrap(diag.IO, err, "the coordinator is gone")
		}
		switch {
		case len(m) == 9 && m[0] == msgBeatBack:
			// The coordinator heard the beat, so it waits for another lease from then on.
			n.station.Lease(int64(binary.LittleEndian.Uint64(m[1:])) + int64(w.lease))
		case len(m) > 0 && m[0] == msgBye && n.opt.Remote:
			return errBye
		case len(m) > 0 && m[0] == msgAsk:
			n.asked(ctx, m[1:], out.put)
		case len(m) > 0 && m[0] == msgFlow:
			n.station.Got(m[1:])
		}
	}
}
