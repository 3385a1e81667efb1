package remote

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/gateway/wire"
	"github.com/minkstream/mink/engine/trace"
)

// tapeMax bounds a tape that is taken from a cluster, in bytes.
const tapeMax = 4 << 30

// holdLease is how long a job that is held stays so unless this client says again that it
// wants it to.
const holdLease = 15 * time.Second

// livePath is that of a job among mink's own.
func livePath(id, more string) string { return "/mink/jobs/" + url.PathEscape(id) + more }

// live asks for what mink alone has. It fails with unsupported where the cluster is none of
// mink's.
func (c *Client) live(ctx context.Context, method, path string, body, into any) error {
	base, err := c.jobManager(ctx)
	if err != nil {
		return err
	}
	h, err := c.ask(ctx, method, base+path, body, into)
	return foreign(h, err)
}

// foreign says of an answer that knows no such path that it is not mink's.
func foreign(h http.Header, err error) error {
	if diag.CodeOf(err) == diag.NotFound && h.Get(wire.ErrorHeader) == "" && h.Get(wire.MinkHeader) == "" {
		return unsupported("looking into a job")
	}
	return err
}

// jobManager is the address of the JobManager.
func (c *Client) jobManager(ctx context.Context) (string, error) {
	if err := c.find(ctx, nil); err != nil {
		return "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rest, nil
}

// Tape takes what is recorded of a job into memory.
func (c *Client) Tape(ctx context.Context, id string) (*trace.File, int, error) {
	base, err := c.jobManager(ctx)
	if err != nil {
		return nil, 0, err
	}
	at := base + livePath(id, "/tape")
	res, err := c.send(ctx, "GET", at, nil)
	if err != nil {
		return nil, 0, err
	}
	defer res.Body.Close()
	if res.StatusCode/100 != 2 {
		raw, _ := io.ReadAll(io.LimitReader(res.Body, 1<<20)) // what there is of it
		return nil, 0, foreign(res.Header, failure(res.StatusCode, res.Header, raw))
	}
	num, err := strconv.Atoi(res.Header.Get(wire.TapeJobHeader))
	if err != nil || num < 0 {
		return nil, 0, diag.New(diag.IO, "%s gave an answer that is no tape", at)
	}
	disk := env.NewMemDisk()
	w, err := disk.Create("tape")
	var n int64
	if err == nil {
		n, err = io.Copy(w, io.LimitReader(res.Body, tapeMax+1))
		_ = w.Close() // it lies in memory
	}
	switch {
	case ctx.Err() != nil:
		return nil, 0, ctx.Err()
	case err != nil:
		return nil, 0, &Unreachable{At: at, Err: err}
	case n > tapeMax:
		return nil, 0, diag.New(diag.LimitExceeded, "the tape is larger than %d bytes", int64(tapeMax))
	}
	t, err := trace.Open(disk, "tape")
	if err != nil {
		return nil, 0, err
	}
	if t.Name = id; num >= len(t.Manifest.Jobs) {
		return nil, 0, diag.New(diag.InvalidTape, "the tape of the cluster does not have job %s", id)
	}
	return t, num, nil
}

// KeepTape asks that nothing of a tape is dropped for a while.
func (c *Client) KeepTape(ctx context.Context, id string, d time.Duration) error {
	return c.live(ctx, "POST", livePath(id, "/tape"), wire.KeepTape{KeepMS: d.Milliseconds()}, nil)
}

// Hold lets a job stand still until Resume, or until this process is gone: it is held on a
// lease.
func (c *Client) Hold(ctx context.Context, id string) error {
	c.mu.Lock()
	h := c.holds[id]
	c.mu.Unlock()
	if h != nil {
		select {
		case <-h.lost:
		default:
			return nil
		}
	}
	var held wire.Held
	if err := c.live(ctx, "POST", livePath(id, "/hold"), wire.HoldJob{LeaseMS: holdLease.Milliseconds()}, &held); err != nil {
		return err
	}
	h = &holding{path: livePath(id, "/hold/"+url.PathEscape(held.Hold)), over: make(chan struct{}), lost: make(chan struct{})}
	c.mu.Lock()
	if c.holds == nil {
		c.holds = map[string]*holding{}
	}
	c.holds[id] = h
	c.mu.Unlock()
	go c.holdOn(h, time.Duration(held.LeaseMS)*time.Millisecond)
	return nil
}

// holding is a job that stands still for this client.
type holding struct {
	path string
	over chan struct{} // closed by whoever lets the job go on
	lost chan struct{} // closed when the cluster does not hold it any more
}

// holdOn renews a lease.
func (c *Client) holdOn(h *holding, lease time.Duration) {
	tick := time.NewTicker(max(lease/3, 100*time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-h.over:
			return
		case <-tick.C:
		}
		ctx, cancel := context.WithTimeout(context.Background(), lease)
		err := c.live(ctx, "POST", h.path, nil, nil)
		cancel()
		if diag.CodeOf(err) == diag.NotFound {
			close(h.lost)
			return
		}
	}
}

// Resume lets a job go on that this client holds. It fails with config when it holds none.
func (c *Client) Resume(ctx context.Context, id string) error {
	c.mu.Lock()
	h := c.holds[id]
	delete(c.holds, id)
	c.mu.Unlock()
	if h == nil {
		return diag.New(diag.Config, "the job is not held")
	}
	close(h.over)
	err := c.live(ctx, "DELETE", h.path, nil, nil)
	if diag.CodeOf(err) == diag.NotFound {
		return diag.New(diag.Config, "the job went on before: the cluster did not hear of this process in time")
	}
	return err
}

// Watermark is the lowest of what the sinks of a job have, batch.NoWatermark if that is none.
func (c *Client) Watermark(ctx context.Context, j *gateway.JobStatus) (int64, error) {
	least := batch.MaxWatermark
	for _, v := range j.Vertices {
		if !v.Sink {
			continue
		}
		var list []wire.Metric
		if err := c.ofJobs(ctx, "GET", jobPath(j.ID)+"/vertices/"+url.PathEscape(v.UID)+"/watermarks", nil, &list); err != nil {
			return 0, err
		}
		if len(list) == 0 {
			return batch.NoWatermark, nil
		}
		for _, m := range list {
			if m.Value == nil {
				return batch.NoWatermark, nil
			}
			wm, err := strconv.ParseInt(*m.Value, 10, 64)
			if err != nil {
				return batch.NoWatermark, nil
			}
			least = min(least, wm)
		}
	}
	return least, nil
}
