package nexmark

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// source plans a reading. Splits share the stream in one of two layouts:
//
//	striped    one timeline in blocks of 5,000; split p of P has blocks p, p+P, p+2P, ...
//	           All splits together have the same rows whatever P is.
//	timelines  split p of P has a contiguous range of ids and a timeline of its own
//	           that begins at the base time: the suite's shape, where rows depend on P.
//
// A position is the number of events the split has given.
type source struct {
	cfg    Config
	schema types.Schema
	read   connect.Projection
}

func newSource(t *connect.Table) (connect.Source, error) {
	cfg, err := configOf(t.Options)
	if err != nil {
		return nil, err
	}
	s := &source{cfg: cfg, schema: t.Schema[:t.Physical]}
	if _, err := columnsOf(s.schema, nil); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *source) Changes() connect.Changes { return connect.AppendOnly }

func (s *source) Bounded() bool { return s.cfg.limit() > 0 && !s.cfg.KeepAlive }

// Project is heeded with 'materialize' = 'projected' only.
func (s *source) Project(p connect.Projection) {
	if s.cfg.Projected {
		s.read = p
	}
}

// splitID names split p of n, so that names sort by p.
func splitID(layout string, p, n int) string { return fmt.Sprintf("%s-%05d-of-%05d", layout, p, n) }

func (s *source) layout() string {
	if s.cfg.Timelines {
		return "timelines"
	}
	return "striped"
}

func (s *source) Splits(wanted int) ([]connect.Split, error) {
	out := make([]connect.Split, max(wanted, 1))
	for p := range out {
		out[p].ID = splitID(s.layout(), p, len(out))
	}
	return out, nil
}

func (s *source) Discover([]string) ([]connect.Split, error) { return nil, nil }

func (s *source) DiscoverInterval() time.Duration { return 0 }

// Open reads a split from its position. How many splits there are is part of its
// name, so a split means the same rows at any parallelism.
func (s *source) Open(sp connect.Split, rc connect.ReaderCtx) (connect.Reader, error) {
	g, err := NewGenerator(s.cfg, s.schema, s.read)
	if err != nil {
		return nil, err
	}
	r := &reader{g: g, cfg: &s.cfg, id: sp.ID, now: rc.Now, paced: s.cfg.Paced && !rc.Unpaced, clock: g.timeline()}
	var layout string
	if len(sp.ID) > 16 {
		layout = sp.ID[:len(sp.ID)-15]
		_, err = fmt.Sscanf(sp.ID[len(layout):], "-%05d-of-%05d", &r.part, &r.parts)
	}
	if err != nil || layout != s.layout() || r.parts == 0 || r.part >= r.parts {
		return nil, diag.New(diag.Checkpoint, "split %q is not of a nexmark table with layout '%s'", sp.ID, s.layout())
	}
	if len(sp.Pos) > 0 {
		if r.given, err = strconv.ParseUint(string(sp.Pos), 10, 64); err != nil {
			return nil, diag.New(diag.Checkpoint, "the position of split %s is damaged", sp.ID)
		}
	}
	r.begin()
	return r, nil
}

// reader gives the rows of one split.
type reader struct {
	g           *Generator
	cfg         *Config
	id          string
	part, parts uint64
	clock       clock
	given       uint64 // events given so far
	size        uint64 // events of the split
	now         func() int64
	paced       bool
	// Paced: the event with time base is due at started (ms).
	started int64
	began   bool
}

// begin works out what the split consists of.
func (r *reader) begin() {
	limit := r.cfg.limit()
	if !r.cfg.Timelines {
		r.size = math.MaxUint64
		if limit > 0 {
			whole := limit / blockEvents
			r.size = (whole + r.parts - 1 - r.part) / r.parts * blockEvents
			if whole%r.parts == r.part {
				r.size += limit % blockEvents
			}
		}
		return
	}
	each := r.cfg.Events / r.parts
	r.size = each
	if r.part == r.parts-1 {
		r.size = r.cfg.Events - r.part*each
	}
	if s := r.cfg.StopAt; s > 0 {
		r.size = min(r.size, s/r.parts)
	}
	r.clock.first = 1 + r.part*each + 1
	r.clock.tick = 1
	r.clock.step = 1000 * r.parts
}

