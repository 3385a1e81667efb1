package rest

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/gateway/wire"
)

// Paths of mink's own, by which a job is looked at from another process. All begin with
// /mink, which no path of Flink's does.
//
//	GET    /mink/jobs/{j}/log           lines about the job in the logs of all processes
//	GET    /mink/jobs/{j}/tape          what is recorded of the job by now: a tape, as one file
//	POST   /mink/jobs/{j}/tape          nothing of it is dropped for a while
//	POST   /mink/jobs/{j}/hold          the job stands still behind a barrier, on a lease
//	POST   /mink/jobs/{j}/hold/{hold}   the lease begins anew
//	DELETE /mink/jobs/{j}/hold/{hold}   the job goes on
//
// A job whose lease runs out goes on: whoever held it may have died.
var liveRoutes = []jobRoute{
	{"GET", "/mink/jobs/{j}/log", 200, (*JobManager).jobLog},
	{"POST", "/mink/jobs/{j}/tape", 200, (*JobManager).keepTape},
	{"POST", "/mink/jobs/{j}/hold", 200, (*JobManager).hold},
	{"POST", "/mink/jobs/{j}/hold/{hold}", 200, (*JobManager).holdOn},
	{"DELETE", "/mink/jobs/{j}/hold/{hold}", 200, (*JobManager).release},
}

// tapePath is the one of liveRoutes that does not answer JSON.
const tapePath = "/mink/jobs/{j}/tape"

// Bounds of leases.
const (
	leaseMin     = time.Second
	leaseMax     = 10 * time.Minute
	leaseDefault = 15 * time.Second
	keepTapeMax  = time.Hour
)

// holds are the jobs that stand still for somebody.
type holds struct {
	mu    sync.Mutex
	byJob map[string]*hold
	// after is time.AfterFunc, where tests do not move the time of leases themselves.
	after func(d time.Duration, f func()) timer
}

// timer is one that calls something, as a *time.Timer does.
type timer interface {
	Reset(d time.Duration) bool
	Stop() bool
}

func afterFunc(d time.Duration, f func()) timer { return time.AfterFunc(d, f) }

type hold struct {
	id    string
	lease time.Duration
	timer timer
	// over: the job is being let go, and is nobody else's until it was.
	over bool
}

// take notes that a job is to be held; it fails with conflict when it is by another.
func (l *holds) take(job string, lease time.Duration) (*hold, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byJob[job] != nil {
		return nil, faultf(http.StatusConflict, "the job stands still for another client, who has to let it go on first")
	}
	if l.byJob == nil {
		l.byJob = map[string]*hold{}
	}
	h := &hold{id: newTrigger(), lease: lease}
	l.byJob[job] = h
	return h, nil
}

// end ends a hold; false if it has ended. Whoever does it lets the job go on and then forgets
// the hold: who holds the job before would not, as the job is told to go on whoever holds it.
func (l *holds) end(job, id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.byJob[job]
	if h == nil || h.id != id || h.over {
		return false
	}
	if h.timer != nil {
		h.timer.Stop()
	}
	h.over = true
	return true
}

// forget lets others hold the job.
func (l *holds) forget(job string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.byJob, job)
}

func (m *JobManager) hold(r *http.Request) (any, error) {
	var in wire.HoldJob
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	j, err := m.jobOf(r)
	if err != nil {
		return nil, err
	}
	lease := time.Duration(in.LeaseMS) * time.Millisecond
	if in.LeaseMS == 0 {
		lease = leaseDefault
	}
	if lease < leaseMin || lease > leaseMax {
		return nil, faultf(http.StatusBadRequest, "leaseMs must be from %d to %d", leaseMin.Milliseconds(), leaseMax.Milliseconds())
	}
	if err := runs(j); err != nil {
		return nil, err
	}
	h, err := m.holds.take(j.ID, lease)
	if err != nil {
		return nil, err
	}
	if err := m.client.Hold(r.Context(), j.ID); err != nil {
		if m.holds.end(j.ID, h.id); r.Context().Err() != nil {
			m.goOn(j.ID) // the barrier may be on its way
		}
		m.holds.forget(j.ID)
		return nil, err
	}
	m.holds.mu.Lock()
	h.timer = m.holds.after(lease, func() {
		if m.holds.end(j.ID, h.id) {
			m.goOn(j.ID)
			m.holds.forget(j.ID)
		}
	})
	m.holds.mu.Unlock()
	return wire.Held{Hold: h.id, LeaseMS: lease.Milliseconds()}, nil
}

// runs fails for a job that has ended.
func runs(j *gateway.JobStatus) error {
	if !j.Ended.IsZero() {
		return faultf(http.StatusConflict, "job %s has ended (%s)", j.ID, j.State)
	}
	return nil
}

// goOn lets a job go on; one that has ended or was restarted does so anyway.
func (m *JobManager) goOn(id string) {
	ctx, cancel := timeout(time.Minute)
	defer cancel()
	_ = m.client.Resume(ctx, id)
}

func (m *JobManager) holdOn(r *http.Request) (any, error) {
	j, err := m.jobOf(r)
	if err != nil {
		return nil, err
	}
	m.holds.mu.Lock()
	defer m.holds.mu.Unlock()
	h := m.holds.byJob[j.ID]
	if h == nil || h.id != r.PathValue("hold") || h.timer == nil || h.over {
		return nil, noHold(j.ID)
	}
	h.timer.Reset(h.lease)
	return wire.Held{Hold: h.id, LeaseMS: h.lease.Milliseconds()}, nil
}

func noHold(id string) error {
	return faultf(http.StatusNotFound, "job %s is not held so: its lease has run out, or it was let go", id)
}

func (m *JobManager) release(r *http.Request) (any, error) {
	j, err := m.jobOf(r)
	if err != nil {
		return nil, err
	}
	if !m.holds.end(j.ID, r.PathValue("hold")) {
		return nil, noHold(j.ID)
	}
	defer m.holds.forget(j.ID)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), time.Minute)
	defer cancel()
	if err := m.client.Resume(ctx, j.ID); err != nil && diag.CodeOf(err) != diag.Config { // it may not be held any more
		return nil, err
	}
	return struct{}{}, nil
}

func (m *JobManager) keepTape(r *http.Request) (any, error) {
	var in wire.KeepTape
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	j, err := m.jobOf(r)
	if err != nil {
		return nil, err
	}
	d := time.Duration(in.KeepMS) * time.Millisecond
	if d < 0 || d > keepTapeMax {
		return nil, faultf(http.StatusBadRequest, "keepMs must be from 0 to %d", keepTapeMax.Milliseconds())
	}
	return struct{}{}, m.client.KeepTape(r.Context(), j.ID, d)
}

// tape gives what is recorded of a job.
func (m *JobManager) tape(w http.ResponseWriter, r *http.Request) {
	j, err := m.jobOf(r)
	if err != nil {
		writeError(w, jobFault(err))
		return
	}
	t, num, err := m.client.Tape(r.Context(), j.ID)
	if err != nil {
		writeError(w, jobFault(err))
		return
	}
	defer t.Close()
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s.mtape"`, j.ID))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set(wire.TapeJobHeader, strconv.Itoa(num))
	if err := t.Zip(w); err != nil {
		panic(http.ErrAbortHandler) // whoever reads it sees that it is not whole
	}
}
