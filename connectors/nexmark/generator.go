package nexmark

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/types"
)

// Generator makes events by number, column by column. It belongs to one reader.
//
// Within a fill the lanes of each kind follow from a fixed pattern of ids, so no
// row is ever tested for its kind: runs of ids of one kind are laid out first, then
// each column is one loop over the events of its kind. Bids, auctions and persons
// come as sparse rows, whose children have no gaps.
type Generator struct {
	cfg  Config
	cols *columns
	t    *tables

	total  uint64 // events of a full round of kinds
	hotA   uint64 // thresholds of hot draws
	hotB   uint64
	hotS   uint64
	extras [3]int // mean size less the fixed part of a row

	times []int64    // of each lane
	event []int32    // event type of each lane, when it is read
	kinds [3]kindRun // what lanes hold, by kind
	text  batch.StringBuilder
	line  [128]byte
}

// kindRun is the events of one kind in a fill.
type kindRun struct {
	at   []uint16 // lanes
	s0   []uint64 // state of each event's stream, when random values are needed
	id   []uint64 // ids of new persons and auctions, from base 0
	tick []uint64 // number on the clock, for auctions
	runs []epochRun
}

// epochRun is a run of events of one kind and one epoch, up to the end'th.
type epochRun struct {
	epoch uint64
	end   int
}

// clock turns an event's id into its time: base + floor((id - first + tick) * step
// / rate) ms.
type clock struct {
	base              int64
	first, tick, step uint64
	rate              uint64
}

// ms is the time since base of tick n.
func (c *clock) ms(n uint64) uint64 { return n * c.step / c.rate }

// NewGenerator makes a generator for a table of schema s of which read is read
// (nil: all). s is Schema() or part of it.
func NewGenerator(cfg Config, s types.Schema, read connect.Projection) (*Generator, error) {
	cols, err := columnsOf(s, read)
	if err != nil {
		return nil, err
	}
	g := &Generator{cfg: cfg, cols: cols, t: static()}
	g.total = cfg.Parts[0] + cfg.Parts[1] + cfg.Parts[2]
	g.hotA, g.hotB, g.hotS = hotFrom(cfg.HotAuctions), hotFrom(cfg.HotBidders), hotFrom(cfg.HotSellers)
	g.extras = [3]int{cfg.Sizes[person] - 8, cfg.Sizes[auction] - 48, cfg.Sizes[bid] - 32}
	return g, nil
}

// Fill makes dst the n events from event number from on of the one global
// timeline, in lanes 0 to n-1. It takes dst's memory again; only bytes of names,
// descriptions and the like are new.
func (g *Generator) Fill(dst *batch.Batch, from uint64, n int) {
	g.begin(n)
	g.lay(g.timeline(), from, 0, n)
	g.columns(dst, g.timeline(), n)
}

// timeline is the clock of the global timeline.
func (g *Generator) timeline() clock {
	return clock{base: g.cfg.Base, step: 1000, rate: g.cfg.Rate}
}

// begin starts a fill of n lanes.
func (g *Generator) begin(n int) {
	g.times = sized(g.times, n)
	if g.cols.event >= 0 {
		g.event = sized(g.event, n)
	}
	for k := range g.kinds {
		r := &g.kinds[k]
		r.at, r.s0, r.id, r.tick, r.runs = r.at[:0], r.s0[:0], r.id[:0], r.tick[:0], r.runs[:0]
	}
}

func sized[T any](s []T, n int) []T {
	if n <= cap(s) {
		return s[:n]
	}
	return make([]T, n)
}

// lay puts events number from to from+n-1 of a clock's timeline into the lanes
// from lane on.
func (g *Generator) lay(c clock, from uint64, lane, n int) {
	group := g.cfg.Group
	if group == 1 {
		g.layRun(c, from, lane, n)
		return
	}
	for i := range n {
		k := from + uint64(i)
		g.layRun(c, k/group*group+k*shuffle%group, lane+i, 1)
	}
}

// layRun lays out consecutive numbers.
func (g *Generator) layRun(c clock, from uint64, lane, n int) {
	g.fillTimes(c, from, lane, n)
	id := c.first + from
	tick := c.tick + from
	epoch, off := id/g.total, id%g.total
	p, a := g.cfg.Parts[0], g.cfg.Parts[0]+g.cfg.Parts[1]
	for n > 0 {
		kind, end := bid, g.total
		switch {
		case off < p:
			kind, end = person, p
		case off < a:
			kind, end = auction, a
		}
		m := int(min(uint64(n), end-off))
		g.layKind(kind, epoch, off, id, tick, lane, m)
		n, lane, id, tick, off = n-m, lane+m, id+uint64(m), tick+uint64(m), off+uint64(m)
		if off == g.total {
			epoch, off = epoch+1, 0
		}
	}
}

