package engine

import (
	"context"
	"strconv"
	"time"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/job"
)

// How long a process holds a table without a sign of life, and how often it gives one.
// A process that is slower than leaseTime to give it has lost the table to whoever
// asks, and ends its job when it hears of that; what the job has committed by then
// stays, as the rows of any job that is taken over from its newest checkpoint.
const (
	leaseTime  = 15 * time.Second
	leaseRenew = leaseTime / 5
	leaseLook  = 100 * time.Millisecond
)

// leaser is the catalog of the table, if other processes may fill it too.
func (p *pipeline) leaser() catalog.Leaser {
	c, err := p.e.store.Catalog(p.path.Catalog)
	if err != nil {
		return nil
	}
	l, _ := c.(catalog.Leaser)
	return l
}

// hold makes this process the one that fills the table. One that holds it already and
// is alive is an error; one that gives no sign of life is waited for, by the clock of
// this process alone, since those of two machines differ.
func (p *pipeline) hold(ctx context.Context) error {
	c := p.leaser()
	if c == nil {
		return nil
	}
	clock := p.e.cfg.Env.Clock
	until := func() int64 { return clock.Now() + leaseTime.Milliseconds() }
	if p.lease.Number > 0 {
		l, err := c.RenewLease(p.path, p.lease, until())
		if diag.CodeOf(err) != diag.Conflict {
			p.lease = l
			return err
		}
		p.lease = catalog.Lease{}
	}
	first, err := c.Holder(p.path)
	patience := clock.Mono() + int64(leaseTime)
	for now := first; err == nil && now.Until != 0 && clock.Mono() < patience; now, err = c.Holder(p.path) {
		if now != first {
			return diag.New(diag.InvalidQuery, "another process fills materialized table %s", p.path).
				WithHint("ALTER MATERIALIZED TABLE ... SUSPEND there, then RESUME here")
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		clock.Sleep(leaseLook)
	}
	if err != nil {
		return err
	}
	owner := strconv.FormatInt(clock.Now(), 36) + "-" + strconv.FormatInt(clock.Mono(), 36)
	l, err := c.TakeLease(p.path, first, owner, until())
	if err == nil {
		p.lease = l
	}
	return err
}

// keep renews the lease as long as the job runs, which ends when the lease is lost.
func (p *pipeline) keep(c catalog.Leaser, j *job.Job, l catalog.Lease) {
	clock := p.e.cfg.Env.Clock
	clock.At(clock.Mono()+int64(leaseRenew), func() {
		p.e.cfg.Env.Go("lease of "+p.path.String(), func() { p.renew(c, j, l) })
	})
}

func (p *pipeline) renew(c catalog.Leaser, j *job.Job, l catalog.Lease) {
	if j.State().Ended() || p.e.pipelines.isClosed() {
		return // whoever ends the job gives the lease back, or it runs out
	}
	next, err := c.RenewLease(p.path, l, p.e.cfg.Env.Clock.Now()+leaseTime.Milliseconds())
	switch {
	case err == nil:
		l = next
	case diag.CodeOf(err) == diag.Conflict:
		if p.e.cfg.Log != nil {
			p.e.cfg.Log("job " + j.ID() + " is cancelled: " + err.Error())
		}
		_ = p.e.Jobs.Cancel(context.Background(), j.ID()) // the job is known, and waiting is all that can fail
		return
	}
	p.keep(c, j, l) // a disk that fails now may do better next time
}

// release gives the lease back. Whoever calls it has ended the job.
func (p *pipeline) release() {
	if p.lease.Number == 0 {
		return
	}
	if c := p.leaser(); c != nil {
		_ = c.EndLease(p.path, p.lease) // it runs out by itself
	}
	p.lease = catalog.Lease{}
}

// release gives all leases back, once the jobs have ended. A statement that is still
// under way keeps its own until that runs out.
func (l *pipelines) release() {
	for _, p := range l.all() {
		select {
		case p.turn <- struct{}{}:
			p.release()
			p.leave()
		default:
		}
	}
}
