// Package debugger steps through tapes: forwards and backwards, by step, batch, record,
// watermark, checkpoint and output, and shows what lies in a job's tasks between two
// steps. It renders nothing; cli and tui draw what it gives.
//
//	d, err := debugger.Open(ctx, engine.Config{...}, nil, tape)
//	j := d.Jobs[0]
//	_, err = j.Seek(ctx, debugger.AtEnd)
//	tables, err := j.State("GroupAggregate", "", 100)
//
// A tape is executed again by flow.Stepper, which writes nothing and calls nobody. One
// coordinate names any moment: so many steps after a checkpoint, 40:1284 (Position). To
// go back is to go there anew from the nearest moment that is kept. Questions about rows
// (why.go, why_not.go) are put to the plan: what is asked of an output becomes, operator by
// operator, what its inputs must be like, and one run of the tape says which rows were.
//
// Begin with Debugger, then Job in job.go.
package debugger
