package flow

// Plant breaks one rule of the runtime on purpose. Tests plant each to show that
// they would find it; nothing else may set one.
type Plant uint8

// The planted bugs and the rule each breaks.
const (
	PlantNone                Plant = iota
	PlantNoAlign                   // a barrier waits for all channels
	PlantOffsetLate                // position and barrier are taken in one step: rows in between are read twice
	PlantOffsetEarly               // the same: rows in between are lost
	PlantCommitEarly               // commit only what durable metadata names
	PlantRestoreIncomplete         // restore only complete checkpoints
	PlantNoRecommit                // recovery commits what the metadata names
	PlantAbortPrepared             // recovery keeps what the metadata names
	PlantTxnIDReuse                // a transaction's name is used once
	PlantNoCarry                   // unconfirmed committables go into every later checkpoint
	PlantKGMismatch                // state and rows of a key group go to the same task
	PlantCommitBeforeDurable       // metadata first, then commits
	PlantStaleAck                  // messages of other attempts are dropped
	PlantCkReuse                   // checkpoint numbers grow for the life of a job
	PlantBarrierOvertake           // a barrier passes no row
	PlantCommitNotRetried          // a commit is tried until it is confirmed
	PlantCommitNotIdempotent       // committing twice is committing once
	PlantEndDropsLastTxn           // a job ends after its last commit
	PlantOverlapFinalize           // one checkpoint at a time, its end included
	PlantRetryStorm                // one retry loop per committable
	PlantAbortDropsTxn             // what was prepared for an aborted checkpoint goes into the next
	PlantTimerNotInState           // timers are part of a snapshot
	PlantWatermarkAhead            // watermarks restart where the checkpoint has them
	PlantIdleStall                 // an input that returns from idleness counts again
	PlantAsyncLost                 // calls under way at a barrier are part of the snapshot
	PlantBundleAfterBarrier        // bundles are flushed before the barrier
	PlantFsyncSkipped              // files are synced before they count
	PlantRenameBeforeSync          // a file is synced before it gets its name
	PlantBatchReuse                // a batch is not changed while its receiver reads it
	PlantsEnd
)

var plantNames = [...]string{"None", "NoAlign", "OffsetLate", "OffsetEarly", "CommitEarly", "RestoreIncomplete", "NoRecommit", "AbortPrepared", "TxnIDReuse", "NoCarry", "KGMismatch", "CommitBeforeDurable", "StaleAck", "CkReuse", "BarrierOvertake", "CommitNotRetried", "CommitNotIdempotent", "EndDropsLastTxn", "OverlapFinalize", "RetryStorm", "AbortDropsTxn", "TimerNotInState", "WatermarkAheadOfRestore", "IdleStall", "AsyncLostOnBarrier", "BundleAfterBarrier", "FsyncSkipped", "RenameBeforeSync", "BatchReuse"}

// String is the name of the planted bug.
func (p Plant) String() string { return plantNames[p] }
