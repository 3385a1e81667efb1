// Package gateway is the one way in for front ends: sessions, operations, rows.
//
// The command line, the REPL, the screens, the debugger and the test kit talk to a
// Client and to nothing else, so each of them works on the embedded engine and, by
// another Client, on a remote one. The words are those of Flink's SQL Gateway: a
// statement executed in a session is an operation; its result is rows or a job.
//
// Begin with Client; Local in local.go is the one in this process.
package gateway

import (
	"context"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/trace"
	"github.com/minkstream/mink/engine/types"
)

// Client opens sessions. It may be used from several goroutines.
type Client interface {
	// OpenSession starts a session with the given configuration keys set.
	OpenSession(ctx context.Context, config map[string]string) (Session, error)
	// Jobs lists the jobs the client's cluster knows, oldest first.
	Jobs(ctx context.Context) ([]JobStatus, error)
	// Job tells about one job.
	Job(ctx context.Context, id string) (JobStatus, error)
	// Cancel stops a job and waits until it has stopped.
	Cancel(ctx context.Context, id string) error
	// Savepoint writes a savepoint of a job below dir and returns its folder; the job goes
	// on. With an empty dir it goes where the job's 'execution.checkpointing.savepoint-dir'
	// says; without that it fails with config.
	Savepoint(ctx context.Context, id, dir string) (string, error)
	// Stop is Savepoint behind which nothing is read any more; the job has ended when it
	// returns. With drain the sources end their input first, so that windows fire.
	Stop(ctx context.Context, id, dir string, drain bool) (string, error)
	// Checkpoint takes a checkpoint of a job now and returns its number.
	Checkpoint(ctx context.Context, id string) (int64, error)
	// Cluster tells about the nodes that run jobs.
	Cluster(ctx context.Context) (ClusterStatus, error)
	// Tape is what is recorded of a job and of all that its session did by now, as a tape
	// of its own, and the job's number on it. The job goes on. It fails with config where
	// nothing is recorded. Who has asked for it closes it.
	Tape(ctx context.Context, id string) (*trace.File, int, error)
	// KeepTape asks that nothing is dropped of what is recorded of a job for so long, within
	// bounds; 0 takes it back.
	KeepTape(ctx context.Context, id string, d time.Duration) error
	// Hold lets a job stand still behind a barrier, Resume go on.
	Hold(ctx context.Context, id string) error
	Resume(ctx context.Context, id string) error
	// Close cancels what the client started and releases it.
	Close() error
}

// Session keeps a current catalog and database, configuration and temporary
// objects between statements. One goroutine at a time.
type Session interface {
	// Execute runs one statement. Mistakes in it come as *diag.Error with spans
	// into text. It returns once the statement took effect or its job runs.
	Execute(ctx context.Context, text string) (Operation, error)
	// Check does what Execute does short of running: parse, bind, plan. What it would make,
	// change and drop is seen by the checks that follow, until a statement is executed, and
	// by nothing else. It returns advice about the statement.
	Check(ctx context.Context, text string) ([]*diag.Error, error)
	// Describe returns the columns of the rows that a query would give, and whether they
	// would be changes; nil for other statements. Nothing runs.
	Describe(ctx context.Context, text string) (types.Schema, bool, error)
	// Config gives the configuration keys that are set, with their values. It may be
	// called while Execute runs.
	Config(ctx context.Context) (map[string]string, error)
	// Complete lists how a statement may go on at byte at: keywords, functions, tables and
	// columns that begin with the word before it.
	Complete(ctx context.Context, text string, at int) ([]string, error)
	// Finish runs when no statement follows: an open statement set is an error.
	Finish() error
	Close() error
}

// Result says what an operation gives.
type Result uint8

// Kinds of results.
const (
	// Done: DDL, SET, USE; the statement has taken effect and there are no rows.
	Done Result = iota
	// Info: SHOW, DESCRIBE, EXPLAIN; rows that are there at once.
	Info
	// Query: rows of a running SELECT.
	Query
	// Submitted: a job that writes to tables, running in the background.
	Submitted
)

// Operation is a statement under way.
type Operation interface {
	Result() Result
	// Schema of the rows.
	Schema() types.Schema
	// Streaming reports that rows are changes, to be applied in order. Otherwise
	// they are the rows of the result, each an insert.
	Streaming() bool
	// UpsertKey are the columns by which +U and -D find their row when no -U
	// comes; nil means that changes retract whole rows.
	UpsertKey() []int
	// Next returns the next rows, valid until the next call; io.EOF ends them,
	// and comes only after the job has ended well. Other errors end them too.
	Next(ctx context.Context) (*batch.Batch, error)
	// Job is the id of the job behind the operation; "" when there is none.
	Job() string
	// Zone is the session time zone, in which TIMESTAMP_LTZ values are shown.
	Zone() *time.Location
	// Width is the most columns of a terminal that a cell takes; see
	// table.display.max-column-width.
	Width() int
	// Warnings is advice about the statement, to be shown beside its result.
	Warnings() []*diag.Error
	// Wait returns when the operation's job has ended.
	Wait(ctx context.Context) error
	// Close cancels a running query; a submitted job goes on.
	Close() error
}
