package exec

import (
	"strconv"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// The words of each operator's structures, in the order of the operators' files. What
// has none here is shown as it lies.

// view begins the view of a structure.
func view(name string, keys []ColumnRef) View { return View{Name: name, Keys: keys, blob: -1} }

// timers is the view of a queue that holds keys.
func timers(name string, keys []ColumnRef, ts []types.Type) View {
	v := view(name, keys)
	v.keyTypes = ts
	return v
}

// timeLane is a lane that holds a timeWord, with 0 for none.
func timeLane(lane int, name string) laneView {
	return laneView{lane, name, stampT, func(w uint64) (int64, bool) { return wordTime(w), w != 0 }}
}

func countLane(lane int, name string) laneView { return laneView{lane, name, types.BigIntT, nil} }
func boolLane(lane int, name string) laneView  { return laneView{lane, name, types.BooleanT, nil} }

// stored is a view of rows of an input in payloads.
func (v View) stored(input int, codec interface{ Types() []types.Type }) View {
	for i := range codec.Types() {
		v.Rows = append(v.Rows, ColumnRef{Input: input, Col: i})
	}
	return v
}

// Views of the aggregation by keys.
func (o *groupAgg) Views() []View {
	v := view("groups", columnsOf(0, o.cfg.Keys))
	v.lanes = []laneView{countLane(0, "rows")}
	v.aggs, v.results = o.a, outputs(len(o.cfg.Keys), len(o.a.specs))
	return []View{v}
}

// Views of the window aggregation.
func (o *windowAgg) Views() []View {
	v := view("panes", columnsOf(0, o.keyCols))
	v.Time = "pane_start"
	if o.cfg.Attached {
		v.Time = "window_end"
	}
	v.lanes = []laneView{countLane(0, "rows")}
	v.aggs, v.results = o.a, outputs(len(o.cfg.Keys), len(o.a.specs))
	return []View{v, o.groups.view()}
}

// view of how far each key group has fired.
func (g *groupClock) view() View {
	v := view("fired", nil)
	v.lanes = []laneView{{0, "fired_up_to", stampT, func(w uint64) (int64, bool) {
		t := int64(w ^ 1<<63)
		return t, t != batch.NoWatermark && t != batch.MaxWatermark
	}}}
	return v
}

// Views of the older window aggregation that fires early and late.
func (o *windowEmit) Views() []View {
	keys := append(columnsOf(0, o.cfg.Keys), named("window"))
	v := view("windows", keys)
	v.lanes = []laneView{countLane(0, "rows")}
	v.aggs, v.results = o.a, outputs(len(o.cfg.Keys), len(o.a.specs))
	return []View{
		v, timers("ends", keys, o.keyTypes), timers("goes", keys, o.keyTypes), timers("delays", keys, o.keyTypes),
	}
}

// Views of sessions.
func (o *sessionOp) Views() []View {
	keys := columnsOf(0, o.keyCols)
	v := view("sessions", keys)
	v.entry, v.place = true, "window_start"
	v.lanes = []laneView{
		{sesEnd, "window_end", stampT, nil}, {sesTimer, "timer", stampT, nil}, countLane(sesLanes, "rows"),
	}
	if len(o.a.specs) > 0 {
		v.aggs, v.aggAt, v.results = o.a, sesLanes, outputs(len(o.keyCols), len(o.a.specs))
	}
	out := []View{v, timers("timers", keys, o.keyTypes), o.groups.view()}
	if o.held != nil {
		r := view("rows", keys)
		r.place, r.codec, r.Rows = "time", o.held.codec, columnsOf(0, o.held.cols)
		out = append(out, r)
	}
	return out
}

// Views of the keyed Top-N.
func (t *topN) Views() []View {
	v := view("rows", columnsOf(0, t.cfg.PartitionBy)).stored(0, t.codec)
	v.codec = t.codec
	return []View{v}
}

// Views of the Top-N of windows.
func (o *windowTopN) Views() []View {
	v := view("rows", columnsOf(0, o.keyCols)).stored(0, o.codec)
	v.codec = o.codec
	return []View{v, timers("timers", columnsOf(0, o.keyCols), colTypes(o.cfg.Input, o.keyCols))}
}

// Views of deduplication.
func (d *dedup) Views() []View {
	v := view("rows", columnsOf(0, d.cfg.Keys))
	v.lanes = []laneView{}
	if d.cfg.TimeCol >= 0 {
		v.lanes = append(v.lanes, laneView{0, "time", stampT, nil})
	}
	if d.blob {
		v = v.stored(0, d.codec)
		v.codec, v.blob = d.codec, 1
	}
	return []View{v}
}

// Views of keep-first by event time.
func (d *dedupFirst) Views() []View {
	keys := columnsOf(0, d.cfg.Keys)
	v := view("rows", keys).stored(0, d.codec)
	v.codec, v.blob = d.codec, firstRow
	v.lanes = []laneView{{firstTime, "time", stampT, nil}, boolLane(firstDone, "emitted")}
	return []View{v, timers("timers", keys, colTypes(d.cfg.Input, d.cfg.Keys))}
}

// Views of the join.
func (j *join) Views() []View {
	out := make([]View, 2)
	for s, ts := range [][]types.Type{j.cfg.Left, j.cfg.Right} {
		out[s] = view([]string{"left", "right"}[s], columnsOf(s, j.cfg.of(s)))
		out[s].Rows, out[s].counted = columnsOf(s, allCols(len(ts))), j.counted[s]
	}
	return out
}

// Views of the join of many inputs.
func (m *multiJoin) Views() []View {
	var out []View
	for i, in := range m.cfg.Inputs {
		v := view("in"+strconv.Itoa(i), columnsOf(i, in.Keys))
		v.Rows = columnsOf(i, allCols(len(in.Types)))
		out = append(out, v)
	}
	return out
}

// Views of the interval join.
func (j *intervalJoin) Views() []View {
	var out []View
	for s, name := range []string{"left", "right"} {
		keys := columnsOf(s, j.cfg.of(s))
		v := view(name, keys).stored(s, j.codecs[s])
		v.codec, v.entry = j.codecs[s], true
		v.lanes = []laneView{boolLane(0, "matched")}
		out = append(out, v, timers(name+"Expiry", keys, colTypes(j.types[s], j.cfg.of(s))))
	}
	return out
}

// Views of the window join.
func (j *windowJoin) Views() []View {
	var out []View
	for s, name := range []string{"left", "right"} {
		v := view(name, nil).stored(s, j.codecs[s])
		v.codec, v.Time = j.codecs[s], "window_ends"
		out = append(out, v)
	}
	return out
}

// Views of the temporal join.
func (j *temporalJoin) Views() []View {
	keys := columnsOf(1, j.cfg.JoinKeys.Right)
	left := view("left", nil).stored(0, j.codecs[0])
	left.codec, left.kind, left.Time = j.codecs[0], true, "waits_for"
	right := view("versions", keys).stored(1, j.codecs[1])
	right.codec, right.entry, right.place = j.codecs[1], true, "valid_from"
	right.lanes = []laneView{boolLane(0, "deleted")}
	return []View{left, right, timers("old", keys, colTypes(j.cfg.Right, j.cfg.JoinKeys.Right))}
}

// Views of the snapshot join.
func (j *snapshotJoin) Views() []View {
	v := view("table", columnsOf(1, j.cfg.JoinKeys.Right))
	v.Rows = columnsOf(1, allCols(len(j.cfg.Right)))
	return []View{v}
}

// Views of normalization.
func (o *normalize) Views() []View {
	v := view("rows", columnsOf(0, o.cfg.Keys)).stored(0, o.codec)
	v.codec, v.blob = o.codec, 0
	return []View{v}
}

// Views of the sink materializer.
func (o *materializer) Views() []View {
	v := view("rows", columnsOf(0, o.cfg.Keys)).stored(0, o.codec)
	v.codec = o.codec
	return []View{v}
}

// Views of the sort of a bounded input.
func (o *sortAll) Views() []View {
	v := view("rows", nil).stored(0, o.codec)
	v.codec = o.codec
	return []View{v}
}

// Views of the sort by time.
func (o *sortTime) Views() []View {
	v := view("rows", nil).stored(0, o.codec)
	v.codec, v.Time = o.codec, "time"
	return []View{v}
}

// Views of the limit.
func (o *limit) Views() []View {
	v := view("seen", nil)
	v.lanes = []laneView{countLane(0, "rows")}
	return []View{v}
}

// Views of OVER by time.
func (o *overTime) Views() []View {
	keys := columnsOf(0, o.cfg.PartitionBy)
	rows := view("rows", keys)
	rows.lanes = []laneView{timeLane(o.lane0+overLast, "last")}
	wait := view("waiting", nil).stored(0, o.codec)
	wait.codec, wait.Time = o.codec, "time"
	return []View{rows, wait, timers("ends", keys, colTypes(o.cfg.Input, o.cfg.PartitionBy))}
}

// Views of OVER by values.
func (o *overValue) Views() []View {
	v := view("rows", columnsOf(0, o.cfg.PartitionBy)).stored(0, o.codec)
	v.codec = o.codec
	return []View{v}
}

// Views of a row pattern.
func (o *match) Views() []View {
	keys := columnsOf(0, o.cfg.PartitionBy)
	rows := view("rows", keys)
	rows.lanes = []laneView{countLane(matchSeq, "next_row"), timeLane(matchTimer, "times_out")}
	wait := view("waiting", nil).stored(0, o.codec)
	wait.codec, wait.Time = o.codec, "time"
	return []View{rows, wait, timers("ends", keys, colTypes(o.cfg.Input, o.cfg.PartitionBy))}
}
