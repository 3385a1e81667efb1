package flow

import (
	"time"

	"github.com/minkstream/mink/engine/diag"
)

// State is where a job or task is in its life. Names are Flink's.
type State uint8

// States of jobs and tasks.
const (
	Created State = iota
	Initializing
	Running
	Failing
	Restarting
	Cancelling
	Finished
	Failed
	Cancelled
)

var stateNames = [...]string{"CREATED", "INITIALIZING", "RUNNING", "FAILING", "RESTARTING", "CANCELLING", "FINISHED", "FAILED", "CANCELED"}

// String gives the name used by the REST interface.
func (s State) String() string { return stateNames[s] }

// Ended reports a state that a job does not leave.
func (s State) Ended() bool { return s == Finished || s == Failed || s == Cancelled }

// Status is a picture of a job. Parts of it are taken at slightly different
// moments while the job runs.
type Status struct {
	ID, Name string
	State    State
	// Started and Ended are milliseconds since the epoch; Ended is 0 while it runs.
	Started, Ended int64
	Attempt        int64
	Restarts       int
	// AlreadyFinished: the job's folder says that it came to its end in an earlier
	// run; nothing was done.
	AlreadyFinished bool
	// Held: the job stands still, for whoever looks at it.
	Held bool
	// Err is the failure that ended the job, or the last one it recovered from.
	Err *diag.Error
	// Since is when the job came into each state, in milliseconds since the epoch; 0
	// for states that it was never in.
	Since [Cancelled + 1]int64
	// Failures are the newest ones, at most 16, newest first.
	Failures []Failure
	Tasks    []TaskStatus
	// Checkpoints are the counters and the newest of them first, at most 20.
	Checkpoints CheckpointStats
}

// Failure is what ended an attempt of a job.
type Failure struct {
	// At is in milliseconds since the epoch.
	At  int64
	Err *diag.Error
}

// TaskStatus is a picture of a subtask.
type TaskStatus struct {
	Vertex, Subtask int
	Node            string // node of the cluster
	State           State
	Attempt         int64
	Steps           int64
	// RowsIn and RowsOut count rows taken from and given to channels, or read by
	// a source and written by a sink.
	RowsIn, RowsOut, BatchesIn, BatchesOut int64
	// BytesIn and BytesOut are those of the rows taken from and given to channels, as
	// batch.Batch.Bytes counts them; what went to several receivers counts for each.
	BytesIn, BytesOut int64
	// Watermark is the combined input watermark; batch.NoWatermark before the
	// first.
	Watermark int64
	Idle      bool
	// Busy, Blocked and Waiting are shares of the time since the task started:
	// in steps, without credits to go on, and without input. Busy in nanoseconds.
	BusyNanos, BlockedNanos, UptimeNanos int64
	// StateBytes is what keyed state holds in memory, SpilledBytes what has left it
	// for disk since the task started.
	StateBytes, SpilledBytes int64
	Ops                      []OpStatus
}

// OpStatus is a picture of an operator in a subtask; Node -1 is the reader.
type OpStatus struct {
	Node              int
	UID, Name         string
	RowsIn, RowsOut   int64
	Watermark         int64
	Late              int64
	Counters          []Counter
	Timers            int
	Splits            []SplitStatus // of a source
	BadRecords        int64
	LastBadRecord     string
	PendingCommittals int
}

// Counter is a named count of an operator.
type Counter struct {
	Name  string
	Value int64
}

// SplitStatus is a picture of a split.
type SplitStatus struct {
	ID        string
	Watermark int64
	Ended     bool
	Idle      bool
	Paused    bool // by watermark alignment
}

// CheckpointStats are the counters of a job's checkpoints and the newest of them.
type CheckpointStats struct {
	Triggered, Completed, Failed int
	Restored                     int64 // number restored from, 0 if none
	InProgress                   int
	History                      []CheckpointStatus
}

// CheckpointStatus is one checkpoint.
type CheckpointStatus struct {
	ID        int64
	State     string // IN_PROGRESS, COMPLETED, FAILED
	Savepoint bool
	Final     bool
	// Triggered is in milliseconds since the epoch.
	Triggered int64
	Duration  time.Duration
	// Bytes written by it (Delta) and referenced by it (Full).
	DeltaBytes, FullBytes int64
	Acked, Tasks          int
	Path                  string
	Failure               string
	// Parts are those of the subtasks, in order of vertex and subtask.
	Parts []CheckpointPart
}

// CheckpointPart is what a subtask has to do with a checkpoint.
type CheckpointPart struct {
	Vertex, Subtask int
	// Acked is when the coordinator heard that the part is there, in milliseconds since the
	// epoch; 0 when it has not, and then nothing below is known.
	Acked int64
	// Bytes written for it (Delta) and referenced by it (Full).
	DeltaBytes, FullBytes int64
	// Align is the time from the first barrier to the last, Sync that in which the subtask
	// took no rows, and Async that of writing, while it did, unless its sink waits for that.
	Align, Sync, Async time.Duration
}
