package gateway

import (
	"time"

	"github.com/minkstream/mink/engine/batch"
)

// JobStatus is what is known of a job.
type JobStatus struct {
	ID, Name, State string
	Started, Ended  time.Time
	Err             error
	Vertices        []VertexStatus
	Checkpoints     CheckpointStatus
	// Late is the number of rows dropped because they came late.
	Late int64
	// BadRecords is the number of input records left out because they could not be
	// decoded and the table's options say so; LastBadRecord tells about one of them.
	BadRecords    int64
	LastBadRecord string
	// Uncounted: the cluster does not say how many rows the sinks wrote.
	Uncounted bool
	// Restarts counts attempts after the first.
	Restarts int
	// AlreadyFinished: its checkpoint directory says that the job came to its end in
	// an earlier run, so there was nothing to do.
	AlreadyFinished bool
	Nodes           int
	// Held: the job stands still, for whoever looks at it.
	Held bool
	// Batch tells a job over bounded input from one that streams.
	Batch bool
	// MaxParallelism is the number of key groups.
	MaxParallelism int
	// Since is when the job came into a state, by the state's name.
	Since map[string]time.Time
	// Failures are the newest ones, newest first; those that the job recovered from too.
	Failures []Failure
	// Settings are what the session had set when the job was submitted. Secrets are in it.
	Settings map[string]string
}

// Failure is what ended an attempt of a job.
type Failure struct {
	At  time.Time
	Err error
}

// VertexStatus sums the subtasks of one vertex of a job.
type VertexStatus struct {
	ID          int
	Name        string
	Parallelism int
	// RowsIn and RowsOut count rows taken from and given to other vertices.
	RowsIn, RowsOut int64
	// BytesIn and BytesOut are those of these rows, as they lie in columns.
	BytesIn, BytesOut int64
	// SourceRows were read by the vertex, SinkRows written by it.
	SourceRows, SinkRows int64
	// Watermark in milliseconds, batch.NoWatermark before the first.
	Watermark int64
	Source    bool
	Sink      bool
	// Timed: the source's table declares a watermark.
	Timed bool
	// Busy is the share of time spent in steps, 0 to 1 per subtask, summed.
	Busy       float64
	StateBytes int64
	// UID names the vertex, the same in each run of the statement.
	UID string
	// Tables are those that the vertex writes to, by their whole paths.
	Tables []string
	// Inputs are the exchanges that lead to the vertex.
	Inputs []InputStatus
	// Subtasks are those of the running attempt, in order.
	Subtasks []SubtaskStatus
}

// InputStatus is an exchange from another vertex.
type InputStatus struct {
	From int
	Ship string // how rows are dealt, such as hash
}

// SubtaskStatus is a picture of one subtask.
type SubtaskStatus struct {
	Index, Attempt int
	State, Node    string
	// As in VertexStatus.
	RowsIn, RowsOut   int64
	BytesIn, BytesOut int64
	Watermark         int64
	// Busy, Blocked and Waiting are the shares of its time in steps, without room to go
	// on, and without input; together 1, or 0 before it runs.
	Busy, Blocked, Waiting float64
	// Uptime since the subtask began to run.
	Uptime     time.Duration
	StateBytes int64
	Operators  []OperatorStatus
}

// OperatorStatus is a picture of an operator within a subtask.
type OperatorStatus struct {
	UID, Name       string
	RowsIn, RowsOut int64
	Watermark       int64
	Late            int64
	BadRecords      int64
	Source, Sink    bool
}

// CheckpointStatus sums the checkpoints of a job.
type CheckpointStatus struct {
	Completed, Failed int64
	LastBytes         int64
	// MostBytes is the size of the largest of the newest checkpoints: the last one of
	// a job that ends is almost empty.
	MostBytes    int64
	LastDuration time.Duration
	RestoredFrom int64
	// MeanDuration and MeanBytes are means over the newest completed ones: how long
	// one took, and what it wrote.
	MeanDuration time.Duration
	MeanBytes    int64
	Triggered    int64
	InProgress   int
	// History are the newest ones, newest first.
	History []Checkpoint
	// Config is how they are taken.
	Config CheckpointConfig
}

// Checkpoint is one checkpoint or savepoint.
type Checkpoint struct {
	ID        int64
	State     string // IN_PROGRESS, COMPLETED, FAILED
	Savepoint bool
	Triggered time.Time
	Duration  time.Duration
	// Bytes written by it and referenced by it.
	DeltaBytes, FullBytes int64
	Acked, Subtasks       int
	Path, Failure         string
	// Parts are those of the subtasks, in order of vertex and subtask; nil where they are
	// not known.
	Parts []CheckpointPart
}

// CheckpointPart is what a subtask has to do with a checkpoint.
type CheckpointPart struct {
	// Vertex is the ID of a VertexStatus.
	Vertex, Subtask int
	// Acked is when its part was there; zero when it is not, and then nothing below is
	// known.
	Acked time.Time
	// Bytes written for it and referenced by it.
	DeltaBytes, FullBytes int64
	// Align is the time from the first barrier to the last, Sync that in which the subtask
	// took no rows, and Async that of writing.
	Align, Sync, Async time.Duration
}

// CheckpointConfig is how checkpoints of a job are taken; an Interval of 0 takes none.
type CheckpointConfig struct {
	Interval, Timeout, MinPause time.Duration
	TolerableFailures, Retained int
	DeleteOnCancel              bool
	Dir                         string // "" is memory
}

// ClusterStatus is what is known of a cluster.
type ClusterStatus struct {
	// Version is what the cluster says its version is.
	Version string
	Nodes   []NodeStatus
}

// NodeStatus is a picture of a node. Slots is 0 for as many as are needed.
type NodeStatus struct {
	Name        string
	Slots, Used int
	Alive       bool
}

// Watermark is the least watermark of the sources that declare one, or
// batch.NoWatermark.
func (j *JobStatus) Watermark() int64 {
	wm, any := batch.NoWatermark, false
	for _, v := range j.Vertices {
		if !v.Timed {
			continue
		}
		if !any || v.Watermark < wm {
			wm, any = v.Watermark, true
		}
	}
	return wm
}
