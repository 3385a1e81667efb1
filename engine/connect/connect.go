// Package connect says what a connector is to the engine: what a source, a sink,
// a lookup table and a format must do, and how they declare their options.
//
// Nothing here reads the outside world. Connectors and formats implement these
// interfaces in packages of their own and are gathered in explicit lists; the
// engine never imports them. Begin with Connector, then Reader and Writer.
package connect

import (
	"io"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/types"
)

// Option is one key of a WITH clause.
type Option struct {
	Key      string
	Type     OptionType
	Default  string // text form; "" = none
	Required bool
	Values   []string // allowed values of an Enum
	Doc      string
	// Prefix makes Key the prefix of a family (`fields.` for `fields.<name>.kind`).
	Prefix bool
	// Plain options of a format may also be written without its name in front.
	Plain bool
	// Secret values never appear in SHOW CREATE, EXPLAIN, logs, tapes or errors.
	Secret bool
	// Reference: the value may have references such as ${env:NAME}. Whoever declares it puts
	// what they stand for in their place, by Deps.Secrets, where a connection is opened, and
	// has it nowhere else: not in names of splits, positions or committables. Other options
	// take none. It is a text (String).
	Reference bool
}

// OptionType is the type of an option's value.
type OptionType uint8

// Option types. Durations and sizes are written as in Flink ("10 s", "64 mb").
const (
	String OptionType = iota
	Int
	Float
	Bool
	Duration
	Size
	Enum
	List // separated by ';'
)

// String is the name in the reference, such as "Duration".
func (t OptionType) String() string {
	return [...]string{"String", "Int", "Float", "Boolean", "Duration", "MemorySize", "Enum", "List"}[t]
}

// Changes is a set of change kinds.
type Changes uint8

// The sets that tables declare.
const (
	HasInsert Changes = 1 << iota
	HasUpdateBefore
	HasUpdateAfter
	HasDelete

	AppendOnly = HasInsert
	Upsert     = HasInsert | HasUpdateAfter | HasDelete
	Retract    = HasInsert | HasUpdateBefore | HasUpdateAfter | HasDelete
)

// Table is a resolved table of a catalog as a connector sees it.
type Table struct {
	Name string // `catalog`.`database`.`table`, for messages
	// Schema has the physical columns in order, then the metadata columns that
	// the connector serves, under their declared names and the connector's types.
	Schema types.Schema
	// Physical is the number of physical columns at the front of Schema.
	Physical int
	// Metadata are the keys of the columns behind the physical ones.
	Metadata []string
	// PrimaryKey and PartitionKeys are positions in Schema.
	PrimaryKey    []int
	PartitionKeys []int
	Options       Options
	// Bounded says that the session runs in batch mode.
	Batch bool
	// Since is the time from which on a source reads, in milliseconds of the epoch: what
	// was there before is left out. 0 reads all.
	Since int64
	// Zone is the session time zone.
	Zone *time.Location
	// Setting gives the session's setting of a key. It is for Source, Sink and Lookup, which are
	// called while the table is planned, and not to be kept.
	Setting func(key string) string
	// Deps give access to formats and the host's services.
	Deps Deps
}

// Deps are what the host lends to connectors.
type Deps struct {
	Env     *env.Env
	Formats map[string]*Format
	// Dir resolves relative paths; "" is the working directory.
	Dir string
	// Stdout and Stderr are where the print connector writes, whole lines in each
	// Write; the host makes them safe for several writers at once. nil discards.
	Stdout, Stderr io.Writer
	// Secrets gives what references in options stand for; nil: nothing does.
	Secrets *Secrets
}

