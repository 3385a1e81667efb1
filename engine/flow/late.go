package flow

import "github.com/minkstream/mink/engine/batch"

// LateRows are rows of one batch that an operator left out because they came after
// its watermark had passed them.
type LateRows struct {
	// UID names the operator; Input is the input that the rows came by.
	UID            string
	Subtask, Input int
	// Rows is dense and belongs to who gets it; its columns are those of the input.
	Rows *batch.Batch
	// Watermark is the one they were late against, in milliseconds.
	Watermark int64
	// Attempt is the run of the job, and Checkpoint the number of the last checkpoint
	// that the task had passed, 0 for none.
	Attempt, Checkpoint int64
}

// LateLog takes late rows. It is no part of the job's state, so it is told when the
// job goes back: what was logged behind the checkpoint will be logged again.
type LateLog interface {
	// Late takes rows, inside the step of a task; tasks may call it at once.
	Late(r LateRows)
	// Restored says that a run of the job begins, from a checkpoint or 0 for none. All
	// tasks of the runs before have ended.
	Restored(attempt, checkpoint int64)
}

// Late counts late rows and hands them to the log.
func (n *node) Late(b *batch.Batch, lanes []uint16, watermark int64) {
	n.late += int64(len(lanes))
	if n.t.watch != nil && len(lanes) > 0 {
		n.t.watch.Late(n.place(), n.input, b, lanes, watermark)
	}
	log := n.t.att.job.cfg.Late
	if log == nil || len(lanes) == 0 {
		return
	}
	view := *b
	view.Sel, view.Marks, view.Keys = lanes, nil, nil
	rows := &batch.Batch{}
	rows.Gather(&view, nil)
	log.Late(LateRows{
		UID: n.spec.UID, Subtask: n.t.sub, Input: n.input, Rows: rows, Watermark: watermark, Attempt: n.t.att.n, Checkpoint: n.t.done,
	})
}
