package exec

import (
	"slices"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	state "github.com/minkstream/mink/engine/state"
)

// wallClock converts between moments and the wall-clock time by which windows are
// aligned, both in milliseconds. For windows on TIMESTAMP it changes nothing; those
// on TIMESTAMP_LTZ and on processing time follow the session zone.
type wallClock struct {
	zone *time.Location // nil: wall-clock time is the moment itself
	// Moments in [lo, hi) are off behind their wall-clock time.
	lo, hi, off int64
}

func newWallClock(zone *time.Location, local bool) wallClock {
	if !local || zone == nil || zone == time.UTC {
		return wallClock{}
	}
	return wallClock{zone: zone}
}

// look makes the cached span the one that holds a moment.
func (w *wallClock) look(ms int64) {
	t := time.UnixMilli(ms).In(w.zone)
	_, s := t.Zone()
	w.off = int64(s) * 1000
	from, to := t.ZoneBounds()
	w.lo, w.hi = batch.NoWatermark, batch.MaxWatermark
	if !from.IsZero() {
		w.lo = from.UnixMilli()
	}
	if !to.IsZero() {
		w.hi = to.UnixMilli()
	}
}

// wall is the wall-clock time of a moment. The bounds of watermarks stay.
func (w *wallClock) wall(ms int64) int64 {
	if w.zone == nil || ms == batch.NoWatermark || ms == batch.MaxWatermark {
		return ms
	}
	if ms < w.lo || ms >= w.hi {
		w.look(ms)
	}
	return ms + w.off
}

// walls converts the moments at the selected lanes (nil: the first n); without a
// zone the result is times itself.
func (w *wallClock) walls(times []int64, sel []uint16, n int, buf *[]int64) []int64 {
	if w.zone == nil {
		return times
	}
	out := grow(*buf, n)
	*buf = out
	if sel == nil {
		sel = batch.Span(0, n)
	}
	for _, l := range sel {
		out[l] = w.wall(times[l])
	}
	return out
}

// moment is the last moment at which the wall clock shows ms, or for a time that
// is skipped, the moment at which it is.
func (w *wallClock) moment(ms int64) int64 {
	if w.zone == nil {
		return ms
	}
	const day = 86_400_000
	w.look(ms - day)
	before := ms - w.off
	w.look(ms + day)
	after := ms - w.off
	if before == after {
		return before
	}
	if w.look(after); ms-w.off == after {
		return max(after, w.earlier(ms, before, after))
	}
	if w.look(before); ms-w.off == before {
		return before
	}
	// Neither offset leads back to ms: the clock jumps over it.
	w.look(max(before, after))
	return w.lo
}

// earlier is before if the wall clock shows ms then, else after.
func (w *wallClock) earlier(ms, before, after int64) int64 {
	if w.look(before); ms-w.off == before {
		return before
	}
	return after
}

// fires is the watermark at which a window that ends at end fires.
func (w *wallClock) fires(end int64) int64 { return w.moment(end - 1) }

// FiresAt says for the end of a window on TIMESTAMP_LTZ, which is wall-clock time,
// one more than the watermark at which the window fires.
func FiresAt(zone *time.Location, end int64) int64 {
	w := newWallClock(zone, true)
	return w.fires(end) + 1
}

// steady reports that the zone's offset does not change between two watermarks.
func (w *wallClock) steady(from, to int64) bool {
	if w.zone == nil {
		return true
	}
	if from == batch.NoWatermark || to == batch.MaxWatermark {
		return false
	}
	w.look(from)
	return to < w.hi
}

// groupClock knows for each key group how far its windows have fired. That is the
// operator's watermark, but after a restore with another parallelism groups come
// together whose old tasks had come to different watermarks.
type groupClock struct {
	counters *state.Counters
	groups   state.Range
	// at is how far each group has come; nil when all are at low.
	at        []int64
	low, high int64
}

// openGroupClock finds the clock of an operator in its store.
func openGroupClock(c *Ctx) groupClock {
	g := groupClock{counters: c.Store.Counters(c.Name + ".fired"), groups: c.Store.Groups()}
	g.at = make([]int64, g.groups.Len())
	for i := range g.at {
		g.at[i] = int64(*g.counters.At(uint16(g.groups.From + i)) ^ 1<<63)
	}
	g.low, g.high = slices.Min(g.at), slices.Max(g.at)
	if g.low == g.high {
		g.at = nil
	}
	return g
}

// of is how far a group has come.
func (g *groupClock) of(group uint16) int64 {
	if i := int(group) - g.groups.From; g.at != nil && i >= 0 && i < len(g.at) {
		return g.at[i]
	}
	return g.low
}

// advance moves all groups that are behind.
func (g *groupClock) advance(ts int64) {
	g.low = max(g.low, ts)
	if g.high = max(g.high, g.low); g.low == g.high {
		g.at = nil
	}
	for i, at := range g.at {
		g.at[i] = max(at, g.low)
	}
}

// save writes the clock to the store.
func (g *groupClock) save() {
	for k := g.groups.From; k < g.groups.To; k++ {
		*g.counters.At(uint16(k)) = uint64(g.of(uint16(k))) ^ 1<<63
	}
}

// eventTimes are the times of a window's time column in milliseconds. A row whose
// time is NULL belongs to no window and is an error.
func eventTimes(b *batch.Batch, col int, buf *[]int64) ([]int64, error) {
	c := &b.Cols[col]
	if c.Nulls != nil || c.Enc == batch.Const {
		for i := range b.Rows() {
			if c.IsNull(b.Lane(i)) {
				return nil, diag.New(diag.NotNullViolation, "the time of a row is NULL, so it belongs to no window").
					WithHint("filter such rows out, or give them a time with COALESCE where the table is declared")
			}
		}
	}
	return Millis(c, b.N, buf), nil
}
