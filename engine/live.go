package engine

import (
	"io"
	"time"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/trace"
)

// RecordRing is a Record in memory that has the last of what an engine does: at most size
// bytes, and no more than about age of it, 0 for all that fits. e and zone are those of the
// engine's Config.
func RecordRing(e *env.Env, zone *time.Location, size int64, age time.Duration) (*Record, error) {
	if zone == nil {
		zone = time.UTC
	}
	from := e.Clock.Mono()
	to, err := trace.Ring(trace.Manifest{Zone: zone.String(), Seed: e.Seed, Created: e.Clock.Now()}, size, age, func() int64 { return (e.Clock.Mono() - from) / 1e6 })
	if err != nil {
		return nil, err
	}
	return &Record{To: to}, nil
}

// Tape is what the engine's tape has by now, as a tape of its own, and the number of a job
// on it. The jobs go on. Close it after use.
//
// It fails with not-found for a job that is not known or has ended, and with config where
// nothing is recorded.
func (e *Engine) Tape(id string) (*trace.File, int, error) {
	if own, err := e.tapeOf(id); own != nil || err != nil {
		return own, 0, err
	}
	if e.rec == nil {
		return nil, 0, e.noTape(id)
	}
	want, err := e.Jobs.Job(id)
	if err != nil {
		return nil, 0, err
	}
	e.rec.mu.Lock()
	jobs := append(e.rec.jobs[:0:0], e.rec.jobs...)
	e.rec.mu.Unlock()
	num := -1
	for i, j := range jobs {
		if j == nil {
			continue
		}
		if j == want {
			num = i
		}
		if err := j.FlushTape(); err != nil {
			return nil, 0, err
		}
	}
	if num < 0 {
		return nil, 0, diag.New(diag.NotFound, "job %s is not on the tape", id)
	}
	disk := env.NewMemDisk()
	if err := e.rec.To.Copy(disk, "tape"); err != nil {
		return nil, 0, err
	}
	f, err := trace.Open(disk, "tape")
	if err != nil {
		return nil, 0, err
	}
	f.Name = id
	return f, num, nil
}

// Side is what an engine is made of that executes the tape of this one beside it, and what
// registers the functions that are registered here. It writes nothing anywhere.
func (e *Engine) Side() (Config, func(*Engine) error) {
	cfg := e.cfg
	side := *cfg.Env
	side.Disk = env.NewOverlay(side.Disk)
	cfg.Env, cfg.Record, cfg.Tapes, cfg.Replay, cfg.Held, cfg.Log = &side, nil, nil, nil, nil, nil
	cfg.Stdout, cfg.Stderr, cfg.CheckpointDir = io.Discard, io.Discard, ""
	return cfg, func(to *Engine) error {
		for _, f := range e.host.UserFunctions { //mink:det-ok into a map again
			_ = to.host.Functions.Register(f) // those that CREATE FUNCTION named are known by their identifiers alone
		}
		to.host.UserFunctions, to.host.TableFunctions = e.host.UserFunctions, e.host.TableFunctions
		to.host.UserAggregates, to.host.ProcessFunctions = e.host.UserAggregates, e.host.ProcessFunctions
		return nil
	}
}
