// Package flow runs jobs: it moves batches between running operators, keeps time,
// takes checkpoints and brings a job back after a failure.
//
// A job is a Graph of vertices; each vertex runs as Parallelism tasks. A task is a
// state machine: it owns a tree of operators, takes one event a step and starts
// nothing and waits for nothing by itself. The coordinator, which runs the
// checkpoint protocol, is a state machine too. Two hosts drive the same machines:
// the threaded one (Cluster, worker goroutines, real clock and disk) and the
// simulated one (Sim, one goroutine, seeded choices, virtual clock, model disk and
// network). A third, Replay, executes a recorded run again on one goroutine and
// compares.
//
// Between tasks rows move in channels with credits: a channel owns a few batches,
// the sender fills one, the receiver gives it back. Watermarks lie as marks between
// the rows of a batch; barriers travel in the channels, in order.
//
// flow looks into batches only where rows are dealt to channels. It never reads a
// clock in a task: time comes from the host, once a step, and is recorded.
//
// Begin with Graph in graph.go and Cluster in cluster.go; inside, with task in
// task.go, then barrier.go, exchange.go and coord.go.
package flow
