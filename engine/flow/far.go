package flow

import "io"

// Tasks of a job may run in other processes, nodes of a cluster. Each process makes
// the whole attempt of the same graph, with all its tasks and channels, which are
// numbered alike; it steps its own tasks only, and the others stand in its attempt for
// their names and places. The coordinator has none of its own, but for jobs that
// cannot be sent.
//
// What a coordinator and its tasks say to each other is then bytes, see far_mail.go;
// channels whose ends are in two processes go over a connection, see far_rows.go. The
// coordinator's side is in far_coord.go, that of a node in station.go.

// NodeID names a process that runs tasks. One that takes the place of a dead one has
// its name and another number.
type NodeID struct {
	Name   string
	Number int64
}

// FarNode is a node process that is there.
type FarNode struct {
	NodeID
	Slots int
	// Address is where rows reach it.
	Address string
}

// Far reaches the node processes of a cluster. Its methods do not wait and may be
// called from any goroutine.
type Far interface {
	// Join is called once, by the cluster that Got and Lost are then told to.
	Join(end FarEnd)
	// Ready are the nodes that are there, by name.
	Ready() []FarNode
	// Slots is how many all nodes have, those too that have died and may come back.
	Slots() int
	// Send gives a node a message. Messages to a node come in order; one to a node that
	// is not there any more is lost, which Lost tells.
	Send(to NodeID, message []byte)
	// Scratch is a folder that all nodes see, for checkpoints that go with their job.
	Scratch() string
}

// FarEnd hears of nodes. A node's messages come one at a time, in order.
type FarEnd interface {
	Got(from NodeID, message []byte)
	// Lost says that a node is gone or has been given up on: none of its tasks takes a
	// step any more.
	Lost(n NodeID, why error)
}

// Rows opens connections for rows between processes.
type Rows interface {
	// Address is where others reach this process.
	Address() string
	Dial(address string) (RowConn, error)
}

// RowConn is a connection for rows. Reading and writing are done by one goroutine each.
type RowConn interface {
	io.Reader
	// WriteAll writes pieces of memory, in order. They are not kept.
	WriteAll(pieces [][]byte) error
	Close() error
}

// BuildFunc makes the graph of a job in a node process. parcel is what the engine of
// the coordinator sent (Config.Parcel). release is called once, when the node's tasks of
// the graph are closed; it is nil with an error.
type BuildFunc func(parcel []byte) (g *Graph, release func(), err error)
