package wire

import (
	"math"
	"strconv"
	"strings"
)

// Bodies of the JobManager's interface. Maps stand where keys are states or ids.
type (
	// Overview of the cluster.
	Overview struct {
		TaskManagers   int    `json:"taskmanagers"`
		SlotsTotal     int    `json:"slots-total"`
		SlotsAvailable int    `json:"slots-available"`
		Running        int    `json:"jobs-running"`
		Finished       int    `json:"jobs-finished"`
		Cancelled      int    `json:"jobs-cancelled"`
		Failed         int    `json:"jobs-failed"`
		Version        string `json:"flink-version"`
		Commit         string `json:"flink-commit"`
	}
	// Dashboard is what a web interface asks first.
	Dashboard struct {
		RefreshInterval int64           `json:"refresh-interval"`
		ZoneName        string          `json:"timezone-name"`
		ZoneOffset      int             `json:"timezone-offset"`
		Version         string          `json:"flink-version"`
		Revision        string          `json:"flink-revision"`
		Features        map[string]bool `json:"features"`
	}
	// JobIDs lists jobs.
	JobIDs struct {
		Jobs []JobID `json:"jobs"`
	}
	// JobID is a job and its state.
	JobID struct {
		ID     string `json:"id"`
		Status string `json:"status"`
	}
	// Jobs lists jobs with more of each.
	Jobs struct {
		Jobs []JobLine `json:"jobs"`
	}
	// JobLine is a job in a list. Times are milliseconds, -1 for none.
	JobLine struct {
		ID               string         `json:"jid"`
		Name             string         `json:"name"`
		Type             string         `json:"jobType"`
		Scheduler        string         `json:"schedulerType"`
		Start            int64          `json:"start-time"`
		End              int64          `json:"end-time"`
		Duration         int64          `json:"duration"`
		State            string         `json:"state"`
		LastModification int64          `json:"last-modification"`
		Tasks            map[string]int `json:"tasks"`
		PendingOperators int            `json:"pending-operators"`
	}
	// Job is all of a job.
	Job struct {
		ID               string           `json:"jid"`
		Application      string           `json:"application-id,omitempty"`
		Name             string           `json:"name"`
		Stoppable        bool             `json:"isStoppable"`
		State            string           `json:"state"`
		Type             string           `json:"job-type"`
		Scheduler        string           `json:"schedulerType"`
		Start            int64            `json:"start-time"`
		End              int64            `json:"end-time"`
		Duration         int64            `json:"duration"`
		MaxParallelism   int              `json:"maxParallelism"`
		Now              int64            `json:"now"`
		Timestamps       map[string]int64 `json:"timestamps"`
		Vertices         []Vertex         `json:"vertices"`
		StatusCounts     map[string]int   `json:"status-counts"`
		Plan             Plan             `json:"plan"`
		PendingOperators int              `json:"pending-operators"`
	}
	// Vertex of a job.
	Vertex struct {
		ID             string         `json:"id"`
		Group          string         `json:"slotSharingGroupId"`
		Name           string         `json:"name"`
		MaxParallelism int            `json:"maxParallelism"`
		Parallelism    int            `json:"parallelism"`
		Status         string         `json:"status"`
		Start          int64          `json:"start-time"`
		End            int64          `json:"end-time"`
		Duration       int64          `json:"duration"`
		Tasks          map[string]int `json:"tasks"`
		Metrics        IO             `json:"metrics"`
	}
	// IO counts what went through a vertex or a subtask.
	IO struct {
		ReadBytes            int64 `json:"read-bytes"`
		ReadBytesComplete    bool  `json:"read-bytes-complete"`
		WriteBytes           int64 `json:"write-bytes"`
		WriteBytesComplete   bool  `json:"write-bytes-complete"`
		ReadRecords          int64 `json:"read-records"`
		ReadRecordsComplete  bool  `json:"read-records-complete"`
		WriteRecords         int64 `json:"write-records"`
		WriteRecordsComplete bool  `json:"write-records-complete"`
		Backpressured        int64 `json:"accumulated-backpressured-time"`
		Idle                 int64 `json:"accumulated-idle-time"`
		Busy                 Float `json:"accumulated-busy-time"`
	}
	// Plan of a job.
	Plan struct {
		ID    string     `json:"jid"`
		Name  string     `json:"name"`
		Type  string     `json:"type"`
		Nodes []PlanNode `json:"nodes"`
	}
	// PlanNode is a vertex in a plan.
	PlanNode struct {
		ID          string      `json:"id"`
		Operator    string      `json:"operator"`
		Parallelism int         `json:"parallelism"`
		Strategy    string      `json:"operator_strategy"`
		Description string      `json:"description"`
		Properties  struct{}    `json:"optimizer_properties"`
		Inputs      []PlanInput `json:"inputs,omitempty"`
	}
	// PlanInput is an edge of a plan.
	PlanInput struct {
		ID       string `json:"id"`
		Num      int    `json:"num"`
		Exchange string `json:"exchange"`
		Ship     string `json:"ship_strategy"`
	}
	// Exceptions of a job, newest first.
	Exceptions struct {
		History struct {
			Entries   []Exception `json:"entries"`
			Truncated bool        `json:"truncated"`
		} `json:"exceptionHistory"`
	}
	// Exception is a failure.
	Exception struct {
		Name        string            `json:"exceptionName"`
		Stacktrace  string            `json:"stacktrace"`
		Timestamp   int64             `json:"timestamp"`
		Labels      map[string]string `json:"failureLabels"`
		TaskName    string            `json:"taskName,omitempty"`
		Endpoint    string            `json:"endpoint,omitempty"`
		TaskManager string            `json:"taskManagerId,omitempty"`
		Concurrent  []Exception       `json:"concurrentExceptions"`
	}
	// Checkpoints of a job.
	Checkpoints struct {
		Counts struct {
			Restored   int64 `json:"restored"`
			Total      int64 `json:"total"`
			InProgress int   `json:"in_progress"`
			Completed  int64 `json:"completed"`
			Failed     int64 `json:"failed"`
		} `json:"counts"`
		Summary map[string]Summary `json:"summary"`
		Latest  struct {
			Completed *Checkpoint `json:"completed"`
			Savepoint *Checkpoint `json:"savepoint"`
			Failed    *Checkpoint `json:"failed"`
			Restored  *Restored   `json:"restored"`
		} `json:"latest"`
		History []Checkpoint `json:"history"`
	}
	// Summary of a figure over checkpoints.
	Summary struct {
		Min  int64 `json:"min"`
		Max  int64 `json:"max"`
		Avg  int64 `json:"avg"`
		P50  Float `json:"p50"`
		P90  Float `json:"p90"`
		P95  Float `json:"p95"`
		P99  Float `json:"p99"`
		P999 Float `json:"p999"`
	}
	// Checkpoint is one of them. External stands on completed ones, Failure on failed.
	Checkpoint struct {
		Class            string                    `json:"className"`
		ID               int64                     `json:"id"`
		Status           string                    `json:"status"`
		Savepoint        bool                      `json:"is_savepoint"`
		Format           *string                   `json:"savepointFormat"`
		Trigger          int64                     `json:"trigger_timestamp"`
		LatestAck        int64                     `json:"latest_ack_timestamp"`
		Size             int64                     `json:"checkpointed_size"`
		StateSize        int64                     `json:"state_size"`
		Duration         int64                     `json:"end_to_end_duration"`
		Alignment        int64                     `json:"alignment_buffered"`
		Processed        int64                     `json:"processed_data"`
		Persisted        int64                     `json:"persisted_data"`
		Subtasks         int                       `json:"num_subtasks"`
		Acked            int                       `json:"num_acknowledged_subtasks"`
		Type             string                    `json:"checkpoint_type"`
		Tasks            map[string]TaskCheckpoint `json:"tasks"`
		External         *string                   `json:"external_path,omitempty"`
		Discarded        *bool                     `json:"discarded,omitempty"`
		FailureTimestamp *int64                    `json:"failure_timestamp,omitempty"`
		FailureMessage   *string                   `json:"failure_message,omitempty"`
	}
	// TaskCheckpoint is the part of a vertex.
	TaskCheckpoint struct {
		ID        int64  `json:"id"`
		Status    string `json:"status"`
		LatestAck int64  `json:"latest_ack_timestamp"`
		Size      int64  `json:"checkpointed_size"`
		StateSize int64  `json:"state_size"`
		Duration  int64  `json:"end_to_end_duration"`
		Alignment int64  `json:"alignment_buffered"`
		Processed int64  `json:"processed_data"`
		Persisted int64  `json:"persisted_data"`
		Subtasks  int    `json:"num_subtasks"`
		Acked     int    `json:"num_acknowledged_subtasks"`
	}
	// TaskCheckpointDetails is the part of a vertex with those of its subtasks.
	TaskCheckpointDetails struct {
		TaskCheckpoint
		Summary struct {
			Size     Summary `json:"checkpointed_size"`
			State    Summary `json:"state_size"`
			Duration Summary `json:"end_to_end_duration"`
			Took     struct {
				Sync  Summary `json:"sync"`
				Async Summary `json:"async"`
			} `json:"checkpoint_duration"`
			Alignment struct {
				Buffered  Summary `json:"buffered"`
				Processed Summary `json:"processed"`
				Persisted Summary `json:"persisted"`
				Duration  Summary `json:"duration"`
			} `json:"alignment"`
			Delay Summary `json:"start_delay"`
		} `json:"summary"`
		List []SubtaskCheckpoint `json:"subtasks"`
	}
	// SubtaskCheckpoint is the part of a subtask, without SubtaskAck while that is not there.
	SubtaskCheckpoint struct {
		Class  string `json:"className"`
		Index  int    `json:"index"`
		Status string `json:"status"`
		*SubtaskAck
	}
	// SubtaskAck is what a subtask has done for a checkpoint; times in milliseconds.
	SubtaskAck struct {
		At        int64 `json:"ack_timestamp"`
		Duration  int64 `json:"end_to_end_duration"`
		Size      int64 `json:"checkpointed_size"`
		StateSize int64 `json:"state_size"`
		Took      struct {
			Sync  int64 `json:"sync"`
			Async int64 `json:"async"`
		} `json:"checkpoint"`
		Alignment struct {
			Buffered  int64 `json:"buffered"`
			Processed int64 `json:"processed"`
			Persisted int64 `json:"persisted"`
			Duration  int64 `json:"duration"`
		} `json:"alignment"`
		Delay     int64 `json:"start_delay"`
		Unaligned bool  `json:"unaligned_checkpoint"`
		Aborted   bool  `json:"aborted"`
	}
	// Restored is the checkpoint that a job went on from.
	Restored struct {
		ID        int64  `json:"id"`
		Timestamp int64  `json:"restore_timestamp"`
		Savepoint bool   `json:"is_savepoint"`
		External  string `json:"external_path"`
	}
	// CheckpointConfig is how checkpoints are taken; times in milliseconds.
	CheckpointConfig struct {
		Mode            string `json:"mode"`
		Interval        int64  `json:"interval"`
		Timeout         int64  `json:"timeout"`
		MinPause        int64  `json:"min_pause"`
		MaxConcurrent   int    `json:"max_concurrent"`
		Externalization struct {
			Enabled              bool `json:"enabled"`
			DeleteOnCancellation bool `json:"delete_on_cancellation"`
		} `json:"externalization"`
		StateBackend     string `json:"state_backend"`
		Storage          string `json:"checkpoint_storage"`
		Unaligned        bool   `json:"unaligned_checkpoints"`
		TolerableFailed  int    `json:"tolerable_failed_checkpoints"`
		AlignedTimeout   int64  `json:"aligned_checkpoint_timeout"`
		AfterTasksFinish bool   `json:"checkpoints_after_tasks_finish"`
		Changelog        bool   `json:"state_changelog_enabled"`
		ChangelogPeriod  int64  `json:"changelog_periodic_materialization_interval"`
		ChangelogStorage string `json:"changelog_storage"`
	}
	// Trigger answers what goes on by itself.
	Trigger struct {
		ID string `json:"request-id"`
	}
	// Triggered is how far it is; the operation is null while it is under way.
	Triggered struct {
		Status struct {
			ID string `json:"id"`
		} `json:"status"`
		Operation *Outcome `json:"operation"`
	}
	// Outcome of a savepoint or checkpoint. Checkpoints say failureCause.
	Outcome struct {
		Location     string `json:"location,omitempty"`
		CheckpointID *int64 `json:"checkpointId,omitempty"`
		Failure      *Cause `json:"failure-cause,omitempty"`
		FailureToo   *Cause `json:"failureCause,omitempty"`
	}
	// Cause is an error as part of an answer.
	Cause struct {
		Class      string `json:"class"`
		Stacktrace string `json:"stack-trace"`
		Serialized string `json:"serialized-throwable,omitempty"`
	}
	// SavepointRequest asks for one.
	SavepointRequest struct {
		Dir       string `json:"target-directory,omitempty"`
		CancelJob bool   `json:"cancel-job"`
		Format    string `json:"formatType,omitempty"`
		TriggerID string `json:"triggerId,omitempty"`
	}
	// StopRequest asks for a savepoint and the end of the job.
	StopRequest struct {
		Dir       string `json:"targetDirectory,omitempty"`
		Drain     bool   `json:"drain"`
		Format    string `json:"formatType,omitempty"`
		TriggerID string `json:"triggerId,omitempty"`
	}
	// CheckpointRequest asks for a checkpoint.
	CheckpointRequest struct {
		Type      string `json:"checkpointType,omitempty"`
		TriggerID string `json:"triggerId,omitempty"`
	}
	// Metric is a figure by its name; Value is left out where names are listed.
	Metric struct {
		ID    string  `json:"id"`
		Value *string `json:"value,omitempty"`
	}
	// TaskManagers lists nodes.
	TaskManagers struct {
		TaskManagers []TaskManager `json:"taskmanagers"`
	}
	// Setting is an entry of a configuration.
	Setting struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	}
	// TaskManager is a node. What a node of mink has none of is 0.
	TaskManager struct {
		ID            string           `json:"id"`
		Path          string           `json:"path"`
		DataPort      int              `json:"dataPort"`
		JMXPort       int              `json:"jmxPort"`
		LastHeartbeat int64            `json:"timeSinceLastHeartbeat"`
		Slots         int              `json:"slotsNumber"`
		FreeSlots     int              `json:"freeSlots"`
		AssignedTasks int              `json:"assignedTasks"`
		Total         Resource         `json:"totalResource"`
		Free          Resource         `json:"freeResource"`
		Hardware      Hardware         `json:"hardware"`
		Memory        map[string]int64 `json:"memoryConfiguration"`
		Blocked       bool             `json:"blocked,omitempty"`
		Allocated     []AllocatedSlot  `json:"allocatedSlots,omitempty"`
		Metrics       map[string]any   `json:"metrics,omitempty"`
	}
	// Resource of a node or slot; memory in MiB.
	Resource struct {
		CPU      float64  `json:"cpuCores"`
		Heap     int64    `json:"taskHeapMemory"`
		OffHeap  int64    `json:"taskOffHeapMemory"`
		Managed  int64    `json:"managedMemory"`
		Network  int64    `json:"networkMemory"`
		Extended struct{} `json:"extendedResources"`
	}
	// Hardware of a node, in bytes.
	Hardware struct {
		CPU      int   `json:"cpuCores"`
		Physical int64 `json:"physicalMemory"`
		Free     int64 `json:"freeMemory"`
		Managed  int64 `json:"managedMemory"`
	}
	// AllocatedSlot is a slot that a job has.
	AllocatedSlot struct {
		Job           string   `json:"jobId"`
		Resource      Resource `json:"resource"`
		AssignedTasks int      `json:"assignedTasks"`
	}
	// Subtask of a vertex.
	Subtask struct {
		Subtask     int              `json:"subtask"`
		Status      string           `json:"status"`
		Attempt     int              `json:"attempt"`
		Endpoint    string           `json:"endpoint"`
		Start       int64            `json:"start-time"`
		End         int64            `json:"end-time"`
		Duration    int64            `json:"duration"`
		Metrics     IO               `json:"metrics"`
		TaskManager string           `json:"taskmanager-id"`
		Durations   map[string]int64 `json:"status-duration"`
		StartToo    int64            `json:"start_time"`
	}
	// VertexDetails are a vertex and its subtasks.
	VertexDetails struct {
		ID             string     `json:"id"`
		Name           string     `json:"name"`
		Parallelism    int        `json:"parallelism"`
		MaxParallelism int        `json:"maxParallelism"`
		Now            int64      `json:"now"`
		Subtasks       []Subtask  `json:"subtasks"`
		Aggregated     Aggregated `json:"aggregated"`
	}
	// Aggregated are figures over subtasks.
	Aggregated struct {
		Metrics   map[string]Spread `json:"metrics"`
		Durations map[string]Spread `json:"status-duration"`
	}
	// Spread of a figure over subtasks.
	Spread struct {
		Min    int64 `json:"min"`
		Max    int64 `json:"max"`
		Avg    int64 `json:"avg"`
		Sum    int64 `json:"sum"`
		Median int64 `json:"median"`
		P25    int64 `json:"p25"`
		P75    int64 `json:"p75"`
		P95    int64 `json:"p95"`
	}
	// Backpressure of a vertex.
	Backpressure struct {
		Status   string                `json:"status"`
		Level    string                `json:"backpressureLevel"`
		End      int64                 `json:"end-timestamp"`
		Subtasks []SubtaskBackpressure `json:"subtasks"`
		LevelToo string                `json:"backpressure-level"`
	}
	// SubtaskBackpressure is that of one subtask.
	SubtaskBackpressure struct {
		Subtask  int     `json:"subtask"`
		Level    string  `json:"backpressureLevel"`
		Ratio    float64 `json:"ratio"`
		Idle     float64 `json:"idleRatio"`
		Busy     float64 `json:"busyRatio"`
		LevelToo string  `json:"backpressure-level"`
	}
)

// Float is a number that Flink writes as "NaN" where it has none.
type Float float64

// UnmarshalJSON reads a number or a text of one.
func (f *Float) UnmarshalJSON(raw []byte) error {
	v, err := strconv.ParseFloat(strings.Trim(string(raw), `"`), 64)
	*f = Float(v)
	return err
}

// MarshalJSON writes a number, or "NaN".
func (f Float) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(f)) {
		return []byte(`"NaN"`), nil
	}
	return strconv.AppendFloat(nil, float64(f), 'f', -1, 64), nil
}

// Or is the number, or another one where there is none.
func (f Float) Or(other float64) float64 {
	if math.IsNaN(float64(f)) {
		return other
	}
	return float64(f)
}