// number is the event number, on the clock's timeline, of the split's k-th event,
// and how many follow it without a gap.
func (r *reader) number(k uint64) (n, run uint64) {
	if r.cfg.Timelines || r.parts == 1 {
		return k, r.size - k
	}
	off := k % blockEvents
	return (k/blockEvents*r.parts+r.part)*blockEvents + off, min(blockEvents-off, r.size-k)
}

// Poll fills dst with what is due, across blocks.
func (r *reader) Poll(dst *batch.Batch, most int) (connect.Status, error) {
	if r.given >= r.size {
		dst.SetColumns(len(r.g.cols.types))
		return r.end(), nil
	}
	until := uint64(math.MaxUint64)
	if r.paced {
		until = r.due()
	}
	most = min(most, batch.CapRows)
	lanes := 0
	var runs [16]struct{ from, n uint64 }
	used := 0
	for k := r.given; lanes < most && k < r.size && used < len(runs); used++ {
		from, n := r.number(k)
		n = min(n, uint64(most-lanes))
		if from >= until {
			break
		}
		n = min(n, until-from)
		runs[used].from, runs[used].n = from, n
		lanes += int(n)
		k += n
	}
	if lanes == 0 {
		dst.SetColumns(len(r.g.cols.types))
		return connect.Wait, nil
	}
	r.g.begin(lanes)
	at := 0
	for _, x := range runs[:used] {
		r.g.lay(r.clock, x.from, at, int(x.n))
		at += int(x.n)
	}
	r.g.columns(dst, r.clock, lanes)
	r.given += uint64(lanes)
	if r.given >= r.size {
		return r.end(), nil
	}
	return connect.More, nil
}

func (r *reader) end() connect.Status {
	if r.cfg.KeepAlive {
		return connect.Wait
	}
	return connect.End
}

// due is the first number on the timeline whose time has not come.
func (r *reader) due() uint64 {
	now := r.now()
	if !r.began {
		r.began, r.started = true, now
		if r.given > 0 {
			n, _ := r.number(r.given)
			r.started -= int64(r.clock.ms(r.clock.tick + n))
		}
	}
	elapsed := uint64(max(now-r.started, 0))
	ticks := ((elapsed+1)*r.clock.rate-1)/r.clock.step + 1
	return max(ticks, r.clock.tick) - r.clock.tick
}

// NextAt is when the next event of a paced split is due.
func (r *reader) NextAt() int64 {
	if r.given >= r.size || !r.cfg.Paced || !r.began {
		return 0
	}
	n, _ := r.number(r.given)
	return r.started + int64(r.clock.ms(r.clock.tick+n))
}

func (r *reader) Position() connect.Split {
	return connect.Split{ID: r.id, Pos: strconv.AppendUint(nil, r.given, 10)}
}

func (r *reader) Close() error { return nil }

// sourceWatermark: events of a split are in order of time but for the groups in which
// they are shuffled. Several may share a millisecond.
func sourceWatermark(t *connect.Table) (time.Duration, error) {
	cfg, err := configOf(t.Options)
	if err != nil {
		return 0, err
	}
	if cfg.Timelines && cfg.Group > 1 {
		return 0, diag.New(diag.InvalidWatermark, "with 'layout' = 'timelines' and an 'out-of-order-group' the order of rows depends on the parallelism, and SOURCE_WATERMARK() is not known").
			WithHint("write an expression, such as WATERMARK FOR ts AS ts - INTERVAL '4' SECOND")
	}
	group := time.Duration(cfg.Group) * time.Second / time.Duration(cfg.Rate)
	return group.Truncate(time.Millisecond) + time.Millisecond, nil
}