// Connector is a kind of table, named by the option 'connector'.
type Connector struct {
	Name    string
	Summary string
	Options []Option
	// Formats reports that 'format' and the format's own options are taken too.
	Formats bool
	// Keyed says that records have a key and a value with formats of their own, so that
	// metadata of the value's format is called value.<key>.
	Keyed bool
	// Metadata lists the metadata columns it can serve.
	Metadata []MetadataColumn
	// Source, Sink and Lookup validate the table's options and plan a use of it;
	// nil where the connector cannot be used that way. They touch nothing outside.
	Source func(t *Table) (Source, error)
	// Starts says that its sources heed Table.Since.
	Starts bool
	Sink   func(t *Table) (Sink, error)
	Lookup func(t *Table) (Lookup, error)
	// SourceWatermark tells how far rows may be out of order, for tables whose
	// watermark is SOURCE_WATERMARK(): no row comes that is older than the newest one
	// by more. Nil where the connector does not know.
	SourceWatermark func(t *Table) (time.Duration, error)
	// VectorSearch plans VECTOR_SEARCH over the table; nil where it cannot be searched.
	VectorSearch func(t *Table, q VectorQuery) (VectorSearch, error)
	// Partitions gives the partitions of a table that has partition columns; nil where
	// partitions are not known one by one.
	Partitions func(t *Table) (Partitions, error)
}

// MetadataColumn is a column a connector serves beside the data.
type MetadataColumn struct {
	Key      string
	Type     types.Type
	Writable bool
	Doc      string
}

// FieldPath names a column or a field inside rows: indexes from the top.
type FieldPath []int

// Projection is the set of columns and row fields that are read. Nil reads all.
// A column whose fields are partly read still has its full shape; children that
// are not read have no storage (zero Col) and are never looked at.
type Projection []FieldPath

// Source plans the reading of a table.
type Source interface {
	// Changes says what kinds of rows it gives.
	Changes() Changes
	// Bounded reports whether the input ends by itself.
	Bounded() bool
	// Project tells the source what is read. Columns keep their positions; a
	// column that is not read is a zero Col. Called at most once, before Splits.
	Project(p Projection)
	// Splits lists the parts that can be read apart at the start of a job,
	// sorted by ID. It may look outside (list files, ask a broker). wanted is the
	// parallelism: generators make that many splits.
	Splits(wanted int) ([]Split, error)
	// Discover lists splits that appeared since, or nil; called every
	// DiscoverInterval (0 = never) with all known split ids.
	Discover(known []string) ([]Split, error)
	DiscoverInterval() time.Duration
	// Open starts reading split at its position.
	Open(s Split, r ReaderCtx) (Reader, error)
}

// Ordered is a Source that may have its splits read by one subtask, one after another
// in order of their IDs: changes of one key that lie in two files are such a case.
type Ordered interface {
	InOrder() bool
}

// Once is a Source whose rows cannot be read again later, such as a table of what
// happened in the process. A tape keeps them.
type Once interface {
	Once() bool
}

// Split is a part of a source that is read in order, with a position from which
// reading can go on. Splits move between subtasks whole.
type Split struct {
	ID string
	// Pos is the position of the next row, opaque to the engine; it is what a
	// checkpoint keeps. Empty means the beginning.
	Pos []byte
}

// ReaderCtx is what a reader gets from its task.
type ReaderCtx struct {
	Subtask, Parallelism int
	// Now is the processing time in milliseconds; calling it is recorded.
	Now func() int64
	// Unpaced: rows are given as they are asked for, whatever time it is. So a replay
	// that begins in the middle of a run reads at the times of that run.
	Unpaced bool
	// Seed is the seed of the run for this split.
	Seed uint64
	// Wake asks for another poll; safe from any goroutine. Sources that wait for
	// the outside do so behind env and call it.
	Wake func()
	// BadRecord reports a malformed record that the options said to skip.
	BadRecord func(err error)
}

// Status is the outcome of a poll.
type Status uint8

// Poll outcomes.
const (
	// More: rows were given or may be given at once; poll again.
	More Status = iota
	// Wait: nothing now; poll after Wake or at Reader.NextAt.
	Wait
	// End: the split has ended.
	End
	// Idle is Wait, and the split is known to give nothing for a while: it holds no
	// watermark back until it has rows.
	Idle
)

// Reader reads one split.
type Reader interface {
	// Poll fills dst (reset, at most max rows, columns of the source's schema)
	// without waiting. It ends a batch early rather than wait. A batch without rows may
	// have one mark, at 0: a reader that knows the split's watermark otherwise than by
	// its rows says it so.
	Poll(dst *batch.Batch, max int) (Status, error)
	// NextAt is the processing time (ms) at which a poll after Wait is worth
	// while, or 0 when only Wake tells.
	NextAt() int64
	// Position is the split at the next unread row. Reading from it gives
	// exactly the rows that a further Poll would have given.
	Position() Split
	Close() error
}

