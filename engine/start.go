package engine

import (
	"time"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/job"
	"github.com/minkstream/mink/engine/plan"
)

// start submits a plan. What user functions run in is kept until the job has ended.
func (e *Engine) start(p *plan.Physical, name string, c *catalog.Config, zone *time.Location) (*job.Job, error) {
	for _, r := range e.host.Runtimes {
		r.Hold()
	}
	release := func() {
		for _, r := range e.host.Runtimes {
			r.Release()
		}
	}
	j, err := e.Jobs.Submit(p, name, c, zone)
	if err != nil {
		release()
		return nil, err
	}
	if len(e.host.Runtimes) > 0 {
		e.cfg.Env.Go("user functions of "+j.ID(), func() {
			<-j.Done()
			release()
		})
	}
	return j, nil
}
