package flow

import (
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/trace"
)

// Config says how one job runs. The zero value runs it without checkpoints, on
// one node, without restarts. withDefaults fills what is left open.
type Config struct {
	// JobID names the job in checkpoints, transactions and messages; "" draws one.
	JobID string
	Name  string
	// Dir is the folder of the job's checkpoints on env.Disk. "" keeps them in
	// memory: they serve restarts, and are gone with the process.
	Dir string
	// CheckpointInterval between the starts of two checkpoints; 0 takes none but
	// the last one of a bounded job.
	CheckpointInterval time.Duration
	// CheckpointTimeout aborts a checkpoint; default 10 min.
	CheckpointTimeout time.Duration
	// CheckpointMinPause between the end of one and the start of the next.
	CheckpointMinPause time.Duration
	// TolerableFailures is the number of failed checkpoints in a row after which
	// the job restarts; default 3, negative means none.
	TolerableFailures int
	// DiskReserve is what is to stay free of the disk of Dir, in bytes, or a twentieth of
	// the disk where that is less: a periodic checkpoint that is due with less than that
	// fails and is not begun, and the job goes on. 0 looks at nothing. Disks that are no
	// env.Roomy have no such limit.
	DiskReserve int64
	// Retained is the number of completed checkpoints kept; default 1.
	Retained int
	// DeleteOnCancel removes the checkpoints of a job that was cancelled; those of
	// a job that finished are always removed.
	DeleteOnCancel bool
	// DeleteOnFailure does so for a job that failed for good.
	DeleteOnFailure bool
	// Restart says what follows a failure.
	Restart Restart
	// Restore is a checkpoint or savepoint folder to start from; "" means the
	// newest checkpoint in Dir, if there is one.
	Restore string
	// Files is the disk of the folders that savepoints are asked for in; nil is env.Disk.
	Files env.Disk
	// Claim makes the snapshot of Restore the job's own: it is removed when Retained
	// checkpoints of the job are complete. None of these rests on it.
	Claim bool
	// SourcesOnly takes nothing of Restore but where its sources stand: those of the
	// graph that read the same tables go on from there, with empty state behind them,
	// and what the sink of Restore had prepared is committed.
	SourcesOnly bool
	// Committed says that the job that wrote Restore has ended and committed all it had
	// prepared: nothing of it is committed again, whatever became of it since.
	Committed bool
	// DiscardState starts empty although Dir has checkpoints, or restores while
	// leaving out state that no operator of the graph claims.
	DiscardState bool
	// AllowDuplicatesFrom accepts that checkpoint number when newer ones are
	// damaged: what was committed after it is written again. 0 refuses.
	AllowDuplicatesFrom int64
	// Seed of the run; 0 takes the one of env.
	Seed uint64
	// BatchRows is the number of rows of a full batch; default batch.MaxRows.
	BatchRows int
	// Credits is the number of batches a channel owns; default 4, or 2 from
	// parallelism 8 on.
	Credits int
	// BufferTimeout is the longest time a row waits for its batch to fill while
	// its task is busy; default 100 ms. A task that runs dry never lets rows wait.
	BufferTimeout time.Duration
	// StateMemory bounds the job's keyed state in memory, in bytes, shared evenly
	// by its tasks; 0 has no bound.
	StateMemory int64
	// StatePool bounds the state of all jobs of the process together; may be nil.
	StatePool *state.Pool
	// SpillDir is a folder of the machine for state beyond StateMemory; it is
	// worthless after the job. "" keeps spilled state in memory.
	SpillDir string
	// Parcel is what a node process makes the graph of (BuildFunc). Without one the job
	// runs in the process that submits it.
	Parcel []byte
	// GoesOn says that the job ran before, in a process that is gone. It waits for slots,
	// however many there are: nodes of then may be on their way back.
	GoesOn bool
	// Script, asked when a savepoint is written and at the first checkpoint, says how the job
	// was made: it is kept there for whoever looks at it (Snapshot.Script). nil keeps nothing.
	Script func() []byte
	// Late takes the rows that operators drop as late; nil only counts them.
	Late LateLog
	// Record keeps a tape of the run; see Job.CloseTape.
	Record Record
	// Probe, if set, sees every batch that a node emits. It runs inside the step
	// and must not change the batch nor keep it.
	Probe func(p Probe)
	// Observe, if set, hears what became of checkpoints, attempts and the job.
	Observe Observer
	// Watch, if set, hears what happens within steps, as in a replay. It is for hosts
	// with one goroutine.
	Watch Watcher
}

// Restart is a restart strategy. The zero value is Exponential with its defaults
// when checkpoints are on and Never otherwise; it also gives up at once on failures
// that another attempt would meet again. A strategy that was chosen is followed then
// too, but for failures that no attempt can mend: coordinator.givesUp has the rule.
type Restart struct {
	Kind RestartKind
	// Attempts is the number of restarts before the job fails, of FixedDelay and
	// of Exponential (0 = without end); of FailureRate per Interval.
	Attempts int
	Delay    time.Duration // first (or only) delay; default 100 ms
	MaxDelay time.Duration // of Exponential; default 10 s
	Factor   float64       // of Exponential; default 2
	Jitter   float64       // share of the delay that is random; default 0.1
	Reset    time.Duration // time of quiet running that forgets failures; default 60 s
	Interval time.Duration // of FailureRate

	byDefault bool
}

// RestartKind is a kind of restart strategy.
type RestartKind uint8

// Restart strategies, by Flink's names default, none, fixed-delay,
// exponential-delay and failure-rate.
const (
	RestartDefault RestartKind = iota
	RestartNever
	RestartFixed
	RestartExponential
	RestartRate
)

// Record says what of a run is kept for replay.
type Record struct {
	// To is the tape; nil keeps none. The job is number Number on it.
	To     *trace.Folder
	Number int
	// Embed keeps the rows of all sources, and not of those alone that cannot be read
	// again.
	Embed bool
	// Full hashes all values instead of row counts and kinds.
	Full bool
}

// Probe is one batch as a node emits it.
type Probe struct {
	Job           string
	Vertex        int
	Node, Subtask int // Node -1 is the source's reader
	Attempt, Step int64
	Batch         *batch.Batch
}

func (c Config) withDefaults(g *Graph) Config {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&c.CheckpointTimeout, 10*time.Minute)
	def(&c.BufferTimeout, 100*time.Millisecond)
	if c.TolerableFailures == 0 {
		c.TolerableFailures = 3
	} else if c.TolerableFailures < 0 {
		c.TolerableFailures = 0
	}
	if c.Retained <= 0 {
		c.Retained = 1
	}
	wide := false
	for _, e := range g.Edges {
		wide = wide || e.Kind == Hash && g.Vertices[e.From].Parallelism >= 8 && g.Vertices[e.To].Parallelism >= 8
	}
	if c.BatchRows <= 0 {
		c.BatchRows = batch.MaxRows
		if wide {
			c.BatchRows /= 2
		}
	}
	if c.Credits <= 0 {
		c.Credits = 4
		if wide {
			c.Credits = 2
		}
	}
	r := &c.Restart
	if r.Kind == RestartDefault {
		r.Kind, r.byDefault = RestartExponential, true
		if c.CheckpointInterval <= 0 {
			r.Kind = RestartNever
		}
	}
	def(&r.Delay, 100*time.Millisecond)
	def(&r.MaxDelay, 10*time.Second)
	def(&r.Reset, 60*time.Second)
	def(&r.Interval, time.Minute)
	if r.Factor < 1 {
		r.Factor = 2
	}
	if r.Jitter <= 0 {
		r.Jitter = 0.1
	}
	return c
}