// Confirmed is a Reader that wants to know which position a completed checkpoint has, to
// tell others how far a job is. The call must not wait.
type Confirmed interface {
	Confirm(at Split)
}

// Awaiter is a Reader that reads behind the scenes. A replay, which polls until it has the
// rows it knows of, waits with Await instead of asking again: until Poll may give
// something, or for the time given; false says that nothing came.
type Awaiter interface {
	Await(most time.Duration) bool
}

// Sink plans the writing of a table.
type Sink interface {
	// Changes says what it wants, given what the query gives.
	Changes(query Changes) Changes
	// Grade is the delivery it reaches: "exactly-once", "at-least-once", ...
	Grade() string
	// Open makes the writer of one subtask.
	Open(w WriterCtx) (Writer, error)
	// Committer returns what finishes prepared work, or nil when nothing is to be
	// committed (blackhole, print).
	Committer(w WriterCtx) (Committer, error)
}

// Shown is a Sink whose rows are for the eyes of whoever runs the job, such as those of
// a query. A replay shows them again; other sinks write nothing then.
type Shown interface {
	Shown() bool
}

// Outlets is a stream that tells its writers apart. Deps.Stdout is one where the order
// in which tasks print is kept.
type Outlets interface {
	// For is the stream of the writer that a text names.
	For(name string) io.Writer
}

// WriterCtx is what a writer gets from its task.
type WriterCtx struct {
	Job                  string
	Sink                 string // uid of the sink in the plan
	Subtask, Parallelism int
	Attempt              int64
	Now                  func() int64
	// SetTimer asks for Writer.Timer at a processing time in milliseconds.
	SetTimer func(at int64)
}

// Writer writes the rows of one subtask.
type Writer interface {
	// Write consumes dense rows (Sel nil), inside the step; it buffers and does
	// bounded local work.
	Write(b *batch.Batch) error
	// Watermark tells event time, for partition commits by time.
	Watermark(ts int64) error
	// Timer fires a timer set through WriterCtx.
	Timer(at int64) error
	// Prepare makes all rows written since the last Prepare durable and returns
	// what Commit needs, or nil when there is nothing. txn is unique per (job,
	// sink, subtask, attempt, checkpoint). It runs outside the step; the task
	// writes nothing meanwhile.
	Prepare(txn string) ([]byte, error)
	// State is kept in the checkpoint and given to Restore of the next attempt
	// (of all old subtasks, dealt round robin). nil for none.
	State() []byte
	Restore(states [][]byte) error
	// Close abandons what was not prepared and removes temporary files.
	Close() error
}

// IdleWriter is a Writer that hears before each Prepare, in the step, whether no input of its
// subtask is live, so that its watermark says nothing for now.
type IdleWriter interface {
	Idle(idle bool)
}

// Pacer is a Writer whose rows somebody takes at leisure: the client of a query.
// Where tasks run on threads, Pace is called between steps, while nothing of the task
// is locked, and may wait until there is room.
type Pacer interface {
	Pace()
}

// Committer finishes what writers prepared. Calls carry what Prepare returned.
type Committer interface {
	// Commit is idempotent: a committable that was committed before is success.
	// An outcome that cannot be known is an error.
	Commit(committable []byte) error
	// Fence makes later writes of older attempts fail and aborts their
	// transactions that are not in keep.
	Fence(attempt int64, keep [][]byte) error
	// Close is called once, behind the end of every other call.
	Close() error
}

// Lookup plans point reads of a table by key.
type Lookup interface {
	// Open makes a reader for the key columns given (positions in Schema).
	Open(keys []int, r ReaderCtx) (LookupReader, error)
}

// LookupReader answers batches of keys.
type LookupReader interface {
	// Lookup appends to dst the rows matching lane i of keys and to lanes the
	// value i for each of them, in lane order. Full-cache tables answer at once.
	Lookup(keys []*batch.Col, n int, dst *batch.Batch, lanes []uint16) ([]uint16, error)
	Close() error
}
