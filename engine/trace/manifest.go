package trace

import (
	"encoding/json"

	"github.com/minkstream/mink/engine/env"
)

// Manifest is what a tape is of: manifest.json. Times are milliseconds since the
// epoch.
type Manifest struct {
	// Format is the version of the layout, FormatNow when it is written.
	Format int `json:"format"`
	// Build is the mink that recorded; another one may run differently.
	Build   string `json:"build"`
	Created int64  `json:"created"`
	// Script is the name of what was recorded, for people.
	Script string `json:"script,omitempty"`
	// Zone is the time zone that 'default' stood for, Settings what the session was
	// opened with.
	Zone     string            `json:"zone"`
	Settings map[string]string `json:"settings,omitempty"`
	// Seed of the process.
	Seed       uint64      `json:"seed"`
	Statements []Statement `json:"statements"`
	Jobs       []Job       `json:"jobs"`
	// Functions are what functions in other languages said of themselves.
	Functions []Function `json:"functions,omitempty"`
	// Closed says that the recording came to its end. Without it the process died, and
	// the steps that it had written by then are there.
	Closed bool `json:"closed"`
	// Live says that it was taken of a job that went on: its tasks do not end at one moment.
	Live bool `json:"live,omitempty"`
}

// FormatNow is the version of the layout that is written and read. It is counted up with each
// change that makes an old tape another one to a new mink, or the other way round; a tape
// of another version is refused.
const FormatNow = 2

// Statement is a statement of the session that took effect.
type Statement struct {
	Text string `json:"text"`
	// At is the reading of the clock while it was planned.
	At int64 `json:"at"`
	// Jobs are those it started, by their place in Manifest.Jobs.
	Jobs []int `json:"jobs,omitempty"`
	// Disk is what was seen of the disk while it was executed.
	Disk []env.Sight `json:"disk,omitempty"`
}

// Function is what a function in another language said of itself.
type Function struct {
	Language   string `json:"language"`
	Identifier string `json:"identifier"`
	// Said is a function.Declared.
	Said json.RawMessage `json:"said"`
}

// Job is a job on the tape.
type Job struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Seed uint64 `json:"seed"`
	// Plan has a line for each node of the physical plan.
	Plan []string `json:"plan"`
	// Full says that digests are of all values, Embedded that the rows of all sources
	// are here.
	Full     bool `json:"full,omitempty"`
	Embedded bool `json:"embedded,omitempty"`
	// Tasks are the names of the tasks, in the order of their numbers.
	Tasks []string `json:"tasks"`
	// Sources are the readers of the job.
	Sources  []Source  `json:"sources,omitempty"`
	Attempts []Attempt `json:"attempts"`
	// State is how it ended, Error why it failed.
	State string `json:"state,omitempty"`
	Error string `json:"error,omitempty"`
}

// TasksOf are the names of the tasks of an attempt.
func (j *Job) TasksOf(a *Attempt) []string {
	if a.Parallelism != 0 {
		return a.Tasks
	}
	return j.Tasks
}

// SourcesOf are the readers of an attempt, in the order of Sources.
func (j *Job) SourcesOf(a *Attempt) []Source {
	if a.Parallelism != 0 {
		return a.Sources
	}
	return j.Sources
}

// Source is a reader of a job.
type Source struct {
	// Table is the full name of what it reads, Vertex its place in Attempt.Splits.
	Table  string `json:"table"`
	Vertex int    `json:"vertex"`
	// Tasks read it. Splits are dealt to them in turn, or all to the first if Ordered.
	Tasks   []int `json:"tasks"`
	Ordered bool  `json:"ordered,omitempty"`
	// Once says that the rows cannot be read again, and so are on the tape.
	Once bool `json:"once,omitempty"`
}

// Attempt is what one attempt of a job began from.
type Attempt struct {
	N int64 `json:"n"`
	// Began is the time at which it was made, Stamp the reading then of the clock that
	// stamps its steps, in nanoseconds.
	Began int64 `json:"began,omitempty"`
	Stamp int64 `json:"stamp,omitempty"`
	// Slots are the nodes of the cluster that ran the subtasks.
	Slots []string `json:"slots,omitempty"`
	// Splits and Done are by vertex: what its sources read, and whether no further
	// splits could come.
	Splits [][]Split `json:"splits"`
	Done   []bool    `json:"done"`
	// Checkpoint is the number of the one it went on from, 0 for none.
	Checkpoint int64 `json:"checkpoint,omitempty"`
	// Parallelism is the parallelism.default that the attempt's graph was planned with, 0
	// where it is the session's. Such an attempt has Tasks and Sources of its own.
	Parallelism int      `json:"parallelism,omitempty"`
	Tasks       []string `json:"tasks,omitempty"`
	Sources     []Source `json:"sources,omitempty"`
	// Base says that the tape begins at that checkpoint, in the middle of the attempt: the
	// tasks stood there as the base has them, and were not started anew.
	Base bool `json:"base,omitempty"`
	// Lost says that a process which had some of the tasks died: its last steps are not on
	// the tape, and of the others those may be that took what came of them.
	Lost bool `json:"lost,omitempty"`
}

// Split is a part of a source at the start of an attempt.
type Split struct {
	ID        string `json:"id"`
	Pos       []byte `json:"pos,omitempty"`
	Watermark int64  `json:"watermark"`
	Floor     int64  `json:"floor"`
	Ended     bool   `json:"ended,omitempty"`
}