// layKind lays out m events of one kind and epoch.
func (g *Generator) layKind(kind int, epoch, off, id, tick uint64, lane, m int) {
	if g.cols.event >= 0 {
		ev := g.event[lane : lane+m]
		for i := range ev {
			ev[i] = int32(kind)
		}
	}
	col := &g.cols.rows[kind]
	if !col.read {
		return
	}
	r := &g.kinds[kind]
	r.at = append(r.at, batch.Span(lane, lane+m)...)
	if col.rand {
		seed := g.cfg.Seed
		at := len(r.s0)
		r.s0 = append(r.s0, zeros[:min(m, len(zeros))]...)
		for len(r.s0) < at+m {
			r.s0 = append(r.s0, 0)
		}
		s0 := r.s0[at : at+m]
		for i := range s0 {
			s0[i] = mix(seed ^ mix(id+uint64(i)+1))
		}
	}
	switch kind {
	case person:
		for i := range uint64(m) {
			r.id = append(r.id, epoch*g.cfg.Parts[0]+off+i)
		}
	case auction:
		for i := range uint64(m) {
			r.id = append(r.id, epoch*g.cfg.Parts[1]+off-g.cfg.Parts[0]+i)
			r.tick = append(r.tick, tick+i)
		}
	}
	r.runs = append(r.runs, epochRun{epoch, len(r.at)})
}

var zeros [64]uint64

// fillTimes writes the times of n lanes, by remainders instead of divisions.
func (g *Generator) fillTimes(c clock, from uint64, lane, n int) {
	first := (c.tick + from) * c.step
	q, r := first/c.rate, first%c.rate
	stepQ, stepR := c.step/c.rate, c.step%c.rate
	t := g.times[lane : lane+n]
	for i := range t {
		t[i] = c.base + int64(q)
		q, r = q+stepQ, r+stepR
		if r >= c.rate {
			q, r = q+1, r-c.rate
		}
	}
}

// columns makes the columns of the n lanes laid out.
func (g *Generator) columns(dst *batch.Batch, c clock, n int) {
	dst.SetColumns(len(g.cols.types))
	dst.N = n
	for _, i := range g.cols.skip {
		dst.Cols[i] = batch.Col{}
	}
	if i := g.cols.event; i >= 0 {
		dst.Cols[i].Alloc(g.cols.types[i], n)
		copy(dst.Cols[i].I32, g.event[:n])
	}
	for k := range g.cols.rows {
		r := &g.cols.rows[k]
		if !r.read {
			continue
		}
		run := &g.kinds[k]
		col := &dst.Cols[r.col]
		col.AllocSparse(g.cols.types[r.col], len(run.at))
		copy(col.At, run.at)
		for _, i := range r.skip {
			col.Kids[i] = batch.Col{}
		}
		switch k {
		case person:
			g.persons(col, r, run)
		case auction:
			g.auctions(col, r, run, c)
		default:
			g.bids(col, r, run)
		}
	}
}

// child is the column of a field, made for n rows, or nil if it is not read.
func child(col *batch.Col, r *row, f, n int) *batch.Col {
	i := r.kid[f]
	if i < 0 {
		return nil
	}
	kid := &col.Kids[i]
	kid.Alloc(col.Type.Fields[i].Type, n)
	return kid
}

// timeColumn writes the times of a kind's events.
func (g *Generator) timeColumn(kid *batch.Col, at []uint16) {
	if kid == nil {
		return
	}
	out := kid.I64[:len(at)]
	for i, l := range at {
		out[i] = g.times[l]
	}
}

// padding is the length and place of a row's extra text, given the bytes that the
// mean size leaves for it.
func padding(left int, length, offset uint64) (n, at uint64) {
	if left <= 0 {
		return 0, bound(offset, extraBytes)
	}
	delta := (2*uint64(left) + 5) / 10
	n = uint64(left) - delta
	if delta > 0 {
		n += bound(length, 2*delta)
	}
	return n, bound(offset, extraBytes-n)
}
