package engine

import (
	"time"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/job"
	"github.com/minkstream/mink/engine/plan"
)

// use holds what user functions run in until the returned function is called; ended says
// that a job was what used it.
func (e *Engine) use() (done func(ended bool)) {
	for _, r := range e.host.Runtimes {
		r.Hold()
	}
	return func(ended bool) {
		for _, r := range e.host.Runtimes {
			r.Release(ended)
		}
	}
}

// start submits a plan. What user functions run in is kept until the job has ended.
// taped says that the job belongs on the tape, if one is kept.
func (e *Engine) start(p *plan.Physical, name string, c *catalog.Config, zone *time.Location, at job.Place, taped bool) (*job.Job, error) {
	done := e.use()
	var rec flow.Record
	var err error
	if taped = taped && e.rec != nil; taped {
		if rec, err = e.rec.job(p); err != nil {
			done(false)
			return nil, err
		}
	}
	var own *jobTape
	if !taped {
		if own = e.ringFor(name, p, c, at.Parcel); own != nil {
			rec = flow.Record{To: own.to, Embed: c.Bool("mink.tape.ring.embed")}
		}
	}
	if at.Script == nil {
		at.Script = e.scripted(p, at.Parcel)
	}
	j, err := e.Jobs.Submit(p, name, c, zone, at, rec)
	if err != nil {
		done(false)
		return nil, err
	}
	if own != nil {
		e.taped(j, own)
	}
	if taped {
		e.rec.started(rec.Number, j)
	}
	e.hold(j, done)
	return j, nil
}

// hold keeps what user functions run in until a job has ended.
func (e *Engine) hold(j *job.Job, done func(ended bool)) {
	if len(e.host.Runtimes) > 0 {
		e.cfg.Env.Go("user functions of "+j.ID(), func() {
			<-j.Done()
			done(true)
		})
	}
}
